/* GET /schedules: those of definitions first, by name; then those that were made by API, by workflow and age. The latter are
 * read from the store, page by page, so that a list of a million costs no more than its page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

#define LIMIT_MAX 500
#define CURSOR_SIZE 256

struct listing {
	struct call call;
	cJSON *items;
	char workflow[128], status[16], label[128]; /* what is asked for; "": anything */
	char cursor[CURSOR_SIZE];                   /* "d/SLUG/TRIGGER" or "a/WORKFLOWID/ID": behind it */
	char at[ID_LEN + 1];                        /* the workflow whose schedules are read */
	int64_t limit;
	bool full;
};

static void listing_free(struct listing *l)
{
	struct plugin *p = l->call.plugin;
	cJSON_Delete(l->items);
	free(l);
	plugin_end(p);
}

static void answer(struct listing *l)
{
	cJSON *object = cJSON_CreateObject();
	cJSON_AddItemToObject(object, "schedules", l->items);
	l->items = NULL;
	if (l->full)
		cJSON_AddStringToObject(object, "next", l->cursor);
	api_reply(l->call.plugin, l->call.request, 200, object);
	listing_free(l);
}

static bool has_label(const struct unit *u, const char *label)
{
	bool found = false;
	const char *equals = strchr(label, '=');
	cJSON *words = document_people(u);
	const cJSON *item;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(words, "labels"))
	{
		const size_t len = equals ? (size_t)(equals - label) : strlen(label);
		found = found || (strlen(item->string) == len && memcmp(item->string, label, len) == 0 &&
				  (!equals || strcmp(item->valuestring, equals + 1) == 0));
	}
	cJSON_Delete(words);
	return found;
}

static bool is_asked_for(const struct listing *l, const struct unit *u)
{
	const struct binding *b = u->binding;
	return (!l->workflow[0] || strcmp(l->workflow, b->slug) == 0 || strcmp(l->workflow, b->workflow_id) == 0) &&
	       (!l->status[0] || strcmp(l->status, unit_status(u)) == 0) && (!l->label[0] || has_label(u, l->label));
}

static void add(struct listing *l, const struct unit *u, const cJSON *options, int64_t created_ms)
{
	cJSON *document = document_of(u, options, created_ms);
	if (document)
		cJSON_AddItemToArray(l->items, document);
}

static bool is_full(const struct listing *l)
{
	return cJSON_GetArraySize(l->items) >= l->limit;
}

/* ---- Of definitions ---- */

static void name_of(const struct binding *b, char name[static CURSOR_SIZE])
{
	snprintf(name, CURSOR_SIZE, "d/%s/%s", b->slug, b->trigger_id);
}

static int order_of(const struct binding *a, const struct binding *b)
{
	const int order = strcmp(a->slug, b->slug);
	return order ? order : strcmp(a->trigger_id, b->trigger_id);
}

/* Whether it comes behind the cursor. */
static bool is_behind(const struct listing *l, const struct binding *b)
{
	const size_t len = strcspn(l->cursor + (l->cursor[0] ? 2 : 0), "/");
	const char *slug = l->cursor + (l->cursor[0] ? 2 : 0);
	int order = strncmp(b->slug, slug, len);
	if (order == 0)
		order = (int)strlen(b->slug) - (int)len;
	return order ? order > 0 : strcmp(b->trigger_id, slug[len] ? slug + len + 1 : "") > 0;
}

/* Puts it among the first ones, which are in their order. */
static void insert(const struct binding **first, size_t *count, size_t most, const struct binding *b)
{
	size_t at = *count;
	if (at == most && order_of(b, first[at - 1]) >= 0)
		return;
	if (at == most)
		at--;
	else
		(*count)++;
	for (; at > 0 && order_of(b, first[at - 1]) < 0; at--)
		first[at] = first[at - 1];
	first[at] = b;
}

static void list_definitions(struct listing *l)
{
	const struct binding *first[LIMIT_MAX];
	size_t count = 0;
	for (const struct binding *b = l->call.plugin->bindings; b; b = b->next)
		if (b->unit && is_asked_for(l, b->unit) && is_behind(l, b))
			insert(first, &count, (size_t)l->limit, b);
	for (size_t i = 0; i < count; i++) {
		name_of(first[i], l->cursor);
		add(l, first[i]->unit, NULL, 0);
	}
	l->full = is_full(l);
	if (!l->full)
		snprintf(l->cursor, sizeof(l->cursor), "a/");
}

/* ---- Made by API ---- */

static void read_next(struct listing *l);

static void take_row(struct listing *l, const tappet_checkpoint *row)
{
	char id[ID_LEN + 1];
	if (row->key.len != ID_LEN)
		return;
	snprintf(id, sizeof(id), "%.*s", ID_LEN, row->key.ptr);
	const struct unit *u = unit_find(l->call.plugin, id);
	if (!u || !is_asked_for(l, u))
		return;
	cJSON *kept = cJSON_ParseWithLength(row->value.ptr, row->value.len);
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(kept, "options");
	const double created = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(kept, "created"));
	if (options)
		add(l, u, options, (int64_t)created);
	cJSON_Delete(kept);
}

