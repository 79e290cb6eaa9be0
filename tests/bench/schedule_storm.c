/* A million schedules that are due in one second: how long the loop is taken up by taking them out of the heap and putting
 * them back, without their fires; and what each takes in memory. Prints JSON. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "schedule/schedule.h"

#define COUNT_DEFAULT 1000000
#define BEGIN INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define ZONES 3

static int64_t wall_ms(tappet_instance *self)
{
	(void)self;
	return BEGIN;
}

static int32_t timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			   tappet_timer **ret)
{
	static char timer;
	(void)self;
	(void)delay_ms;
	(void)repeat_ms;
	(void)cb;
	(void)arg;
	*ret = (tappet_timer *)(void *)&timer;
	return TAPPET_OK;
}

static void timer_stop(tappet_timer *timer)
{
	(void)timer;
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* All are due at noon of some zone. */
static struct unit *make(struct plugin *p, struct binding *b, int i)
{
	static const char *const zones[ZONES] = {"UTC", "Europe/Amsterdam", "America/New_York"};
	static const int hours[ZONES] = {12, 13, 7};
	struct spec_error error;
	struct unit *u = NULL;
	char pattern[40];
	cJSON *options = cJSON_CreateObject();
	snprintf(pattern, sizeof(pattern), "0 %d * * *", hours[i % ZONES]);
	cJSON_AddStringToObject(options, "cron", pattern);
	cJSON_AddStringToObject(options, "timezone", zones[i % ZONES]);
	if (unit_new(p, options, "", BEGIN, &u, &error) < 0)
		exit(1);
	cJSON_Delete(options);
	u->binding = b;
	u->object = true;
	clock_arm(p, u);
	return u;
}

/* As the plugin does it: all that is due goes into the queue, and back into the heap when its fire has been committed. */
static double storm(struct plugin *p, int64_t due_ms, int *ret_count)
{
	const struct heap_entry *top;
	struct unit *first = NULL, **last = &first;
	const double begin = now_ms();
	for (*ret_count = 0; (top = heap_top(&p->heap)) && top->due_ms <= due_ms; (*ret_count)++) {
		struct unit *u = top->unit;
		heap_remove(&p->heap, u);
		*last = u;
		last = &u->next;
	}
	for (struct unit *u = first; u; u = u->next) {
		u->cursor_ms = due_ms;
		clock_arm(p, u);
	}
	return now_ms() - begin;
}

int main(int argc, char **argv)
{
	static char utc[] = "UTC", id[] = "x";
	const tappet_host host = {.wall_ms = wall_ms, .timer_start = timer_start, .timer_stop = timer_stop};
	struct plugin p = {.host = &host, .timezone = utc, .started = true};
	struct binding b = {.plugin = &p, .trigger_id = id, .slug = id};
	const int count = argc > 1 ? atoi(argv[1]) : COUNT_DEFAULT;
	int due;
	if (zones_new(&p.zones) < 0)
		return 1;
	const struct mallinfo2 before = mallinfo2();
	for (int i = 0; i < count; i++)
		make(&p, &b, i);
	const struct mallinfo2 after = mallinfo2();
	const double bytes = (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / count;
	const double ms = storm(&p, BEGIN + INT64_C(43200000), &due);
	printf("{\"count\":%d,\"due\":%d,\"rearm_ms\":%.1f,\"bytes\":%.0f}\n", count, due, ms, bytes);
	return 0;
}
