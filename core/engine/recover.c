/* Taking up again what the store has and memory has not: at start everything that was interrupted, later single
 * activities whose long wait is over. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define PAGE_ROWS 256
#define TRY_AGAIN_MS 1000

static bool is_process(enum step_kind kind)
{
	return kind == STEP_RUN || kind == STEP_SCRIPT;
}

static int restore_step(struct activity *a, const struct store_step_row *row)
{
	struct step *s = &a->steps[row->index];

	s->status = row->status;
	s->attempt = row->attempt;
	s->counted = row->retries;
	s->started_ms = row->started_ms;
	s->ended_ms = row->ended_ms;
	s->wake_ms = row->wake_ms;
	s->exit_code = row->exit_code;
	s->outputs = row->outputs ? strdup(row->outputs) : NULL;
	s->message = row->message ? strdup(row->message) : NULL;
	run_restore(&a->run, row->index, row->status, row->attempt);
	if ((row->outputs && !s->outputs) || (row->message && !s->message))
		return -ENOMEM;
	if (row->attempt > 0 && is_process(a->workflow->steps[row->index].kind))
		a->has_scratch = true;
	return 0;
}

/* A step that was under way when the daemon went away. A sleep that was too short for a row just runs again. */
static void resume_step(struct step *s)
{
	const struct step_def *def = &s->activity->workflow->steps[s->index];

	if (s->status == STATUS_WAITING) {
		s->begin = true; /* its timer is armed with the others */
		return;
	}
	if (s->status != STATUS_INPROGRESS)
		return;
	if (def->on_crash_fail) {
		free(s->message);
		s->message = text_printf("interrupted by a crash of the daemon");
		step_final(s, STATUS_FAILURE, clock_wall_ms());
		return;
	}
	s->wanted = s->uncounted = true;
}

/* Only the end of its time, or a cancelling that came to no end, leaves cancelled steps in an activity that goes on. */
static bool was_ended_early(const struct store_activity_row *row, const struct workflow *w, bool *ret_by_time)
{
	int64_t end_ms = w->timeout_ms > 0 ? row->started_ms + w->timeout_ms : INT64_MAX;
	int64_t cancelled_ms = 0;
	bool any = false;

	for (size_t i = 0; i < row->step_count; i++) {
		if (row->steps[i].status != STATUS_CANCELLED)
			continue;
		any = true;
		if (row->steps[i].ended_ms > cancelled_ms)
			cancelled_ms = row->steps[i].ended_ms;
	}
	*ret_by_time = (cancelled_ms > 0 ? cancelled_ms : clock_wall_ms()) >= end_ms;
	return any;
}

static int restore(struct activity *a, struct workflow *w, const struct store_activity_row *row)
{
	int r = activity_set_workflow(a, w);
	bool by_time;

	if (r == 0 && was_ended_early(row, w, &by_time) && by_time) {
		a->timed_out = true;
		run_time_out(&a->run);
	}
	for (size_t i = 0; r == 0 && i < row->step_count; i++)
		if (row->steps[i].index < w->step_count)
			r = restore_step(a, &row->steps[i]);
	if (r < 0)
		return r;
	for (size_t i = 0; i < w->step_count; i++)
		resume_step(&a->steps[i]);
	return 0;
}

struct one {
	struct engine *engine;
	char id[ID_SIZE];
	struct workflow *workflow;
	struct cancel_waiter *waiter;
	bool unreadable; /* its revision */
	bool due;        /* parked_came is to be told */
	recover_cb then; /* or NULL */
	void *arg;
};

static struct cancel_waiter *take_waiter(struct one *o)
{
	struct cancel_waiter *w = o->waiter;

	o->waiter = NULL;
	return w;
}

/* Before anything of it is armed: an activity that only waits may leave memory at once. */
static void go_on_then(struct activity *a, struct one *o)
{
	recover_cb then = o->then;

	o->then = NULL;
	then(o->arg, 0, a);
	/* With a transition in flight its end does the rest. */
	if (!a->in_flight)
		activity_resume(a);
}

/* In memory from here on; what waits is armed, what was interrupted waits for a slot. With a waiter (taken over) all of it
 * is cancelled instead. */
