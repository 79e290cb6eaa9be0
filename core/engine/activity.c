/* One activity under way. Its steps' states are decided here on the loop and handed to the store in transitions,
 * one at a time: what is decided while one is in flight goes into the next. A runner starts only when the
 * transition that says so has been committed. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define TRY_AGAIN_MS 1000

/* ---- The end -------------------------------------------------------------------------------------------------- */

/* Timers, jobs, and the slots of steps that were to begin but never did. */
static void leave_steps(struct activity *a, bool parked)
{
	for (size_t i = 0; a->workflow && i < a->workflow->step_count; i++) {
		step_give_slot_back(&a->steps[i]);
		if (parked)
			step_park(&a->steps[i]);
		else
			step_forget(&a->steps[i]);
	}
	step_timer_stop(a->deadline);
	step_timer_stop(a->again);
	a->deadline = a->again = NULL;
}

static void leave(struct activity *a)
{
	struct engine *e = a->engine;

	leave_steps(a, false);
	if (a->has_scratch && !e->stopped)
		scratch_remove(e, a->id);
	scheduler_forget(a);
	activity_free(a);
	scheduler_run(e);
}

void activity_settle(struct activity *a)
{
	if (a->dropped && a->at_work == 0 && !a->hold && !a->in_flight)
		leave(a);
}

/* Another hand has settled it in the store: whatever runs is ended, nothing is reported. */
static void drop(struct activity *a)
{
	log_debug("an activity was settled elsewhere", log_str("activity", a->id), LOG_END);
	a->dropped = true;
	a->hold = true;
	for (size_t i = 0; a->workflow && i < a->workflow->step_count; i++)
		step_stop(&a->steps[i], PROCESS_CANCELLED);
	a->hold = false;
	cancel_answer(a, -EALREADY);
	approve_answer(&a->answers, -EALREADY);
	approve_answer(&a->settling, -EALREADY);
	children_ended(a->engine, a->id);
	activity_settle(a);
}

/* ---- After the commit ----------------------------------------------------------------------------------------- */

static void deadline_passed(void *arg);

static void arm_deadline(struct activity *a)
{
	int64_t timeout_ms = a->workflow ? a->workflow->timeout_ms : 0;

	if (timeout_ms <= 0 || a->deadline || a->cancelled || a->timed_out || a->engine->stopping)
		return;
	a->deadline = step_timer_start(a->engine, a->started_ms + timeout_ms - clock_wall_ms(), deadline_passed, a);
}

/* A timer may be early by the wall clock, which is what the times of the steps are told by. */
static void deadline_passed(void *arg)
{
	struct activity *a = arg;

	a->deadline = NULL;
	if (clock_wall_ms() < a->started_ms + a->workflow->timeout_ms)
		arm_deadline(a);
	else
		activity_timeout(a);
}

static void ended(struct activity *a)
{
	struct engine *e = a->engine;
	char id[ID_SIZE];

	metric_add(e->metrics.activities[a->status], 1);
	cancel_answer(a, a->status == STATUS_CANCELLED ? 0 : -EALREADY);
	approve_answer(&a->answers, -EALREADY);
	memcpy(id, a->id, ID_SIZE);
	leave(a);
	children_ended(e, id);
}

/* Runners may report from inside step_run: the hold makes all of it one transition. What a step has come to while that
 * transition was under way is committed by the next one, and waits for it. */
static void begin_runners(struct activity *a)
{
	a->hold = true;
	for (size_t i = 0; a->workflow && i < a->workflow->step_count; i++) {
		if (!a->steps[i].begin || a->steps[i].dirty)
			continue;
		a->steps[i].begin = false;
		step_run(&a->steps[i]);
	}
	a->hold = false;
}

static void settled(struct activity *a)
{
	struct engine *e = a->engine;
	/* Of one that had been committed unknown to us nobody has counted them. */
	bool turns = a->transition.ret_turns > 0 || a->unsure;

	a->in_flight = false;
	a->unsure = false;
	a->status = a->transition.to;
	engine_metrics_settled(a);
	if (e->options.bus)
		bus_publish(e->options.bus, a->transition.ret_events, a->transition.ret_event_count);
	store_events_free(a->transition.ret_events, a->transition.ret_event_count);
	a->transition.ret_events = NULL;
	a->transition.ret_event_count = 0;
	approve_answer(&a->settling, 0);
	if (e->stopped)
		return;
	if (turns)
		queue_turns(e, a->workflow_id);
	if (status_is_final(a->status)) {
		ended(a);
		stop_check(e);
		return;
	}
	arm_deadline(a);
	begin_runners(a);
	activity_advance(a);
	stop_check(e);
}

