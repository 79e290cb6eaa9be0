/* `sleep`: a short one is a timer; a long one is a row with a wake time, and so is the backoff before a retry,
 * so that both survive a restart. */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

/* Timers are armed for at most this long, then the wall clock is looked at again: it may have been set. */
#define LOOK_AGAIN_MS (60 * 1000)

int sleep_duration(struct step *s, int64_t *ret_ms, char *message, size_t message_size)
{
	struct activity *a = s->activity;
	const struct step_def *def = &a->workflow->steps[s->index];
	struct values values;
	struct buf text;
	int r;

	buf_init(&text, 4096);
	r = values_init(&values, a);
	if (r == 0)
		r = values_expand(&values, &def->sleep, &text, message, message_size);
	if (r == 0) {
		r = clock_parse_duration(buf_cstr(&text), ret_ms);
		if (r < 0 && message)
			(void)snprintf(message, message_size,
				       "cannot sleep \"%.100s\": expected a duration such as 10s", buf_cstr(&text));
	}
	values_release(&values);
	buf_release(&text);
	return r;
}

/* A short sleep is not worth a row of its own. A sleep that cannot be read fails when it runs. */
void sleep_plan(struct step *s, int64_t now_ms)
{
	int64_t sleep_ms;

	if (sleep_duration(s, &sleep_ms, NULL, 0) < 0 || sleep_ms < ENGINE_SLEEP_ROW_MS)
		return;
	s->status = STATUS_WAITING;
	s->wake_ms = now_ms + sleep_ms;
	run_waiting(&s->activity->run, s->index);
}

static void over(void *arg)
{
	struct step *s = arg;

	s->timer = NULL;
	step_completed(s, NULL);
}

void sleep_run(struct step *s)
{
	char message[ENGINE_MESSAGE_MAX] = "";
	int64_t sleep_ms;

	if (sleep_duration(s, &sleep_ms, message, sizeof(message)) < 0) {
		step_failed(s, FAILURE_START, "%s", message);
		return;
	}
	if (sleep_ms == 0) {
		step_completed(s, NULL);
		return;
	}
	s->timer = step_timer_start(s->activity->engine, sleep_ms, over, s);
	if (!s->timer)
		step_failed(s, FAILURE_START, "no memory for a timer");
}

static void woken(void *arg);

static void arm(struct step *s)
{
	int64_t left_ms = s->wake_ms - clock_wall_ms();

	s->timer = step_timer_start(s->activity->engine, left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS, woken, s);
}

static void woken(void *arg)
{
	struct step *s = arg;
	struct activity *a = s->activity;

	s->timer = NULL;
	if (s->wake_ms > clock_wall_ms()) {
		arm(s);
		return;
	}
	if (step_awaits(s)) {
		if (!a->engine->stopping)
			step_time_out(s);
		return;
	}
	if (step_def_of(s)->kind == STEP_SLEEP)
		step_final(s, STATUS_COMPLETED, clock_wall_ms());
	else
		s->wanted = true;
	activity_advance(a);
}

void step_wait(struct step *s)
{
	if (s->activity->engine->stopping || s->activity->dropped)
		return;
	if (step_is_unwanted(s)) {
		step_cancel(s, clock_wall_ms());
		return;
	}
	if (s->wake_ms > 0)
		arm(s);
	if (step_awaits(s))
		step_look(s);
}

static void look_now(void *arg)
{
	struct step *s = arg;

	s->look = NULL;
	step_look(s);
}

void step_look_later(struct step *s, int64_t delay_ms)
{
	if (!s->look && !s->activity->engine->stopping)
		s->look = step_timer_start(s->activity->engine, delay_ms, look_now, s);
}
