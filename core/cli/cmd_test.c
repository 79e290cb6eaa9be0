/* test: what a workflow would make of an event. Reads the files, runs nothing. */
#include <errno.h>
#include <uv.h>
#include "cli/input.h"
#include "cli/params.h"
#include "cli/project.h"
#include "cli/show.h"
#include "engine/preview.h"

struct trial {
	struct cli *cli;
	uv_loop_t loop;
	struct expr *expr;
	int code;
	bool over, closed;
};

/* ---- For people ------------------------------------------------------------------------------------------------ */

static void print_value(const struct json *value)
{
	struct buf text;
	buf_init(&text, INPUT_MAX);
	if (json_str(value))
		buf_str(&text, json_str(value));
	else
		json_print(value, &text);
	fputs(buf_cstr(&text), stdout);
	buf_release(&text);
}

static void print_fact(const char *name, const struct json *value)
{
	if (!value || json_is_null(value))
		return;
	printf("  %-8s ", name);
	print_value(value);
	putchar('\n');
}

static void print_trigger(const struct json *t)
{
	const bool matches = json_bool(json_get(t, "matches"));
	printf("%s (%s): %s\n", json_get_str(t, "id"), json_get_str(t, "plugin"),
	       matches ? "matches" : "does not match");
	if (!matches)
		printf("  %-8s %s: %s\n", "refused", json_get_str(t, "reason"), json_get_str(t, "detail"));
	if (matches)
		print_fact("params", json_get(t, "params"));
	print_fact("dedup", json_get(t, "dedup"));
	const char *lane = json_get_str(t, "lane");
	if (lane && lane[0])
		printf("  %-8s %s\n", "lane", lane);
}

/* Each line of a script below its key. */
static void print_lines(const char *text)
{
	for (size_t len; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		printf("\n      %.*s", (int)len, text);
	}
}

/* A list of arguments, one a line, so that white space inside them shows. */
static void print_step(const struct json *step)
{
	printf("  %s (%s)\n", json_get_str(step, "id"), json_get_str(step, "kind"));
	for (const struct json *member = json_first(step); member; member = json_next(member)) {
		const char *key = json_key(member);
		if (strcmp(key, "id") == 0 || strcmp(key, "kind") == 0)
			continue;
		if (!json_is_array(member) && !json_is_object(member)) {
			const char *text = json_str(member);
			printf("    %s:%s", key, text && strchr(text, '\n') ? "" : " ");
			if (text && strchr(text, '\n'))
				print_lines(text);
			else
				print_value(member);
			putchar('\n');
			continue;
		}
		printf("    %s:\n", key);
		for (const struct json *item = json_first(member); item; item = json_next(item)) {
			printf(json_key(item) ? "      %s: " : "      ", json_key(item));
			print_value(item);
			putchar('\n');
		}
	}
}

static void print_all(const struct cli *c, const struct json *result)
{
	const struct json *triggers = json_get(result, "triggers"), *steps = json_get(result, "steps");
	const char *plugin = json_get_str(json_first(triggers), "plugin");
	for (const struct json *t = json_first(triggers); t; t = json_next(t))
		print_trigger(t);
	if (!steps && !cli_value(c, "event") && plugin && strcmp(plugin, "manual") != 0)
		fprintf(stderr, "there was no event: give one by --event, such as 'tappet plugins show %s' has\n",
			plugin);
	if (!steps)
		return;
	printf("\nsteps, as %s would start them:\n", json_get_str(result, "trigger"));
	for (const struct json *step = json_first(steps); step; step = json_next(step))
		print_step(step);
}

/* ---- The trial ------------------------------------------------------------------------------------------------- */

static void on_closed(void *arg)
{
	struct trial *t = arg;
	t->closed = true;
}

