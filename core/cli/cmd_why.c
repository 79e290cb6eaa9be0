/* why: the timeline of a workflow in sentences, the oldest first. */
#include <time.h>
#include "base/clock.h"
#include "cli/client.h"
#include "cli/show.h"

/* ---- Sentences ------------------------------------------------------------------------------------------------- */

static const char *text_of(const struct json *item, const char *key)
{
	const char *text = json_get_str(item, key);
	return text ? text : "?";
}

static int64_t number_of(const struct json *item, const char *key)
{
	int64_t value = 0;
	json_int(json_get(item, key), &value);
	return value;
}

/* Of a fire of a schedule: for which instant it was, and what is unusual about it. */
static void say_fire(const struct json *cause, struct buf *out)
{
	char at[SHOW_MAX];
	const int64_t missed = number_of(cause, "missedCount");
	const bool late = json_bool(json_get(cause, "late"));
	if (!json_get(cause, "scheduledAt"))
		return;
	if (json_bool(json_get(cause, "manual"))) {
		buf_str(out, ", by hand");
		return;
	}
	show_time(json_get_str(cause, "scheduledAt"), at);
	buf_printf(out, "%s for %s%s", late ? " late," : "", at, json_get(cause, "backfill") ? ", by a backfill" : "");
	if (missed > 0)
		buf_printf(out, " and %lld missed before", (long long)missed);
}

static void say_accepted(const struct json *item, struct buf *out)
{
	const char *message = json_get_str(item, "message"), *trigger = text_of(item, "triggerId");
	const char *by = json_get_str(json_get(item, "cause"), "by"), *plugin = text_of(item, "trigger");
	buf_printf(out, "started by %s", trigger);
	if (strcmp(trigger, plugin) != 0)
		buf_printf(out, " (%s)", plugin);
	if (by)
		buf_printf(out, " of %s", by);
	say_fire(json_get(item, "cause"), out);
	buf_printf(out, ": activity %s, %s", text_of(item, "activityId"), text_of(item, "status"));
	if (message)
		buf_printf(out, ": %s", message);
}

static void say_refused(const struct json *item, struct buf *out)
{
	const char *sample = json_get_str(item, "sample"), *trigger = json_get_str(item, "triggerId");
	const int64_t count = number_of(item, "count");
	buf_printf(out, "%s refused", trigger ? trigger : text_of(item, "trigger"));
	if (count > 1)
		buf_printf(out, " %lld times in this minute", (long long)count);
	buf_printf(out, ": %s", text_of(item, "reason"));
	if (sample && sample[0])
		buf_printf(out, " (%.*s)", (int)strcspn(sample, "\n"), sample);
}

static void say_account(const struct json *item, struct buf *out)
{
	char first[SHOW_MAX], last[SHOW_MAX];
	const int64_t count = number_of(item, "count");
	buf_printf(out, "%s: %lld expected %s %s", text_of(item, "triggerId"), (long long)count,
		   count == 1 ? "occurrence" : "occurrences", text_of(item, "outcome"));
	show_time(json_get_str(item, "first"), first);
	show_time(json_get_str(item, "last"), last);
	if (strcmp(first, last) != 0)
		buf_printf(out, ", from %s to %s", first, last);
}

static void say(const struct json *item, struct buf *out)
{
	const char *kind = text_of(item, "kind"), *trigger = json_get_str(item, "triggerId");
	if (strcmp(kind, "accepted") == 0)
		say_accepted(item, out);
	else if (strcmp(kind, "refused") == 0)
		say_refused(item, out);
	else if (strcmp(kind, "account") == 0)
		say_account(item, out);
	else if (strcmp(kind, "revision") == 0)
		buf_printf(out, "revision %lld made by %s", (long long)number_of(item, "number"), text_of(item, "by"));
	else if (strcmp(kind, "enabled") == 0 || strcmp(kind, "disabled") == 0)
		buf_printf(out, "%s switched %s", trigger ? trigger : "the workflow", kind[0] == 'e' ? "on" : "off");
	else
		buf_printf(out, "%s by %s", kind, text_of(item, "by"));
}

