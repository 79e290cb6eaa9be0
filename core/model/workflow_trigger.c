#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow_reader.h"

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

static void read_enabled(struct reader *r, void *into, const struct json *v)
{
	struct trigger_def *trigger = into;

	(void)reader_bool(r, v, &trigger->enabled);
}

static const struct reader_key trigger_keys[] = {
	{"id", read_id},
	{"plugin", read_plugin},
	{"with", read_with},
	{"enabled", read_enabled},
	/* of later versions */
	{"when", NULL},
	{"params", NULL},
	{"dedup", NULL},
};

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
	reader_object(r, "a trigger", trigger_keys, sizeof(trigger_keys) / sizeof(trigger_keys[0]), node, trigger);
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
