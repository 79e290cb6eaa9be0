#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/names.h"
#include "model/workflow_reader.h"

#define RATE_MAX 1000000
#define DEDUP_WINDOW_DEFAULT_MS (24 * 60 * 60 * 1000)

static void read_id(struct reader *r, void *into, const struct json *v)
{
	struct trigger_def *trigger = into;

	if (json_is_string(v) && !name_is_id(json_str(v), strlen(json_str(v))))
		reader_mistake(r, v, false, "\"%.80s\" is no id for a trigger: expected 1 to %d of a-z, 0-9, _ and -",
			       json_str(v), NAME_MAX_LEN);
	else
		(void)reader_string(r, v, &trigger->id);
}

static void read_plugin(struct reader *r, void *into, const struct json *v)
{
	struct trigger_def *trigger = into;

	if (json_is_string(v) && name_is_reserved(json_str(v)))
		reader_mistake(r, v, false, "\"%s\" is no plugin: the name is reserved%s", json_str(v),
			       strcmp(json_str(v), "manual") == 0 ? "; every workflow can be started by hand" : "");
	else if (json_is_string(v) && !name_is_plugin(json_str(v)))
		reader_mistake(r, v, false, "\"%.80s\" is no plugin's name", json_str(v));
	else
		(void)reader_string(r, v, &trigger->plugin);
}

static void read_with(struct reader *r, void *into, const struct json *v)
{
	struct trigger_def *trigger = into;
	struct buf text;

	if (!json_is_object(v)) {
		reader_expected(r, v, "an object with the plugin's options");
		return;
	}
	buf_init(&text, WORKFLOW_SIZE_MAX);
	(void)json_print_canonical(v, &text);
	trigger->with_json = buf_detach(&text, NULL);
	buf_release(&text);
	if (!trigger->with_json)
		r->error = -ENOMEM;
}

static void read_params(struct reader *r, void *into, const struct json *v)
{
	struct trigger_def *trigger = into;

	workflow_read_mapping(r, v, "an object of jq programs by the names of parameters", &trigger->params);
}

/* "100/1m" */
static bool parse_rate(const char *text, struct trigger_def *trigger)
{
	char *end = NULL;
	unsigned long count;
	int64_t ms;

	if (*text < '0' || *text > '9')
		return false;
	count = strtoul(text, &end, 10);
	if (*end != '/' || count < 1 || count > RATE_MAX || clock_parse_duration(end + 1, &ms) < 0 || ms < 1)
		return false;
	trigger->rate_count = (uint32_t)count;
	trigger->rate_ms = ms;
	return true;
}

static void read_rate(struct reader *r, void *into, const struct json *v)
{
	if (!json_is_string(v))
		reader_expected(r, v, "a rate such as \"100/1m\"");
	else if (!parse_rate(json_str(v), into))
		reader_mistake(r, v, false,
			       "\"rate\": expected a number and a duration such as \"100/1m\", found \"%.60s\"",
			       json_str(v));
}

#define AT(member) READER_AT(struct trigger_def, member)

static const struct reader_key trigger_keys[] = {
	{"id", READ_CUSTOM, .read = read_id, .schema = READER_REF("id"),
	 .help = "The plugin's name by default; needed when two are of one plugin."},
	{"plugin", READ_CUSTOM, .read = read_plugin,
	 .schema = "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z0-9-]*$\"}", .help = "A name from `tappet.json`."},
	{"with", READ_CUSTOM, .read = read_with, .schema = "{\"type\":\"object\"}",
	 .help = "The plugin's own options: see `tappet plugins show NAME`."},
	{"rate", READ_CUSTOM, .read = read_rate,
	 .schema = "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*/[0-9]+(ms|s|m|h|d)$\"}",
	 .help = "How many emissions are taken in how long, such as `100/1m`; further ones are refused. Any by "
		 "default."},
	{"when", READ_PROGRAM, AT(when),
	 .help = "A jq program over the emission's payload; unless it gives true nothing is started."},
	{"params", READ_CUSTOM, .read = read_params, .schema = READER_REF("programs"),
	 .help = "Parameters of the workflow by name: jq programs over the emission's payload."},
	{"dedup", READ_PROGRAM, AT(dedup),
	 .help = "A jq program over the emission's payload: of two emissions with the same key only the first counts. "
		 "By default the plugin says the key."},
	{"dedupWindow", READ_DURATION, AT(dedup_window_ms), .min = 1000,
	 .help = "How long a key is remembered; 24h by default."},
	{"enabled", READ_BOOL, AT(enabled), .help = "`false`: it starts nothing; true by default."},
};

