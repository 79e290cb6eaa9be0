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

static void woken(void *arg)
{
	struct step *s = arg;
	struct activity *a = s->activity;

	s->timer = NULL;
	if (s->wake_ms > clock_wall_ms()) {
		step_wait(s);
		return;
	}
	if (a->workflow->steps[s->index].kind == STEP_SLEEP)
		step_final(s, STATUS_COMPLETED, clock_wall_ms());
	else
		s->wanted = true;
	activity_advance(a);
}

void step_wait(struct step *s)
{
	struct engine *e = s->activity->engine;
	int64_t left_ms = s->wake_ms - clock_wall_ms();

	if (e->stopping || s->activity->dropped)
		return;
	if (s->activity->cancelled) {
		step_final(s, STATUS_CANCELLED, clock_wall_ms());
		return;
	}
	s->timer = step_timer_start(e, left_ms < LOOK_AGAIN_MS ? left_ms : LOOK_AGAIN_MS, woken, s);
}
