#include <systemd/sd-daemon.h>
#include "base/log.h"
#include "daemon/internal.h"

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
