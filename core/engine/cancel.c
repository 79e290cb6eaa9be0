/* Cancelling an activity, wherever it is: in the window, under way, parked, or only in the store. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

struct cancel_waiter {
	struct list node;
	struct engine *engine;
	void (*done)(void *arg, int status);
	void *arg;
	char id[ID_SIZE], workflow_id[ID_SIZE];
	const char *message;                /* why, or NULL: lives for ever */
	struct store_transition transition; /* of one that is only in the store */
	struct store_step_change *changes;
};

void cancel_waiter_answer(struct cancel_waiter *w, int status)
{
	if (w->done)
		w->done(w->arg, status);
	free(w->changes);
	free(w);
}

void cancel_answer(struct activity *a, int status)
{
	struct list waiters;

	list_init(&waiters);
	list_splice(&waiters, &a->waiters);
	list_each_safe (node, &waiters) {
		list_remove(node);
		cancel_waiter_answer(list_entry(node, struct cancel_waiter, node), status);
	}
}

/* Steps that wait end now, those that run are told to; the transition follows when the last has ended. */
static void end_steps(struct activity *a)
{
	int64_t now_ms = clock_wall_ms();

	a->hold = true;
	for (size_t i = 0; i < a->workflow->step_count; i++)
		if (step_is_unwanted(&a->steps[i]))
			step_cancel(&a->steps[i], now_ms);
	a->hold = false;
	activity_advance(a);
}

void activity_timeout(struct activity *a)
{
	if (a->cancelled || a->timed_out || run_is_decided(&a->run))
		return;
	a->timed_out = true;
	run_time_out(&a->run);
	end_steps(a);
}

void activity_cancel(struct activity *a, const char *message)
{
	if (a->cancelled)
		return;
	a->cancelled = true;
	a->cancel_message = message ? strdup(message) : NULL;
	if (a->workflow) {
		run_cancel(&a->run);
		end_steps(a);
		return;
	}
	if (!a->active)
		scheduler_activate(a);
	if (!a->in_flight)
		activity_close(a, STATUS_CANCELLED, message);
}

void cancel_in_memory(struct activity *a, struct cancel_waiter *w)
{
	if (a->dropped) {
		cancel_waiter_answer(w, -EALREADY);
		return;
	}
	list_append(&a->waiters, &w->node);
	activity_cancel(a, w->message);
}

/* ---- Only in the store ---------------------------------------------------------------------------------------- */

static void row_cancelled(struct store_op *op)
{
	struct cancel_waiter *w = list_entry(op, struct cancel_waiter, transition.op);
	struct engine *e = w->engine;
	struct activity *a = e->stopped ? NULL : map_get_str(&e->scheduler.activities, w->id);

	if (op->status == 0 && e->options.bus)
		bus_publish(e->options.bus, w->transition.ret_events, w->transition.ret_event_count);
	engine_metrics_row_cancelled(e, &w->transition);
	store_events_free(w->transition.ret_events, w->transition.ret_event_count);
	if (op->status == 0) {
		metric_add(e->metrics.activities[STATUS_CANCELLED], 1);
		children_ended(e, w->id);
	}
	if (op->status == -EINPROGRESS || (op->status == 0 && w->transition.ret_turns > 0))
		scheduler_turns(e, w->workflow_id);
	/* It came into memory meanwhile: what runs of it ends now, not when it next asks the store. */
	if (op->status == 0 && a)
		activity_cancel(a, w->message);
	cancel_waiter_answer(w, op->status == -ESTALE ? -EALREADY : op->status);
}

static size_t cancel_steps(struct cancel_waiter *w, const struct store_activity_row *row, int64_t now_ms)
{
	size_t count = 0;

	w->changes = calloc(row->step_count + 1, sizeof(*w->changes));
	for (size_t i = 0; w->changes && i < row->step_count; i++) {
		const struct store_step_row *step = &row->steps[i];

		if (status_is_final(step->status))
			continue;
		child_cancel_row(w->engine, step);
		w->changes[count++] = (struct store_step_change){
			.index = step->index,
			.status = STATUS_CANCELLED,
			.attempt = step->attempt,
			.retries = step->retries,
			.ended_ms = now_ms,
			.exit_code = -1,
		};
	}
	return count;
}

static void cancel_row(struct cancel_waiter *w, const struct store_activity_row *row)
{
	int64_t now_ms = clock_wall_ms();

	w->transition = (struct store_transition){
		.op = {.kind = STORE_TRANSITION, .done = row_cancelled},
		.from_any = true,
		.from = row->status,
		.to = STATUS_CANCELLED,
		.now_ms = now_ms,
		.message = w->message,
	};
	memcpy(w->transition.id, w->id, ID_SIZE);
	memcpy(w->workflow_id, row->workflow_id, ID_SIZE);
	w->transition.step_count = cancel_steps(w, row, now_ms);
	w->transition.steps = w->changes;
	store_submit(w->engine->store, &w->transition.op);
}

static void looked_up(void *arg, int status, const struct store_activity_row *row)
{
	struct cancel_waiter *w = arg;
	struct activity *a = map_get_str(&w->engine->scheduler.activities, w->id);

	if (status < 0)
		cancel_waiter_answer(w, status);
	else if (status_is_final(row->status))
		cancel_waiter_answer(w, -EALREADY);
	else if (w->engine->stopping)
		cancel_waiter_answer(w, -ECANCELED);
	else if (a)
		cancel_in_memory(a, w);
	else
		cancel_row(w, row);
}

static int cancel(struct engine *e, const char *id, const char *message, void (*done)(void *arg, int status), void *arg)
{
	struct cancel_waiter *w;
	struct activity *a;
	int r;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!id_valid(id))
		return -ENOENT;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct cancel_waiter){.engine = e, .done = done, .arg = arg, .message = message};
	list_init(&w->node);
	memcpy(w->id, id, ID_SIZE);
	a = map_get_str(&e->scheduler.activities, id);
	if (a) {
		cancel_in_memory(a, w);
		return 0;
	}
	if (parked_remove(e, id)) {
		recover_one(e, id, w);
		return 0;
	}
	r = store_get_activity(e->store, id, looked_up, w);
	if (r < 0)
		free(w);
	return r;
}

int engine_cancel(struct engine *e, const char *id, void (*done)(void *arg, int status), void *arg)
{
	return cancel(e, id, NULL, done, arg);
}

void engine_give_way(struct engine *e, const char *id)
{
	int r = cancel(e, id, GIVE_WAY_MESSAGE, NULL, NULL);

	if (r < 0 && r != -ESHUTDOWN)
		log_error("an activity cannot give way", log_str("activity", id), log_errno(r), LOG_END);
}
