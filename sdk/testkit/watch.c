/* Watched descriptors: real ones, asked when the test lets things run, or fired by hand. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include "internal.h"

struct tappet_fd {
	struct handle handle;
	struct list node; /* in kit->watches */
	int fd;
	int32_t events;
	void (*cb)(void *arg, int32_t events, int32_t error);
	void *arg;
};

static const struct {
	int32_t event;
	short poll;
} pairs[] = {
	{TAPPET_READABLE, POLLIN},
	{TAPPET_WRITABLE, POLLOUT},
	{TAPPET_DISCONNECT, POLLRDHUP},
	{TAPPET_PRIORITIZED, POLLPRI},
};
#define PAIR_COUNT (sizeof(pairs) / sizeof(pairs[0]))

static struct tappet_fd *find(const testkit *kit, int fd)
{
	list_each (node, &kit->watches) {
		struct tappet_fd *w = list_entry(node, struct tappet_fd, node);
		if (w->fd == fd)
			return w;
	}
	return NULL;
}

int32_t table_fd_watch(tappet_instance *self, int fd, int32_t events,
		       void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret)
{
	const int32_t known = TAPPET_READABLE | TAPPET_WRITABLE | TAPPET_DISCONNECT | TAPPET_PRIORITIZED;
	if (!self || fd < 0 || !cb || !ret || events == 0 || (events & ~known))
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "fd_watch");
	if (error)
		return error;
	if (find(self, fd))
		return TAPPET_EEXIST;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return TAPPET_EINVAL;
	struct tappet_fd *w = handle_new(self, "watched descriptor", sizeof(*w));
	w->fd = fd;
	w->events = events;
	w->cb = cb;
	w->arg = arg;
	list_append(&self->watches, &w->node);
	*ret = w;
	return TAPPET_OK;
}

static void end(struct tappet_fd *w)
{
	handle_end(&w->handle);
	list_remove(&w->node);
}

void table_fd_unwatch(tappet_fd *watch)
{
	if (!watch || !call_allowed(watch->handle.kit, "fd_unwatch") || !handle_usable(&watch->handle))
		return;
	if (fcntl(watch->fd, F_GETFL) < 0)
		rule_broken(watch->handle.kit, RULE_FD_2, "descriptor %d is closed already", watch->fd);
	end(watch);
}

bool watches_release(testkit *kit)
{
	size_t count = 0;
	list_each_safe (node, &kit->watches) {
		end(list_entry(node, struct tappet_fd, node));
		count++;
	}
	if (count)
		rule_broken(kit, RULE_FD_1, "%zu watched descriptors", count);
	return count == 0;
}

static void call(struct tappet_fd *w, short ready)
{
	int32_t events = 0;
	if (ready & POLLNVAL) {
		rule_broken(w->handle.kit, RULE_FD_2, "descriptor %d is closed and still watched", w->fd);
		end(w);
		return;
	}
	for (size_t i = 0; i < PAIR_COUNT; i++)
		if ((ready & pairs[i].poll) || ((ready & (POLLHUP | POLLERR)) && (w->events & pairs[i].event)))
			events |= w->events & pairs[i].event;
	callback_begin(w->handle.kit);
	w->cb(w->arg, events, 0);
	callback_end(w->handle.kit, "a watched descriptor");
}

/* Each one that is ready is called once: level-triggered, so a plugin that leaves something is called at the next
 * time. */
int watches_poll(testkit *kit, int timeout_ms)
{
	const size_t count = testkit_fd_count(kit);
	if (count == 0 && timeout_ms == 0)
		return 0;
	struct pollfd *fds = kit_alloc(count * sizeof(*fds));
	struct tappet_fd **watches = kit_alloc(count * sizeof(struct tappet_fd *));
	size_t n = 0;
	list_each (node, &kit->watches) {
		watches[n] = list_entry(node, struct tappet_fd, node);
		fds[n].fd = watches[n]->fd;
		for (size_t i = 0; i < PAIR_COUNT; i++)
			if (watches[n]->events & pairs[i].event)
				fds[n].events = (short)(fds[n].events | pairs[i].poll);
		n++;
	}
	int ready = poll(fds, (nfds_t)count, timeout_ms);
	for (size_t i = 0; i < count && ready > 0; i++)
		if (fds[i].revents && !watches[i]->handle.ended)
			call(watches[i], fds[i].revents);
	free(watches);
	free(fds);
	return ready > 0;
}

/* ---- For the test ---- */

int testkit_poll(testkit *kit, int timeout_ms)
{
	int ready = watches_poll(kit, timeout_ms);
	testkit_run(kit);
	return ready;
}

int32_t testkit_fd_fire(testkit *kit, int fd, int32_t events, int32_t error)
{
	struct tappet_fd *w = find(kit, fd);
	if (!w)
		return TAPPET_ENOTFOUND;
	callback_begin(w->handle.kit);
	w->cb(w->arg, error ? 0 : events, error);
	callback_end(w->handle.kit, "a watched descriptor");
	return TAPPET_OK;
}

size_t testkit_fd_count(const testkit *kit)
{
	size_t count = 0;
	list_each (node, &kit->watches)
		count++;
	return count;
}