static int take_up(struct engine *e, const struct store_activity_row *row, struct workflow *w, struct one *o)
{
	struct activity *a = activity_from_row(e, row);
	bool by_time;
	int r;

	if (!a)
		return -ENOMEM;
	r = restore(a, w, row);
	if (r < 0) {
		activity_free(a);
		return r;
	}
	scheduler_activate(a);
	if (o && o->waiter)
		cancel_in_memory(a, take_waiter(o));
	else if (row->give_way)
		activity_cancel(a, GIVE_WAY_MESSAGE);
	else if (was_ended_early(row, w, &by_time) && !by_time)
		activity_cancel(a, NULL);
	else if (o && o->then)
		go_on_then(a, o);
	else
		activity_resume(a);
	return 0;
}

static int take_up_invalid(struct engine *e, const struct store_activity_row *row)
{
	struct activity *a = activity_from_row(e, row);

	if (!a)
		return -ENOMEM;
	scheduler_activate(a);
	activity_begin(a, NULL, "its revision cannot be read");
	return 0;
}

/* ---- One activity --------------------------------------------------------------------------------------------- */

static void one_read(void *arg, int status, const struct store_activity_row *row);

/* The store has it still: it is asked again later. */
static void not_taken_up(struct engine *e, const char *id, int error)
{
	log_error("an activity cannot be taken up again", log_str("activity", id), log_errno(error), LOG_END);
	if (error != -ENOENT && !e->stopping && parked_add(e, id, clock_wall_ms() + TRY_AGAIN_MS) < 0)
		log_error("it waits for the next start", log_str("activity", id), LOG_END);
}

static void one_finish(struct one *o, int status)
{
	struct activity *a = map_get_str(&o->engine->scheduler.activities, o->id);

	if (o->waiter && a)
		cancel_in_memory(a, o->waiter);
	else if (o->waiter)
		cancel_waiter_answer(o->waiter, status < 0 ? status : -EALREADY);
	if (status < 0 && status != -ECANCELED)
		not_taken_up(o->engine, o->id, status);
	if (o->due)
		parked_came(o->engine);
	if (o->then)
		o->then(o->arg, a ? 0 : status < 0 ? status : -EALREADY, a);
	workflow_unref(o->workflow);
	free(o);
}

static void one_resolved(void *arg, int status, struct workflow *w)
{
	struct one *o = arg;

	if (status == -EINVAL)
		status = -ENOENT;
	if (status == 0)
		o->workflow = workflow_ref(w);
	if (status == -ENOENT)
		o->unreadable = true;
	if (status == 0 || status == -ENOENT)
		status = store_get_activity(o->engine->store, o->id, one_read, o);
	if (status < 0)
		one_finish(o, status);
}

static void one_read(void *arg, int status, const struct store_activity_row *row)
{
	struct one *o = arg;
	struct engine *e = o->engine;
	struct workflow *w;

	if (status == 0 && e->stopping)
		status = -ECANCELED;
	/* It has been in memory since it was asked for, and has left it again: what was read may be old. */
	if (status == 0 && parked_remove(e, o->id)) {
		status = store_get_activity(e->store, o->id, one_read, o);
		if (status == 0)
			return;
	}
	if (status < 0 || status_is_final(row->status) || row->status == STATUS_NOTSTARTED ||
	    map_get_str(&e->scheduler.activities, o->id)) {
		one_finish(o, status);
		return;
	}
	w = o->workflow ? o->workflow : revisions_peek(e, row->revision_id);
	if (w) {
		one_finish(o, take_up(e, row, w, o));
	} else if (o->unreadable) {
		one_finish(o, take_up_invalid(e, row));
	} else {
		status = engine_revision(e, row->revision_id, one_resolved, o);
		if (status < 0)
			one_finish(o, status);
	}
}

static void take_one(struct engine *e, const char *id, const struct one *how)
{
	struct one *o = calloc(1, sizeof(*o));
	int r = -ENOMEM;

	if (!o) {
		not_taken_up(e, id, r);
		if (how->due)
			parked_came(e);
		if (how->waiter)
			cancel_waiter_answer(how->waiter, r);
		if (how->then)
			how->then(how->arg, r, NULL);
		return;
	}
	*o = *how;
	o->engine = e;
	memcpy(o->id, id, ID_SIZE);
	r = store_get_activity(e->store, o->id, one_read, o);
	if (r < 0)
		one_finish(o, r);
}

