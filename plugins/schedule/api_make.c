/* POST /schedules: one, or up to 250 at once, all of them or none. They are there once all are committed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

#define MAKE_MAX 250

struct making {
	struct call call;
	struct unit **units;
	char (*workflows)[ID_LEN + 1]; /* of each: its binding may be gone when all are stored */
	cJSON **options;
	size_t count, pending;
	int64_t now_ms;
	int32_t result;
	bool one;
};

static void making_free(struct making *m)
{
	for (size_t i = 0; i < m->count; i++) {
		unit_free(m->units ? m->units[i] : NULL);
		cJSON_Delete(m->options ? m->options[i] : NULL);
	}
	free(m->units);
	free(m->workflows);
	free(m->options);
	free(m);
}

/* Of many their ids, in their order. */
static cJSON *answer_of(const struct making *m)
{
	char id[UNIT_ID_SIZE];
	if (m->one)
		return document_of(m->units[0], m->options[0], m->now_ms);
	cJSON *object = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(object, "schedules");
	for (size_t i = 0; list && i < m->count; i++) {
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "id", unit_id(m->units[i], id));
		cJSON_AddItemToArray(list, item);
	}
	return object;
}

static bool take_in(struct making *m)
{
	struct plugin *p = m->call.plugin;
	bool all = true;
	for (size_t i = 0; i < m->count; i++) {
		struct unit *u = m->units[i];
		u->binding = binding_open(p, m->workflows[i]);
		/* One whose workflow is switched off comes back with it. */
		if (!u->binding)
			continue;
		m->units[i] = NULL;
		if (objects_put(p, u) < 0) {
			unit_free(u);
			all = false;
			continue;
		}
		clock_ready(p, u);
	}
	return all;
}

/* Some of them may have been stored. */
static void take_back(const struct making *m)
{
	struct plugin *p = m->call.plugin;
	char id[UNIT_ID_SIZE];
	for (size_t i = 0; i < m->count; i++) {
		const struct binding *b = binding_open(p, m->workflows[i]);
		if (b)
			(void)plugin_put(p, b->trigger, unit_id(m->units[i], id), NULL);
	}
}

static void stored(void *arg, int32_t result)
{
	struct making *m = arg;
	struct plugin *p = m->call.plugin;
	if (result != TAPPET_OK)
		m->result = result;
	if (--m->pending > 0)
		return;
	if (m->result != TAPPET_OK) {
		take_back(m);
		api_fail(p, m->call.request, m->result);
	} else {
		cJSON *answer = answer_of(m);
		if (!take_in(m))
			plugin_log(p, TAPPET_LOG_ERROR, "no memory: a new schedule fires after the next start", NULL,
				   NULL);
		api_reply(p, m->call.request, 201, answer);
	}
	making_free(m);
	plugin_end(p);
}

static bool is_past(const struct unit *u, int64_t now_ms)
{
	struct schedule_fire next;
	return schedule_kind(u->schedule) != SCHEDULE_REBOOT && schedule_next(u->schedule, now_ms, &next) == -ENOENT;
}

static bool take_paused(cJSON *options)
{
	const cJSON *paused = cJSON_GetObjectItemCaseSensitive(options, "paused");
	const bool is_paused = cJSON_IsTrue(paused);
	if (cJSON_IsBool(paused))
		cJSON_DeleteItemFromObjectCaseSensitive(options, "paused");
	return is_paused;
}

static bool make_one(struct making *m, size_t i, const cJSON *body, struct spec_error *error)
{
	struct plugin *p = m->call.plugin;
	uint8_t id[ID_BYTES];
	char text[UNIT_ID_SIZE];
	*error = (struct spec_error){0};
	const char *workflow = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "workflow"));
	struct binding *b = workflow ? binding_open(p, workflow) : NULL;
	if (!b) {
		error->key = "workflow";
		snprintf(error->message, sizeof(error->message),
			 "expected the slug or the id of a workflow that is switched on");
		return false;
	}
	memcpy(m->workflows[i], b->workflow_id, sizeof(m->workflows[i]));
	if (!(m->options[i] = cJSON_Duplicate(body, 1)) || !object_id(p, id))
		return false;
	cJSON_DeleteItemFromObjectCaseSensitive(m->options[i], "workflow");
	/* It is a state, which resume changes. */
	const bool paused = take_paused(m->options[i]);
	const char *unknown = api_unknown_option(m->options[i]);
	if (unknown) {
		snprintf(error->message, sizeof(error->message), "there is no option \"%.100s\"", unknown);
		return false;
	}
	struct unit named = {.object = true};
	memcpy(named.id, id, sizeof(id));
	if (unit_new(p, m->options[i], unit_id(&named, text), m->now_ms, &m->units[i], error) < 0)
		return false;
	struct unit *u = m->units[i];
	u->object = true;
	u->binding = b;
	memcpy(u->id, id, sizeof(id));
	u->paused = paused;
	u->paused_ms = paused ? m->now_ms : 0;
	clock_spread(u);
	if (unit_is_sound(u, error) && is_past(u, m->now_ms))
		snprintf(error->message, sizeof(error->message),
			 "it would never fire: there is no such day, or all of it is past");
	return error->message[0] == '\0';
}

