/* Refusals that others decided, counted per workflow, trigger, reason and minute: a flood of strangers is a few
 * rows. With them those that the store decided itself, which are only to be told of. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define FLUSH_MS 1000
#define ITEMS_MAX 1000
#define MINUTE_MS 60000

struct refusal {
	struct store_refusal item;
	char *workflow_id, *trigger_id, *trigger, *sample;
};

void refusals_init(struct engine *e)
{
	map_init(&e->refusals.items);
}

static void refusal_free(struct refusal *r)
{
	if (!r)
		return;
	free(r->workflow_id);
	free(r->trigger_id);
	free(r->trigger);
	free(r->sample);
	free(r);
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	refusal_free(value);
	return 0;
}

void refusals_release(struct engine *e)
{
	(void)map_each(&e->refusals.items, free_one, NULL);
	map_release(&e->refusals.items);
}

struct flush {
	struct store_refusals op;
	struct engine *engine;
	struct refusal **owned;
	struct store_refusal items[];
};

static void flushed(struct store_op *op)
{
	struct flush *f = list_entry(op, struct flush, op.op);

	if (op->status < 0)
		log_warn("refusals could not be recorded", log_int("kinds", f->op.count), log_errno(op->status),
			 LOG_END);
	if (op->status == 0 && f->engine->options.bus)
		bus_publish(f->engine->options.bus, f->op.ret_events, f->op.ret_event_count);
	store_events_free(f->op.ret_events, f->op.ret_event_count);
	for (size_t i = 0; i < f->op.count; i++)
		refusal_free(f->owned[i]);
	free(f->owned);
	free(f);
}

static int move_one(void *arg, const char *key, size_t key_len, void *value)
{
	struct flush *f = arg;
	struct refusal *r = value;

	(void)key;
	(void)key_len;
	r->item.workflow_id = r->workflow_id;
	r->item.trigger_id = r->trigger_id;
	r->item.trigger = r->trigger;
	r->item.sample = r->sample;
	f->items[f->op.count] = r->item;
	f->owned[f->op.count++] = r;
	return 0;
}

void refusals_flush(struct engine *e)
{
	size_t count = e->refusals.items.count;
	struct flush *f;

	if (count == 0)
		return;
	f = calloc(1, sizeof(*f) + count * sizeof(f->items[0]));
	if (!f)
		return;
	f->owned = calloc(count, sizeof(struct refusal *));
	if (!f->owned) {
		free(f);
		return;
	}
	f->engine = e;
	(void)map_each(&e->refusals.items, move_one, f);
	map_release(&e->refusals.items);
	f->op.op = (struct store_op){.kind = STORE_REFUSALS, .done = flushed};
	f->op.items = f->items;
	store_submit(e->store, &f->op.op);
}

static void flush_due(void *arg)
{
	struct engine *e = arg;

	e->refusals.timer = NULL;
	refusals_flush(e);
}

static struct refusal *refusal_new(const char *workflow_id, const char *trigger_id, const char *trigger)
{
	struct refusal *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->workflow_id = strdup(workflow_id);
	r->trigger_id = strdup(trigger_id);
	r->trigger = strdup(trigger);
	if (r->workflow_id && r->trigger_id && r->trigger)
		return r;
	refusal_free(r);
	return NULL;
}

static struct refusal *find(struct engine *e, const char *workflow_id, const char *trigger_id, const char *trigger,
			    int reason, int64_t minute_ms)
{
	char *key = text_printf("%s\n%s\n%s\n%d\n%lld", workflow_id, trigger_id, trigger, reason, (long long)minute_ms);
	struct refusal *r = key ? map_get_str(&e->refusals.items, key) : NULL;

	if (key && !r) {
		r = refusal_new(workflow_id, trigger_id, trigger);
		if (r && map_put_str(&e->refusals.items, key, r, NULL) < 0) {
			refusal_free(r);
			r = NULL;
		}
		if (r) {
			r->item.reason = reason;
			r->item.minute_ms = minute_ms;
		}
	}
	free(key);
	return r;
}

static void set_sample(struct refusal *r, const char *detail)
{
	if (!detail || !detail[0] || (r->sample && strcmp(r->sample, detail) == 0))
		return;
	free(r->sample);
	r->sample = strdup(detail);
}

static void flush_soon(struct engine *e)
{
	if (e->refusals.items.count >= ITEMS_MAX || e->quiet)
		refusals_flush(e);
	else if (!e->refusals.timer)
		e->refusals.timer = step_timer_start(e, FLUSH_MS, flush_due, e);
}

void refusals_note(struct engine *e, const struct store_admit *a, int reason, const char *detail)
{
	int64_t now_ms = clock_wall_ms();
	struct refusal *r = e->quiet ? NULL
				     : find(e, a->workflow_id, a->subject ? a->subject : a->trigger_id, a->trigger,
					    reason, now_ms - now_ms % MINUTE_MS);

	if (!r)
		return;
	r->item.known++;
	r->item.last_ms = now_ms;
	set_sample(r, detail);
	flush_soon(e);
}

void engine_refuse(struct engine *e, const char *workflow_id, const char *trigger_id, const char *trigger, int reason,
		   const char *detail)
{
	int64_t now_ms = clock_wall_ms();
	struct refusal *r = find(e, workflow_id ? workflow_id : "", trigger_id ? trigger_id : "",
				 trigger ? trigger : "", reason, now_ms - now_ms % MINUTE_MS);

	metric_source_refused(
		e, metric_source(e, workflow_id ? engine_find(e, workflow_id) : NULL, trigger_id, trigger), reason);
	if (!r) {
		log_error("a refusal is lost", log_errno(-ENOMEM), LOG_END);
		return;
	}
	r->item.count++;
	r->item.last_ms = now_ms;
	set_sample(r, detail);
	flush_soon(e);
}
