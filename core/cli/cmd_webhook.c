/* webhook secrets, requests, show, replay: what a trigger remembers. */
#include "cli/input.h"
#include "cli/show.h"
#include "cli/webhook.h"

static void begin_path(const struct cli *c, const char *what, const char *workflow, struct buf *path)
{
	const char *plugin = cli_value(c, "plugin"), *slash = strchr(c->args[0], '/');
	buf_init(path, 64 * 1024);
	buf_str(path, "/plugins/");
	client_escape(path, plugin ? plugin : "webhook");
	buf_printf(path, "/%s/", what);
	client_escape(path, workflow);
	if (slash) {
		buf_char(path, '/');
		client_escape(path, slash + 1);
	}
}

/* The first argument without its trigger; to be freed. */
static char *workflow_of(const struct cli *c)
{
	return strndup(c->args[0], strcspn(c->args[0], "/"));
}

void webhook_path(const struct cli *c, const char *what, struct buf *path)
{
	char *workflow = workflow_of(c);
	begin_path(c, what, workflow ? workflow : "", path);
	free(workflow);
}

/* By the workflow's id: the plugin knows slugs of running triggers only, and what others have kept is to be seen as well. */
static int requests_path(struct cli *c, struct buf *path)
{
	struct answer answer;
	struct buf about;
	char *workflow = workflow_of(c);
	buf_init(&about, 64 * 1024);
	buf_str(&about, "/workflows/");
	client_escape(&about, workflow ? workflow : "");
	free(workflow);
	const int code = client_call_path(c, "GET", &about, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const char *id = json_get_str(answer.json, "id");
	begin_path(c, "requests", id ? id : "", path);
	answer_release(&answer);
	return CLI_OK;
}

static const char *time_or_never(const struct json *v, const char *key, char room[static SHOW_MAX])
{
	show_time(json_get_str(v, key), room);
	return room[0] ? room : "never";
}

static void add_secret(struct table *t, const struct json *secret)
{
	char text[SHOW_MAX];
	int64_t number = 0;
	table_add(t, json_get_str(secret, "trigger"));
	table_add(t, json_get_str(secret, "kind"));
	json_int(json_get(secret, "position"), &number);
	snprintf(text, sizeof(text), "%lld", (long long)number);
	table_add(t, text);
	table_add(t, json_get_str(secret, "fingerprint"));
	table_add(t, time_or_never(secret, "firstSeen", text));
	table_add(t, time_or_never(secret, "lastUsed", text));
	number = 0;
	json_int(json_get(secret, "usesSinceStart"), &number);
	snprintf(text, sizeof(text), "%lld", (long long)number);
	table_add(t, text);
}

int cmd_webhook_secrets(struct cli *c)
{
	static const char *const heads[] = {"TRIGGER",    "KIND",      "POSITION",        "FINGERPRINT",
					    "FIRST SEEN", "LAST USED", "USES SINCE START"};
	struct answer answer;
	struct buf path;
	struct table t;
	webhook_path(c, "secrets", &path);
	const int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const struct json *secrets = json_get(answer.json, "secrets");
	if (c->json) {
		client_print_json(&answer);
	} else if (!json_first(secrets)) {
		puts("its webhook triggers have no secrets");
	} else {
		table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
		for (const struct json *secret = json_first(secrets); secret; secret = json_next(secret))
			add_secret(&t, secret);
		table_print(&t, true, c->colour);
		table_release(&t);
	}
	answer_release(&answer);
	return CLI_OK;
}

/* ---- Requests -------------------------------------------------------------------------------------------------- */

/* "accepted", or why not. */
static const char *outcome_of(const struct json *request, char room[static SHOW_MAX])
{
	const char *outcome = json_get_str(request, "outcome"), *reason = json_get_str(request, "reason");
	const bool verified = json_bool(json_get(request, "verified"));
	snprintf(room, SHOW_MAX, "%s%s%s%s", verified ? "" : "not verified, ", outcome ? outcome : "?",
		 reason ? ": " : "", reason ? reason : "");
	return room;
}

static void add_request(struct table *t, const struct json *request)
{
	char text[SHOW_MAX];
	int64_t bytes = 0;
	table_add(t, json_get_str(request, "id"));
	table_add(t, show_time(json_get_str(request, "receivedAt"), text));
	json_int(json_get(request, "bytes"), &bytes);
	snprintf(text, sizeof(text), "%lld%s", (long long)bytes, json_bool(json_get(request, "cut")) ? " (cut)" : "");
	table_add(t, text);
	table_add(t, outcome_of(request, text));
	table_add(t, json_get_str(request, "activityId"));
}

int cmd_webhook_requests(struct cli *c)
{
	static const char *const heads[] = {"ID", "RECEIVED", "BYTES", "OUTCOME", "ACTIVITY"};
	struct answer answer;
	struct buf path;
	struct table t;
	int code = requests_path(c, &path);
	if (code == CLI_OK)
		code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const struct json *requests = json_get(answer.json, "requests");
	if (c->json) {
		client_print_json(&answer);
	} else if (!json_first(requests)) {
		puts("it has kept no requests; \"keep\": {\"requests\": 20} in the trigger's \"with\" makes it");
	} else {
		table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
		for (const struct json *request = json_first(requests); request; request = json_next(request))
			add_request(&t, request);
		table_print(&t, true, c->colour);
		table_release(&t);
	}
	answer_release(&answer);
	return CLI_OK;
}

/* The path of one request; where the command line names no trigger it is the one whose list that would be. */
static int request_path(struct cli *c, struct buf *path)
{
	struct answer answer;
	const char *trigger = NULL;
	int code = requests_path(c, path);
	if (code != CLI_OK)
		return code;
	if (!strchr(c->args[0], '/')) {
		code = client_call(c, "GET", buf_cstr(path), NULL, &answer);
		if (code != CLI_OK) {
			buf_release(path);
			return code;
		}
		trigger = json_get_str(answer.json, "trigger");
		buf_char(path, '/');
		client_escape(path, trigger ? trigger : "");
		answer_release(&answer);
	}
	buf_char(path, '/');
	client_escape(path, c->args[1]);
	return CLI_OK;
}

int cmd_webhook_show(struct cli *c)
{
	struct answer answer;
	struct buf path, text;
	int code = request_path(c, &path);
	if (code == CLI_OK)
		code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	buf_init(&text, INPUT_MAX);
	if (c->json)
		client_print_json(&answer);
	else if (json_print_pretty(answer.json, &text) == 0)
		fputs(buf_cstr(&text), stdout);
	buf_release(&text);
	answer_release(&answer);
	return CLI_OK;
}

int cmd_webhook_replay(struct cli *c)
{
	struct answer answer;
	struct buf path;
	int code = request_path(c, &path);
	if (code != CLI_OK)
		return code;
	buf_str(&path, "/replay");
	code = client_call_path(c, "POST", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const char *id = json_get_str(answer.json, "activityId");
	if (c->json)
		client_print_json(&answer);
	else
		puts(id ? id : "");
	/* Nothing was started: the id is that of the activity there was. */
	if (json_bool(json_get(answer.json, "duplicate"))) {
		cli_error("the trigger's own \"dedup\" knows this request: nothing was started ('tappet replay %s' "
			  "would)",
			  id ? id : "ID");
		code = CLI_REFUSED;
	}
	answer_release(&answer);
	return code;
}

int cmd_webhook_forget(struct cli *c)
{
	struct answer answer;
	struct buf path;
	int code = request_path(c, &path);
	if (code == CLI_OK)
		code = client_call_path(c, "DELETE", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		printf("{\"id\":\"%s\"}\n", c->args[1]);
	else
		printf("%s deleted\n", c->args[1]);
	answer_release(&answer);
	return CLI_OK;
}
