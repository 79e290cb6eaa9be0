/* A schedule as a JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

const char *unit_status(const struct unit *u)
{
	if (u->completed)
		return "completed";
	return unit_is_paused(u) ? "paused" : "active";
}

bool document_add_time(cJSON *object, const char *key, int64_t ms)
{
	char text[INSTANT_TEXT_MAX];
	return cJSON_AddStringToObject(object, key, utc_format(ms, text)) != NULL;
}

static bool add_local(cJSON *object, const char *key, const struct unit *u, int64_t ms)
{
	char text[INSTANT_TEXT_MAX];
	return cJSON_AddStringToObject(object, key, local_time(u, ms, text)) != NULL;
}

static bool add_head(cJSON *object, const struct unit *u)
{
	const struct binding *b = u->binding;
	char id[UNIT_ID_SIZE], name[NAME_SIZE];
	snprintf(name, sizeof(name), "%s/%s", b->slug, b->trigger_id);
	cJSON *workflow = cJSON_CreateObject();
	return cJSON_AddStringToObject(object, "id", u->object ? unit_id(u, id) : name) &&
	       cJSON_AddStringToObject(object, "source", u->object ? "api" : "definition") &&
	       cJSON_AddItemToObjectCS(object, "workflow", workflow) &&
	       cJSON_AddStringToObject(workflow, "id", b->workflow_id) &&
	       cJSON_AddStringToObject(workflow, "slug", b->slug) &&
	       (u->object || cJSON_AddStringToObject(object, "trigger", b->trigger_id));
}

cJSON *document_people(const struct unit *u)
{
	const size_t size = u->words ? strlen(u->words) + 3 : 3;
	char *text = malloc(size);
	if (!text)
		return NULL;
	snprintf(text, size, "{%s}", u->words ? u->words : "");
	cJSON *words = cJSON_Parse(text);
	free(text);
	return words;
}

static bool add_people(cJSON *object, const struct unit *u)
{
	cJSON *words = document_people(u);
	while (words && words->child) {
		cJSON *item = cJSON_DetachItemViaPointer(words, words->child);
		cJSON_AddItemToObject(object, item->string, item);
	}
	cJSON_Delete(words);
	return words != NULL;
}

static bool add_times(cJSON *object, const struct unit *u)
{
	struct schedule_fire next;
	int64_t after_ms =
		u->cursor_ms > plugin_now(u->binding->plugin) ? u->cursor_ms : plugin_now(u->binding->plugin);
	if (u->skip_ms > u->cursor_ms && !add_local(object, "skipped", u, u->skip_ms))
		return false;
	if (u->skip_ms > after_ms)
		after_ms = u->skip_ms;
	if (unit_is_paused(u))
		return document_add_time(object, "pausedSince", u->paused_ms) &&
		       cJSON_AddStringToObject(object, "pausedBy", u->held ? "definition" : "people");
	if (schedule_next(u->schedule, after_ms, &next) < 0)
		return true;
	return add_local(object, "next", u, next.at_ms);
}

static bool add_backfill(cJSON *object, const struct unit *u)
{
	const struct backfill *b = u->backfill;
	if (!b)
		return true;
	cJSON *backfill = cJSON_AddObjectToObject(object, "backfill");
	return backfill && cJSON_AddStringToObject(backfill, "id", b->id) &&
	       cJSON_AddNumberToObject(backfill, "total", (double)b->total) &&
	       cJSON_AddNumberToObject(backfill, "done", (double)b->done) &&
	       cJSON_AddNumberToObject(backfill, "refused", (double)b->refused);
}

static bool add_options(cJSON *object, const struct unit *u, const cJSON *options, int64_t created_ms)
{
	if (!options)
		return !u->params || cJSON_AddRawToObject(object, "params", u->params);
	cJSON *copy = cJSON_Duplicate(options, 1);
	if (!copy || !cJSON_AddItemToObjectCS(object, "options", copy))
		return false;
	return document_add_time(object, "createdAt", created_ms);
}

cJSON *document_of(const struct unit *u, const cJSON *options, int64_t created_ms)
{
	char text[EXPLAIN_MAX];
	cJSON *object = cJSON_CreateObject();
	if (object && add_head(object, u) && add_people(object, u) &&
	    cJSON_AddStringToObject(object, "status", unit_status(u)) &&
	    cJSON_AddStringToObject(object, "text", schedule_explain(u->schedule, text)) && add_times(object, u) &&
	    add_backfill(object, u) && add_options(object, u, options, created_ms))
		return object;
	cJSON_Delete(object);
	return NULL;
}
