/* GET, PUT, PATCH and DELETE of one schedule. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

struct change {
	struct call call;
	cJSON *options; /* the new ones; of PATCH what is to be merged; NULL: it is only shown */
	int64_t created_ms, since_ms;
	bool merge;
	bool alone; /* nobody else may change it meanwhile */
};

static void change_free(struct change *c)
{
	struct plugin *p = c->call.plugin;
	struct unit *u = c->alone ? unit_find(p, c->call.name) : NULL;
	if (u)
		u->changing = false;
	cJSON_Delete(c->options);
	free(c);
	plugin_end(p);
}

static struct change *change_new(struct plugin *p, tappet_request *request, const char *name)
{
	struct change *c = calloc(1, sizeof(*c));
	if (!c) {
		api_fail(p, request, TAPPET_ENOMEM);
		return NULL;
	}
	c->call = (struct call){.plugin = p, .request = request};
	memcpy(c->call.name, name, strlen(name) + 1);
	plugin_begin(p);
	return c;
}

static void end(struct change *c, int32_t error)
{
	if (error < 0)
		api_fail(c->call.plugin, c->call.request, error);
	change_free(c);
}

/* ---- GET ---- */

static void show(struct change *c, const cJSON *options)
{
	const struct unit *u = unit_find(c->call.plugin, c->call.name);
	if (!u) {
		end(c, TAPPET_ENOTFOUND);
		return;
	}
	api_reply(c->call.plugin, c->call.request, 200, document_of(u, options, c->created_ms));
	end(c, TAPPET_OK);
}

/* ---- PUT, PATCH ---- */

static void changed(void *arg, int32_t result)
{
	struct change *c = arg;
	struct plugin *p = c->call.plugin;
	struct spec_error error;
	struct unit *u = unit_find(p, c->call.name);
	if (result != TAPPET_OK || !u) {
		end(c, result != TAPPET_OK ? result : TAPPET_ENOTFOUND);
		return;
	}
	if (unit_change(p, u, c->options, c->since_ms, &error) < 0)
		plugin_log(p, TAPPET_LOG_ERROR, "no memory: a schedule changes at the next start", "schedule",
			   c->call.name);
	clock_spread(u);
	heap_remove(&p->heap, u);
	clock_ready(p, u);
	show(c, c->options);
}

/* What it would be. False: it was answered. */
static bool check_change(struct change *c, const struct unit *u)
{
	struct plugin *p = c->call.plugin;
	struct spec_error error = {0};
	struct schedule_fire next;
	struct unit *fresh;
	const char *unknown = api_unknown_option(c->options);
	if (cJSON_HasObjectItem(c->options, "paused") || unknown) {
		if (unknown)
			snprintf(error.message, sizeof(error.message), "there is no option \"%.100s\"", unknown);
		else
			snprintf(error.message, sizeof(error.message), "\"paused\" is changed by pause and resume");
		api_mistake(p, c->call.request, &error);
		return false;
	}
	const int r = unit_new(p, c->options, c->call.name, plugin_now(p), &fresh, &error);
	if (r < 0) {
		if (error.message[0])
			api_mistake(p, c->call.request, &error);
		else
			api_fail(p, c->call.request, TAPPET_ENOMEM);
		return false;
	}
	if (!unit_is_sound(fresh, &error)) {
		unit_free(fresh);
		api_mistake(p, c->call.request, &error);
		return false;
	}
	const bool same = fresh->fingerprint == u->fingerprint;
	const bool past = schedule_kind(fresh->schedule) != SCHEDULE_REBOOT &&
			  schedule_next(fresh->schedule, fresh->cursor_ms, &next) == -ENOENT;
	if (!same)
		c->since_ms = fresh->cursor_ms;
	unit_free(fresh);
	if (!same && past)
		api_problem(p, c->call.request, 422, "invalid-schedule",
			    "it would never fire: there is no such day, or all of it is past");
	return same || !past;
}

static void merge(cJSON *into, cJSON *patch)
{
	while (patch->child) {
		cJSON *item = cJSON_DetachItemViaPointer(patch, patch->child);
		cJSON_DeleteItemFromObjectCaseSensitive(into, item->string);
		if (cJSON_IsNull(item))
			cJSON_Delete(item);
		else
			cJSON_AddItemToObject(into, item->string, item);
	}
}

