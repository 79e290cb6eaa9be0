#include "cli/acted.h"

#include "cli/show.h"

static const char *text_or(const char *text, const char *otherwise)
{
	return text && text[0] ? text : otherwise;
}

static void add_place(struct table *t, const struct json *match)
{
	char place[200];
	snprintf(place, sizeof(place), "%s/%s", text_or(json_get_str(match, "workflow"), "?"),
		 text_or(json_get_str(match, "trigger"), "?"));
	table_add(t, place);
}

static void add_started(struct table *t, const struct json *match)
{
	const bool duplicate = json_bool(json_get(match, "duplicate"));
	table_add(t, duplicate ? "known" : "started");
	add_place(t, match);
	table_add(t, json_get_str(match, "activityId"));
}

static void add_refused(struct table *t, const struct json *match)
{
	char why[300];
	const char *detail = json_get_str(match, "detail");
	table_add(t, "refused");
	add_place(t, match);
	snprintf(why, sizeof(why), "%s%s%s", text_or(json_get_str(match, "reason"), "?"), detail ? ": " : "",
		 detail ? detail : "");
	table_add(t, why);
}

void acted_print(const struct cli *c, const char *topic, const struct json *answer)
{
	static const char *const heads[] = {"", "", ""};
	const struct json *activities = json_get(answer, "activities"), *refused = json_get(answer, "refused");
	struct table t;
	int64_t released = 0;
	json_int(json_get(answer, "released"), &released);
	table_init(&t, heads, 3);
	for (const struct json *m = json_first(activities); m; m = json_next(m))
		add_started(&t, m);
	for (const struct json *m = json_first(refused); m; m = json_next(m))
		add_refused(&t, m);
	if (json_count(activities) + json_count(refused) > 0)
		table_print(&t, false, c->colour);
	else if (released == 0)
		printf("nobody listens to %s; it is recorded\n", topic);
	if (released > 0)
		printf("steps that waited for it: %lld\n", (long long)released);
	table_release(&t);
}