static void on_result(void *arg, int status, const char *text, size_t len)
{
	struct trial *t = arg;
	struct json *result = NULL;
	t->over = true;
	t->code = CLI_FAILED;
	if (status == 0)
		status = json_parse(text, len, &result, NULL);
	if (status < 0) {
		cli_error("it cannot be tested: %s", log_strerror(status));
		return;
	}
	t->code = json_get(result, "steps") ? CLI_OK : CLI_REFUSED;
	if (t->cli->json)
		printf("%s\n", text);
	else
		print_all(t->cli, result);
	json_free(result);
}

static int run(struct trial *t, struct preview_options *options)
{
	char *helper = NULL;
	int r = expr_helper_path(&helper);
	const struct expr_options expr = {.loop = &t->loop, .helper = helper, .processes = 1};
	if (r == 0)
		r = expr_open(&expr, &t->expr);
	free(helper);
	if (r < 0)
		return r;
	options->expr = t->expr;
	r = preview(options, on_result, t);
	while (r == 0 && !t->over)
		uv_run(&t->loop, UV_RUN_ONCE);
	expr_close(t->expr, on_closed, t);
	while (!t->closed)
		uv_run(&t->loop, UV_RUN_ONCE);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	return r;
}

static struct workflow *find_workflow(const struct project *p, const char *slug)
{
	for (size_t i = 0; i < p->definitions.count; i++)
		if (strcmp(p->definitions.items[i].slug, slug) == 0)
			return p->definitions.items[i].workflow;
	return NULL;
}

static int report(const struct cli *c, const struct project *p, struct workflow *w, int error)
{
	if (!w && p->diag.count > 0) {
		project_print_mistakes(c, &p->diag);
		return CLI_FAILED;
	}
	if (!w) {
		cli_error("no workflow \"%s\" in %s", c->args[0], p->config->workflows);
		return CLI_NOT_FOUND;
	}
	if (error == -ENOENT) {
		cli_error("workflow \"%s\" has no trigger \"%s\"", c->args[0], cli_value(c, "trigger"));
		return CLI_NOT_FOUND;
	}
	cli_error("it cannot be tested: %s", log_strerror(error));
	return CLI_FAILED;
}

static bool read_event(const char *path, struct buf *event)
{
	struct buf text;
	buf_init(&text, INPUT_MAX);
	const bool well = input_read(path, &text) && input_json("the event", buf_cstr(&text), text.len, event);
	buf_release(&text);
	return well;
}

static int test(struct cli *c, struct project *p)
{
	struct buf event, params;
	struct trial t = {.cli = c};
	const char *path = cli_value(c, "event");
	struct workflow *w = find_workflow(p, c->args[0]);
	buf_init(&event, INPUT_MAX);
	buf_init(&params, INPUT_MAX);
	int code = CLI_USAGE, r = 0;
	if (!w) {
		code = report(c, p, w, 0);
	} else if ((!path || read_event(path, &event)) && params_write(c, &params)) {
		struct preview_options options = {
			.workflow = w,
			.trigger_id = cli_value(c, "trigger"),
			.payload = path ? buf_cstr(&event) : NULL,
			.params = buf_cstr(&params),
		};
		r = uv_loop_init(&t.loop);
		if (r == 0)
			r = run(&t, &options);
		uv_loop_close(&t.loop);
		code = r < 0 ? report(c, p, w, r) : t.code;
	}
	buf_release(&event);
	buf_release(&params);
	return code;
}

int cmd_test(struct cli *c)
{
	struct project p;
	int code = project_open(c, false, &p);
	if (code == CLI_OK && !p.config) {
		project_print_mistakes(c, &p.diag);
		code = CLI_FAILED;
	}
	if (code == CLI_OK) {
		int r = definitions_read(p.config, &p.diag, &p.definitions);
		if (r < 0)
			cli_error("cannot read %s: %s", p.config->workflows, log_strerror(r));
		code = r < 0 ? CLI_FAILED : test(c, &p);
	}
	project_close(&p);
	return code;
}