/* The answer has the newest first. */
static void print_backwards(struct table *t, const struct json *timeline)
{
	char time[SHOW_MAX];
	const size_t count = json_count(timeline);
	const struct json **items = calloc(count + 1, sizeof(const struct json *));
	size_t n = 0;
	if (!items) {
		t->failed = true;
		return;
	}
	for (const struct json *each = json_first(timeline); each; each = json_next(each))
		items[n++] = each;
	while (n-- > 0) {
		struct buf sentence;
		buf_init(&sentence, 1024 * 1024);
		say(items[n], &sentence);
		table_add(t, show_time(json_get_str(items[n], "time"), time));
		table_add(t, buf_cstr(&sentence));
		buf_release(&sentence);
	}
	free(items);
}

static void add_trigger(struct table *t, const struct json *trigger)
{
	const struct json *health = json_get(trigger, "health");
	const char *reason = json_get_str(health, "reason");
	struct buf text;
	buf_init(&text, 64 * 1024);
	const bool enabled = json_bool(json_get(trigger, "enabled"));
	buf_printf(&text, "%s (%s) is %s", text_of(trigger, "id"), text_of(trigger, "plugin"),
		   enabled ? text_of(health, "state") : "switched off");
	if (enabled && reason)
		buf_printf(&text, ": %s", reason);
	table_add(t, "now");
	table_add(t, buf_cstr(&text));
	buf_release(&text);
}

static void add_now(struct table *t, const struct json *now)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	buf_printf(&text, "the workflow is %s, at revision %lld", show_workflow_state(now),
		   (long long)number_of(now, "revision"));
	table_add(t, "now");
	table_add(t, buf_cstr(&text));
	buf_release(&text);
	for (const struct json *each = json_first(json_get(now, "triggers")); each; each = json_next(each))
		add_trigger(t, each);
}

static void print_why(const struct json *why)
{
	static const char *const heads[] = {"", ""};
	char from[SHOW_MAX], to[SHOW_MAX];
	struct table t;
	show_time(json_get_str(why, "from"), from);
	show_time(json_get_str(why, "to"), to);
	table_init(&t, heads, 2);
	print_backwards(&t, json_get(why, "timeline"));
	if (!json_first(json_get(why, "timeline")))
		printf("nothing happened from %s to %s, as far as is known\n", from, to);
	add_now(&t, json_get(why, "now"));
	table_print(&t, false, false);
	table_release(&t);
	if (json_bool(json_get(why, "more")))
		fputs("there was more: ask for a smaller --window, or for more with --limit\n", stderr);
}

/* ---- The request ----------------------------------------------------------------------------------------------- */

/* "2026-01-31 09:00", "2026-01-31 09:00:00" or today's "09:00", of this time zone, as RFC 3339; anything else as it is. */
static const char *local_instant(const char *text, char ret[static CLOCK_TEXT_MAX])
{
	static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%H:%M:%S", "%H:%M"};
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const time_t now = (time_t)(clock_wall_ms() / 1000);
		struct tm parts;
		if (!localtime_r(&now, &parts))
			return text;
		parts.tm_sec = 0;
		parts.tm_isdst = -1;
		const char *end = strptime(text, formats[i], &parts);
		if (end && *end == '\0')
			return clock_rfc3339((int64_t)mktime(&parts) * 1000, ret);
	}
	return text;
}

int cmd_why(struct cli *c)
{
	char instant[CLOCK_TEXT_MAX];
	const char *at = cli_value(c, "at");
	struct answer answer;
	struct buf path;
	buf_init(&path, 4096);
	buf_str(&path, "/workflows/");
	client_escape(&path, c->args[0]);
	buf_str(&path, "/why");
	client_query(&path, "at", at ? local_instant(at, instant) : NULL);
	client_query(&path, "window", cli_value(c, "window"));
	client_query(&path, "limit", cli_value(c, "limit"));
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (c->json)
		client_print_json(&answer);
	else
		print_why(answer.json);
	answer_release(&answer);
	return CLI_OK;
}
