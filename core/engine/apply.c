/* New definitions and switches: first committed, then the catalog. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/catalog.h"

struct apply {
	struct store_definitions op;
	struct engine *engine;
	struct engine_apply request;
	struct workflow **workflows;
	char *by, *expected;
};

static void apply_free(struct apply *a)
{
	for (size_t i = 0; a->workflows && i < a->op.count; i++)
		workflow_unref(a->workflows[i]);
	free(a->workflows);
	free(a->op.items);
	free(a->op.new_ids);
	free(a->by);
	free(a->expected);
	free(a);
}

static void apply_finish(struct apply *a, int status)
{
	const struct engine_apply request = a->request;

	apply_free(a);
	request.done(request.arg, status);
}

static void tell(struct apply *a, struct entry *entry, struct workflow *before)
{
	if (a->request.changed)
		a->request.changed(a->request.arg, &entry->pub, before);
}

static int apply_one(struct apply *a, const struct store_definition *item, struct workflow *w)
{
	struct entry *entry;
	bool was_enabled, was_removed;
	struct workflow *before;
	int r = catalog_take(a->engine, item->ret_id, item->slug, &entry);

	if (r < 0)
		return r;
	was_enabled = entry->pub.enabled;
	was_removed = entry->pub.removed;
	entry->pub.removed = false;
	entry->pub.from_folder = a->op.from_folder;
	entry->applied = a->engine->catalog.applied;
	if (item->ret_taken)
		log_warn("the folder takes a workflow over that was made by the interface",
			 log_str("workflow", item->slug), LOG_END);
	if (item->ret_turns)
		turns_give(a->engine, item->ret_id);
	entry->switched_on = item->ret_enabled;
	if (item->ret_changed || !entry->pub.workflow) {
		if (item->ret_changed)
			entry->pub.revision_ms = a->op.now_ms;
		before = catalog_set(a->engine, entry, item->ret_revision_id, item->ret_revision, w);
		tell(a, entry, before);
		workflow_unref(before);
		return 0;
	}
	catalog_refresh(entry);
	if (entry->pub.enabled != was_enabled || was_removed)
		tell(a, entry, entry->pub.workflow);
	return 0;
}

/* As the store has done it: what was the folder's, and is not among those that came. */
static int remove_gone(void *arg, const char *key, size_t key_len, void *value)
{
	struct apply *a = arg;
	struct entry *entry = value;

	(void)key;
	(void)key_len;
	if (!entry->pub.from_folder || entry->pub.removed || entry->applied == a->engine->catalog.applied)
		return 0;
	entry->pub.removed = true;
	catalog_refresh(entry);
	tell(a, entry, entry->pub.workflow);
	return 0;
}

static void applied(struct store_op *op)
{
	struct apply *a = list_entry(op, struct apply, op.op);
	int status = op->status;

	if (status == 0) {
		if (a->engine->options.bus)
			bus_publish(a->engine->options.bus, a->op.ret_events, a->op.ret_event_count);
		a->engine->catalog.applied++;
		for (size_t i = 0; status == 0 && i < a->op.count; i++)
			status = apply_one(a, &a->op.items[i], a->workflows[i]);
	}
	store_events_free(a->op.ret_events, a->op.ret_event_count);
	a->op.ret_events = NULL;
	if (status == 0 && a->op.complete)
		(void)map_each(&a->engine->catalog.by_id, remove_gone, a);
	apply_finish(a, status);
}

static int fill_items(struct apply *a, struct workflow **workflows, size_t count)
{
	a->workflows = calloc(count + 1, sizeof(*a->workflows));
	a->op.items = calloc(count + 1, sizeof(*a->op.items));
	a->op.new_ids = calloc(2 * count + 1, sizeof(*a->op.new_ids));
	if (!a->workflows || !a->op.items || !a->op.new_ids)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct workflow *w = workflow_ref(workflows[i]);

		a->workflows[i] = w;
		a->op.items[i] = (struct store_definition){
			.slug = w->slug,
			.name = w->name,
			.team = w->team,
			.imported_id = w->imported_id,
			.hash = w->hash,
			.canonical = w->canonical,
			.canonical_len = w->canonical_len,
			.expected = a->expected,
			.lane_limit = w->concurrency.limit,
		};
	}
	for (size_t i = 0; i < 2 * count; i++)
		id_next(&a->engine->ids, a->op.now_ms, 0, a->op.new_ids[i]);
	return 0;
}

