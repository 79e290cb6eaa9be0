/* The states of one step, the same for every kind: it takes a slot, runs, and what its runner reports becomes a
 * retry or an end. */
#include "engine/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const struct step_ops kinds[] = {
	[STEP_RUN] = {.slot = true, .run = process_run},
	[STEP_SCRIPT] = {.slot = true, .run = process_run},
	[STEP_SLEEP] = {.plan = sleep_plan, .run = sleep_run},
	[STEP_HTTP] = {.slot = true, .run = http_run, .stop = http_stop},
	[STEP_WORKFLOW] = {.run = child_run, .await = child_await, .forget = child_forget, .stop = child_stop},
	[STEP_WAIT] = {.plan = wait_plan, .run = wait_run, .await = wait_await, .forget = wait_forget},
	[STEP_APPROVE] = {.plan = approve_plan, .run = approve_run, .await = approve_await},
	[STEP_SET] = {.run = set_run},
};

const struct step_def *step_def_of(const struct step *s)
{
	return &s->activity->workflow->steps[s->index];
}

static const struct step_ops *ops_of(const struct step *s)
{
	return &kinds[step_def_of(s)->kind];
}

bool step_needs_slot(enum step_kind kind)
{
	return kinds[kind].slot;
}

bool step_kind_awaits(enum step_kind kind, const char *outputs)
{
	return kinds[kind].await && outputs && outputs[0] == '{' && outputs[1] != '}';
}

bool step_awaits(const struct step *s)
{
	return s->status == STATUS_WAITING && step_kind_awaits(step_def_of(s)->kind, s->outputs);
}

bool step_is_on_failure(const struct step *s)
{
	const struct workflow *w = s->activity->workflow;

	return w->has_on_failure && s->index + 1 == w->step_count;
}

bool step_is_unwanted(const struct step *s)
{
	const struct activity *a = s->activity;

	return a->cancelled || (a->timed_out && !step_is_on_failure(s));
}

void step_look(struct step *s)
{
	ops_of(s)->await(s);
}

void step_give_slot_back(struct step *s)
{
	if (!s->slot)
		return;
	s->slot = false;
	s->activity->engine->scheduler.slots_used--;
}

/* ---- The beginning -------------------------------------------------------------------------------------------- */

bool step_begin(struct step *s, int64_t now_ms)
{
	struct scheduler *scheduler = &s->activity->engine->scheduler;
	const struct step_ops *ops = ops_of(s);

	/* Asked once: what begins again has been willing. */
	if (step_def_of(s)->when && s->attempt == 0 && !s->willing) {
		if (!s->job)
			step_ask_when(s);
		return true;
	}
	if (ops->slot) {
		if (scheduler->slots_used >= s->activity->engine->options.concurrency)
			return false;
		scheduler->slots_used++;
		s->slot = true;
	}
	s->attempt++;
	if (!s->uncounted || s->counted == 0)
		s->counted++;
	s->uncounted = s->wanted = s->ending = false;
	if (s->started_ms == 0)
		s->started_ms = now_ms;
	s->ended_ms = s->wake_ms = 0;
	s->exit_code = -1;
	s->status = STATUS_INPROGRESS;
	s->dirty = s->begin = true;
	run_started(&s->activity->run, s->index, s->attempt);
	if (ops->plan)
		ops->plan(s, now_ms);
	return true;
}

static void count_runner(struct step *s, bool at_work)
{
	struct scheduler *scheduler = &s->activity->engine->scheduler;

	if (s->at_work == at_work)
		return;
	s->at_work = at_work;
	if (at_work) {
		s->activity->at_work++;
		scheduler->at_work++;
	} else {
		s->activity->at_work--;
		scheduler->at_work--;
	}
	metric_set(s->activity->engine->metrics.running, (double)scheduler->at_work);
}

void step_run(struct step *s)
{
	struct activity *a = s->activity;

	if (s->status == STATUS_WAITING) {
		step_wait(s);
		return;
	}
	if (a->engine->stopping || a->dropped) {
		step_give_slot_back(s);
		return;
	}
	if (step_is_unwanted(s)) {
		step_give_slot_back(s);
		step_final(s, STATUS_CANCELLED, clock_wall_ms());
		return;
	}
	count_runner(s, true);
	ops_of(s)->run(s);
}

/* ---- The end -------------------------------------------------------------------------------------------------- */

void step_park(struct step *s)
{
	step_timer_stop(s->timer);
	step_timer_stop(s->look);
	s->timer = s->look = NULL;
	job_abandon(s);
}

void step_forget(struct step *s)
{
	step_park(s);
	if (ops_of(s)->forget)
		ops_of(s)->forget(s);
}

void step_final(struct step *s, enum status outcome, int64_t now_ms)
{
	step_forget(s);
	s->status = outcome;
	s->wanted = s->begin = false;
	s->dirty = true;
	s->wake_ms = 0;
	if (outcome != STATUS_SKIPPED && s->attempt > 0)
		s->ended_ms = now_ms;
	engine_metrics_step(s);
	run_ended(&s->activity->run, s->index, outcome);
	metric_add(s->activity->engine->metrics.steps[step_def_of(s)->kind][outcome], 1);
}

