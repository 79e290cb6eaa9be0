/* workflows put, show, delete, revisions, diff */
#include "cli/client.h"
#include "cli/input.h"
#include "cli/show.h"

/* "/workflows/W" */
static void workflow_path(struct buf *path, const char *workflow)
{
	buf_init(path, 4096);
	buf_str(path, "/workflows/");
	client_escape(path, workflow);
}

/* ---- Put and delete -------------------------------------------------------------------------------------------- */

/* The file's name without ".json" and folders; NULL for stdin. */
static char *slug_of_name(const char *file)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	const size_t len = strlen(name);
	if (strcmp(file, "-") == 0)
		return NULL;
	return strndup(name, len > 5 && strcmp(name + len - 5, ".json") == 0 ? len - 5 : len);
}

/* What the definition calls itself, else its file. A text that cannot be read is for the daemon to complain about. */
static char *find_slug(const char *file, const struct buf *text)
{
	struct json_file *parsed = NULL;
	struct diag d;
	char *slug = NULL;
	diag_init(&d);
	if (json_file_parse(file, buf_cstr(text), text->len, &d, &parsed) == 0) {
		const char *own = json_get_str(parsed->root, "slug");
		slug = own ? strdup(own) : NULL;
	}
	json_file_free(parsed);
	diag_release(&d);
	return slug ? slug : slug_of_name(file);
}

static int put(struct cli *c, const char *slug, const struct buf *text)
{
	struct answer answer;
	struct buf path;
	int64_t revision = 0;
	workflow_path(&path, slug);
	c->subject = c->args[0];
	int code = client_call_path(c, "PUT", &path, text, &answer);
	if (code != CLI_OK)
		return code;
	json_int(json_get(answer.json, "revision"), &revision);
	if (c->json)
		client_print_json(&answer);
	else
		printf("%s %s, revision %lld\n", slug, answer.status == 201 ? "made" : "put", (long long)revision);
	answer_release(&answer);
	return CLI_OK;
}

int cmd_workflows_put(struct cli *c)
{
	const char *file = c->args[0];
	struct buf text;
	int code = CLI_NOT_FOUND;
	buf_init(&text, INPUT_MAX);
	if (input_read(file, &text)) {
		char *slug = find_slug(file, &text);
		if (slug)
			code = put(c, slug, &text);
		else
			cli_error("a definition from stdin needs a \"slug\", which says which workflow it is");
		if (!slug)
			code = CLI_USAGE;
		free(slug);
	}
	buf_release(&text);
	return code;
}

int cmd_workflows_delete(struct cli *c)
{
	struct answer answer;
	struct buf path, out;
	workflow_path(&path, c->args[0]);
	int code = client_call_path(c, "DELETE", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json) {
		buf_init(&out, 4096);
		jsonw_open(&out, '{');
		jsonw_key(&out, "workflow");
		jsonw_str(&out, c->args[0]);
		jsonw_close(&out, '}');
		puts(buf_cstr(&out));
		buf_release(&out);
	} else {
		printf("%s deleted\n", c->args[0]);
	}
	answer_release(&answer);
	return CLI_OK;
}

/* ---- Show ------------------------------------------------------------------------------------------------------ */

static void print_facts(const struct cli *c, const struct json *w)
{
	static const char *const heads[] = {"", ""};
	char text[SHOW_MAX], revision[SHOW_MAX + 32];
	int64_t number = 0;
	struct table t;
	json_int(json_get(w, "revision"), &number);
	snprintf(revision, sizeof(revision), "%lld of %s", (long long)number,
		 show_time(json_get_str(w, "revisionAt"), text));
	table_init(&t, heads, 2);
	table_fact(&t, "workflow", json_get_str(w, "slug"));
	table_fact(&t, "id", json_get_str(w, "id"));
	table_fact(&t, "name", json_get_str(w, "name"));
	table_fact(&t, "team", json_get_str(w, "team"));
	table_fact(&t, "description", json_get_str(w, "description"));
	table_fact(&t, "state", show_workflow_state(w));
	table_fact(&t, "source", json_get_str(w, "source"));
	table_fact(&t, "revision", revision);
	table_print(&t, false, c->colour);
	table_release(&t);
}

static void print_triggers(const struct cli *c, const struct json *w)
{
	static const char *const heads[] = {"TRIGGER", "PLUGIN", "STATE", "REASON"};
	struct table t;
	table_init(&t, heads, 4);
	for (const struct json *each = json_first(json_get(w, "triggers")); each; each = json_next(each)) {
		const struct json *health = json_get(each, "health");
		table_add(&t, json_get_str(each, "id"));
		table_add(&t, json_get_str(each, "plugin"));
		table_add(&t, json_bool(json_get(each, "enabled")) ? json_get_str(health, "state") : "disabled");
		table_add(&t, json_get_str(health, "reason"));
	}
	if (json_first(json_get(w, "triggers"))) {
		putchar('\n');
		table_print(&t, true, c->colour);
	}
	table_release(&t);
}

