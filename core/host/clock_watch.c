/* Notices that the wall clock was set: a timer of the real-time clock that is never due, but is cancelled by the kernel
 * when somebody sets the clock (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
#include "host/internal.h"
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/log.h"

static int arm(int fd)
{
	/* Due in 100 years; the kernel refuses neither this nor a cancelled timer. */
	struct itimerspec due = {0};
	clock_gettime(CLOCK_REALTIME, &due.it_value);
	due.it_value.tv_sec += INT64_C(100) * 365 * 24 * 3600;
	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &due, NULL) < 0 ? -errno : 0;
}

void host_clock_changed(struct host *h)
{
	log_info("the wall clock was set", LOG_END);
	for (size_t i = 0; i < h->count; i++) {
		struct tappet_instance *p = h->plugins[i];
		struct guard g;
		if (p->phase != PLUGIN_STARTED || !p->desc.clock_set)
			continue;
		guard_enter(&g, p, CALLBACK_CLOCK_SET);
		p->desc.clock_set(p->state);
		guard_leave(&g);
	}
}

static void on_clock(uv_poll_t *poll, int status, int events)
{
	struct host *h = poll->data;
	uint64_t expirations;
	(void)events;
	if (status < 0) {
		uv_poll_stop(poll);
		return;
	}
	ssize_t n = read(h->clock_fd, &expirations, sizeof(expirations));
	if (n < 0 && errno != ECANCELED)
		return;
	int r = arm(h->clock_fd);
	if (r < 0) {
		log_warn("settings of the wall clock go unnoticed", log_errno(r), LOG_END);
		uv_poll_stop(poll);
	}
	if (n < 0)
		host_clock_changed(h);
}

int host_clock_open(struct host *h)
{
	h->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (h->clock_fd < 0)
		return -errno;
	int r = arm(h->clock_fd);
	if (r < 0)
		return r;
	uv_poll_t *poll = calloc(1, sizeof(*poll));
	if (!poll)
		return -ENOMEM;
	r = uv_poll_init(h->options.loop, poll, h->clock_fd);
	if (r < 0) {
		free(poll);
		return r;
	}
	poll->data = h;
	h->clock_poll = poll;
	r = uv_poll_start(poll, UV_READABLE, on_clock);
	uv_unref((uv_handle_t *)poll);
	return r;
}

void host_clock_close(struct host *h)
{
	host_close_handle((uv_handle_t *)h->clock_poll);
	h->clock_poll = NULL;
	if (h->clock_fd >= 0)
		close(h->clock_fd);
	h->clock_fd = -1;
}
