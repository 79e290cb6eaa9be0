/* What may run, and when: a bounded window of the oldest activities that wait, filled straight from admissions
 * while the store holds none that memory has not seen, else by queries behind a cursor. First come, first
 * served; activities that are under way and want another step come before new ones. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* A page shorter than this in bytes and rows was not cut by the store's limits: nothing is behind it. */
#define PAGE_BYTES_SURE ((size_t)4 * 1024 * 1024)
#define PAGE_AGAIN_MS 1000

void scheduler_init(struct engine *e)
{
	struct scheduler *s = &e->scheduler;

	list_init(&s->window);
	list_init(&s->active);
	list_init(&s->hungry);
	map_init(&s->activities);
	s->backlog = true; /* what was there before this start */
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	struct activity *a = value;

	(void)arg;
	(void)key;
	(void)key_len;
	cancel_answer(a, -ECANCELED);
	activity_free(a);
	return 0;
}

void scheduler_release(struct engine *e)
{
	(void)map_each(&e->scheduler.activities, free_one, NULL);
	map_release(&e->scheduler.activities);
}

static void show(struct engine *e)
{
	metric_set(e->metrics.window, (double)e->scheduler.window_count);
	metric_set(e->metrics.active, (double)e->scheduler.active_count);
	metric_set(e->metrics.parked, (double)e->parked.count);
}

static void leave_window(struct activity *a)
{
	struct scheduler *s = &a->engine->scheduler;

	list_remove(&a->node);
	s->window_count--;
	s->window_bytes -= a->bytes;
}

void scheduler_activate(struct activity *a)
{
	struct scheduler *s = &a->engine->scheduler;

	if (map_get_str(&s->activities, a->id) == a)
		leave_window(a);
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
		leave_window(a);
	}
	if (map_get_str(&s->activities, a->id) == a)
		map_remove_str(&s->activities, a->id);
	show(a->engine);
}

/* ---- The window ----------------------------------------------------------------------------------------------- */

static bool has_room(const struct engine *e)
{
	return e->scheduler.window_count < e->options.window && e->scheduler.window_bytes < ENGINE_WINDOW_BYTES;
}

/* Sorted by id. What comes is nearly always the newest. */
static int enter_window(struct activity *a)
{
	struct scheduler *s = &a->engine->scheduler;
	struct list *behind = s->window.prev;

	if (map_put_str(&s->activities, a->id, a, NULL) < 0)
		return -ENOMEM;
	while (behind != &s->window && strcmp(list_entry(behind, struct activity, node)->id, a->id) > 0)
		behind = behind->prev;
	list_prepend(behind, &a->node);
	s->window_count++;
	s->window_bytes += a->bytes;
	return 0;
}

static void left_out(struct scheduler *s, const char *id)
{
	s->backlog = true;
	s->left_out = true;
	/* An id that was made long ago and tried again lies before the cursor, or before where the page that is on its
	 * way will put it. */
	if (strcmp(id, s->cursor) <= 0)
		s->cursor[0] = '\0';
	if (s->lowest_left_out[0] == '\0' || strcmp(id, s->lowest_left_out) < 0)
		memcpy(s->lowest_left_out, id, ID_SIZE);
}

void scheduler_admitted(struct engine *e, const struct store_admit *admit, struct activity_texts *texts)
{
	struct scheduler *s = &e->scheduler;
	struct activity *a = NULL;

	if (e->stopping || e->options.concurrency == 0)
		return;
	/* A reader can be faster than the news of the commit: then a page has brought it already. */
	if (map_get_str(&s->activities, admit->id))
		return;
	if ((!s->backlog || s->loading) && s->started && has_room(e))
		a = activity_new(e, admit->id, admit->workflow_id, admit->revision_id, texts);
	if (a) {
		a->created_ms = admit->created_ms;
		if (enter_window(a) < 0) {
			activity_free(a);
			a = NULL;
		}
	}
	if (!a)
		left_out(s, admit->id);
	scheduler_run(e);
}

/* ---- From the store ------------------------------------------------------------------------------------------- */

static bool take_row(struct engine *e, const struct store_activity_row *row)
{
	struct activity *a;

	if (map_get_str(&e->scheduler.activities, row->id))
		return true;
	a = activity_from_row(e, row);
	if (!a)
		return false;
	if (enter_window(a) < 0) {
		activity_free(a);
		return false;
	}
	return true;
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

static void page_came(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct engine *e = arg;
	struct scheduler *s = &e->scheduler;
	size_t bytes = 0, asked = s->asked;

	s->loading = false;
	if (e->stopping)
		return;
	if (status < 0) {
		page_failed(e, status);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		bytes += rows[i].payload_len + (rows[i].params ? strlen(rows[i].params) : 0) +
			 (rows[i].cause ? strlen(rows[i].cause) : 0);
		if (!take_row(e, &rows[i]))
			goto more;
		memcpy(s->cursor, rows[i].id, ID_SIZE);
	}
	if (!s->left_out && count < asked && bytes < PAGE_BYTES_SURE)
		s->backlog = false;
more:
	if (s->lowest_left_out[0] && strcmp(s->lowest_left_out, s->cursor) <= 0)
		s->cursor[0] = '\0';
	scheduler_run(e);
}

static void refill(struct engine *e)
{
	struct scheduler *s = &e->scheduler;
	int r;

	if (!s->backlog || s->loading || s->again || s->window_count > e->options.window / 2 || !has_room(e))
		return;
	s->loading = true;
	s->left_out = false;
	s->lowest_left_out[0] = '\0';
	s->asked = e->options.window - s->window_count;
	r = store_list_runnable(e->store, NULL, s->cursor, s->asked, page_came, e);
	if (r < 0) {
		s->loading = false;
		page_failed(e, r);
	}
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
		a->again = step_timer_start(a->engine, PAGE_AGAIN_MS, resolve_again, a);
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
	struct list *first = list_first(&s->window);
	struct activity *a;
	struct workflow *w;

	if (!first || !scheduler_has_place(e, 0))
		return false;
	a = list_entry(first, struct activity, node);
	w = revisions_peek(e, a->revision_id);
	if (w && s->slots_used >= e->options.concurrency && wants_slot_at_once(w))
		return false;
	scheduler_activate(a);
	if (w)
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
	refill(e);
	show(e);
}
