/* The loop: virtual time for timers, real time for descriptors, threads and posts. */
#include "host/probe/fake.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WATCHES_MAX 256
#define QUIET_MS 5      /* of real time without anything: settled */
#define ALONE_MS 1      /* the same, where no descriptor is watched */
#define TURNS_MAX 20000 /* of one fake_settle: a plugin may emit from each callback for ever */
#define FIRES_AT_ONCE 1000
#define FIRES_MAX 2000 /* of one fake_advance; then the rest of it is jumped over */
#define WORKS_REAL_MS 100

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

/* ---- Timers ---- */

int32_t fake_timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			 tappet_timer **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "timer_start"))
		return TAPPET_ESTATE;
	if (!cb || delay_ms < 0 || repeat_ms < 0 || (!ret && repeat_ms > 0))
		return TAPPET_EINVAL;
	struct fake_handle *h = fake_handle_new(i, &i->f->timers, "timer");
	board_applies(i->f->board, TIME_STORM);
	h->due_ms = delay_ms > INT64_MAX - i->f->mono_ms ? INT64_MAX : i->f->mono_ms + delay_ms;
	h->repeat_ms = repeat_ms;
	h->cb.timer = cb;
	h->arg = arg;
	if (ret)
		*ret = (tappet_timer *)(void *)h;
	return TAPPET_OK;
}

void fake_timer_stop(tappet_timer *timer)
{
	fake_handle_end((struct fake_handle *)(void *)timer, "timer_stop");
}

static struct fake_handle *next_timer(struct fake *f)
{
	struct fake_handle *best = NULL;
	list_each (node, &f->timers) {
		struct fake_handle *h = list_entry(node, struct fake_handle, node);
		if (!best || h->due_ms < best->due_ms)
			best = h;
	}
	return best;
}

static void fire(struct fake *f, struct fake_handle *h)
{
	if (h->repeat_ms)
		h->due_ms = f->mono_ms + h->repeat_ms;
	else
		list_remove(&h->node); /* it may still be stopped from inside its callback */
	fake_enter(f, h->instance, "the callback of a timer");
	h->cb.timer(h->arg);
	fake_leave(f);
	if (!h->repeat_ms)
		h->gone = true;
}

void fake_advance(struct fake *f, int64_t ms)
{
	const int64_t until = f->mono_ms + ms;
	size_t fires = 0, at_once = 0;
	fake_settle(f, false);
	for (struct fake_handle *h; !f->storm && (h = next_timer(f)) && h->due_ms <= until && fires < FIRES_MAX;
	     fires++) {
		at_once = h->due_ms > f->mono_ms ? 0 : at_once + 1;
		if (h->due_ms > f->mono_ms) {
			f->wall_ms += h->due_ms - f->mono_ms;
			f->mono_ms = h->due_ms;
		}
		fire(f, h);
		if (at_once > FIRES_AT_ONCE) {
			board_broken(f->board, TIME_STORM, "timers fired %d times at one instant", FIRES_AT_ONCE);
			f->storm = true;
		}
		if (fires % 16 == 15 || list_empty(&f->timers))
			fake_settle(f, false);
	}
	if (until > f->mono_ms) {
		f->wall_ms += until - f->mono_ms;
		f->mono_ms = until;
	}
	fake_settle(f, false);
}

/* ---- Descriptors ---- */

int32_t fake_fd_watch(tappet_instance *self, int fd, int32_t events,
		      void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "fd_watch"))
		return TAPPET_ESTATE;
	const int flags = fcntl(fd, F_GETFL);
	if (!cb || !ret || flags < 0)
		return TAPPET_EINVAL;
	list_each (node, &i->f->watches)
		if (list_entry(node, struct fake_handle, node)->fd == fd)
			return TAPPET_EEXIST;
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	struct fake_handle *h = fake_handle_new(i, &i->f->watches, "watch");
	h->fd = fd;
	h->events = (short)((events & TAPPET_READABLE ? POLLIN : 0) | (events & TAPPET_WRITABLE ? POLLOUT : 0) |
			    (events & TAPPET_DISCONNECT ? POLLRDHUP : 0) | (events & TAPPET_PRIORITIZED ? POLLPRI : 0));
	h->cb.fd = cb;
	h->arg = arg;
	*ret = (tappet_fd *)(void *)h;
	return TAPPET_OK;
}

void fake_fd_unwatch(tappet_fd *watch)
{
	fake_handle_end((struct fake_handle *)(void *)watch, "fd_unwatch");
}

static void ready(struct fake *f, struct fake_handle *h, short revents)
{
	int32_t events = 0;
	events |= revents & (POLLIN | POLLHUP | POLLERR) ? TAPPET_READABLE : 0;
	events |= revents & POLLOUT ? TAPPET_WRITABLE : 0;
	events |= revents & (POLLRDHUP | POLLHUP) ? TAPPET_DISCONNECT : 0;
	events |= revents & POLLPRI ? TAPPET_PRIORITIZED : 0;
	fake_enter(f, h->instance, "the callback of a watched descriptor");
	h->cb.fd(h->arg, events, revents & POLLNVAL ? TAPPET_EIO : TAPPET_OK);
	fake_leave(f);
}

