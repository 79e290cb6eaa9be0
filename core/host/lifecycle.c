/* create, start, stop: the order in which plugins come and go, and what is done about those that do not end in time. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"

void pending_add(struct tappet_instance *p)
{
	p->pending++;
}

void pending_done(struct tappet_instance *p)
{
	p->pending--;
	if (p->host->stopping)
		host_later(p->host, &p->host->stop_check);
}

static int create(struct tappet_instance *p, struct diag *d)
{
	const struct tappet_config config = {.values = p->values};
	struct guard g;
	p->phase = PLUGIN_CREATED;
	atomic_store(&p->post_open, true);
	guard_enter(&g, p, CALLBACK_CREATE);
	int32_t r = p->desc.create(&host_table, p, &config, &p->state);
	guard_leave(&g);
	option_values_free(p->values);
	p->values = NULL;
	if (r < 0) {
		p->phase = PLUGIN_FAILED;
		atomic_store(&p->post_open, false);
		diag_add(d, p->path, 0, 0, "plugin %s: create failed: %s", p->name, tappet_strerror(r));
		return -EINVAL;
	}
	p->created = true;
	return 0;
}

int host_create(struct host *h, struct diag *d)
{
	for (size_t i = 0; i < h->count; i++) {
		int r = h->plugins[i]->phase == PLUGIN_LOADED ? create(h->plugins[i], d) : 0;
		if (r < 0)
			return r;
	}
	host_later(h, &h->load);
	return 0;
}

static int start(struct tappet_instance *p, struct diag *d)
{
	struct guard g;
	/* Emissions are allowed from inside `start`. */
	p->phase = PLUGIN_STARTED;
	guard_enter(&g, p, CALLBACK_START);
	int32_t r = p->desc.start(p->state);
	guard_leave(&g);
	if (r < 0) {
		p->phase = PLUGIN_FAILED;
		diag_add(d, p->path, 0, 0, "plugin %s: start failed: %s", p->name, tappet_strerror(r));
		return -EINVAL;
	}
	log_info("plugin started", log_str("plugin", p->name), log_str("version", p->desc.version),
		 log_int("triggers", p->trigger_count), LOG_END);
	return 0;
}

int host_start(struct host *h, struct diag *d)
{
	for (size_t i = 0; i < h->count; i++) {
		int r = h->plugins[i]->phase == PLUGIN_CREATED ? start(h->plugins[i], d) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Stopping ---- */

void table_stopped(tappet_instance *self)
{
	if (!self)
		return;
	if (self->phase != PLUGIN_STOPPING) {
		log_warn("a plugin said `stopped` without being asked to stop", log_str("plugin", self->name), LOG_END);
		return;
	}
	self->phase = PLUGIN_STOPPED;
	host_later(self->host, &self->host->stop_check);
}

static bool has_ended(struct tappet_instance *p)
{
	bool stopped = p->phase == PLUGIN_LOADED || p->phase == PLUGIN_STOPPED || p->phase == PLUGIN_FAILED;
	return stopped && p->pending == 0 && atomic_load(&p->posts) == 0;
}

static void leftover(const struct tappet_instance *p, const char *what, size_t count)
{
	if (count)
		log_warn("a plugin left something behind", log_str("plugin", p->name), log_str("what", what),
			 log_int("count", count), LOG_END);
}

void host_release_leftovers(struct tappet_instance *p)
{
	leftover(p, "timers", timer_release_all(p));
	leftover(p, "watched descriptors", fd_release_all(p));
	leftover(p, "routes", http_release_routes(p));
	leftover(p, "unanswered requests", http_release_requests(p));
	leftover(p, "event readers", events_release_all(p));
	leftover(p, "WebSocket endpoints", ws_release_endpoints(p));
	leftover(p, "WebSocket connections", ws_release_sockets(p));
	activity_release_all(p);
}

static void finish(struct host *h)
{
	if (h->finished)
		return;
	h->finished = true;
	uv_timer_stop(h->stop_timer);
	uv_timer_stop(h->full_timer);
	for (size_t i = 0; i < h->count; i++) {
		struct tappet_instance *p = h->plugins[i];
		if (p->late)
			continue;
		triggers_end(p);
		host_release_leftovers(p);
		atomic_store(&p->post_open, false);
	}
	/* The bus may be closed before the host is. */
	activity_watch_close(h);
	/* The loop of `later` makes the last call, when nothing of the host is on the stack any more. */
	h->finish_now = true;
	host_later(h, &h->stop_check);
}

void host_stop_check(struct host *h)
{
	if (!h->stopping || h->finished)
		return;
	for (size_t i = 0; i < h->count; i++)
		if (!has_ended(h->plugins[i]))
			return;
	finish(h);
}

void host_give_up(struct tappet_instance *p)
{
	p->late = true;
	if (!p->host->late)
		p->host->late = p->name;
	log_error("a plugin did not stop in time", log_str("plugin", p->name),
		  log_str("what", p->phase == PLUGIN_STOPPED ? "operations under way" : "`stopped` was not called"),
		  log_int("pending", p->pending + atomic_load(&p->posts)), LOG_END);
	p->phase = PLUGIN_STOPPED;
	timer_release_all(p);
	fd_release_all(p);
	http_release_routes(p);
	http_release_requests(p);
	events_release_all(p);
	ws_release_endpoints(p);
	ws_release_sockets(p);
	activity_release_all(p);
}

static void on_deadline(uv_timer_t *timer)
{
	struct host *h = timer->data;
	for (size_t i = 0; i < h->count; i++) {
		struct tappet_instance *p = h->plugins[i];
		if (!has_ended(p))
			host_give_up(p);
	}
	finish(h);
}

static void stop(struct tappet_instance *p, int64_t deadline_ms)
{
	struct guard g;
	p->phase = PLUGIN_STOPPING;
	activity_expire_all(p);
	guard_enter(&g, p, CALLBACK_STOP);
	p->desc.stop(p->state, deadline_ms);
	guard_leave(&g);
}

void host_stop(struct host *h, int64_t deadline_ms, void (*done)(void *arg, const char *late), void *arg)
{
	if (h->stopping)
		return;
	health_events_flush(h);
	h->stopping = true;
	h->stop_done = done;
	h->stop_arg = arg;
	uv_update_time(h->options.loop);
	uv_timer_start(h->stop_timer, on_deadline, deadline_ms > 0 ? (uint64_t)deadline_ms : 0, 0);
	for (size_t i = 0; i < h->count; i++) {
		struct tappet_instance *p = h->plugins[i];
		if (p->phase == PLUGIN_STARTED)
			stop(p, deadline_ms);
		else if (p->phase == PLUGIN_CREATED)
			p->phase = PLUGIN_STOPPED;
	}
	host_later(h, &h->stop_check);
}
