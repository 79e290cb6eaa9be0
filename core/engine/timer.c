#include "engine/internal.h"

#include <stdlib.h>

struct step_timer {
	uv_timer_t handle;
	struct engine *engine;
	void (*cb)(void *arg);
	void *arg;
};

static void closed(uv_handle_t *handle)
{
	struct step_timer *t = handle->data;
	struct engine *e = t->engine;

	free(t);
	engine_let_go(e);
}

static void fired(uv_timer_t *handle)
{
	struct step_timer *t = handle->data;
	void (*cb)(void *arg) = t->cb;
	void *arg = t->arg;

	uv_close((uv_handle_t *)handle, closed);
	cb(arg);
}

struct step_timer *step_timer_start(struct engine *e, int64_t delay_ms, void (*cb)(void *arg), void *arg)
{
	struct step_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct step_timer){.engine = e, .cb = cb, .arg = arg};
	uv_timer_init(e->loop, &t->handle);
	t->handle.data = t;
	uv_timer_start(&t->handle, fired, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
	engine_hold(e);
	return t;
}

void step_timer_stop(struct step_timer *t)
{
	if (t)
		uv_close((uv_handle_t *)&t->handle, closed);
}
