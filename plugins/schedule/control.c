/* What people do to a schedule: pause, resume, leave out the next one, run now. Each is committed before it is answered. What is
 * on its way meanwhile was decided before; the state that goes with it says what was said last, since both are written of
 * one schedule. */
#include <stdlib.h>
#include "schedule.h"

/* A change of the state on its way. */
struct put {
	struct unit *unit;
	tappet_done_cb done;
	void *arg;
	/* As it was. */
	int64_t paused_ms, quiet_ms, skip_ms;
	bool paused;
};

static void take_back(struct unit *u, const struct put *before)
{
	u->paused = before->paused;
	u->paused_ms = before->paused_ms;
	u->quiet_ms = before->quiet_ms;
	u->skip_ms = before->skip_ms;
}

static void put_done(void *arg, int32_t result)
{
	struct put *put = arg;
	struct unit *u = put->unit;
	const tappet_done_cb done = put->done;
	void *done_arg = put->arg;
	/* Nobody knows whether it was stored: it is said again with what holds now. */
	u->unsaved = u->unsaved || result == TAPPET_EUNKNOWN;
	if (result != TAPPET_OK)
		take_back(u, put);
	free(put);
	unit_settle(u, true);
	done(done_arg, result);
}

/* The unit is as it will be; *before is how it was. */
static int32_t commit(struct unit *u, const struct put *before)
{
	struct put *put = malloc(sizeof(*put));
	int32_t r = put ? TAPPET_OK : TAPPET_ENOMEM;
	if (put) {
		*put = *before;
		r = state_put(u, put_done, put);
	}
	if (r == TAPPET_OK) {
		heap_remove(&u->binding->plugin->heap, u);
		unit_begin(u);
		return r;
	}
	free(put);
	take_back(u, before);
	return r;
}

static struct put put_of(struct unit *u, tappet_done_cb done, void *arg)
{
	return (struct put){u, done, arg, u->paused_ms, u->quiet_ms, u->skip_ms, u->paused};
}

int32_t control_pause(struct unit *u, tappet_done_cb done, void *arg)
{
	const struct put before = put_of(u, done, arg);
	if (u->paused)
		return TAPPET_ESTATE;
	if (u->busy)
		return TAPPET_EBUSY;
	u->paused = true;
	u->paused_ms = u->held ? u->paused_ms : plugin_now(u->binding->plugin);
	return commit(u, &before);
}

/* Instants that fell into the pause are accounted for after that. */
int32_t control_resume(struct unit *u, tappet_done_cb done, void *arg)
{
	const struct put before = put_of(u, done, arg);
	if (!u->paused || u->held)
		return TAPPET_ESTATE;
	if (u->busy)
		return TAPPET_EBUSY;
	u->quiet_ms = plugin_now(u->binding->plugin);
	u->paused = false;
	return commit(u, &before);
}

int32_t control_skip(struct unit *u, bool skip, tappet_done_cb done, void *arg)
{
	const struct put before = put_of(u, done, arg);
	struct schedule_fire next;
	const int64_t now_ms = plugin_now(u->binding->plugin) - u->jitter_ms;
	if (u->busy)
		return TAPPET_EBUSY;
	if (skip && unit_is_paused(u))
		return TAPPET_ESTATE;
	if (skip == (u->skip_ms > u->cursor_ms))
		return TAPPET_ESTATE;
	if (skip && schedule_next(u->schedule, now_ms > u->cursor_ms ? now_ms : u->cursor_ms, &next) < 0)
		return TAPPET_ESTATE;
	u->skip_ms = skip ? next.at_ms : 0;
	return commit(u, &before);
}

int32_t control_run(struct unit *u, tappet_emit_cb cb, void *arg)
{
	const int64_t now_ms = plugin_now(u->binding->plugin);
	const struct shot shot = {.at_ms = now_ms, .fired_ms = now_ms, .manual = true};
	return emit_fire(u, &shot, NULL, 0, cb, arg);
}
