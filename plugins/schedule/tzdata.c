/* Notices that a package has replaced tzdata: without waking up for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "schedule.h"

#define ZONEINFO "/usr/share/zoneinfo"
#define SETTLE_MS 2000

/* A package replaces many files, one after the other. */
static void settled(void *arg)
{
	struct plugin *p = arg;
	p->tzdata_timer = NULL;
	const int r = zones_refresh(p->zones);
	if (r < 0)
		plugin_log(p, TAPPET_LOG_ERROR, "time zones could not be read again", NULL, NULL);
	if (r != 1)
		return;
	plugin_log(p, TAPPET_LOG_INFO, "the rules of time zones have changed", "tzdata", zones_version(p->zones));
	clock_sweep(p);
}

static void on_event(void *arg, int32_t events, int32_t error)
{
	struct plugin *p = arg;
	char buffer[4096];
	(void)events;
	(void)error;
	while (read(p->inotify, buffer, sizeof(buffer)) > 0)
		;
	if (!p->tzdata_timer && !p->stopping &&
	    p->host->timer_start(p->self, SETTLE_MS, 0, settled, p, &p->tzdata_timer) < 0)
		p->tzdata_timer = NULL;
}

void tzdata_watch(struct plugin *p)
{
	const char *folder = getenv("TZDIR");
	p->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (p->inotify < 0)
		return;
	if (inotify_add_watch(p->inotify, folder ? folder : ZONEINFO,
			      IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) >= 0 &&
	    p->host->fd_watch(p->self, p->inotify, TAPPET_READABLE, on_event, p, &p->watch) == TAPPET_OK)
		return;
	plugin_log(p, TAPPET_LOG_WARN, "changes of tzdata will be noticed at the next start only", NULL, NULL);
	close(p->inotify);
	p->inotify = -1;
}

static void close_inotify(void *arg)
{
	const struct plugin *p = arg;
	close(p->inotify);
}

static void closed(void *arg, int32_t result)
{
	struct plugin *p = arg;
	if (result != TAPPET_OK)
		close(p->inotify);
	p->inotify = -1;
	plugin_end(p);
}

/* The kernel takes tens of milliseconds to end a watch: not on the loop. */
void tzdata_unwatch(struct plugin *p)
{
	if (p->tzdata_timer)
		p->host->timer_stop(p->tzdata_timer);
	p->tzdata_timer = NULL;
	if (p->inotify < 0)
		return;
	p->host->fd_unwatch(p->watch);
	plugin_begin(p);
	if (p->host->work(p->self, close_inotify, closed, p) < 0)
		closed(p, TAPPET_ECANCELED);
}
