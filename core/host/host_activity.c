/* tappet.activity/1 over the engine: status, cancellation, and a call when an activity ends.
 *
 * Every question is put to the engine at the next turn of the loop, so that no answer comes from inside the plugin's
 * call. A waiter asks for the document first and then again when the bus brings an ending event of its activity, or
 * when the bus had to leave events out; the watch subscribes before any question, so no end is missed. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"

#define WATCH_RING 1024

struct waiter {
	struct tappet_instance *plugin;
	struct list node;  /* of the plugin */
	struct list by_id; /* of those that wait for the same activity */
	struct later ask;
	char id[ID_SIZE];
	tappet_activity_cb cb;
	tappet_done_cb done; /* a cancellation */
	void *arg;
	uv_timer_t *timer; /* NULL: the first answer is the answer */
	bool asking, again, expired, watched;
	bool abandoned; /* nobody is called any more; freed when the engine has answered */
};

struct activity_watch {
	struct host *host;
	struct bus_subscriber *subscriber;
	struct later pump;
	struct map waiting; /* id -> the first of a ring of waiters, by by_id */
};

/* ---- Waiters ---- */

static void unwatch(struct waiter *w)
{
	struct activity_watch *watch = w->plugin->host->watch;
	if (!w->watched)
		return;
	w->watched = false;
	struct list *next = w->by_id.next;
	bool alone = next == &w->by_id;
	list_remove(&w->by_id);
	if (alone)
		map_remove_str(&watch->waiting, w->id);
	else if (map_get_str(&watch->waiting, w->id) == w)
		map_put_str(&watch->waiting, w->id, list_entry(next, struct waiter, by_id), NULL);
}

static int watch_for(struct waiter *w)
{
	struct activity_watch *watch = w->plugin->host->watch;
	struct waiter *first = map_get_str(&watch->waiting, w->id);
	if (first) {
		list_append(&first->by_id, &w->by_id);
	} else {
		int r = map_put_str(&watch->waiting, w->id, w, NULL);
		if (r < 0)
			return r;
	}
	w->watched = true;
	return 0;
}

static void close_timer(struct waiter *w)
{
	host_close_handle((uv_handle_t *)w->timer);
	w->timer = NULL;
}

/* The last of it: counts are given back after the plugin's callback. */
static void waiter_end(struct waiter *w)
{
	struct tappet_instance *p = w->plugin;
	unwatch(w);
	close_timer(w);
	later_cancel(&w->ask);
	list_remove(&w->node);
	free(w);
	pending_done(p);
}

static void leave_queue(struct tappet_instance *p)
{
	p->activity_pending--;
	credit_eased(p);
}

static void answer(struct waiter *w, int32_t result, const tappet_activity_info *info)
{
	struct guard g;
	unwatch(w);
	leave_queue(w->plugin);
	if (!w->abandoned) {
		guard_enter(&g, w->plugin, CALLBACK_ACTIVITY);
		if (w->done)
			w->done(w->arg, result);
		else
			w->cb(w->arg, result, info);
		guard_leave(&g);
	}
	waiter_end(w);
}

/* ---- Asking the engine ---- */

static void on_document(void *arg, int status, const char *workflow_id, enum status activity_status,
			const char *document, size_t len)
{
	struct waiter *w = arg;
	w->asking = false;
	if (status < 0 || w->abandoned) {
		answer(w, host_error(status), NULL);
		return;
	}
	const tappet_activity_info info = {
		.struct_size = sizeof(info),
		.workflow_id = workflow_id,
		.status = status_name(activity_status),
		.document = tappet_strn(document, len),
	};
	bool waits = w->timer != NULL && !status_is_final(activity_status);
	if (!waits)
		answer(w, TAPPET_OK, &info);
	else if (w->expired)
		answer(w, TAPPET_EBUSY, &info);
	else if (w->again)
		host_later(w->plugin->host, &w->ask);
}

static void on_cancelled(void *arg, int status)
{
	struct waiter *w = arg;
	w->asking = false;
	answer(w, host_error(status), NULL);
}

static void ask(struct later *l)
{
	struct waiter *w = list_entry(l, struct waiter, ask);
	struct engine *e = w->plugin->host->options.engine;
	if (w->asking)
		return;
	w->asking = true;
	w->again = false;
	int r = w->done ? engine_cancel(e, w->id, on_cancelled, w) : engine_document(e, w->id, on_document, w);
	if (r < 0) {
		w->asking = false;
		answer(w, host_error(r), NULL);
	}
}

static void ask_again(struct waiter *w)
{
	w->again = true;
	if (!w->asking)
		host_later(w->plugin->host, &w->ask);
}

static void on_timeout(uv_timer_t *timer)
{
	struct waiter *w = timer->data;
	w->expired = true;
	ask_again(w);
}

/* ---- The plugin's calls ---- */

static int32_t waiter_new(tappet_instance *self, const char *id, void *arg, struct waiter **ret)
{
	if (!self || !id || !id_valid(id))
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	if (self->activity_pending >= PENDING_MAX)
		return credit_busy(self);
	struct waiter *w = calloc(1, sizeof(*w));
	if (!w)
		return TAPPET_ENOMEM;
	w->plugin = self;
	w->arg = arg;
	memcpy(w->id, id, sizeof(w->id));
	list_init(&w->by_id);
	later_init(&w->ask, ask);
	*ret = w;
	return TAPPET_OK;
}

