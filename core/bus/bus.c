#include "bus/bus.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

struct bus {
	struct list subscribers;
	uint64_t newest;
};

struct bus_subscriber {
	struct list node;
	void (*wake)(void *arg);
	void *arg;
	uint64_t since; /* what was published up to here is not for this one */
	size_t first, used, size;
	struct event ring[];
};

int bus_open(struct bus **ret)
{
	struct bus *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	list_init(&b->subscribers);
	*ret = b;
	return 0;
}

void bus_free(struct bus *b)
{
	if (!b)
		return;
	list_each_safe (node, &b->subscribers)
		list_remove(node);
	free(b);
}

/* Keeps the oldest: what does not fit leaves a hole behind them, by which the subscriber sees that it fell behind. */
static void hand_over(struct bus_subscriber *s, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count && s->used < s->size; i++) {
		if (events[i].seq <= s->since)
			continue;
		/* Out of memory is a hole like any other, but nothing may follow it in this call. */
		if (event_copy(&s->ring[(s->first + s->used) % s->size], &events[i]) < 0)
			return;
		s->used++;
	}
}

void bus_publish(struct bus *b, const struct event *events, size_t count)
{
	if (count == 0)
		return;
	if (events[count - 1].seq > b->newest)
		b->newest = events[count - 1].seq;
	list_each_safe (node, &b->subscribers) {
		struct bus_subscriber *s = list_entry(node, struct bus_subscriber, node);

		if (events[count - 1].seq <= s->since)
			continue;
		hand_over(s, events, count);
		s->wake(s->arg);
	}
}

uint64_t bus_newest(const struct bus *b)
{
	return b->newest;
}

void bus_set_newest(struct bus *b, uint64_t seq)
{
	b->newest = seq;
}

int bus_subscribe(struct bus *b, size_t ring_size, void (*wake)(void *arg), void *arg, struct bus_subscriber **ret)
{
	struct bus_subscriber *s;

	if (ring_size == 0)
		return -EINVAL;
	s = calloc(1, sizeof(*s) + ring_size * sizeof(s->ring[0]));
	if (!s)
		return -ENOMEM;
	s->wake = wake;
	s->arg = arg;
	s->since = b->newest;
	s->size = ring_size;
	list_append(&b->subscribers, &s->node);
	*ret = s;
	return 0;
}

void bus_unsubscribe(struct bus_subscriber *s)
{
	if (!s)
		return;
	list_remove(&s->node);
	bus_discard(s);
	free(s);
}

int bus_take(struct bus_subscriber *s, struct event *ret)
{
	if (s->used == 0)
		return 0;
	*ret = s->ring[s->first];
	s->first = (s->first + 1) % s->size;
	s->used--;
	return 1;
}

void bus_discard(struct bus_subscriber *s)
{
	struct event e;

	while (bus_take(s, &e))
		event_release(&e);
}
