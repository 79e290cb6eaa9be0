#include "bus/bus.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

#define ROOM_FIRST 16
/* A ring that is larger goes when it is empty. */
#define ROOM_KEPT 64
/* Of the texts that one subscriber holds, whoever holds them too. */
#define BYTES_MAX ((size_t)512 * 1024)

#define TYPES_MAX 64

struct bus {
	struct list subscribers;
	uint64_t newest;
	size_t wanted[TYPES_MAX]; /* by how many, by type */
};

struct bus_subscriber {
	struct list node;
	struct bus_listener listener;
	struct bus *bus; /* NULL: it has gone */
	uint64_t begun, looked, woken_at;
	bool lost, due; /* due: to be woken */
	/* A ring of `room` places, none while nothing is kept; it grows up to `size`. */
	const struct event **ring;
	size_t first, used, room, size, bytes;
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
	list_each_safe (node, &b->subscribers) {
		list_entry(node, struct bus_subscriber, node)->bus = NULL;
		list_remove(node);
	}
	free(b);
}

static bool is_wanted(const struct bus_subscriber *s, const struct event *e)
{
	const struct bus_listener *l = &s->listener;

	return (l->types & EVENT_BIT(e->type)) && (!l->wants || l->wants(l->arg, e));
}

static bool has_room(struct bus_subscriber *s)
{
	size_t room = s->room ? 2 * s->room : ROOM_FIRST;
	const struct event **ring;

	if (s->used < s->room)
		return true;
	if (s->used == s->size)
		return false;
	room = room < s->size ? room : s->size;
	ring = calloc(room, sizeof(const struct event *));
	if (!ring)
		return false;
	for (size_t i = 0; i < s->used; i++)
		ring[i] = s->ring[(s->first + i) % s->room];
	free(s->ring);
	s->ring = ring;
	s->room = room;
	s->first = 0;
	return true;
}

/* *shared is made when the first one wants it. */
static bool keep(struct bus_subscriber *s, const struct event *e, const struct event **shared)
{
	if ((s->used > 0 && s->bytes >= BYTES_MAX) || !has_room(s))
		return false;
	if (!*shared)
		*shared = event_share(e);
	if (!*shared)
		return false;
	s->ring[(s->first + s->used) % s->room] = event_hold(*shared);
	s->used++;
	s->bytes += event_bytes(*shared);
	return true;
}

static void offer(struct bus_subscriber *s, const struct event *e, const struct event **shared)
{
	if (s->lost)
		return;
	if (is_wanted(s, e)) {
		s->due = true;
		s->lost = !keep(s, e, shared);
	}
	if (!s->lost)
		s->looked = e->seq;
}

static void lose_all(struct bus *b)
{
	list_each (node, &b->subscribers) {
		struct bus_subscriber *s = list_entry(node, struct bus_subscriber, node);

		s->due = s->due || !s->lost;
		s->lost = true;
	}
}

/* Event by event and not subscriber by subscriber: what a filter has to look up of an event is the same for all of them. */
static void publish_one(struct bus *b, const struct event *e)
{
	const struct event *shared = NULL;

	if (e->seq <= b->newest)
		return;
	if (e->seq != b->newest + 1)
		lose_all(b);
	b->newest = e->seq;
	list_each (node, &b->subscribers)
		offer(list_entry(node, struct bus_subscriber, node), e, &shared);
	event_drop(shared);
}

void bus_publish(struct bus *b, const struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		publish_one(b, &events[i]);
	list_each_safe (node, &b->subscribers) {
		struct bus_subscriber *s = list_entry(node, struct bus_subscriber, node);

		if (!s->due && b->newest - s->woken_at < BUS_QUIET_MAX)
			continue;
		s->due = false;
		s->woken_at = b->newest;
		s->listener.wake(s->listener.arg);
	}
}

bool bus_is_wanted(const struct bus *b, enum event_type type)
{
	return b->wanted[type] > 0;
}

/* One more or one less. */
static void count_wanted(struct bus *b, uint64_t types, size_t by)
{
	for (size_t i = 0; i < TYPES_MAX; i++)
		if (types & EVENT_BIT(i))
			b->wanted[i] += by;
}

uint64_t bus_newest(const struct bus *b)
{
	return b->newest;
}

void bus_set_newest(struct bus *b, uint64_t seq)
{
	b->newest = seq;
}

int bus_subscribe(struct bus *b, size_t ring_size, const struct bus_listener *listener, struct bus_subscriber **ret)
{
	struct bus_subscriber *s;

	if (ring_size == 0)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->listener = *listener;
	s->bus = b;
	s->begun = s->looked = s->woken_at = b->newest;
	s->size = ring_size;
	list_append(&b->subscribers, &s->node);
	count_wanted(b, listener->types, 1);
	*ret = s;
	return 0;
}

static void discard(struct bus_subscriber *s)
{
	while (!bus_is_empty(s))
		event_drop(bus_take(s));
}

void bus_unsubscribe(struct bus_subscriber *s)
{
	if (!s)
		return;
	list_remove(&s->node);
	if (s->bus)
		count_wanted(s->bus, s->listener.types, SIZE_MAX);
	discard(s);
	free(s->ring);
	free(s);
}

const struct event *bus_take(struct bus_subscriber *s)
{
	const struct event *e;

	if (s->used == 0)
		return NULL;
	e = s->ring[s->first];
	s->first = (s->first + 1) % s->room;
	s->used--;
	s->bytes -= event_bytes(e);
	if (s->used == 0 && s->room > ROOM_KEPT) {
		free(s->ring);
		s->ring = NULL;
		s->room = 0;
	}
	return e;
}

bool bus_is_empty(const struct bus_subscriber *s)
{
	return s->used == 0;
}

uint64_t bus_begun(const struct bus_subscriber *s)
{
	return s->begun;
}

uint64_t bus_looked(const struct bus_subscriber *s)
{
	return s->looked;
}

bool bus_is_lost(const struct bus_subscriber *s)
{
	return s->lost;
}

void bus_begin(struct bus_subscriber *s)
{
	discard(s);
	if (s->bus)
		s->begun = s->looked = s->bus->newest;
	s->lost = false;
}
