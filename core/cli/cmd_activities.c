/* activities, status, logs, cancel */
#include "cli/client.h"
#include "cli/follow.h"
#include "cli/show.h"

static void add_activity(struct table *t, const struct json *activity)
{
	char text[SHOW_MAX];
	const char *workflow = json_get_str(activity, "workflow");
	table_add(t, json_get_str(activity, "id"));
	table_add(t, workflow ? workflow : json_get_str(activity, "workflowId"));
	table_add(t, json_get_str(activity, "status"));
	table_add(t, json_get_str(activity, "trigger"));
	table_add(t, show_time(json_get_str(activity, "createdAt"), text));
	table_add(t, show_duration(json_get(activity, "durationMs"), text));
	table_add(t, json_get_str(activity, "message"));
}

static void print_activities(const struct cli *c, const struct json *page)
{
	static const char *const heads[] = {"ID", "WORKFLOW", "STATUS", "TRIGGER", "CREATED", "DURATION", "MESSAGE"};
	const char *next = json_get_str(page, "next");
	struct table t;
	table_init(&t, heads, 7);
	for (const struct json *a = json_first(json_get(page, "activities")); a; a = json_next(a))
		add_activity(&t, a);
	table_print(&t, true, c->colour);
	table_release(&t);
	if (next)
		fprintf(stderr, "there are more: --before %s\n", next);
}

int cmd_activities(struct cli *c)
{
	static const char *const keys[] = {"workflow", "team",  "trigger", "status",
					   "since",    "until", "limit",   "before"};
	struct answer answer;
	struct buf path;
	buf_init(&path, 16 * 1024);
	buf_str(&path, "/activities");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		client_query(&path, keys[i], cli_value(c, keys[i]));
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_activities(c, answer.json);
	answer_release(&answer);
	return CLI_OK;
}

static void print_facts(const struct cli *c, const struct json *document)
{
	static const char *const heads[] = {"", ""};
	char text[SHOW_MAX];
	struct table t;
	table_init(&t, heads, 2);
	table_fact(&t, "activity", json_get_str(document, "id"));
	table_fact(&t, "workflow", json_get_str(document, "workflow"));
	table_fact(&t, "status", json_get_str(document, "status"));
	table_fact(&t, "message", json_get_str(document, "message"));
	table_fact(&t, "trigger", json_get_str(document, "trigger"));
	table_fact(&t, "created", show_time(json_get_str(document, "createdAt"), text));
	table_fact(&t, "started", show_time(json_get_str(document, "startedAt"), text));
	table_fact(&t, "ended", show_time(json_get_str(document, "endedAt"), text));
	table_fact(&t, "duration", show_duration(json_get(document, "durationMs"), text));
	table_print(&t, false, c->colour);
	table_release(&t);
}

/* "asks: Ship it? (until 2026-01-31 09:00:00)" */
static void describe_wait(const struct json *step, struct buf *out)
{
	char text[SHOW_MAX];
	const struct json *waits_for = json_get(step, "waitsFor");
	const char *question = json_get_str(waits_for, "approval"), *topic = json_get_str(waits_for, "topic");
	const char *child = json_get_str(waits_for, "activityId"), *message = json_get_str(step, "message");
	const char *until = show_time(json_get_str(step, "wakeAt"), text);
	buf_str(out, message ? message : "");
	if (!waits_for && until[0])
		buf_printf(out, "%swaits until %s", out->len > 0 ? "; " : "", until);
	if (!waits_for)
		return;
	if (out->len > 0)
		buf_str(out, "; ");
	if (question)
		buf_printf(out, "asks for approval%s%s", question[0] ? ": " : "", question);
	else if (topic)
		buf_printf(out, "waits for an action %s", topic);
	else if (child)
		buf_printf(out, "waits for activity %s", child);
	if (until[0])
		buf_printf(out, " (until %s)", until);
}

static void add_step(struct table *t, const struct json *step)
{
	char text[SHOW_MAX];
	struct buf outputs, message;
	int64_t attempt = 0;
	buf_init(&outputs, 64 * 1024);
	buf_init(&message, 256 * 1024);
	describe_wait(step, &message);
	json_int(json_get(step, "attempt"), &attempt);
	for (const struct json *o = json_first(json_get(step, "outputs")); o; o = json_next(o))
		buf_printf(&outputs, "%s%s=%s", outputs.len > 0 ? " " : "", json_key(o),
			   json_str(o) ? json_str(o) : "");
	table_add(t, json_get_str(step, "step"));
	table_add(t, json_get_str(step, "status"));
	table_add(t, show_duration(json_get(step, "durationMs"), text));
	snprintf(text, sizeof(text), "%lld", (long long)attempt);
	table_add(t, attempt > 0 ? text : "");
	table_add(t, buf_cstr(&outputs));
	table_add(t, buf_cstr(&message));
	buf_release(&outputs);
	buf_release(&message);
}

static void print_steps(const struct cli *c, const struct json *document)
{
	static const char *const heads[] = {"STEP", "STATUS", "DURATION", "ATTEMPT", "OUTPUTS", "MESSAGE"};
	struct table t;
	table_init(&t, heads, 6);
	for (const struct json *step = json_first(json_get(document, "steps")); step; step = json_next(step))
		add_step(&t, step);
	putchar('\n');
	table_print(&t, true, c->colour);
	table_release(&t);
	for (const struct json *step = json_first(json_get(document, "steps")); step; step = json_next(step))
		if (json_get_str(json_get(step, "waitsFor"), "approval"))
			printf("\nanswer it: tappet approve %s %s [--reject]\n", json_get_str(document, "id"),
			       json_get_str(step, "step"));
}

int cmd_status(struct cli *c)
{
	struct answer answer;
	struct buf path;
	buf_init(&path, 4096);
	buf_str(&path, "/activities/");
	client_escape(&path, c->args[0]);
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json) {
		client_print_json(&answer);
	} else {
		print_facts(c, answer.json);
		print_steps(c, answer.json);
	}
	answer_release(&answer);
	return CLI_OK;
}

int cmd_logs(struct cli *c)
{
	return follow_logs(c, c->args[0], c->arg_count > 1 ? c->args[1] : NULL, cli_flag(c, "follow"));
}

int cmd_cancel(struct cli *c)
{
	struct answer answer;
	struct buf path;
	buf_init(&path, 4096);
	buf_str(&path, "/activities/");
	client_escape(&path, c->args[0]);
	buf_str(&path, "/cancel");
	int code = client_call_path(c, "POST", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		puts("cancelled");
	answer_release(&answer);
	return CLI_OK;
}
