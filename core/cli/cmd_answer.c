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

int cmd_emit(struct cli *c)
{
	struct answer answer;
	struct buf path, body;
	int64_t seq = 0, released = 0;
	buf_init(&body, INPUT_MAX);
	if (c->arg_count > 1 && !read_data(c->args[1], &body)) {
		buf_release(&body);
		return CLI_USAGE;
	}
	buf_init(&path, 4096);
	buf_str(&path, "/actions/");
	client_escape(&path, c->args[0]);
	int code = client_call_path(c, "POST", &path, &body, &answer);
	buf_release(&body);
	if (code != CLI_OK)
		return code;
	json_int(json_get(answer.json, "seq"), &seq);
	json_int(json_get(answer.json, "released"), &released);
	if (c->json)
		client_print_json(&answer);
	else
		printf("action %lld, steps that waited for it: %lld\n", (long long)seq, (long long)released);
	answer_release(&answer);
	return CLI_OK;
}
