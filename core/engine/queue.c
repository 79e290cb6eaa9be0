/* The activities that wait, workflow by workflow: each has a bounded stretch of its oldest in memory, filled straight
 * from admissions while the store holds none that memory has not seen, else by queries behind a cursor. So one with
 * a million waiting takes no more memory than its share, and stands in nobody's way. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* A page shorter than this in bytes and rows was not cut by the store's limits: nothing is behind it. */
#define PAGE_BYTES_SURE ((size_t)4 * 1024 * 1024)
#define PAGE_AGAIN_MS 1000
#define SHARE_MIN 4
/* Lower than any id. */
#define ID_LOWEST "000000000000000000000000"

static bool queue_before(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct queue, ready)->pass < list_entry(b, struct queue, ready)->pass;
}

void queues_init(struct engine *e)
{
	struct scheduler *s = &e->scheduler;

	map_init(&s->queues);
	heap_init(&s->ready, queue_before);
	list_init(&s->thirsty);
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	free(value);
	return 0;
}

void queues_release(struct engine *e)
{
	(void)map_each(&e->scheduler.queues, free_one, NULL);
	map_release(&e->scheduler.queues);
	heap_release(&e->scheduler.ready);
}

static struct queue *queue_of(struct engine *e, const char *workflow_id)
{
	struct queue *q = map_get_str(&e->scheduler.queues, workflow_id);

	if (q)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->engine = e;
	q->entry = engine_find(e, workflow_id);
	memcpy(q->workflow_id, workflow_id, ID_SIZE);
	list_init(&q->items);
	list_init(&q->thirsty);
	if (map_put_str(&e->scheduler.queues, workflow_id, q, NULL) == 0)
		return q;
	free(q);
	return NULL;
}

/* There is always one more share than there are queues: the next one finds room. */
static size_t share(const struct engine *e)
{
	const struct scheduler *s = &e->scheduler;
	size_t each = e->options.window / (s->ready.count + s->thirsty_count + 1);

	return each > SHARE_MIN ? each : SHARE_MIN;
}

static bool has_room(const struct queue *q)
{
	return q->count < share(q->engine) && q->engine->scheduler.window_bytes < ENGINE_WINDOW_BYTES;
}

static void set_backlog(struct queue *q, bool backlog)
{
	struct scheduler *s = &q->engine->scheduler;

	if (q->backlog == backlog)
		return;
	q->backlog = backlog;
	if (backlog) {
		list_append(&s->thirsty, &q->thirsty);
		s->thirsty_count++;
	} else {
		list_remove(&q->thirsty);
		s->thirsty_count--;
	}
}

/* ---- In and out ----------------------------------------------------------------------------------------------- */

/* Sorted by id. What comes is nearly always the newest. */
static int enter(struct queue *q, struct activity *a)
{
	struct scheduler *s = &q->engine->scheduler;
	struct list *behind = q->items.prev;

	if (!heap_has(&q->ready)) {
		/* Whoever had nothing to start does not save it up. */
		if (q->pass < s->pass)
			q->pass = s->pass;
		if (heap_add(&s->ready, &q->ready) < 0)
			return -ENOMEM;
	}
	if (map_put_str(&s->activities, a->id, a, NULL) < 0) {
		if (q->count == 0)
			heap_remove(&s->ready, &q->ready);
		return -ENOMEM;
	}
	while (behind != &q->items && strcmp(list_entry(behind, struct activity, node)->id, a->id) > 0)
		behind = behind->prev;
	list_prepend(behind, &a->node);
	a->queue = q;
	q->count++;
	s->window_count++;
	s->window_bytes += a->bytes;
	return 0;
}

void queue_leave(struct activity *a)
{
	struct queue *q = a->queue;
	struct scheduler *s = &a->engine->scheduler;

	list_remove(&a->node);
	a->queue = NULL;
	q->count--;
	s->window_count--;
	s->window_bytes -= a->bytes;
	if (q->count == 0)
		heap_remove(&s->ready, &q->ready);
}

struct activity *queue_next(struct engine *e)
{
	struct heap_node *first = heap_first(&e->scheduler.ready);

	return first ? list_entry(list_first(&list_entry(first, struct queue, ready)->items), struct activity, node)
		     : NULL;
}

void queue_charge(struct queue *q)
{
	struct scheduler *s = &q->engine->scheduler;
	int priority = q->entry && q->entry->workflow ? q->entry->workflow->priority : 0;

	s->pass = q->pass;
	q->pass += (uint64_t)1 << (WORKFLOW_PRIORITY_MAX - priority);
	if (heap_has(&q->ready))
		heap_moved(&s->ready, &q->ready);
}

static void left_out(struct queue *q, const char *id)
{
	set_backlog(q, true);
	q->left_out = true;
	/* An id that was made long ago and tried again lies before the cursor, or before where the page that is on its
	 * way will put it. */
	if (strcmp(id, q->cursor) <= 0)
		q->cursor[0] = '\0';
	if (q->lowest_left_out[0] == '\0' || strcmp(id, q->lowest_left_out) < 0)
		memcpy(q->lowest_left_out, id, ID_SIZE);
}

