#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include "base/log.h"
#include "daemon/internal.h"

static void on_stop_signal(uv_signal_t *handle, int signal)
{
	struct daemon *d = handle->data;
	if (d->stopping) {
		/* What was acknowledged is on disk: nothing is lost by ending here. */
		log_warn("second signal, ending at once", log_int("signal", signal), LOG_END);
		_exit(128 + signal);
	}
	log_info("stopping", log_str("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"), LOG_END);
	daemon_stop(d, 0);
}

static void on_reloaded(void *arg, int status, const char *mistakes)
{
	(void)arg;
	(void)mistakes; /* each has been logged */
	if (status < 0)
		log_error("reload refused, nothing changed", log_errno(status), LOG_END);
	systemd_reloading(true);
}

static void reload(struct daemon *d)
{
	systemd_reloading(false);
	int r = definitions_load(d, false, on_reloaded, d);
	if (r < 0)
		on_reloaded(d, r, "");
}

/* A reload under way may have read a file before it was changed: what was asked for meanwhile comes after it. */
static void on_reload_signal(uv_signal_t *handle, int signal)
{
	(void)signal;
	struct daemon *d = handle->data;
	if (d->stopping)
		return;
	if (!d->ready || d->reload.busy)
		d->reload_again = true;
	else
		reload(d);
}

void signals_retry(struct daemon *d)
{
	if (!d->reload_again || !d->ready || d->stopping)
		return;
	d->reload_again = false;
	reload(d);
}

int signals_open(struct daemon *d)
{
	struct {
		uv_signal_t *handle;
		int signal;
		uv_signal_cb cb;
	} all[] = {{&d->sigterm, SIGTERM, on_stop_signal},
		   {&d->sigint, SIGINT, on_stop_signal},
		   {&d->sighup, SIGHUP, on_reload_signal}};
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 3; i++) {
		uv_signal_init(&d->loop, all[i].handle);
		all[i].handle->data = d;
		int r = uv_signal_start(all[i].handle, all[i].cb, all[i].signal);
		if (r < 0)
			return r;
		uv_unref((uv_handle_t *)all[i].handle);
	}
	return 0;
}

void signals_close(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->sigterm, NULL);
	uv_close((uv_handle_t *)&d->sigint, NULL);
	uv_close((uv_handle_t *)&d->sighup, NULL);
}