static void got_rows(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct listing *l = arg;
	if (result != TAPPET_OK) {
		api_fail(l->call.plugin, l->call.request, result);
		listing_free(l);
		return;
	}
	for (size_t i = 0; i < count && !is_full(l); i++) {
		take_row(l, &rows[i]);
		snprintf(l->cursor, sizeof(l->cursor), "a/%s/%.*s", l->at, (int)rows[i].key.len, rows[i].key.ptr);
	}
	l->full = is_full(l);
	/* That was all of this workflow: `~` comes behind all keys. */
	if (!l->full && count == 0)
		snprintf(l->cursor, sizeof(l->cursor), "a/%s/~", l->at);
	read_next(l);
}

/* The workflow with the first id that is not below that of the cursor, and is not done. */
static const struct binding *next_open(const struct listing *l)
{
	const struct binding *best = NULL;
	const char *id = l->cursor + 2, *key = strchr(id, '/');
	const bool done = key && key[1] == '~';
	const size_t len = key ? (size_t)(key - id) : strlen(id);
	for (const struct binding *b = l->call.plugin->bindings; b; b = b->next) {
		const int order = len ? memcmp(b->workflow_id, id, len) : 1;
		if (!b->open || b->object_count == 0 || order < 0 || (order == 0 && done))
			continue;
		if (l->workflow[0] && strcmp(l->workflow, b->slug) != 0 && strcmp(l->workflow, b->workflow_id) != 0)
			continue;
		if (!best || strcmp(b->workflow_id, best->workflow_id) < 0)
			best = b;
	}
	return best;
}

static void read_next(struct listing *l)
{
	const struct plugin *p = l->call.plugin;
	const struct binding *b = l->full ? NULL : next_open(l);
	if (!b) {
		answer(l);
		return;
	}
	const char *key = strncmp(l->cursor + 2, b->workflow_id, ID_LEN) == 0 ? strrchr(l->cursor, '/') + 1 : "";
	char after[KEY_SIZE];
	snprintf(after, sizeof(after), "%.31s", key);
	memcpy(l->at, b->workflow_id, sizeof(l->at));
	const int32_t r = p->host->kv_list(p->self, b->trigger, tappet_cstr(after), LIMIT_MAX, got_rows, l);
	if (r == TAPPET_OK)
		return;
	api_fail(p, l->call.request, r);
	listing_free(l);
}

/* ---- The call ---- */

static void query_text(const struct plugin *p, tappet_request *request, const char *key, char *text, size_t size)
{
	const tappet_str value = p->http->query_value(request, key);
	snprintf(text, size, "%.*s", (int)(value.len < size ? value.len : size - 1), value.ptr ? value.ptr : "");
}

static bool read_query(struct listing *l)
{
	const struct plugin *p = l->call.plugin;
	tappet_request *request = l->call.request;
	query_text(p, request, "workflow", l->workflow, sizeof(l->workflow));
	query_text(p, request, "status", l->status, sizeof(l->status));
	query_text(p, request, "label", l->label, sizeof(l->label));
	query_text(p, request, "after", l->cursor, sizeof(l->cursor));
	l->limit = 100;
	if (!api_query_number(p, request, "limit", LIMIT_MAX, &l->limit))
		return false;
	if (l->status[0] && strcmp(l->status, "active") != 0 && strcmp(l->status, "paused") != 0 &&
	    strcmp(l->status, "completed") != 0) {
		api_problem(p, request, 400, "invalid-value", "\"status\" must be active, paused or completed");
		return false;
	}
	const char *end = l->cursor[0] ? strchr(l->cursor + 2, '/') : NULL;
	if (l->cursor[0] && strncmp(l->cursor, "d/", 2) != 0 &&
	    (strncmp(l->cursor, "a/", 2) != 0 || (l->cursor[2] && (!end || end - l->cursor - 2 != ID_LEN)))) {
		api_problem(p, request, 400, "invalid-value", "\"after\" must be the \"next\" of an earlier page");
		return false;
	}
	return true;
}

void api_list(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	struct listing *l = calloc(1, sizeof(*l));
	if (!l || !(l->items = cJSON_CreateArray())) {
		free(l);
		api_fail(p, request, TAPPET_ENOMEM);
		return;
	}
	l->call = (struct call){.plugin = p, .request = request};
	plugin_begin(p);
	if (!read_query(l)) {
		listing_free(l);
		return;
	}
	if (p->unloaded > 0) {
		api_problem(p, request, 503, "busy", "schedules are still being loaded");
		listing_free(l);
		return;
	}
	if (l->cursor[0] != 'a')
		list_definitions(l);
	read_next(l);
}