static void lost(const char *workflow_id)
{
	log_error("activities wait for the next start", log_str("workflow", workflow_id), log_errno(-ENOMEM), LOG_END);
}

void queue_admitted(struct engine *e, const struct store_admit *admit, struct activity_texts *texts)
{
	struct queue *q = queue_of(e, admit->workflow_id);
	struct activity *a = NULL;

	if (!q) {
		lost(admit->workflow_id);
		return;
	}
	if ((!q->backlog || q->loading) && e->scheduler.started && has_room(q))
		a = activity_new(e, admit->id, admit->workflow_id, admit->revision_id, texts);
	if (a) {
		a->created_ms = admit->created_ms;
		if (enter(q, a) == 0)
			return;
		activity_free(a);
	}
	left_out(q, admit->id);
}

void queue_turns(struct engine *e, const char *workflow_id)
{
	struct queue *q = queue_of(e, workflow_id);

	if (q)
		left_out(q, ID_LOWEST);
	else
		lost(workflow_id);
}

/* ---- From the store ------------------------------------------------------------------------------------------- */

static bool take_row(struct queue *q, const struct store_activity_row *row)
{
	struct engine *e = q->engine;
	struct activity *a;

	/* A page can be slower than a start: then it has begun, and may wait outside of memory by now. */
	if (map_get_str(&e->scheduler.activities, row->id) || map_get_str(&e->parked.by_id, row->id))
		return true;
	a = activity_from_row(e, row);
	if (!a)
		return false;
	if (enter(q, a) == 0)
		return true;
	activity_free(a);
	return false;
}

static void page_again(void *arg)
{
	struct engine *e = arg;

	e->scheduler.again = NULL;
	scheduler_run(e);
}

/* Nobody else may come by to ask again. */
static void page_failed(struct engine *e, int error)
{
	struct scheduler *s = &e->scheduler;

	log_error("waiting activities cannot be read", log_errno(error), LOG_END);
	if (!s->again && !e->stopping)
		s->again = step_timer_start(e, PAGE_AGAIN_MS, page_again, e);
}

static size_t row_bytes(const struct store_activity_row *row)
{
	return row->payload_len + (row->params ? strlen(row->params) : 0) + (row->cause ? strlen(row->cause) : 0);
}

static void take_page(struct queue *q, const struct store_activity_row *rows, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		bytes += row_bytes(&rows[i]);
		if (!take_row(q, &rows[i]))
			return;
		memcpy(q->cursor, rows[i].id, ID_SIZE);
	}
	if (!q->left_out && count < q->asked && bytes < PAGE_BYTES_SURE)
		set_backlog(q, false);
}

static void page_came(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct queue *q = arg;
	struct engine *e = q->engine;

	q->loading = false;
	if (e->stopping)
		return;
	if (status < 0) {
		page_failed(e, status);
		return;
	}
	take_page(q, rows, count);
	if (q->lowest_left_out[0] && strcmp(q->lowest_left_out, q->cursor) <= 0)
		q->cursor[0] = '\0';
	scheduler_run(e);
}

/* With no room left at all, one activity at a time keeps a workflow going. */
static size_t wanted(const struct queue *q)
{
	size_t mine = share(q->engine);

	if (q->count > mine / 2)
		return 0;
	if (has_room(q))
		return mine - q->count;
	return q->count == 0 ? 1 : 0;
}

static void refill(struct queue *q)
{
	size_t asked = wanted(q);
	int r;

	if (q->loading || asked == 0)
		return;
	q->asked = asked;
	q->loading = true;
	q->left_out = false;
	q->lowest_left_out[0] = '\0';
	r = store_list_runnable(q->engine->store, q->workflow_id, q->cursor, q->asked, page_came, q);
	if (r == 0)
		return;
	q->loading = false;
	page_failed(q->engine, r);
}

void queues_refill(struct engine *e)
{
	if (e->scheduler.again)
		return;
	list_each (node, &e->scheduler.thirsty)
		refill(list_entry(node, struct queue, thirsty));
}

/* ---- The start ------------------------------------------------------------------------------------------------ */

struct opening {
	struct engine *engine;
	void (*done)(struct engine *e, int status);
};

/* What was there before this start. */
static void runnable_known(void *arg, int status, const char (*ids)[ID_SIZE], size_t count)
{
	struct opening *o = arg;
	struct engine *e = o->engine;
	void (*done)(struct engine * e, int status) = o->done;

	free(o);
	for (size_t i = 0; status == 0 && i < count; i++) {
		struct queue *q = queue_of(e, ids[i]);

		if (q)
			set_backlog(q, true);
		else
			status = -ENOMEM;
	}
	done(e, status);
}

int queues_open(struct engine *e, void (*done)(struct engine *e, int status))
{
	struct opening *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	*o = (struct opening){.engine = e, .done = done};
	r = store_list_runnable_workflows(e->store, runnable_known, o);
	if (r < 0)
		free(o);
	return r;
}