static bool may_retry(const struct step *s, const struct step_result *result)
{
	const struct retry_def *retry = &step_def_of(s)->retry;

	return result->outcome == STATUS_FAILURE && !step_is_unwanted(s) && s->counted < retry->attempts &&
	       failure_matches(retry->on, retry->on_count, &result->failure);
}

static void retry(struct step *s, int64_t now_ms)
{
	struct engine *e = s->activity->engine;

	s->status = STATUS_WAITING;
	s->dirty = true;
	s->wake_ms = now_ms + retry_backoff_ms(&step_def_of(s)->retry, s->counted, chance_of(e));
	run_waiting(&s->activity->run, s->index);
	/* Its timer is armed when the transition has been committed. */
	s->begin = true;
}

/* An attempt of a kind that awaits leaves nothing behind that says so. */
static char *outputs_after(const struct step *s, char *outputs, bool again)
{
	if (!ops_of(s)->await || (outputs && !again))
		return outputs;
	free(outputs);
	return strdup("{}");
}

void step_ended(struct step *s, const struct step_result *result)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;
	int64_t now_ms = clock_wall_ms();
	bool again = may_retry(s, result);

	step_forget(s);
	step_give_slot_back(s);
	count_runner(s, false);
	free(s->message);
	free(s->outputs);
	s->message = result->message;
	s->outputs = outputs_after(s, result->outputs, again);
	s->exit_code = result->has_exit_code ? result->exit_code : -1;
	if (!a->dropped && again)
		retry(s, now_ms);
	else if (!a->dropped)
		step_final(s, result->outcome, now_ms);
	/* Both may free the activity. */
	if (a->dropped)
		activity_settle(a);
	else
		activity_advance(a);
	scheduler_run(e);
	stop_check(e);
}

void step_completed(struct step *s, char *outputs)
{
	step_ended(s, &(struct step_result){.outcome = STATUS_COMPLETED, .outputs = outputs});
}

void step_failed(struct step *s, enum failure_kind kind, const char *format, ...)
{
	struct step_result result = {.outcome = STATUS_FAILURE, .failure = {.kind = kind}};
	va_list args;

	va_start(args, format);
	if (vasprintf(&result.message, format, args) < 0)
		result.message = NULL;
	va_end(args);
	step_ended(s, &result);
}

void step_plan_await(struct step *s, char *outputs, int64_t now_ms)
{
	int64_t timeout_ms = step_def_of(s)->timeout_ms;

	if (!outputs)
		return;
	free(s->outputs);
	s->outputs = outputs;
	s->status = STATUS_WAITING;
	s->wake_ms = timeout_ms > 0 ? now_ms + timeout_ms : 0;
	run_waiting(&s->activity->run, s->index);
}

void step_await(struct step *s, char *outputs, int64_t wake_ms)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;

	if (!outputs) {
		step_failed(s, FAILURE_OTHER, "no memory");
		return;
	}
	step_give_slot_back(s);
	count_runner(s, false);
	free(s->outputs);
	s->outputs = outputs;
	s->status = STATUS_WAITING;
	s->wake_ms = wake_ms;
	s->dirty = s->begin = true;
	run_waiting(&a->run, s->index);
	if (a->dropped)
		activity_settle(a);
	else
		activity_advance(a);
	scheduler_run(e);
	stop_check(e);
}

void step_left(struct step *s)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;

	step_give_slot_back(s);
	count_runner(s, false);
	activity_settle(a);
	stop_check(e);
}

/* A runner that is nothing but a timer or a job ends at once. */
static void stop_at_once(struct step *s, enum process_end why)
{
	step_timer_stop(s->timer);
	s->timer = NULL;
	job_abandon(s);
	if (why == PROCESS_SHUTDOWN)
		step_left(s);
	else
		step_ended(s, &(struct step_result){.outcome = STATUS_CANCELLED});
}

void step_stop(struct step *s, enum process_end why)
{
	if (s->process) {
		process_end(s->process, why);
	} else if (s->at_work) {
		if (!ops_of(s)->stop || !ops_of(s)->stop(s, why))
			stop_at_once(s, why);
	} else {
		step_timer_stop(s->timer);
		s->timer = NULL;
	}
}

/* What another activity does for it is ended first, so that nothing is left behind when it is over. One that is about to be
 * committed is asked for then. */
static bool ends_later(struct step *s)
{
	if (!step_awaits(s) || !ops_of(s)->stop)
		return false;
	return (s->begin && s->activity->in_flight) || ops_of(s)->stop(s, PROCESS_CANCELLED);
}

void step_cancel(struct step *s, int64_t now_ms)
{
	if (s->status == STATUS_NOTSTARTED)
		job_abandon(s);
	if (s->status == STATUS_NOTSTARTED || status_is_final(s->status) || ends_later(s))
		return;
	step_stop(s, PROCESS_CANCELLED);
	if (s->status == STATUS_WAITING || s->wanted)
		step_final(s, STATUS_CANCELLED, now_ms);
}

void step_time_out(struct step *s)
{
	char text[CLOCK_TEXT_MAX];

	if (ops_of(s)->stop && ops_of(s)->stop(s, PROCESS_TIMEOUT))
		return;
	step_failed(s, FAILURE_TIMEOUT, "timed out after %s",
		    duration_text(step_def_of(s)->timeout_ms, text, sizeof(text)));
}
