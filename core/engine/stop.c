/* The engine's end: nothing new starts, running steps get their time, then their processes are ended. What they
 * leave is not recorded: the store keeps these steps as begun, and the next start runs them again. */
#include "engine/internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "engine/curl_loop.h"

void engine_hold(struct engine *e)
{
	e->pending++;
}

void engine_let_go(struct engine *e)
{
	e->pending--;
	stop_check(e);
}

struct farewell {
	uv_idle_t handle;
	void (*done)(void *arg);
	void *arg;
};

/* The caller may free the engine from inside `done`: nothing of it may be on the stack then. */
static void farewell_closed(uv_handle_t *handle)
{
	struct farewell *f = handle->data;
	void (*done)(void *arg) = f->done;
	void *arg = f->arg;

	free(f);
	done(arg);
}

static void say_done(struct engine *e)
{
	struct farewell *f = e->farewell;

	e->stopped = true;
	e->farewell = NULL;
	uv_close((uv_handle_t *)&f->handle, farewell_closed);
}

static void stop_timers(struct engine *e)
{
	step_timer_stop(e->stop_timer);
	e->stop_timer = NULL;
	step_timer_stop(e->access.timer);
	e->access.timer = NULL;
	step_timer_stop(e->refusals.timer);
	e->refusals.timer = NULL;
	step_timer_stop(e->parked.timer);
	e->parked.timer = NULL;
	step_timer_stop(e->scheduler.again);
	e->scheduler.again = NULL;
	list_each (node, &e->scheduler.active) {
		struct activity *a = list_entry(node, struct activity, all);

		step_timer_stop(a->deadline);
		step_timer_stop(a->again);
		a->deadline = a->again = NULL;
		for (size_t i = 0; a->workflow && i < a->workflow->step_count; i++) {
			step_park(&a->steps[i]);
		}
	}
}

/* Steps have ended while another transition of their activity is with the store: their outcome follows it, or the next
 * start would run them again. */
static bool is_owing(const struct engine *e)
{
	for (const struct list *node = e->scheduler.active.next; node != &e->scheduler.active; node = node->next) {
		const struct activity *a = list_entry(node, struct activity, all);

		for (size_t i = 0; a->in_flight && a->workflow && i < a->workflow->step_count; i++)
			if (a->steps[i].dirty)
				return true;
	}
	return false;
}

static void http_closed(void *arg)
{
	engine_let_go(arg);
}

static void close_http(struct engine *e)
{
	if (!e->http)
		return;
	engine_hold(e);
	curl_loop_close(e->http, http_closed, e);
	e->http = NULL;
}

void stop_check(struct engine *e)
{
	if (!e->stopping || !e->farewell || e->scheduler.at_work > 0)
		return;
	if (!e->quiet && !e->ending && is_owing(e))
		return;
	if (!e->quiet) {
		e->quiet = true;
		stop_timers(e);
		close_http(e);
		refusals_flush(e);
		access_flush(e);
	}
	if (e->pending == 0)
		say_done(e);
}

/* Steps report from inside step_stop, but no activity is freed here: each is in_flight or left to the store. */
static void end_children(struct engine *e)
{
	e->ending = true;
	list_each (node, &e->scheduler.active) {
		struct activity *a = list_entry(node, struct activity, all);

		a->hold = true;
		for (size_t i = 0; a->workflow && i < a->workflow->step_count; i++)
			step_stop(&a->steps[i], PROCESS_SHUTDOWN);
		a->hold = false;
	}
	stop_check(e);
}

static void drained(void *arg)
{
	struct engine *e = arg;

	e->stop_timer = NULL;
	if (e->scheduler.at_work > 0)
		log_warn("steps are ended, the next start runs them again", log_int("steps", e->scheduler.at_work),
			 LOG_END);
	end_children(e);
}

void engine_stop(struct engine *e, int64_t drain_ms, void (*done)(void *arg), void *arg)
{
	if (e->stopping) {
		if (!e->ending && !e->stopped)
			end_children(e);
		return;
	}
	e->stopping = true;
	e->farewell = calloc(1, sizeof(*e->farewell));
	if (!e->farewell)
		abort(); /* without it nobody would ever learn of the end */
	e->farewell->done = done;
	e->farewell->arg = arg;
	e->farewell->handle.data = e->farewell;
	uv_idle_init(e->loop, &e->farewell->handle);
	if ((e->scheduler.at_work > 0 || is_owing(e)) && drain_ms > 0)
		e->stop_timer = step_timer_start(e, drain_ms, drained, e);
	if (!e->stop_timer)
		end_children(e);
	stop_check(e);
}
