#include <unistd.h>
#include "base/log.h"
#include "daemon/internal.h"

/* How long plugins may take to say `stopped`. */
#define PLUGINS_MS 5000
/* What children and the store may take beyond the drain before the process ends all the same: a stop always ends. */
#define MARGIN_MS 20000

/* The store outlives all who use it, the engine outlives the store's last callbacks. */
static void close_store(struct daemon *d)
{
	if (d->store)
		store_close(d->store);
	d->store = NULL;
	engine_free(d->engine);
	d->engine = NULL;
	/* The last handle that keeps the loop running. */
	post_close(d->post);
	d->post = NULL;
	uv_timer_stop(&d->stop_timer);
	uv_timer_stop(&d->watchdog);
	log_info("stopped", LOG_END);
}

static void on_ws_client_closed(void *arg)
{
	struct daemon *d = arg;
	d->ws_client = NULL;
	close_store(d);
}

static void close_ws_client(struct daemon *d)
{
	if (d->ws_client)
		ws_client_close(d->ws_client, on_ws_client_closed, d);
	else
		close_store(d);
}

static void on_gateway_closed(void *arg)
{
	struct daemon *d = arg;
	d->gateway = NULL;
	close_ws_client(d);
}

static void on_expr_closed(void *arg)
{
	struct daemon *d = arg;
	d->expr = NULL;
	if (d->gateway)
		gateway_close(d->gateway, on_gateway_closed, d);
	else
		close_ws_client(d);
}

static void on_engine_stopped(void *arg)
{
	struct daemon *d = arg;
	api_free(d->api);
	d->api = NULL;
	host_free(d->host);
	d->host = NULL;
	expr_close(d->expr, on_expr_closed, d);
}

static void on_host_stopped(void *arg, const char *late)
{
	struct daemon *d = arg;
	if (late) {
		/* Its callbacks may still come: ending here is safe since the work is durable, freeing is not. */
		log_error("a plugin did not stop in time, ending without it", log_str("plugin", late), LOG_END);
		_exit(1);
	}
	if (d->engine)
		engine_stop(d->engine, d->config->drain_ms, on_engine_stopped, d);
	else
		on_engine_stopped(d);
}

static void on_overdue(uv_timer_t *timer)
{
	(void)timer;
	log_error("the stop took too long, ending at once", LOG_END);
	_exit(1);
}

void daemon_stop(struct daemon *d, int exit_status)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->exit_status = exit_status;
	systemd_stopping();
	uv_timer_start(&d->stop_timer, on_overdue, (uint64_t)(d->config->drain_ms + PLUGINS_MS + MARGIN_MS), 0);
	if (d->api)
		api_ready(d->api, false);
	if (d->gateway)
		gateway_drain(d->gateway);
	if (d->host)
		host_stop(d->host, PLUGINS_MS, on_host_stopped, d);
	else
		on_host_stopped(d, NULL);
}
