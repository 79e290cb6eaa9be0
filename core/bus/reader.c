#include "bus/reader.h"

#include <stdlib.h>

/* What one turn of the loop may publish. */
#define RING_SIZE 4096
#define POSITION_EVERY BUS_QUIET_MAX

int bus_reader_open(struct bus_reader *r, struct bus *b, uint64_t since, bool from_oldest)
{
	const struct bus_listener listener = {.types = r->types, .wants = r->matches, .wake = r->wake, .arg = r->arg};
	uint64_t newest = bus_newest(b);
	int error = bus_subscribe(b, RING_SIZE, &listener, &r->subscriber);

	if (error < 0)
		return error;
	r->from_oldest = from_oldest;
	r->position = since < newest ? since : newest;
	if (from_oldest)
		r->position = 0;
	r->told = r->position;
	return 0;
}

void bus_reader_close(struct bus_reader *r)
{
	bus_unsubscribe(r->subscriber);
	r->subscriber = NULL;
}

static bool make_batch(struct bus_reader *r)
{
	if (!r->batch)
		r->batch = calloc(BUS_READER_MAX, sizeof(*r->batch));
	return r->batch != NULL;
}

static void free_batch(struct bus_reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		event_drop(r->batch[i]);
	r->count = 0;
	free(r->batch);
	r->batch = NULL;
}

void bus_reader_delivered(struct bus_reader *r)
{
	r->gap_from = r->gap_to = 0;
	r->told = r->position;
	free_batch(r);
}

static void move_to(struct bus_reader *r, uint64_t seq)
{
	if (seq > r->position)
		r->position = seq;
}

/* Takes over what the bus has, once the store has brought it to where that begins. */
static void take_live(struct bus_reader *r)
{
	struct bus_subscriber *s = r->subscriber;

	if (r->position < bus_begun(s))
		return;
	while (!bus_is_empty(s) && r->count < BUS_READER_MAX && make_batch(r)) {
		const struct event *e = bus_take(s);

		if (e->seq > r->position && r->matches(r->arg, e))
			r->batch[r->count++] = e;
		move_to(r, e->seq);
		if (r->count == 0 || r->batch[r->count - 1] != e)
			event_drop(e);
	}
	if (bus_is_empty(s))
		move_to(r, bus_looked(s));
	if (r->count == 0)
		free_batch(r);
}

enum bus_reader_next bus_reader_look(struct bus_reader *r)
{
	struct bus_subscriber *s = r->subscriber;

	if (!r->from_oldest)
		take_live(r);
	if (r->count > 0 || r->gap_from || r->position - r->told >= POSITION_EVERY)
		return BUS_READER_NEWS;
	/* Something is left in the ring only for want of memory. */
	if (r->from_oldest || r->position < bus_begun(s) || bus_is_lost(s) || !bus_is_empty(s))
		return BUS_READER_BEHIND;
	return BUS_READER_WAIT;
}

void bus_reader_ask(struct bus_reader *r)
{
	bus_begin(r->subscriber);
}

static void skip_gone(struct bus_reader *r, uint64_t oldest)
{
	bool first = r->from_oldest;

	r->from_oldest = false;
	if (oldest <= r->position + 1)
		return;
	if (!first) {
		r->gap_from = r->gap_from ? r->gap_from : r->position + 1;
		r->gap_to = oldest - 1;
	}
	r->position = oldest - 1;
	if (first)
		r->told = r->position;
}

void bus_reader_take(struct bus_reader *r, const struct event *events, size_t count, uint64_t oldest)
{
	skip_gone(r, oldest);
	for (size_t i = 0; i < count && r->count < BUS_READER_MAX; i++) {
		if (events[i].seq <= r->position)
			continue;
		if (r->matches(r->arg, &events[i])) {
			/* Out of memory: it is read again. */
			const struct event *e = make_batch(r) ? event_share(&events[i]) : NULL;

			if (!e)
				return;
			r->batch[r->count++] = e;
		}
		r->position = events[i].seq;
	}
	/* What was committed when it was asked was there to be read. */
	if (count == 0 && r->subscriber)
		move_to(r, bus_begun(r->subscriber));
}
