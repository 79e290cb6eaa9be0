#include "bus/reader.h"

#include <stdlib.h>

#define RING_SIZE 128
#define POSITION_EVERY 1000

int bus_reader_open(struct bus_reader *r, struct bus *b, uint64_t since, bool from_oldest)
{
	uint64_t newest = bus_newest(b);
	int error = bus_subscribe(b, RING_SIZE, r->wake, r->arg, &r->subscriber);

	if (error < 0)
		return error;
	r->bus = b;
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
		event_release(&r->batch[i]);
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

/* Takes over what the bus has, as long as it is the very next one. */
static void take_live(struct bus_reader *r)
{
	struct event e;

	if (!make_batch(r))
		return;
	while (r->count < BUS_READER_MAX && bus_take(r->subscriber, &e) == 1) {
		if (e.seq == r->position + 1) {
			r->position = e.seq;
			if (r->matches(r->arg, &e))
				r->batch[r->count++] = e;
			else
				event_release(&e);
			continue;
		}
		bool hole = e.seq > r->position + 1;

		event_release(&e);
		if (hole) {
			bus_discard(r->subscriber);
			break;
		}
	}
	if (r->count == 0)
		free_batch(r);
}

enum bus_reader_next bus_reader_look(struct bus_reader *r)
{
	if (!r->from_oldest)
		take_live(r);
	if (r->count > 0 || r->gap_from || r->position - r->told >= POSITION_EVERY)
		return BUS_READER_NEWS;
	/* Nothing in the ring although something was committed: it overflowed, or it is older than the subscription. */
	uint64_t newest = bus_newest(r->bus);

	if (r->from_oldest || (r->position < newest && r->dry_at != newest))
		return BUS_READER_BEHIND;
	return BUS_READER_WAIT;
}

void bus_reader_ask(struct bus_reader *r)
{
	r->asked_at = bus_newest(r->bus);
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
	uint64_t before = r->position;

	skip_gone(r, oldest);
	for (size_t i = 0; i < count && r->count < BUS_READER_MAX; i++) {
		if (events[i].seq <= r->position)
			continue;
		if (r->matches(r->arg, &events[i])) {
			/* Out of memory: it is read again. */
			if (!make_batch(r) || event_copy(&r->batch[r->count], &events[i]) < 0)
				return;
			r->count++;
		}
		r->position = events[i].seq;
	}
	if (r->position == before)
		r->dry_at = r->asked_at;
}