static int32_t store_one(struct making *m, size_t i)
{
	const struct plugin *p = m->call.plugin;
	const struct unit *u = m->units[i];
	char id[UNIT_ID_SIZE];
	char *text = object_write(m->options[i], m->now_ms, m->now_ms);
	if (!text)
		return TAPPET_ENOMEM;
	const int32_t r = p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(unit_id(u, id)), tappet_cstr(text),
					  stored, m);
	free(text);
	return r;
}

static void count_put(struct making *m, int32_t result)
{
	if (result == TAPPET_OK)
		m->pending++;
	else
		m->result = result;
}

static void store_all(struct making *m)
{
	struct plugin *p = m->call.plugin;
	/* One more, so that none that is early ends it. */
	m->pending = 1;
	plugin_begin(p);
	for (size_t i = 0; i < m->count && m->result == TAPPET_OK; i++) {
		/* A state without a definition means nothing; a definition without its pause would fire. */
		if (m->units[i]->paused)
			count_put(m, state_put(m->units[i], stored, m));
		if (m->result == TAPPET_OK)
			count_put(m, store_one(m, i));
	}
	stored(m, TAPPET_OK);
}

static void refuse(struct making *m, size_t i, struct spec_error *error)
{
	char text[sizeof(error->message)];
	if (!error->message[0]) {
		api_fail(m->call.plugin, m->call.request, TAPPET_ENOMEM);
		return;
	}
	if (!m->one) {
		char said[sizeof(error->message)];
		snprintf(text, sizeof(text), "schedule %zu: %.200s", i + 1, spec_error_text(error, said, sizeof(said)));
		memcpy(error->message, text, sizeof(text));
		error->key = NULL;
	}
	api_mistake(m->call.plugin, m->call.request, error);
}

static void make(struct plugin *p, tappet_request *request, const cJSON *first, size_t count, bool one)
{
	struct spec_error error;
	struct making *m = calloc(1, sizeof(*m));
	if (m) {
		*m = (struct making){.call = {.plugin = p, .request = request}, .count = count, .one = one};
		m->now_ms = plugin_now(p);
		m->units = calloc(count, sizeof(struct unit *));
		m->workflows = calloc(count, sizeof(*m->workflows));
		m->options = calloc(count, sizeof(cJSON *));
	}
	if (!m || !m->units || !m->workflows || !m->options) {
		api_fail(p, request, TAPPET_ENOMEM);
		if (m)
			making_free(m);
		return;
	}
	for (size_t i = 0; i < count; i++, first = first->next)
		if (!make_one(m, i, first, &error)) {
			refuse(m, i, &error);
			making_free(m);
			return;
		}
	store_all(m);
}

void api_make(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	cJSON *body = api_body(p, request, false);
	if (!body)
		return;
	const cJSON *list = cJSON_IsArray(body) ? body : cJSON_GetObjectItemCaseSensitive(body, "schedules");
	const size_t count = list ? (size_t)cJSON_GetArraySize(list) : 1;
	if (p->unloaded > 0)
		api_problem(p, request, 503, "busy", "schedules are still being loaded");
	else if (!list && !cJSON_IsObject(body))
		api_problem(p, request, 400, "malformed", "the body must be a schedule, or a list of them");
	else if (count == 0 || count > MAKE_MAX)
		api_problem(p, request, 422, "too-many", "expected 1 to 250 schedules");
	else if (p->objects.count + count > (uint64_t)p->objects_max)
		api_problem(p, request, 409, "too-many",
			    "there are as many schedules as the plugin's maxSchedules allows");
	else
		make(p, request, list ? list->child : body, count, !list);
	cJSON_Delete(body);
}
