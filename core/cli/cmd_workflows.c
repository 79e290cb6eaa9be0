/* workflows, enable, disable, reload */
#include "cli/client.h"
#include "cli/show.h"

/* "push running, mornings dead: no such zone" */
static void describe_trigger(const struct json *trigger, struct buf *out)
{
	const struct json *health = json_get(trigger, "health");
	const char *id = json_get_str(trigger, "id"), *state = json_get_str(health, "state");
	const char *reason = json_get_str(health, "reason");
	const struct json *enabled = json_get(trigger, "enabled");
	if (json_is_bool(enabled) && !json_bool(enabled))
		state = "disabled";
	buf_printf(out, "%s%s", out->len > 0 ? ", " : "", id ? id : "?");
	if (state && strcmp(state, "running") != 0)
		buf_printf(out, " %s", state);
	if (state && reason && strcmp(state, "disabled") != 0)
		buf_printf(out, ": %s", reason);
}

static void add_workflow(struct table *t, const struct json *workflow)
{
	struct buf triggers;
	char revision[32];
	int64_t number = 0;
	buf_init(&triggers, 4096);
	for (const struct json *each = json_first(json_get(workflow, "triggers")); each; each = json_next(each))
		describe_trigger(each, &triggers);
	json_int(json_get(workflow, "revision"), &number);
	snprintf(revision, sizeof(revision), "%lld", (long long)number);
	table_add(t, json_get_str(workflow, "slug"));
	table_add(t, json_get_str(workflow, "name"));
	table_add(t, json_get_str(workflow, "team"));
	table_add(t, show_workflow_state(workflow));
	table_add(t, revision);
	table_add(t, buf_cstr(&triggers));
	buf_release(&triggers);
}

static int by_slug(const void *a, const void *b)
{
	const char *x = json_get_str(*(const struct json *const *)a, "slug");
	const char *y = json_get_str(*(const struct json *const *)b, "slug");
	return strcmp(x ? x : "", y ? y : "");
}

static void add_sorted(struct table *t, const struct json *workflows)
{
	const struct json **sorted = calloc(json_count(workflows) + 1, sizeof(const struct json *));
	size_t count = 0;
	if (!sorted) {
		t->failed = true;
		return;
	}
	for (const struct json *w = json_first(workflows); w; w = json_next(w))
		sorted[count++] = w;
	qsort(sorted, count, sizeof(const struct json *), by_slug);
	for (size_t i = 0; i < count; i++)
		add_workflow(t, sorted[i]);
	free(sorted);
}

int cmd_workflows(struct cli *c)
{
	static const char *const heads[] = {"WORKFLOW", "NAME", "TEAM", "STATE", "REVISION", "TRIGGERS"};
	struct answer answer;
	struct table t;
	int code = client_call(c, "GET", "/workflows", NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json) {
		client_print_json(&answer);
	} else {
		table_init(&t, heads, 6);
		add_sorted(&t, json_get(answer.json, "workflows"));
		table_print(&t, true, c->colour);
		table_release(&t);
	}
	answer_release(&answer);
	return CLI_OK;
}

static int throw_switch(struct cli *c, const char *verb)
{
	const char *name = c->args[0], *slash = strchr(name, '/');
	struct answer answer;
	struct buf path;
	char *workflow = strndup(name, slash ? (size_t)(slash - name) : strlen(name));
	if (!workflow) {
		cli_error("out of memory");
		return CLI_FAILED;
	}
	buf_init(&path, 4096);
	buf_str(&path, "/workflows/");
	client_escape(&path, workflow);
	if (slash) {
		buf_str(&path, "/triggers/");
		client_escape(&path, slash + 1);
	}
	buf_printf(&path, "/%s", verb);
	int code = client_call_path(c, "POST", &path, NULL, &answer);
	if (code == CLI_OK) {
		if (c->json)
			client_print_json(&answer);
		else
			printf("%s %sd\n", name, verb);
		answer_release(&answer);
	}
	free(workflow);
	return code;
}

int cmd_enable(struct cli *c)
{
	return throw_switch(c, "enable");
}

int cmd_disable(struct cli *c)
{
	return throw_switch(c, "disable");
}

int cmd_reload(struct cli *c)
{
	struct answer answer;
	int code = client_call(c, "POST", "/reload", NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		puts("reloaded");
	answer_release(&answer);
	return CLI_OK;
}