static void submit_again(void *arg)
{
	struct activity *a = arg;

	a->again = NULL;
	store_submit(a->engine->store, &a->transition.op);
}

static void try_again(struct activity *a, int error)
{
	log_error("a transition is tried again", log_str("activity", a->id), log_errno(error), LOG_END);
	a->unsure = true;
	step_timer_stop(a->again);
	a->again = NULL;
	if (!a->engine->quiet)
		a->again = step_timer_start(a->engine, TRY_AGAIN_MS, submit_again, a);
}

/* The outcome of a transition was unknown, and now its status is no longer what it was: either it had been committed,
 * or somebody else was faster. */
static void compare(void *arg, int status, const struct store_activity_row *row)
{
	struct activity *a = arg;

	if (a->engine->stopped)
		return;
	if (status == 0 && row->status == a->transition.to) {
		settled(a);
		return;
	}
	if (status < 0 && status != -ENOENT) {
		try_again(a, status);
		return;
	}
	a->in_flight = false;
	drop(a);
}

static void committed(struct store_op *op)
{
	struct activity *a = list_entry(op, struct activity, transition.op);
	struct engine *e = a->engine;

	if (op->status == 0) {
		settled(a);
	} else if (e->stopped || op->status == -ECANCELED) {
		a->in_flight = false;
		cancel_answer(a, -ECANCELED);
		approve_answer(&a->answers, -ECANCELED);
		approve_answer(&a->settling, -ECANCELED);
	} else if (op->status == -ESTALE && a->unsure && store_get_activity(e->store, a->id, compare, a) == 0) {
		return;
	} else if (op->status == -ESTALE || op->status == -ENOENT) {
		a->in_flight = false;
		drop(a);
	} else {
		try_again(a, op->status);
	}
}

/* ---- Deciding ------------------------------------------------------------------------------------------------- */

static void submit(struct activity *a, enum status to, size_t step_count, int64_t now_ms)
{
	struct store_transition *t = &a->transition;

	*t = (struct store_transition){
		.op = {.kind = STORE_TRANSITION, .done = committed},
		.from = a->status,
		.to = to,
		.now_ms = now_ms,
		.message = a->message,
		.steps = a->changes,
		.step_count = step_count,
	};
	memcpy(t->id, a->id, ID_SIZE);
	list_splice(&a->settling, &a->answers);
	a->in_flight = true;
	store_submit(a->engine->store, &t->op);
}

void activity_close(struct activity *a, enum status to, const char *message)
{
	free(a->message);
	a->message = message ? strdup(message) : NULL;
	submit(a, to, 0, clock_wall_ms());
}

/* Steps that will never run, those that begin now, and those whose turn has come again. */
static void decide_steps(struct activity *a, bool *ret_hungry, int64_t now_ms)
{
	struct engine *e = a->engine;
	size_t ready_count, skipped_count;

	run_advance(&a->run, e->ready, &ready_count, e->skipped, &skipped_count);
	for (size_t i = 0; i < skipped_count; i++) {
		size_t step = e->skipped[i];

		step_final(&a->steps[step], a->run.steps[step].status, now_ms);
	}
	if (e->stopping)
		return;
	for (size_t i = 0; i < a->workflow->step_count; i++)
		if (a->steps[i].wanted && !step_begin(&a->steps[i], now_ms))
			*ret_hungry = true;
	for (size_t i = 0; i < ready_count; i++)
		if (!step_begin(&a->steps[e->ready[i]], now_ms))
			*ret_hungry = true;
}

static void set_outcome_message(struct activity *a, enum status outcome)
{
	const char *step;
	char *why = NULL;

	free(a->message);
	a->message = NULL;
	if (outcome == STATUS_CANCELLED && a->cancel_message) {
		a->message = strdup(a->cancel_message);
		return;
	}
	if (outcome != STATUS_FAILURE || activity_failure(a, &step, &why) < 0)
		return;
	a->message = *step ? text_printf("step %s: %s", step, why) : strdup(why);
	free(why);
}

/* A step that is being asked whether it wants to run is under way, too. */
static bool is_under_way(const struct step *s)
{
	return s->status == STATUS_INPROGRESS || s->wanted || (s->status == STATUS_NOTSTARTED && s->job);
}

