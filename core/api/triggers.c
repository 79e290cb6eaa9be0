/* Triggers, each with its switch and how it is. */
#include "api/internal.h"

/* Once the api is closed the plugins may be gone already. */
static void read_health(struct api *a, const struct catalog_entry *entry, const struct trigger_def *trigger,
			struct buf *ret)
{
	buf_init(ret, 64 * 1024);
	if (!a->closed)
		a->options.trigger_health(a->options.arg, entry->id, trigger->id, ret);
}

/* Leaves the object open. */
static void write_head(struct api *a, const struct catalog_entry *entry, const struct trigger_def *trigger,
		       struct buf *out)
{
	struct buf health;
	jsonw_open(out, '{');
	api_member(out, "id", trigger->id);
	api_member(out, "plugin", trigger->plugin);
	jsonw_key(out, "enabled");
	jsonw_bool(out, engine_trigger_enabled(a->options.engine, entry, trigger->id));
	read_health(a, entry, trigger, &health);
	if (buf_error(&health) == 0 && health.len > 0) {
		jsonw_key(out, "health");
		jsonw_raw(out, health.data, health.len);
	}
	buf_release(&health);
}

static void write_options(const struct trigger_def *trigger, struct buf *out)
{
	jsonw_key(out, "with");
	jsonw_raw(out, trigger->with_json, strlen(trigger->with_json));
}

void api_write_trigger(struct api *a, const struct catalog_entry *entry, const struct trigger_def *trigger, bool whole,
		       struct buf *out)
{
	write_head(a, entry, trigger, out);
	if (whole)
		write_options(trigger, out);
	jsonw_close(out, '}');
}

/* ---- All of them ----------------------------------------------------------------------------------------------- */

struct listing {
	struct api *api;
	const struct catalog_entry *only; /* or NULL */
	const char *plugin, *state;       /* or NULL */
	struct buf *out;
};

static bool state_matches(const struct listing *l, const struct catalog_entry *entry, const struct trigger_def *trigger)
{
	struct json *parsed = NULL;
	struct buf health;
	if (!l->state)
		return true;
	read_health(l->api, entry, trigger, &health);
	json_parse(buf_cstr(&health), health.len, &parsed, NULL);
	const char *state = json_get_str(parsed, "state");
	const bool same = state && strcmp(state, l->state) == 0;
	json_free(parsed);
	buf_release(&health);
	return same;
}

static void list_triggers(void *arg, const struct catalog_entry *entry)
{
	const struct listing *l = arg;
	const struct workflow *w = entry->workflow;
	if (l->only && l->only != entry)
		return;
	for (size_t i = 0; w && i < w->trigger_count; i++) {
		const struct trigger_def *trigger = &w->triggers[i];
		if ((l->plugin && strcmp(l->plugin, trigger->plugin) != 0) || !state_matches(l, entry, trigger))
			continue;
		write_head(l->api, entry, trigger, l->out);
		api_member_workflow(l->api, l->out, entry->id);
		jsonw_close(l->out, '}');
	}
}

static bool read_state(struct http_request *r, const char **ret)
{
	static const char *const states[] = {"running", "starting", "degraded", "backing-off", "dead",
					     "stopped", "disabled", "removed",  "invalid"};
	*ret = http_query_value(r, "state");
	if (!*ret)
		return true;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i], *ret) == 0)
			return true;
	api_problemf(r, 400, "invalid-value",
		     "\"state\" must be running, starting, degraded, backing-off, dead, stopped, disabled, removed or "
		     "invalid");
	return false;
}

void api_triggers_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"workflow", "plugin", "state", NULL};
	struct buf out;
	struct listing l = {.api = a, .out = &out, .plugin = http_query_value(r, "plugin")};
	if (!api_query(r, keys) || !api_query_workflow(a, r, &l.only) || !read_state(r, &l.state))
		return;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "triggers");
	jsonw_open(&out, '[');
	engine_each(a->options.engine, list_triggers, &l);
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}

void api_triggers_get(struct api *a, struct http_request *r)
{
	const struct catalog_entry *entry;
	struct buf out;
	size_t index;
	if (!api_path_workflow(a, r, &entry) || !api_path_trigger(r, entry, &index))
		return;
	const struct trigger_def *trigger = &entry->workflow->triggers[index];
	buf_init(&out, API_ANSWER_MAX);
	write_head(a, entry, trigger, &out);
	api_member_workflow(a, &out, entry->id);
	write_options(trigger, &out);
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}
