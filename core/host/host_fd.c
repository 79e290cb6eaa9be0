/* Descriptors that plugins watch. */
#include "host/internal.h"
#include <errno.h>

_Static_assert((int)TAPPET_READABLE == (int)UV_READABLE, "events");
_Static_assert((int)TAPPET_WRITABLE == (int)UV_WRITABLE, "events");
_Static_assert((int)TAPPET_DISCONNECT == (int)UV_DISCONNECT, "events");
_Static_assert((int)TAPPET_PRIORITIZED == (int)UV_PRIORITIZED, "events");

struct tappet_fd {
	uv_poll_t poll; /* first: host_close_handle frees it */
	struct tappet_instance *plugin;
	struct list node;
	void (*cb)(void *arg, int32_t events, int32_t error);
	void *arg;
	bool in_callback, closed;
};

static void close_watch(struct tappet_fd *w)
{
	if (w->closed)
		return;
	w->closed = true;
	list_remove(&w->node);
	/* At once, since the plugin may close the descriptor now. */
	uv_poll_stop(&w->poll);
	if (!w->in_callback)
		host_close_handle((uv_handle_t *)&w->poll);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct tappet_fd *w = (struct tappet_fd *)(void *)poll;
	struct guard g;
	w->in_callback = true;
	guard_enter(&g, w->plugin, CALLBACK_FD);
	w->cb(w->arg, status < 0 ? 0 : events, status < 0 ? TAPPET_EIO : 0);
	guard_leave(&g);
	w->in_callback = false;
	if (w->closed)
		host_close_handle((uv_handle_t *)&w->poll);
}

int32_t table_fd_watch(tappet_instance *self, int fd, int32_t events,
		       void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret)
{
	const int known = UV_READABLE | UV_WRITABLE | UV_DISCONNECT | UV_PRIORITIZED;
	if (!self || fd < 0 || !cb || !ret || events == 0 || (events & ~known))
		return TAPPET_EINVAL;
	if (!plugin_usable(self))
		return TAPPET_ESTATE;
	struct tappet_fd *w = calloc(1, sizeof(*w));
	if (!w)
		return TAPPET_ENOMEM;
	int r = uv_poll_init(self->host->options.loop, &w->poll, fd);
	if (r < 0) {
		free(w);
		return host_error(r);
	}
	w->plugin = self;
	w->cb = cb;
	w->arg = arg;
	list_append(&self->fds, &w->node);
	r = uv_poll_start(&w->poll, events, on_ready);
	if (r < 0) {
		close_watch(w);
		return host_error(r);
	}
	*ret = w;
	return TAPPET_OK;
}

void table_fd_unwatch(tappet_fd *watch)
{
	if (watch)
		close_watch(watch);
}

size_t fd_release_all(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->fds) {
		struct tappet_fd *w = list_entry(node, struct tappet_fd, node);
		count++;
		if (p->late)
			uv_poll_stop(&w->poll);
		else
			close_watch(w);
	}
	return count;
}
