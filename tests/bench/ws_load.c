/* Load for a daemon that speaks tappet.v1 over WebSocket, and the same load for nats-server and for mosquitto, each in its raw
 * protocol, so that no client library is measured. One thread, epoll, frames made by hand. Prints JSON.
 *
 *   ws_load fanout tappet|batch|nats|mqtt PORT SECONDS SUBSCRIBERS WINDOW [TOKEN]
 *   ws_load actions tappet PORT SECONDS CONNECTIONS WINDOW TOKEN
 *
 * fanout: one connection publishes and all others get each message; never more than WINDOW messages are under way, so that
 * no server has to drop or to queue without end. actions: each connection keeps WINDOW of them unacknowledged. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "load_wire.h"

#define EVENTS 256
#define SHARED ((size_t)4 << 20) /* one read, and the longest message */
#define WARM_UP_MS 1000
#define STALL_MS 5000
#define SAMPLES 2000000

struct client {
	int fd;
	char *tail; /* the beginning of a message whose rest has not come */
	size_t tail_len;
	char *out; /* what the socket has not taken */
	size_t out_len;
	double *sent_ms; /* by slot: when its action was sent */
};

struct load {
	const struct wire *wire;
	struct wire_target target;
	struct client *clients;
	int count, epoll, window;
	long published, delivered, acked, busy; /* since the beginning */
	float *latency_ms;
	size_t samples;
	bool measuring;
};

static char shared[SHARED];

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void send_some(struct load *l, struct client *c)
{
	const ssize_t n = write(c->fd, c->out, c->out_len);
	if (n < 0 && errno != EAGAIN)
		wire_fail("cannot write");
	if (n > 0) {
		c->out_len -= (size_t)n;
		memmove(c->out, c->out + n, c->out_len);
	}
	struct epoll_event event = {.events = EPOLLIN | (c->out_len ? EPOLLOUT : 0), .data.ptr = c};
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* `slot` comes back in the acknowledgement. */
static void publish(struct load *l, struct client *c, int slot)
{
	char *grown = realloc(c->out, c->out_len + WIRE_MESSAGE_MAX);
	if (!grown)
		wire_fail("out of memory");
	c->out = grown;
	c->out_len += l->wire->publish(&l->target, slot, c->out + c->out_len);
	if (c->sent_ms)
		c->sent_ms[slot] = now_ms();
	l->published++;
}

static void take(struct load *l, struct client *c, const struct wire_found *found)
{
	l->delivered += found->events;
	l->busy += found->busy;
	if (found->busy && !c->sent_ms)
		l->published -= found->busy;
	if (found->pong_len && write(c->fd, found->pong, found->pong_len) < 0)
		wire_fail("cannot answer a ping");
	if (found->slot < 0 || !c->sent_ms)
		return;
	if (!found->busy) {
		l->acked++;
		if (l->measuring && l->samples < SAMPLES)
			l->latency_ms[l->samples++] = (float)(now_ms() - c->sent_ms[found->slot]);
	}
	publish(l, c, found->slot);
}

static void receive(struct load *l, struct client *c)
{
	memcpy(shared, c->tail, c->tail_len);
	const ssize_t n = read(c->fd, shared + c->tail_len, SHARED - c->tail_len);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		wire_fail("a connection was closed");
	const size_t len = c->tail_len + (size_t)n;
	size_t at = 0, used;
	struct wire_found found = {.slot = -1};
	while ((used = l->wire->next(shared + at, len - at, &found))) {
		take(l, c, &found);
		found = (struct wire_found){.slot = -1};
		at += used;
	}
	c->tail_len = len - at;
	if (c->tail_len && !(c->tail = realloc(c->tail, c->tail_len)))
		wire_fail("out of memory");
	memcpy(c->tail, shared + at, c->tail_len);
	if (c->out_len)
		send_some(l, c);
}

/* Of fanout the first one publishes: until so many are under way as there may be. */
static void fill(struct load *l)
{
	struct client *c = &l->clients[0];
	const int subscribers = l->count - 1;
	if (c->out_len)
		return;
	while (l->published - l->delivered / subscribers < l->window)
		publish(l, c, 0);
	if (c->out_len)
		send_some(l, c);
}

static void turn(struct load *l, bool fanout)
{
	struct epoll_event events[EVENTS];
	const int n = epoll_wait(l->epoll, events, EVENTS, 100);
	for (int i = 0; i < n; i++) {
		struct client *c = events[i].data.ptr;
		if (events[i].events & EPOLLOUT)
			send_some(l, c);
		if (events[i].events & ~(uint32_t)EPOLLOUT)
			receive(l, c);
	}
	if (fanout)
		fill(l);
}

static long run(struct load *l, bool fanout, double duration_ms)
{
	const long *progress = fanout ? &l->delivered : &l->acked;
	const long before = *progress;
	const double begin = now_ms();
	double last_ms = begin;
	long last = before;
	for (double now = begin; now - begin < duration_ms; now = now_ms()) {
		turn(l, fanout);
		if (*progress != last) {
			last = *progress;
			last_ms = now;
		}
		if (now - last_ms > STALL_MS)
			wire_fail("nothing comes any more: something was dropped");
	}
	return *progress - before;
}

static int ascending(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static double percentile(const struct load *l, double share)
{
	return l->samples ? (double)l->latency_ms[(size_t)((double)(l->samples - 1) * share)] : 0;
}

static void open_all(struct load *l, bool fanout)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->clients = calloc((size_t)l->count, sizeof(*l->clients));
	l->latency_ms = malloc(SAMPLES * sizeof(*l->latency_ms));
	if (l->epoll < 0 || !l->clients || !l->latency_ms)
		wire_fail("out of memory");
	for (int i = 0; i < l->count; i++) {
		struct client *c = &l->clients[i];
		c->fd = l->wire->open(&l->target, fanout && i > 0);
		if (!fanout && !(c->sent_ms = calloc((size_t)l->window, sizeof(*c->sent_ms))))
			wire_fail("out of memory");
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
			wire_fail("epoll");
	}
}

static void begin_actions(struct load *l)
{
	for (int i = 0; i < l->count; i++) {
		for (int slot = 0; slot < l->window; slot++)
			publish(l, &l->clients[i], slot);
		send_some(l, &l->clients[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc < 7)
		return 2;
	const bool fanout = strcmp(argv[1], "fanout") == 0;
	struct load l = {
		.wire = wire_named(argv[2]), .count = atoi(argv[5]) + (fanout ? 1 : 0), .window = atoi(argv[6])};
	l.target = (struct wire_target){.port = atoi(argv[3]), .token = argc > 7 ? argv[7] : "", .wire = l.wire};
	const double duration_ms = atof(argv[4]) * 1e3;
	if (!l.wire || l.count < 1 || l.window < 1)
		return 2;
	open_all(&l, fanout);
	if (!fanout)
		begin_actions(&l);
	run(&l, fanout, WARM_UP_MS);
	l.measuring = true;
	const double begin = now_ms();
	const long count = run(&l, fanout, duration_ms);
	const double seconds = (now_ms() - begin) / 1e3;
	qsort(l.latency_ms, l.samples, sizeof(*l.latency_ms), ascending);
	printf("{\"count\": %ld, \"rate\": %.1f, \"busy\": %ld, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", count,
	       (double)count / seconds, l.busy, percentile(&l, 0.5), percentile(&l, 0.99));
	return 0;
}
