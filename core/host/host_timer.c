/* Timers of plugins: uv timers that free themselves. */
#include "host/internal.h"
#include <errno.h>

struct tappet_timer {
	uv_timer_t timer; /* first: host_close_handle frees it */
	struct tappet_instance *plugin;
	struct list node;
	void (*cb)(void *arg);
	void *arg;
	bool once, in_callback, closed;
};

static void close_timer(struct tappet_timer *t)
{
	if (t->closed)
		return;
	t->closed = true;
	list_remove(&t->node);
	uv_timer_stop(&t->timer);
	/* While its callback runs the memory stays: on_timer looks at it afterwards. */
	if (!t->in_callback)
		host_close_handle((uv_handle_t *)&t->timer);
}

static void on_timer(uv_timer_t *timer)
{
	struct tappet_timer *t = (struct tappet_timer *)(void *)timer;
	struct guard g;
	t->in_callback = true;
	guard_enter(&g, t->plugin, CALLBACK_TIMER);
	t->cb(t->arg);
	guard_leave(&g);
	t->in_callback = false;
	if (t->closed)
		host_close_handle((uv_handle_t *)&t->timer);
	else if (t->once)
		close_timer(t);
}

int32_t table_timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			  tappet_timer **ret)
{
	/* One that repeats and cannot be stopped is a mistake. */
	if (!self || !cb || delay_ms < 0 || repeat_ms < 0 || (!ret && repeat_ms > 0))
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	struct tappet_timer *t = calloc(1, sizeof(*t));
	if (!t)
		return TAPPET_ENOMEM;
	uv_timer_init(self->host->options.loop, &t->timer);
	t->plugin = self;
	t->cb = cb;
	t->arg = arg;
	t->once = repeat_ms == 0;
	list_append(&self->timers, &t->node);
	/* The loop's own time is that of the turn's beginning: the delay counts from now. */
	uv_update_time(self->host->options.loop);
	uv_timer_start(&t->timer, on_timer, (uint64_t)delay_ms, (uint64_t)repeat_ms);
	if (ret)
		*ret = t;
	return TAPPET_OK;
}

void table_timer_stop(tappet_timer *timer)
{
	if (timer)
		close_timer(timer);
}

size_t timer_release_all(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->timers) {
		struct tappet_timer *t = list_entry(node, struct tappet_timer, node);
		count++;
		/* A late plugin may still name it: stopped, not freed. */
		if (p->late)
			uv_timer_stop(&t->timer);
		else
			close_timer(t);
	}
	return count;
}