static void waiter_begin(struct waiter *w)
{
	struct tappet_instance *p = w->plugin;
	p->activity_pending++;
	pending_add(p);
	list_append(&p->waiters, &w->node);
	host_later(p->host, &w->ask);
}

static int32_t status(tappet_instance *self, const char *activity_id, tappet_activity_cb cb, void *arg)
{
	struct waiter *w;
	int32_t error = cb ? waiter_new(self, activity_id, arg, &w) : TAPPET_EINVAL;
	if (error)
		return error;
	w->cb = cb;
	waiter_begin(w);
	return TAPPET_OK;
}

static int32_t cancel(tappet_instance *self, const char *activity_id, tappet_done_cb cb, void *arg)
{
	struct waiter *w;
	int32_t error = cb ? waiter_new(self, activity_id, arg, &w) : TAPPET_EINVAL;
	if (error)
		return error;
	w->done = cb;
	waiter_begin(w);
	return TAPPET_OK;
}

static int start_waiting(struct waiter *w, int64_t timeout_ms)
{
	uv_loop_t *loop = w->plugin->host->options.loop;
	w->timer = calloc(1, sizeof(*w->timer));
	if (!w->timer)
		return -ENOMEM;
	uv_timer_init(loop, w->timer);
	w->timer->data = w;
	int r = watch_for(w);
	if (r < 0) {
		close_timer(w);
		return r;
	}
	uv_update_time(loop);
	uv_timer_start(w->timer, on_timeout, timeout_ms > 0 ? (uint64_t)timeout_ms : 0, 0);
	return 0;
}

static int32_t wait_end(tappet_instance *self, const char *activity_id, int64_t timeout_ms, tappet_activity_cb cb,
			void *arg)
{
	struct waiter *w;
	int32_t error = cb ? waiter_new(self, activity_id, arg, &w) : TAPPET_EINVAL;
	if (error)
		return error;
	w->cb = cb;
	int r = start_waiting(w, timeout_ms);
	if (r < 0) {
		free(w);
		return host_error(r);
	}
	waiter_begin(w);
	return TAPPET_OK;
}

/* A plugin that stops does not have to wait for activities that go on for hours: its waits end as if their time were
 * up. */
void activity_expire_all(struct tappet_instance *p)
{
	list_each (node, &p->waiters) {
		struct waiter *w = list_entry(node, struct waiter, node);
		if (!w->timer)
			continue;
		w->expired = true;
		ask_again(w);
	}
}

/* After the stop: only those of a late plugin, or of one that was never stopped, are left. */
size_t activity_release_all(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->waiters) {
		struct waiter *w = list_entry(node, struct waiter, node);
		count++;
		w->abandoned = true;
		unwatch(w);
		if (w->timer)
			uv_timer_stop(w->timer);
		if (!w->asking)
			answer(w, TAPPET_ECANCELED, NULL);
	}
	return count;
}

/* ---- The watch ---- */

static void tell_all_of(struct waiter *first)
{
	ask_again(first);
	list_each (node, &first->by_id)
		ask_again(list_entry(node, struct waiter, by_id));
}

static int visit_all(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	tell_all_of(value);
	return 0;
}

static bool somebody_waits(void *arg, const struct event *e)
{
	const struct activity_watch *watch = arg;
	return map_get_str(&watch->waiting, e->activity_id) != NULL;
}

static void watch_pump(struct later *l)
{
	struct activity_watch *watch = list_entry(l, struct activity_watch, pump);
	const struct event *e;
	while ((e = bus_take(watch->subscriber))) {
		struct waiter *first = map_get_str(&watch->waiting, e->activity_id);
		if (first)
			tell_all_of(first);
		event_drop(e);
	}
	if (!bus_is_lost(watch->subscriber))
		return;
	bus_begin(watch->subscriber);
	map_each(&watch->waiting, visit_all, NULL);
}

static void on_wake(void *arg)
{
	struct activity_watch *watch = arg;
	host_later(watch->host, &watch->pump);
}

int activity_watch_open(struct host *h)
{
	struct activity_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->host = h;
	later_init(&watch->pump, watch_pump);
	map_init(&watch->waiting);
	const struct bus_listener listener = {
		.types = EVENT_TYPES_END, .wants = somebody_waits, .wake = on_wake, .arg = watch};
	int r = bus_subscribe(h->options.bus, WATCH_RING, &listener, &watch->subscriber);
	if (r < 0) {
		free(watch);
		return r;
	}
	h->watch = watch;
	return 0;
}

void activity_watch_close(struct host *h)
{
	struct activity_watch *watch = h->watch;
	if (!watch)
		return;
	h->watch = NULL;
	later_cancel(&watch->pump);
	bus_unsubscribe(watch->subscriber);
	map_release(&watch->waiting);
	free(watch);
}

const tappet_activity1 activity_table = {
	.struct_size = sizeof(tappet_activity1),
	.status = status,
	.cancel = cancel,
	.wait_end = wait_end,
	.action = activity_action,
};