const struct reader_table workflow_trigger_table = {"trigger", "a trigger", trigger_keys,
						    sizeof(trigger_keys) / sizeof(trigger_keys[0]),
						    "\"required\":[\"plugin\"]"};

static void check_unique(struct reader *r, const struct workflow *w, const struct json *node)
{
	const struct trigger_def *trigger = &w->triggers[w->trigger_count - 1];
	const struct json *id = json_get(node, "id");

	for (size_t i = 0; i + 1 < w->trigger_count; i++) {
		if (!w->triggers[i].id || strcmp(w->triggers[i].id, trigger->id) != 0)
			continue;
		reader_mistake(r, id ? id : node, false, "two triggers have the id \"%s\"%s", trigger->id,
			       id ? "" : " (the plugin's name): give them an \"id\" each");
		return;
	}
}

static void read_trigger(struct reader *r, struct workflow *w, const struct json *node)
{
	struct trigger_def *trigger = &w->triggers[w->trigger_count++];

	trigger->enabled = true;
	trigger->dedup_window_ms = DEDUP_WINDOW_DEFAULT_MS;
	reader_object(r, &workflow_trigger_table, node, trigger);
	if (json_is_object(node) && !json_get(node, "plugin"))
		reader_mistake(r, node, false, "a trigger needs a \"plugin\"");
	if (!trigger->id && trigger->plugin)
		trigger->id = reader_strdup(r, trigger->plugin);
	if (!trigger->with_json)
		trigger->with_json = reader_strdup(r, "{}");
	if (trigger->id)
		check_unique(r, w, node);
}

void workflow_read_triggers(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;
	size_t count = json_count(v);

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of triggers");
		return;
	}
	if (count > WORKFLOW_TRIGGERS_MAX) {
		reader_mistake(r, v, false, "%zu triggers: at most %d are allowed", count, WORKFLOW_TRIGGERS_MAX);
		return;
	}
	w->triggers = reader_calloc(r, count, sizeof(*w->triggers));
	if (!w->triggers)
		return;
	for (const struct json *node = json_first(v); node; node = json_next(node))
		read_trigger(r, w, node);
}

static void check_param(struct workflow_reader *wr, const struct json *member)
{
	const struct workflow *w = wr->w;
	struct nearest near;

	nearest_init(&near, json_key(member));
	for (size_t i = 0; i < w->param_count; i++) {
		if (!w->params[i].name)
			continue;
		if (strcmp(w->params[i].name, near.key) == 0)
			return;
		nearest_offer(&near, w->params[i].name);
	}
	if (near.word)
		reader_mistake(&wr->reader, member, true, "\"params\": no parameter \"%.80s\": did you mean \"%s\"?",
			       near.key, near.word);
	else
		reader_mistake(&wr->reader, member, true,
			       "\"params\": no parameter \"%.80s\": declare it in the workflow's \"params\"", near.key);
}

void workflow_check_triggers(struct workflow_reader *wr)
{
	const struct json *list = json_get(wr->reader.file->root, "triggers");

	for (const struct json *node = json_is_array(list) ? json_first(list) : NULL; node; node = json_next(node)) {
		const struct json *params = json_get(node, "params");

		for (const struct json *m = json_is_object(params) ? json_first(params) : NULL; m; m = json_next(m))
			check_param(wr, m);
	}
}
