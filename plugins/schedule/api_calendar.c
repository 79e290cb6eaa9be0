/* GET /next: what fires between two instants, of all schedules, in the order of time. There may be a million of them: they are
 * gone through in slices, and only as many instants are kept as will be shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define SLICE 2000
#define DAY_MS INT64_C(86400000)
#define RESTARTS_MAX 10

struct entry {
	int64_t at_ms;
	char name[NAME_SIZE];
};

struct calendar {
	struct call call;
	int64_t from_ms, until_ms;
	size_t limit, count;
	struct entry *entries; /* a heap with the latest on top */
	char workflow[128];
	size_t slot;
	uint64_t moves; /* of the table when it was begun */
	int restarts;
	bool more;
};

static void calendar_free(struct calendar *c)
{
	struct plugin *p = c->call.plugin;
	free(c->entries);
	free(c);
	plugin_end(p);
}

/* ---- The earliest ones ---- */

static void swap(struct entry *a, struct entry *b)
{
	const struct entry t = *a;
	*a = *b;
	*b = t;
}

static void sift_up(struct calendar *c, size_t at)
{
	while (at > 0 && c->entries[(at - 1) / 2].at_ms < c->entries[at].at_ms) {
		swap(&c->entries[at], &c->entries[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct calendar *c)
{
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= c->count)
			return;
		if (child + 1 < c->count && c->entries[child + 1].at_ms > c->entries[child].at_ms)
			child++;
		if (c->entries[child].at_ms <= c->entries[at].at_ms)
			return;
		swap(&c->entries[at], &c->entries[child]);
		at = child;
	}
}

/* False: it is later than all that are kept, and there is no room. */
static bool keep(struct calendar *c, const struct unit *u, int64_t at_ms)
{
	char id[UNIT_ID_SIZE];
	struct entry *entry = &c->entries[c->count];
	if (c->count == c->limit) {
		c->more = true;
		if (at_ms >= c->entries[0].at_ms)
			return false;
		entry = &c->entries[0];
	}
	entry->at_ms = at_ms;
	if (u->object)
		snprintf(entry->name, sizeof(entry->name), "%s", unit_id(u, id));
	else
		snprintf(entry->name, sizeof(entry->name), "%s/%s", u->binding->slug, u->binding->trigger_id);
	if (c->count == c->limit)
		sift_down(c);
	else
		sift_up(c, c->count++);
	return true;
}

static void look_at(struct calendar *c, const struct unit *u)
{
	struct schedule_fire fire;
	int64_t after_ms = c->from_ms;
	const struct binding *b = u->binding;
	if (unit_is_paused(u) || u->completed ||
	    (c->workflow[0] && strcmp(c->workflow, b->slug) != 0 && strcmp(c->workflow, b->workflow_id) != 0))
		return;
	for (size_t i = 0; i <= c->limit && schedule_next(u->schedule, after_ms, &fire) == 0; i++) {
		if (fire.at_ms > c->until_ms || (fire.at_ms != u->skip_ms && !keep(c, u, fire.at_ms)))
			return;
		after_ms = fire.at_ms;
	}
}

/* ---- The answer ---- */

static int by_time(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void answer(struct calendar *c)
{
	const struct plugin *p = c->call.plugin;
	char text[INSTANT_TEXT_MAX];
	qsort(c->entries, c->count, sizeof(*c->entries), by_time);
	cJSON *object = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(object, "next");
	for (size_t i = 0; list && i < c->count; i++) {
		const struct unit *u = unit_find(p, c->entries[i].name);
		if (!u)
			continue;
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "at", local_time(u, c->entries[i].at_ms, text));
		cJSON_AddStringToObject(item, "id", c->entries[i].name);
		cJSON_AddStringToObject(item, "workflow", u->binding->slug);
		cJSON *words = document_people(u);
		cJSON *name = cJSON_DetachItemFromObjectCaseSensitive(words, "name");
		if (name)
			cJSON_AddItemToObject(item, "name", name);
		cJSON_Delete(words);
		cJSON_AddItemToArray(list, item);
	}
	cJSON_AddBoolToObject(object, "more", c->more);
	api_reply(p, c->call.request, 200, object);
	calendar_free(c);
}

static void begin(struct calendar *c)
{
	c->count = c->slot = 0;
	c->more = false;
	c->moves = c->call.plugin->moves;
	for (const struct binding *b = c->call.plugin->bindings; b; b = b->next)
		if (b->unit)
			look_at(c, b->unit);
}

static void go_on(void *arg)
{
	struct calendar *c = arg;
	struct plugin *p = c->call.plugin;
	if (c->moves != p->moves && c->slot > 0 && ++c->restarts < RESTARTS_MAX)
		begin(c);
	for (int i = 0; i < SLICE && c->slot < p->objects.room; i++, c->slot++)
		if (p->objects.slots[c->slot])
			look_at(c, p->objects.slots[c->slot]);
	if (c->slot >= p->objects.room) {
		answer(c);
		return;
	}
	if (!p->stopping && p->host->timer_start(p->self, 0, 0, go_on, c, NULL) == TAPPET_OK)
		return;
	api_fail(p, c->call.request, TAPPET_ECANCELED);
	calendar_free(c);
}

void api_calendar(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	int64_t from_ms = plugin_now(p), until_ms = from_ms + DAY_MS, limit = LIMIT_DEFAULT;
	if (!api_query_time(p, request, "from", NULL, &from_ms))
		return;
	until_ms = from_ms + DAY_MS;
	if (!api_query_time(p, request, "to", NULL, &until_ms) ||
	    !api_query_number(p, request, "limit", LIMIT_MAX, &limit))
		return;
	struct calendar *c = calloc(1, sizeof(*c));
	struct entry *entries = calloc((size_t)limit, sizeof(*entries));
	if (!c || !entries) {
		free(c);
		free(entries);
		api_fail(p, request, TAPPET_ENOMEM);
		return;
	}
	*c = (struct calendar){.call = {.plugin = p, .request = request},
			       .from_ms = from_ms,
			       .until_ms = until_ms,
			       .limit = (size_t)limit,
			       .entries = entries};
	const tappet_str workflow = p->http->query_value(request, "workflow");
	snprintf(c->workflow, sizeof(c->workflow), "%.*s", (int)(workflow.len < 127 ? workflow.len : 127),
		 workflow.ptr ? workflow.ptr : "");
	plugin_begin(p);
	begin(c);
	go_on(c);
}
