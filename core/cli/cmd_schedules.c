/* schedule list, schedule show, and what comes next. */
#include "base/clock.h"
#include "cli/schedules.h"
#include "cli/show.h"

/* How far ahead `schedule next` looks for what comes next of all. */
#define AHEAD_MS ((int64_t)366 * 86400000)
#define CALENDAR_DEFAULT "20"

/* ---- list ------------------------------------------------------------------------------------------------------ */

static void add_schedule(struct table *t, const struct json *schedule)
{
	const char *name = json_get_str(schedule, "name");
	table_add(t, json_get_str(schedule, "id"));
	table_add(t, json_get_str(json_get(schedule, "workflow"), "slug"));
	table_add(t, name ? name : "");
	table_add(t, json_get_str(schedule, "status"));
	table_add(t, json_get_str(schedule, "next"));
	table_add(t, json_get_str(schedule, "text"));
}

static void print_list(const struct cli *c, const struct json *page)
{
	static const char *const heads[] = {"ID", "WORKFLOW", "NAME", "STATUS", "NEXT", "WHEN"};
	const char *next = json_get_str(page, "next");
	struct table t;
	table_init(&t, heads, 6);
	for (const struct json *s = json_first(json_get(page, "schedules")); s; s = json_next(s))
		add_schedule(&t, s);
	table_print(&t, true, c->colour);
	table_release(&t);
	if (next)
		fprintf(stderr, "there are more: --after %s\n", next);
}

int cmd_schedule_list(struct cli *c)
{
	static const char *const keys[] = {"workflow", "status", "label", "limit", "after"};
	struct answer answer;
	struct buf path;
	schedules_path(&path, NULL, NULL);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		client_query(&path, keys[i], cli_value(c, keys[i]));
	const int code = schedules_call(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_list(c, answer.json);
	answer_release(&answer);
	return CLI_OK;
}

/* ---- show ------------------------------------------------------------------------------------------------------ */

/* Texts as they are, everything else as JSON. */
static void add_member(struct table *t, const char *name, const struct json *value)
{
	struct buf text;
	buf_init(&text, 1024 * 1024);
	if (!json_str(value))
		json_print(value, &text);
	table_fact(t, name, json_str(value) ? json_str(value) : buf_cstr(&text));
	buf_release(&text);
}

static void add_status(struct table *t, const struct json *s)
{
	char time[SHOW_MAX], text[SHOW_MAX * 3];
	const char *status = json_get_str(s, "status"), *by = json_get_str(s, "pausedBy");
	show_time(json_get_str(s, "pausedSince"), time);
	snprintf(text, sizeof(text), "%s%s%s%s", status ? status : "?", time[0] ? " since " : "", time,
		 by && strcmp(by, "definition") == 0 ? ", as its definition says" : "");
	table_fact(t, "status", text);
}

static void add_backfill(struct table *t, const struct json *backfill)
{
	char text[SHOW_MAX];
	int64_t done = 0, total = 0;
	if (!backfill)
		return;
	json_int(json_get(backfill, "done"), &done);
	json_int(json_get(backfill, "total"), &total);
	snprintf(text, sizeof(text), "%lld of %lld", (long long)done, (long long)total);
	table_fact(t, "backfill", text);
}

static void add_labels(struct table *t, const struct json *labels)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	for (const struct json *l = json_first(labels); l; l = json_next(l))
		buf_printf(&text, "%s%s=%s", text.len > 0 ? " " : "", json_key(l), json_str(l) ? json_str(l) : "");
	table_fact(t, "labels", buf_cstr(&text));
	buf_release(&text);
}

/* Name, labels and the like stand above already. */
static void add_options(struct table *t, const struct json *options)
{
	static const char *const shown[] = {"name", "description", "labels"};
	for (const struct json *o = json_first(options); o; o = json_next(o)) {
		size_t i = 0;
		while (i < sizeof(shown) / sizeof(shown[0]) && strcmp(shown[i], json_key(o)) != 0)
			i++;
		if (i == sizeof(shown) / sizeof(shown[0]))
			add_member(t, json_key(o), o);
	}
}