/* True when something was ready within `timeout_ms`. */
static bool poll_once(struct fake *f, int timeout_ms)
{
	struct pollfd fds[WATCHES_MAX + 1] = {{.fd = f->wake, .events = POLLIN}};
	struct fake_handle *handles[WATCHES_MAX + 1];
	nfds_t n = 1;
	uint64_t count;
	list_each (node, &f->watches) {
		struct fake_handle *h = list_entry(node, struct fake_handle, node);
		if (n > WATCHES_MAX)
			break;
		handles[n] = h;
		fds[n++] = (struct pollfd){.fd = h->fd, .events = h->events};
	}
	if (poll(fds, n, timeout_ms) <= 0)
		return false;
	if (fds[0].revents && read(f->wake, &count, sizeof(count)) < 0)
		return false;
	for (nfds_t k = 1; k < n; k++)
		if (fds[k].revents && !handles[k]->gone)
			ready(f, handles[k], fds[k].revents);
	return true;
}

/* ---- Posts and work ---- */

static void wake(struct fake *f)
{
	const uint64_t one = 1;
	while (write(f->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void plain(struct fake *f, struct fake_call *c)
{
	fake_enter(f, c->instance, "a posted function");
	c->cb.plain(c->arg);
	fake_leave(f);
}

/* Any thread. */
static void post(struct fake_instance *i, struct fake_call *c)
{
	struct fake *f = i->f;
	pthread_mutex_lock(&f->lock);
	list_append(&f->posts, &c->node);
	pthread_mutex_unlock(&f->lock);
	wake(f);
}

int32_t fake_post(tappet_instance *self, void (*fn)(void *arg), void *arg)
{
	struct fake_instance *i = instance_of(self);
	if (!i || !fn)
		return TAPPET_EINVAL;
	if (i->phase == FAKE_DESTROYED) {
		board_broken(i->f->board, LIFE_AFTER, "post was called after destroy");
		return TAPPET_ESTATE;
	}
	/* The arena is the loop thread's. */
	struct fake_call *c = malloc(sizeof(*c));
	if (!c)
		return TAPPET_ENOMEM;
	*c = (struct fake_call){.instance = i, .what = "post", .run = plain, .cb.plain = fn, .arg = arg};
	post(i, c);
	return TAPPET_OK;
}

struct work {
	struct fake_instance *instance;
	void (*fn)(void *arg);
	tappet_done_cb done;
	void *arg;
};

static void work_done(struct fake *f, struct fake_call *c)
{
	struct work *w = c->arg;
	fake_enter(f, c->instance, "the callback of work");
	w->done(w->arg, TAPPET_OK);
	fake_leave(f);
	atomic_fetch_sub(&f->works, 1);
}

static void *run_work(void *arg)
{
	struct work *w = arg;
	w->fn(w->arg);
	struct fake_call *c = malloc(sizeof(*c));
	if (!c)
		abort();
	*c = (struct fake_call){.instance = w->instance, .what = "work", .run = work_done, .arg = w};
	post(w->instance, c);
	return NULL;
}

int32_t fake_work(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg)
{
	struct fake_instance *i = instance_of(self);
	pthread_t thread;
	if (!fake_allowed(i, "work"))
		return TAPPET_ESTATE;
	if (!work || !done)
		return TAPPET_EINVAL;
	struct work *w = fake_alloc(i->f, sizeof(*w));
	*w = (struct work){.instance = i, .fn = work, .done = done, .arg = arg};
	if (pthread_create(&thread, NULL, run_work, w) != 0)
		return TAPPET_ENOMEM;
	pthread_detach(thread);
	atomic_fetch_add(&i->f->works, 1);
	return TAPPET_OK;
}

/* ---- Turning ---- */

static bool run_posts(struct fake *f)
{
	struct list due;
	bool any = false;
	list_init(&due);
	pthread_mutex_lock(&f->lock);
	list_splice(&due, &f->posts);
	pthread_mutex_unlock(&f->lock);
	for (struct list *node; (node = list_first(&due)); any = true) {
		struct fake_call *c = list_entry(node, struct fake_call, node);
		list_remove(node);
		c->run(f, c);
		free(c);
	}
	return any;
}

static bool run_call(struct fake *f, bool release)
{
	list_each (node, &f->calls) {
		struct fake_call *c = list_entry(node, struct fake_call, node);
		if (c->held && !release)
			continue;
		list_remove(node);
		c->run(f, c);
		return true;
	}
	return false;
}

/* Owed since an EBUSY. */
static bool resume(struct fake *f)
{
	struct fake_instance *i = f->starved;
	if (!i || f->paused)
		return false;
	f->starved = NULL;
	f->emitted++; /* the next one is taken */
	if (i->phase != FAKE_STARTED || !f->desc->resume)
		return false;
	fake_enter(f, i, "resume");
	f->desc->resume(i->state);
	fake_leave(f);
	return true;
}

void fake_settle(struct fake *f, bool release)
{
	for (size_t turns = 0; turns < TURNS_MAX && !f->storm; turns++) {
		if (run_posts(f) || run_call(f, release) || resume(f))
			continue;
		/* A thread of the pool gets a while. */
		const int alone_ms = list_empty(&f->watches) ? ALONE_MS : QUIET_MS;
		const int quiet_ms = atomic_load(&f->works) ? WORKS_REAL_MS : alone_ms;
		if (!poll_once(f, quiet_ms))
			return;
	}
}