static enum status next_status(struct activity *a, bool hungry)
{
	bool waiting = false;

	if (run_is_over(&a->run)) {
		enum status outcome = run_outcome(&a->run, NULL);

		/* Something that never began has no outcome but these. */
		if (a->status == STATUS_NOTSTARTED && outcome != STATUS_CANCELLED)
			return STATUS_INPROGRESS;
		set_outcome_message(a, outcome);
		return outcome;
	}
	/* Every activity is said to have started before it waits. */
	if (a->status == STATUS_NOTSTARTED)
		return STATUS_INPROGRESS;
	for (size_t i = 0; i < a->workflow->step_count; i++) {
		if (is_under_way(&a->steps[i]))
			return STATUS_INPROGRESS;
		waiting = waiting || a->steps[i].status == STATUS_WAITING;
	}
	return waiting && !hungry ? STATUS_WAITING : STATUS_INPROGRESS;
}

static size_t collect(struct activity *a)
{
	size_t count = 0;

	for (uint32_t i = 0; i < a->workflow->step_count; i++) {
		struct step *s = &a->steps[i];

		if (!s->dirty)
			continue;
		s->dirty = false;
		a->changes[count++] = (struct store_step_change){
			.index = i,
			.status = s->status,
			.attempt = s->attempt,
			.retries = s->counted,
			.started_ms = s->started_ms,
			.ended_ms = s->ended_ms,
			.wake_ms = s->wake_ms,
			.outputs = s->outputs,
			/* "" takes away what an earlier attempt said. */
			.message = s->message || s->attempt < 2 ? s->message : "",
			.exit_code = s->exit_code,
		};
	}
	return count;
}

int64_t activity_wake_ms(const struct workflow *w, int64_t started_ms, int64_t wake_ms)
{
	int64_t end_ms = started_ms + w->timeout_ms;

	return w->timeout_ms > 0 && end_ms < wake_ms ? end_ms : wake_ms;
}

/* A long wait leaves memory: the store knows all of it. */
static bool park(struct activity *a)
{
	int64_t wake_ms = INT64_MAX;

	if (a->status != STATUS_WAITING || a->at_work > 0 || a->engine->stopping || a->cancelled || a->timed_out)
		return false;
	for (size_t i = 0; i < a->workflow->step_count; i++) {
		const struct step *s = &a->steps[i];

		if (s->wanted || s->job || s->look || s->ending)
			return false;
		if (s->status == STATUS_WAITING && s->wake_ms > 0 && s->wake_ms < wake_ms)
			wake_ms = s->wake_ms;
	}
	wake_ms = activity_wake_ms(a->workflow, a->started_ms, wake_ms);
	if (wake_ms - clock_wall_ms() < ENGINE_PARK_MS)
		return false;
	return parked_add(a->engine, a->id, wake_ms) == 0;
}

/* Out of memory but not out of the world: its scratch folder stays. */
static void leave_parked(struct activity *a)
{
	struct engine *e = a->engine;

	leave_steps(a, true);
	scheduler_forget(a);
	activity_free(a);
	scheduler_run(e);
}

void activity_advance(struct activity *a)
{
	struct engine *e = a->engine;
	int64_t now_ms;
	bool hungry = false;
	enum status to;
	size_t count;

	if (a->in_flight || a->hold || a->dropped || !a->workflow || status_is_final(a->status) || e->quiet)
		return;
	now_ms = clock_wall_ms();
	decide_steps(a, &hungry, now_ms);
	to = next_status(a, hungry);
	count = collect(a);
	if (hungry && list_empty(&a->node))
		list_append(&e->scheduler.hungry, &a->node);
	if (count > 0 || to != a->status) {
		if (a->status == STATUS_NOTSTARTED)
			a->started_ms = now_ms;
		submit(a, to, count, now_ms);
		return;
	}
	if (!hungry && park(a))
		leave_parked(a);
}

void activity_begin(struct activity *a, struct workflow *w, const char *why_not)
{
	int r;

	if (a->in_flight || a->cancelled || a->dropped)
		return;
	r = w ? activity_set_workflow(a, w) : 0;
	if (r < 0)
		why_not = log_strerror(r);
	if (!w || r < 0)
		activity_close(a, STATUS_INVALID, why_not);
	else
		activity_advance(a);
}

void activity_resume(struct activity *a)
{
	arm_deadline(a);
	begin_runners(a);
	activity_advance(a);
}
