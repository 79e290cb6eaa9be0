/* approve, emit: what people say to steps that wait. */
#include <pwd.h>
#include <unistd.h>
#include "cli/client.h"
#include "cli/input.h"

static void write_text(struct buf *body, const char *key, const char *text)
{
	if (!text)
		return;
	jsonw_key(body, key);
	jsonw_str(body, text);
}

int cmd_approve(struct cli *c)
{
	const bool reject = cli_flag(c, "reject");
	const struct passwd *user = getpwuid(getuid());
	struct answer answer;
	struct buf path, body;
	buf_init(&path, 4096);
	buf_str(&path, "/activities/");
	client_escape(&path, c->args[0]);
	buf_str(&path, "/steps/");
	client_escape(&path, c->args[1]);
	buf_str(&path, reject ? "/reject" : "/approve");
	buf_init(&body, INPUT_MAX);
	jsonw_open(&body, '{');
	write_text(&body, "by", cli_value(c, "by") ? cli_value(c, "by") : user ? user->pw_name : NULL);
	write_text(&body, "comment", cli_value(c, "comment"));
	jsonw_close(&body, '}');
	int code = client_call_path(c, "POST", &path, &body, &answer);
	buf_release(&body);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		puts(reject ? "rejected" : "approved");
	answer_release(&answer);
	return CLI_OK;
}

/* JSON, @FILE or - */
static bool read_data(const char *argument, struct buf *body)
{
	struct buf text;
	buf_init(&text, INPUT_MAX);
	bool well = input_value(strcmp(argument, "-") == 0 ? "@-" : argument, &text);
	if (well)
		well = input_json("the data", buf_cstr(&text), text.len, body);
	buf_release(&text);
	return well;
}

/* Where an action goes: to the plugin, under whatever name it is loaded, so that triggers hear of it, too; without one to
 * the daemon, where only steps do. */
static int find_route(struct cli *c, struct buf *path)
{
	struct answer answer;
	int code = client_call(c, "GET", "/plugins", NULL, &answer);
	if (code != CLI_OK)
		return code;
	for (const struct json *p = json_first(json_get(answer.json, "plugins")); p; p = json_next(p)) {
		if (strcmp(json_get_str(p, "plugin"), "action") != 0)
			continue;
		buf_str(path, "/plugins/");
		client_escape(path, json_get_str(p, "name"));
		break;
	}
	buf_str(path, "/actions/");
	client_escape(path, c->args[0]);
	answer_release(&answer);
	return CLI_OK;
}

static void print_targets(const struct json *list, const char *what, const char *key)
{
	for (const struct json *t = json_first(list); t; t = json_next(t))
		printf("%s %s: %s\n", json_get_str(t, "workflow"), what, json_get_str(t, key));
}

static void print_emitted(const struct answer *answer)
{
	int64_t seq = 0, matched = 0, released = 0;
	json_int(json_get(answer->json, "released"), &released);
	if (json_int(json_get(answer->json, "seq"), &seq) == 0) {
		printf("action %lld, steps that waited for it: %lld\n", (long long)seq, (long long)released);
		return;
	}
	json_int(json_get(answer->json, "matched"), &matched);
	print_targets(json_get(answer->json, "activities"), "started", "activityId");
	print_targets(json_get(answer->json, "refused"), "refused", "reason");
	printf("triggers that listen: %lld, steps that waited for it: %lld\n", (long long)matched, (long long)released);
}

static int send_action(struct cli *c, const struct buf *body)
{
	struct answer answer;
	struct buf path;
	buf_init(&path, 4096);
	int code = find_route(c, &path);
	if (code != CLI_OK) {
		buf_release(&path);
		return code;
	}
	code = client_call_path(c, "POST", &path, body, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_emitted(&answer);
	answer_release(&answer);
	return CLI_OK;
}

int cmd_emit(struct cli *c)
{
	struct buf body;
	int code = CLI_USAGE;
	buf_init(&body, INPUT_MAX);
	if (c->arg_count < 2 || read_data(c->args[1], &body))
		code = send_action(c, &body);
	buf_release(&body);
	return code;
}
