/* The states of one step, the same for every kind: it takes a slot, runs, and what its runner reports becomes a
 * retry or an end. */
#include "engine/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static const struct step_def *def_of(const struct step *s)
{
	return &s->activity->workflow->steps[s->index];
}

/* Sleeping takes nothing of the machine. */
bool step_needs_slot(enum step_kind kind)
{
	return kind != STEP_SLEEP;
}

void step_give_slot_back(struct step *s)
{
	if (!s->slot)
		return;
	s->slot = false;
	s->activity->engine->scheduler.slots_used--;
}

/* A short sleep is not worth a row of its own. A sleep that cannot be read fails when it runs. */
static void plan_sleep(struct step *s, int64_t now_ms)
{
	int64_t sleep_ms;

	if (sleep_duration(s, &sleep_ms, NULL, 0) < 0 || sleep_ms < ENGINE_SLEEP_ROW_MS)
		return;
	s->status = STATUS_WAITING;
	s->wake_ms = now_ms + sleep_ms;
	run_waiting(&s->activity->run, s->index);
}

bool step_begin(struct step *s, int64_t now_ms)
{
	struct scheduler *scheduler = &s->activity->engine->scheduler;
	enum step_kind kind = def_of(s)->kind;

	if (step_needs_slot(kind)) {
		if (scheduler->slots_used >= s->activity->engine->options.concurrency)
			return false;
		scheduler->slots_used++;
		s->slot = true;
	}
	s->attempt++;
	if (!s->uncounted || s->counted == 0)
		s->counted++;
	s->uncounted = s->wanted = false;
	if (s->started_ms == 0)
		s->started_ms = now_ms;
	s->ended_ms = s->wake_ms = 0;
	s->exit_code = -1;
	s->status = STATUS_INPROGRESS;
	s->dirty = s->begin = true;
	run_started(&s->activity->run, s->index, s->attempt);
	if (kind == STEP_SLEEP)
		plan_sleep(s, now_ms);
	return true;
}

static void count_runner(struct step *s, bool more)
{
	struct scheduler *scheduler = &s->activity->engine->scheduler;

	if (more) {
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
	if (a->cancelled) {
		step_give_slot_back(s);
		step_final(s, STATUS_CANCELLED, clock_wall_ms());
		return;
	}
	count_runner(s, true);
	if (def_of(s)->kind == STEP_SLEEP)
		sleep_run(s);
	else
		process_run(s);
}

void step_final(struct step *s, enum status outcome, int64_t now_ms)
{
	s->status = outcome;
	s->wanted = s->begin = false;
	s->dirty = true;
	s->wake_ms = 0;
	if (outcome != STATUS_SKIPPED && s->attempt > 0)
		s->ended_ms = now_ms;
	engine_metrics_step(s);
	run_ended(&s->activity->run, s->index, outcome);
	metric_add(s->activity->engine->metrics.steps[def_of(s)->kind][outcome], 1);
}

static void retry(struct step *s, int64_t now_ms)
{
	s->status = STATUS_WAITING;
	s->dirty = true;
	s->wake_ms = now_ms + def_of(s)->retry.backoff_ms;
	run_waiting(&s->activity->run, s->index);
	/* Its timer is armed when the transition has been committed. */
	s->begin = true;
}

void step_ended(struct step *s, const struct step_result *result)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;
	int64_t now_ms = clock_wall_ms();

	step_give_slot_back(s);
	count_runner(s, false);
	free(s->message);
	free(s->outputs);
	s->message = result->message;
	s->outputs = result->outputs;
	s->exit_code = result->has_exit_code ? result->exit_code : -1;
	if (!a->dropped) {
		if (result->outcome == STATUS_FAILURE && !a->cancelled && s->counted < def_of(s)->retry.attempts)
			retry(s, now_ms);
		else
			step_final(s, result->outcome, now_ms);
	}
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

void step_left(struct step *s)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;

	step_give_slot_back(s);
	count_runner(s, false);
	activity_settle(a);
	stop_check(e);
}

void step_stop(struct step *s, enum process_end why)
{
	if (s->process) {
		process_end(s->process, why);
	} else if (s->timer && s->status == STATUS_INPROGRESS) {
		step_timer_stop(s->timer);
		s->timer = NULL;
		if (why == PROCESS_SHUTDOWN)
			step_left(s);
		else
			step_ended(s, &(struct step_result){.outcome = STATUS_CANCELLED});
	} else if (s->timer) {
		step_timer_stop(s->timer);
		s->timer = NULL;
	}
}
