/* What may run, and when. Activities that are under way and want another step come before new ones; of the new ones,
 * workflows take turns by their priority (stride scheduling: whoever has been charged least comes next), and within a
 * workflow the oldest comes first. Whether an activity has its turn in its lane is the store's to say. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define AGAIN_MS 1000

void scheduler_init(struct engine *e)
{
	struct scheduler *s = &e->scheduler;

	list_init(&s->active);
	list_init(&s->hungry);
	map_init(&s->activities);
	queues_init(e);
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	struct activity *a = value;

	(void)arg;
	(void)key;
	(void)key_len;
	cancel_answer(a, -ECANCELED);
	approve_answer(&a->answers, -ECANCELED);
	approve_answer(&a->settling, -ECANCELED);
	activity_free(a);
	return 0;
}

void scheduler_release(struct engine *e)
{
	(void)map_each(&e->scheduler.activities, free_one, NULL);
	map_release(&e->scheduler.activities);
	queues_release(e);
}

static void show(struct engine *e)
{
	metric_set(e->metrics.window, (double)e->scheduler.window_count);
	metric_set(e->metrics.active, (double)e->scheduler.active_count);
	metric_set(e->metrics.parked, (double)e->parked.count);
}

void scheduler_activate(struct activity *a)
{
	struct scheduler *s = &a->engine->scheduler;

	if (a->queue)
		queue_leave(a);
	else if (map_put_str(&s->activities, a->id, a, NULL) < 0)
		log_error("an activity cannot be found by its id", log_str("activity", a->id), log_errno(-ENOMEM),
			  LOG_END);
	a->active = true;
	list_append(&s->active, &a->all);
	s->active_count++;
	s->active_bytes += a->bytes;
}

void scheduler_forget(struct activity *a)
{
	struct scheduler *s = &a->engine->scheduler;

	if (a->active) {
		list_remove(&a->all);
		list_remove(&a->node);
		s->active_count--;
		s->active_bytes -= a->bytes;
	} else {
		queue_leave(a);
	}
	if (map_get_str(&s->activities, a->id) == a)
		map_remove_str(&s->activities, a->id);
	show(a->engine);
}

void scheduler_admitted(struct engine *e, const struct store_admit *admit, struct activity_texts *texts)
{
	if (e->stopping || e->options.concurrency == 0)
		return;
	/* A reader can be faster than the news of the commit: then a page has brought it already. */
	if (admit->ret_turn && !map_get_str(&e->scheduler.activities, admit->id))
		queue_admitted(e, admit, texts);
	scheduler_run(e);
}

void scheduler_turns(struct engine *e, const char *workflow_id)
{
	if (e->stopping || e->options.concurrency == 0)
		return;
	queue_turns(e, workflow_id);
	scheduler_run(e);
}

/* ---- Starting ------------------------------------------------------------------------------------------------- */

static void feed_hungry(struct engine *e)
{
	struct scheduler *s = &e->scheduler;
	struct list *first;

	while (s->slots_used < e->options.concurrency && (first = list_first(&s->hungry))) {
		list_remove(first);
		activity_advance(list_entry(first, struct activity, node));
	}
}

struct resolve {
	struct engine *engine;
	char id[ID_SIZE];
};

static void begin_later(struct activity *a);

static void resolve_again(void *arg)
{
	struct activity *a = arg;

	a->again = NULL;
	if (!a->in_flight)
		begin_later(a);
}

/* That says nothing about the revision. */
static void not_resolved(struct activity *a, int error)
{
	log_error("a revision cannot be read", log_str("revision", a->revision_id), log_errno(error), LOG_END);
	if (!a->again)
		a->again = step_timer_start(a->engine, AGAIN_MS, resolve_again, a);
}

static void resolved(void *arg, int status, struct workflow *w)
{
	struct resolve *r = arg;
	struct activity *a = map_get_str(&r->engine->scheduler.activities, r->id);

	free(r);
	if (!a || a->workflow || a->engine->stopping)
		return;
	if (status == 0 || status == -ENOENT || status == -EINVAL)
		activity_begin(a, w, "its revision cannot be read");
	else
		not_resolved(a, status);
}

/* Its revision has to be read first. */
static void begin_later(struct activity *a)
{
	struct resolve *r = calloc(1, sizeof(*r));
	int error = -ENOMEM;

	if (r) {
		r->engine = a->engine;
		memcpy(r->id, a->id, ID_SIZE);
		error = engine_revision(a->engine, a->revision_id, resolved, r);
	}
	if (error < 0) {
		free(r);
		not_resolved(a, error);
	}
}

static bool wants_slot_at_once(const struct workflow *w)
{
	for (size_t i = 0; i < w->step_count; i++)
		if (w->steps[i].needs_count == 0 && step_needs_slot(w->steps[i].kind))
			return true;
	return false;
}

bool scheduler_has_place(const struct engine *e, size_t coming)
{
	const struct scheduler *s = &e->scheduler;

	return s->active_count + coming < ENGINE_ACTIVE_MAX && s->active_bytes < ENGINE_ACTIVE_BYTES;
}

static bool begin_first(struct engine *e)
{
	struct scheduler *s = &e->scheduler;
	struct activity *a = queue_next(e);
	struct queue *q;
	struct workflow *w;

	if (!a || !scheduler_has_place(e, 0))
		return false;
	q = a->queue;
	w = revisions_peek(e, a->revision_id);
	if (w && !a->give_way && s->slots_used >= e->options.concurrency && wants_slot_at_once(w))
		return false;
	scheduler_activate(a);
	queue_charge(q);
	if (a->give_way)
		activity_close(a, STATUS_CANCELLED, GIVE_WAY_MESSAGE);
	else if (w)
		activity_begin(a, w, NULL);
	else
		begin_later(a);
	return true;
}

void scheduler_run(struct engine *e)
{
	struct scheduler *s = &e->scheduler;

	if (!s->started || e->stopping || s->running || e->options.concurrency == 0)
		return;
	/* What is started here may end at once and come back to this function. */
	s->running = true;
	feed_hungry(e);
	while (begin_first(e))
		;
	s->running = false;
	queues_refill(e);
	show(e);
}