void recover_one(struct engine *e, const char *id, struct cancel_waiter *waiter)
{
	take_one(e, id, &(struct one){.waiter = waiter});
}

void recover_due(struct engine *e, const char *id)
{
	take_one(e, id, &(struct one){.due = true});
}

void recover_then(struct engine *e, const char *id, recover_cb then, void *arg)
{
	(void)parked_remove(e, id);
	take_one(e, id, &(struct one){.then = then, .arg = arg});
}

/* ---- All of them, at start ------------------------------------------------------------------------------------ */

struct all {
	struct engine *engine;
	void (*done)(struct engine *e, int status);
	char cursor[ID_SIZE];
};

/* When everything of it waits for a time that is far off, or for something to happen, it need not come into memory at
 * all. Whoever waits for another activity has to look whether that has ended meanwhile. */
static bool can_park(const struct store_activity_row *row, const struct workflow *w, int64_t *ret_wake_ms)
{
	int64_t wake_ms = INT64_MAX;

	if (row->status != STATUS_WAITING || row->give_way)
		return false;
	for (size_t i = 0; i < row->step_count; i++) {
		const struct store_step_row *step = &row->steps[i];

		if (step->status == STATUS_INPROGRESS || step->status == STATUS_CANCELLED ||
		    step->index >= w->step_count)
			return false;
		if (step->status != STATUS_WAITING)
			continue;
		if (w->steps[step->index].kind == STEP_WORKFLOW && step_kind_awaits(STEP_WORKFLOW, step->outputs))
			return false;
		if (step->wake_ms > 0 && step->wake_ms < wake_ms)
			wake_ms = step->wake_ms;
	}
	*ret_wake_ms = activity_wake_ms(w, row->started_ms, wake_ms);
	return *ret_wake_ms - clock_wall_ms() >= ENGINE_PARK_MS;
}

static bool park_row(struct engine *e, const struct store_activity_row *row, struct workflow *w)
{
	int64_t wake_ms;
	int r;

	if (!can_park(row, w, &wake_ms))
		return false;
	r = waits_add_row(e, row, w);
	if (r == 0)
		r = parked_add(e, row->id, wake_ms);
	return r == 0;
}

static int take_row(struct engine *e, const struct store_activity_row *row)
{
	struct workflow *w = revisions_peek(e, row->revision_id);

	if (map_get_str(&e->scheduler.activities, row->id))
		return 0;
	/* Those that need their revision first, or find no place, come one by one. */
	if (!w || !scheduler_has_place(e, 0))
		return parked_add(e, row->id, clock_wall_ms());
	return park_row(e, row, w) ? 0 : take_up(e, row, w, NULL);
}

static void page_came(void *arg, int status, const struct store_activity_row *rows, size_t count);

static void all_finish(struct all *all, int status)
{
	void (*done)(struct engine * e, int status) = all->done;
	struct engine *e = all->engine;

	free(all);
	if (status == 0)
		waits_catch_up(e);
	done(e, status);
}

static void next_page(struct all *all)
{
	int r = store_list_interrupted(all->engine->store, all->cursor, PAGE_ROWS, page_came, all);

	if (r < 0)
		all_finish(all, r);
}

static void page_came(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct all *all = arg;

	if (status == 0 && all->engine->stopping)
		status = -ECANCELED;
	for (size_t i = 0; status == 0 && i < count; i++) {
		status = take_row(all->engine, &rows[i]);
		memcpy(all->cursor, rows[i].id, ID_SIZE);
	}
	if (status < 0 || count == 0)
		all_finish(all, status);
	else
		next_page(all);
}

void recover_start(struct engine *e, void (*done)(struct engine *e, int status))
{
	struct all *all;

	/* With nothing to be carried out, the interrupted ones stay as they are. */
	if (e->options.concurrency == 0) {
		done(e, 0);
		return;
	}
	all = calloc(1, sizeof(*all));
	if (!all) {
		done(e, -ENOMEM);
		return;
	}
	all->engine = e;
	all->done = done;
	next_page(all);
}