static void print_params(const struct cli *c, const struct json *w)
{
	static const char *const heads[] = {"PARAMETER", "TYPE", "DEFAULT", "DESCRIPTION"};
	struct table t;
	table_init(&t, heads, 4);
	for (const struct json *each = json_first(json_get(w, "params")); each; each = json_next(each)) {
		const struct json *fallback = json_get(each, "default");
		struct buf value;
		buf_init(&value, 64 * 1024);
		if (fallback)
			json_print(fallback, &value);
		else if (json_bool(json_get(each, "required")))
			buf_str(&value, "(required)");
		table_add(&t, json_get_str(each, "name"));
		table_add(&t, json_get_str(each, "type"));
		table_add(&t, buf_cstr(&value));
		table_add(&t, json_get_str(each, "description"));
		buf_release(&value);
	}
	if (json_first(json_get(w, "params"))) {
		putchar('\n');
		table_print(&t, true, c->colour);
	}
	table_release(&t);
}

static void print_steps(const struct cli *c, const struct json *w)
{
	static const char *const heads[] = {"STEP", "KIND", "NEEDS", "NAME"};
	struct table t;
	table_init(&t, heads, 4);
	for (const struct json *each = json_first(json_get(w, "steps")); each; each = json_next(each)) {
		char *needs = show_joined(json_get(each, "needs"), ", ");
		table_add(&t, json_get_str(each, "id"));
		table_add(&t, json_get_str(each, "kind"));
		table_add(&t, needs);
		table_add(&t, json_get_str(each, "name"));
		free(needs);
	}
	putchar('\n');
	table_print(&t, true, c->colour);
	table_release(&t);
}

static int print_definition(const struct json *w)
{
	const struct json *definition = json_get(w, "definition");
	struct buf out;
	if (!definition) {
		cli_error("its definition cannot be read by this daemon");
		return CLI_FAILED;
	}
	buf_init(&out, INPUT_MAX);
	json_print(definition, &out);
	puts(buf_cstr(&out));
	buf_release(&out);
	return CLI_OK;
}

int cmd_workflows_show(struct cli *c)
{
	struct answer answer;
	struct buf path;
	workflow_path(&path, c->args[0]);
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (cli_flag(c, "definition")) {
		code = print_definition(answer.json);
	} else if (c->json) {
		client_print_json(&answer);
	} else {
		print_facts(c, answer.json);
		print_triggers(c, answer.json);
		print_params(c, answer.json);
		print_steps(c, answer.json);
	}
	answer_release(&answer);
	return code;
}

/* ---- Revisions ------------------------------------------------------------------------------------------------- */

static void print_revisions(const struct cli *c, const struct json *page)
{
	static const char *const heads[] = {"REVISION", "MADE", "BY", "ID"};
	char text[SHOW_MAX];
	int64_t number = 0;
	struct table t;
	table_init(&t, heads, 4);
	for (const struct json *each = json_first(json_get(page, "revisions")); each; each = json_next(each)) {
		json_int(json_get(each, "number"), &number);
		snprintf(text, sizeof(text), "%lld", (long long)number);
		table_add(&t, text);
		table_add(&t, show_time(json_get_str(each, "madeAt"), text));
		table_add(&t, json_get_str(each, "by"));
		table_add(&t, json_get_str(each, "id"));
	}
	table_print(&t, true, c->colour);
	table_release(&t);
	if (json_int(json_get(page, "next"), &number) == 0)
		fprintf(stderr, "there are more: --before %lld\n", (long long)number);
}

int cmd_workflows_revisions(struct cli *c)
{
	struct answer answer;
	struct buf path;
	workflow_path(&path, c->args[0]);
	buf_str(&path, "/revisions");
	client_query(&path, "limit", cli_value(c, "limit"));
	client_query(&path, "before", cli_value(c, "before"));
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_revisions(c, answer.json);
	answer_release(&answer);
	return CLI_OK;
}

static void print_side(const char *mark, const struct json *revision)
{
	char text[SHOW_MAX];
	const char *by = json_get_str(revision, "by");
	int64_t number = 0;
	json_int(json_get(revision, "number"), &number);
	printf("%s revision %lld of %s by %s\n", mark, (long long)number,
	       show_time(json_get_str(revision, "madeAt"), text), by ? by : "?");
}

static void print_value(char mark, const struct json *value)
{
	struct buf text;
	if (!value)
		return;
	buf_init(&text, INPUT_MAX);
	json_print(value, &text);
	printf("%c %s\n", mark, buf_cstr(&text));
	buf_release(&text);
}

static void print_diff(const struct json *diff)
{
	const struct json *changes = json_get(diff, "changes");
	print_side("---", json_get(diff, "from"));
	print_side("+++", json_get(diff, "to"));
	for (const struct json *each = json_first(changes); each; each = json_next(each)) {
		const char *path = json_get_str(each, "path");
		printf("@ %s\n", path && path[0] ? path : "/");
		print_value('-', json_get(each, "from"));
		print_value('+', json_get(each, "to"));
	}
	if (!json_first(changes))
		puts("no difference");
}

int cmd_workflows_diff(struct cli *c)
{
	struct answer answer;
	struct buf path;
	workflow_path(&path, c->args[0]);
	buf_str(&path, "/diff");
	client_query(&path, "from", c->arg_count > 1 ? c->args[1] : NULL);
	client_query(&path, "to", c->arg_count > 2 ? c->args[2] : NULL);
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_diff(answer.json);
	answer_release(&answer);
	return CLI_OK;
}