static void change(struct change *c, cJSON *kept)
{
	struct plugin *p = c->call.plugin;
	struct unit *u = unit_find(p, c->call.name);
	if (c->merge) {
		cJSON *options = cJSON_DetachItemFromObjectCaseSensitive(kept, "options");
		merge(options, c->options);
		cJSON_Delete(c->options);
		c->options = options;
	}
	if (!u) {
		end(c, TAPPET_ENOTFOUND);
		return;
	}
	if (!check_change(c, u)) {
		change_free(c);
		return;
	}
	char *text = object_write(c->options, c->created_ms, c->since_ms);
	const int32_t r = text ? p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(c->call.name),
						 tappet_cstr(text), changed, c)
			       : TAPPET_ENOMEM;
	free(text);
	if (r < 0)
		end(c, r);
}

/* ---- What is kept of it ---- */

static void got(void *arg, int32_t result, tappet_str value)
{
	struct change *c = arg;
	cJSON *kept = result == TAPPET_OK ? cJSON_ParseWithLength(value.ptr, value.len) : NULL;
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(kept, "options");
	if (!cJSON_IsObject(options)) {
		end(c, result == TAPPET_OK ? TAPPET_ENOMEM : result);
		cJSON_Delete(kept);
		return;
	}
	c->created_ms = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(kept, "created"));
	c->since_ms = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(kept, "since"));
	if (c->options)
		change(c, kept);
	else
		show(c, options);
	cJSON_Delete(kept);
}

static void read_kept(struct change *c, const struct unit *u)
{
	const struct plugin *p = c->call.plugin;
	const int32_t r = p->host->kv_get(p->self, u->binding->trigger, tappet_cstr(c->call.name), got, c);
	if (r < 0)
		end(c, r);
}

void api_get(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	char name[NAME_SIZE];
	const struct unit *u = api_unit(p, request, name);
	if (!u)
		return;
	if (!u->object) {
		api_reply(p, request, 200, document_of(u, NULL, 0));
		return;
	}
	struct change *c = change_new(p, request, name);
	if (c)
		read_kept(c, u);
}

/* Of two calls that cross the second comes again. False: it was answered. */
static bool take_alone(struct change *c, struct unit *u)
{
	if (u->changing) {
		api_problem(c->call.plugin, c->call.request, 503, "busy", "another call changes it");
		return false;
	}
	c->alone = u->changing = true;
	return true;
}

static bool is_of_definition(const struct plugin *p, tappet_request *request, const struct unit *u)
{
	if (u->object)
		return false;
	api_problem(p, request, 409, "from-definition", "it stands in the workflow's definition: change it there");
	return true;
}

void api_change(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	char name[NAME_SIZE];
	struct unit *u = api_unit(p, request, name);
	if (!u || is_of_definition(p, request, u))
		return;
	cJSON *body = api_body(p, request, false);
	struct change *c = body ? change_new(p, request, name) : NULL;
	if (!c) {
		cJSON_Delete(body);
		return;
	}
	/* It stays where it is; whoever sends the document back may leave that in. */
	cJSON_DeleteItemFromObjectCaseSensitive(body, "workflow");
	c->options = body;
	c->merge = p->http->method(request).ptr[1] == 'A';
	if (!cJSON_IsObject(body)) {
		api_problem(p, request, 400, "malformed", "the body must be a JSON object");
		change_free(c);
	} else if (take_alone(c, u)) {
		read_kept(c, u);
	} else {
		change_free(c);
	}
}

/* ---- DELETE ---- */

/* The definition went first: the rest means nothing without it, and is taken away at the next start if it stays. */
static void key_deleted(void *arg, int32_t result)
{
	struct change *c = arg;
	struct plugin *p = c->call.plugin;
	struct unit *u = unit_find(p, c->call.name);
	char key[KEY_SIZE];
	if (result == TAPPET_OK && u) {
		(void)plugin_put(p, u->binding->trigger, state_key(u, key), NULL);
		(void)plugin_put(p, u->binding->trigger, backfill_key(u, key), NULL);
		objects_remove(p, u);
	}
	if (result == TAPPET_OK)
		(void)p->http->respond(c->call.request, 204, NULL, 0, tappet_strn(NULL, 0));
	end(c, result);
}

void api_delete(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	char name[NAME_SIZE];
	struct unit *u = api_unit(p, request, name);
	if (!u || is_of_definition(p, request, u))
		return;
	struct change *c = change_new(p, request, name);
	if (!c)
		return;
	if (!take_alone(c, u)) {
		change_free(c);
		return;
	}
	const int32_t r =
		p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(name), tappet_strn(NULL, 0), key_deleted, c);
	if (r < 0)
		end(c, r);
}
