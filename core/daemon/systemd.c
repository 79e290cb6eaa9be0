#include <errno.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "base/log.h"
#include "daemon/internal.h"

/* ---- sockets --------------------------------------------------------------------------------------------------- */

int systemd_take_sockets(struct daemon *d)
{
	struct passed_sockets *p = &d->passed;
	/* Also has them closed when a child is started, and takes the variables out of the environment. */
	int count = sd_listen_fds_with_names(1, &p->names);
	if (count <= 0)
		return count;
	p->fds = calloc((size_t)count, sizeof(*p->fds));
	if (!p->fds)
		return -ENOMEM;
	for (; p->count < (size_t)count; p->count++)
		p->fds[p->count] = SD_LISTEN_FDS_START + (int)p->count;
	return 0;
}

void systemd_find_socket(struct daemon *d, struct listener_options *options)
{
	for (size_t i = 0; i < d->passed.count; i++) {
		if (d->passed.fds[i] < 0 || !gateway_fits(d->passed.fds[i], options))
			continue;
		options->passed = true;
		options->fd = d->passed.fds[i];
		d->passed.fds[i] = -1;
		return;
	}
}

void systemd_drop_sockets(struct daemon *d)
{
	struct passed_sockets *p = &d->passed;
	for (size_t i = 0; i < p->count; i++) {
		if (p->fds[i] >= 0) {
			log_warn("a socket that was passed fits no listener", log_str("name", p->names[i]), LOG_END);
			close(p->fds[i]);
		}
	}
	for (size_t i = 0; p->names && p->names[i]; i++)
		free(p->names[i]);
	free(p->names);
	free(p->fds);
	*p = (struct passed_sockets){0};
}

/* ---- state ----------------------------------------------------------------------------------------------------- */

static void beat(uv_timer_t *timer)
{
	(void)timer;
	sd_notify(0, "WATCHDOG=1");
}

/* The beat comes from the loop itself: a loop that is blocked for longer than the watchdog's time is ended by systemd. */
static void watchdog_start(struct daemon *d)
{
	uint64_t usec = 0;
	if (sd_watchdog_enabled(0, &usec) <= 0 || usec < 2000)
		return;
	uv_timer_start(&d->watchdog, beat, 0, usec / 2000);
}

void systemd_ready(struct daemon *d)
{
	sd_notify(0, "READY=1\nSTATUS=Listening");
	watchdog_start(d);
}

void systemd_reloading(bool done)
{
	if (done) {
		sd_notify(0, "READY=1");
		return;
	}
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void systemd_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