void schedules_print(const struct cli *c, const struct json *s)
{
	static const char *const heads[] = {"", ""};
	const char *source = json_get_str(s, "source");
	char time[SHOW_MAX];
	struct table t;
	table_init(&t, heads, 2);
	table_fact(&t, "schedule", json_get_str(s, "id"));
	table_fact(&t, "name", json_get_str(s, "name"));
	table_fact(&t, "description", json_get_str(s, "description"));
	table_fact(&t, "workflow", json_get_str(json_get(s, "workflow"), "slug"));
	add_status(&t, s);
	table_fact(&t, "when", json_get_str(s, "text"));
	table_fact(&t, "next", json_get_str(s, "next"));
	table_fact(&t, "left out", json_get_str(s, "skipped"));
	add_backfill(&t, json_get(s, "backfill"));
	add_labels(&t, json_get(s, "labels"));
	if (source && strcmp(source, "definition") == 0)
		table_fact(&t, "made by", "the workflow's definition");
	table_fact(&t, "created", show_time(json_get_str(s, "createdAt"), time));
	if (json_get(s, "params"))
		add_member(&t, "params", json_get(s, "params"));
	add_options(&t, json_get(s, "options"));
	table_print(&t, false, c->colour);
	table_release(&t);
}

int cmd_schedule_show(struct cli *c)
{
	struct answer answer;
	struct buf path;
	schedules_path(&path, c->args[0], NULL);
	const int code = schedules_call(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		schedules_print(c, answer.json);
	answer_release(&answer);
	return CLI_OK;
}

/* ---- next ------------------------------------------------------------------------------------------------------ */

/* What says how a pattern is read means nothing to a schedule that is there. */
static bool has_no_rules(const struct cli *c)
{
	static const char *const rules[] = {"timezone", "dialect", "day", "dow", "dst-gap", "dst-overlap", "id"};
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (cli_flag(c, rules[i])) {
			cli_error("--%s is for a pattern, not for schedules of the daemon", rules[i]);
			return false;
		}
	return true;
}

static void print_instants(const struct json *list)
{
	for (const struct json *i = json_first(list); i; i = json_next(i)) {
		const char *at = json_get_str(i, "at"), *note = json_get_str(i, "note");
		printf("%s%s%s\n", at ? at : "?", note ? "  " : "", note ? note : "");
	}
	if (!json_first(list))
		puts("nothing");
}

int schedules_next(struct cli *c)
{
	struct answer answer;
	struct buf path;
	if (!has_no_rules(c))
		return CLI_USAGE;
	schedules_path(&path, c->args[0], "next");
	client_query(&path, "from", cli_value(c, "from"));
	client_query(&path, "to", cli_value(c, "to"));
	client_query(&path, "n", cli_value(c, "limit"));
	const int code = schedules_call(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_instants(json_get(answer.json, "next"));
	answer_release(&answer);
	return CLI_OK;
}

static void print_calendar(const struct cli *c, const struct json *page)
{
	static const char *const heads[] = {"AT", "WORKFLOW", "SCHEDULE", "NAME"};
	struct table t;
	table_init(&t, heads, 4);
	for (const struct json *i = json_first(json_get(page, "next")); i; i = json_next(i)) {
		table_add(&t, json_get_str(i, "at"));
		table_add(&t, json_get_str(i, "workflow"));
		table_add(&t, json_get_str(i, "id"));
		table_add(&t, json_get_str(i, "name"));
	}
	table_print(&t, true, c->colour);
	table_release(&t);
	if (json_bool(json_get(page, "more")))
		fputs("there are more: a higher -n shows them\n", stderr);
}

int schedules_calendar(struct cli *c)
{
	const char *from = cli_value(c, "from"), *to = cli_value(c, "to"), *limit = cli_value(c, "limit");
	char until[CLOCK_TEXT_MAX];
	struct answer answer;
	struct buf path;
	if (!has_no_rules(c))
		return CLI_USAGE;
	/* Without --from and --to it is the next ones, however far away. */
	if (!from && !to)
		to = clock_rfc3339(clock_wall_ms() + AHEAD_MS, until);
	buf_init(&path, 16 * 1024);
	buf_str(&path, SCHEDULES_API "/next");
	client_query(&path, "from", from);
	client_query(&path, "to", to);
	client_query(&path, "workflow", cli_value(c, "workflow"));
	client_query(&path, "limit", limit ? limit : CALENDAR_DEFAULT);
	const int code = schedules_call(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_calendar(c, answer.json);
	answer_release(&answer);
	return CLI_OK;
}