int engine_apply(struct engine *e, const struct engine_apply *request)
{
	struct apply *a;

	if (e->stopping)
		return -ESHUTDOWN;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = (struct apply){.engine = e, .request = *request, .by = strdup(request->by)};
	a->expected = request->expected ? strdup(request->expected) : NULL;
	a->op = (struct store_definitions){
		.op = {.kind = STORE_DEFINITIONS, .done = applied},
		.count = request->count,
		.complete = request->complete,
		.from_folder = request->from_folder,
		.now_ms = clock_wall_ms(),
		.by = a->by,
	};
	if (!a->by || (request->expected && !a->expected) || fill_items(a, request->workflows, request->count) < 0) {
		apply_free(a);
		return -ENOMEM;
	}
	store_submit(e->store, &a->op.op);
	return 0;
}

/* ---- Switches ------------------------------------------------------------------------------------------------- */

struct enable {
	struct store_enable op;
	struct engine *engine;
	char id[ID_SIZE];
	char *trigger_id;
	void (*done)(void *arg, int status);
	void *arg;
};

static int switch_trigger(struct entry *entry, const char *trigger_id, bool enabled)
{
	const char *words = entry->disabled_triggers ? entry->disabled_triggers : "";
	size_t len = strlen(trigger_id);
	struct buf rest;
	char *joined;

	buf_init(&rest, strlen(words) + len + 2);
	while (*words) {
		size_t n = strcspn(words, " ");

		if (n != len || memcmp(words, trigger_id, len) != 0) {
			(void)buf_str(&rest, rest.len ? " " : "");
			(void)buf_append(&rest, words, n);
		}
		words += n + strspn(words + n, " ");
	}
	if (!enabled) {
		(void)buf_str(&rest, rest.len ? " " : "");
		(void)buf_str(&rest, trigger_id);
	}
	joined = buf_detach(&rest, NULL);
	buf_release(&rest);
	if (!joined)
		return -ENOMEM;
	free(entry->disabled_triggers);
	entry->disabled_triggers = joined;
	return 0;
}

static void switched(struct store_op *op)
{
	struct enable *s = list_entry(op, struct enable, op.op);
	struct entry *entry = catalog_find(s->engine, s->id);
	int status = op->status;

	if (status == 0 && s->engine->options.bus)
		bus_publish(s->engine->options.bus, s->op.ret_events, s->op.ret_event_count);
	store_events_free(s->op.ret_events, s->op.ret_event_count);
	if (status == 0 && entry && s->trigger_id)
		status = switch_trigger(entry, s->trigger_id, s->op.enabled);
	if (status == 0 && entry && !s->trigger_id)
		entry->switched_on = s->op.enabled;
	if (entry)
		catalog_refresh(entry);
	s->done(s->arg, status);
	free(s->trigger_id);
	free(s);
}

int engine_enable(struct engine *e, const char *workflow_id, const char *trigger_id, bool enabled,
		  void (*done)(void *arg, int status), void *arg)
{
	struct entry *entry = catalog_find(e, workflow_id);
	struct enable *s;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!entry)
		return -ENOENT;
	if (trigger_id && entry->pub.workflow && workflow_find_trigger(entry->pub.workflow, trigger_id) < 0)
		return -ENOENT;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct enable){.engine = e, .done = done, .arg = arg};
	memcpy(s->id, entry->pub.id, ID_SIZE);
	s->trigger_id = trigger_id ? strdup(trigger_id) : NULL;
	if (trigger_id && !s->trigger_id) {
		free(s);
		return -ENOMEM;
	}
	s->op = (struct store_enable){
		.op = {.kind = STORE_ENABLE, .done = switched},
		.workflow_id = s->id,
		.trigger_id = s->trigger_id,
		.enabled = enabled,
		.now_ms = clock_wall_ms(),
	};
	store_submit(e->store, &s->op.op);
	return 0;
}
