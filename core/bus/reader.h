/* A place in the sequence of events that moves on from the store and goes over to the bus. It knows the number up to which
 * it has seen everything; what the bus has begins somewhere and reaches up to where the bus has looked. Once its own place
 * is not before that beginning it takes from the bus what is behind it; before, and when the bus has lost it, it asks for a
 * read of the store. So there is no gap and no double, whatever the order in which the two bring an event.
 *
 * It never reads the store itself: its owner does, when bus_reader_look says so, and hands over what was found. Used by
 * api/ and host/. Loop thread only.
 *
 *   look -> NEWS: deliver `batch`, then bus_reader_delivered
 *        -> BEHIND: bus_reader_ask, read behind `position` (BUS_READER_MAX events), bus_reader_take
 *        -> WAIT: for `wake` */
#ifndef BUS_READER_H
#define BUS_READER_H

#include <stdbool.h>
#include "bus/bus.h"

#define BUS_READER_MAX 128

struct bus_reader {
	/* Set by the owner before bus_reader_open. `matches` is asked by the bus before it keeps an event, and again when it
	 * is taken from there: what it depends on may have changed. */
	uint64_t types; /* EVENT_BIT: none but these match */
	bool (*matches)(void *arg, const struct event *e);
	void (*wake)(void *arg); /* as that of bus_subscribe */
	void *arg;
	/* To be read by the owner. */
	const struct event **batch; /* `count` events that match; NULL when there is none */
	size_t count;
	uint64_t position;         /* seen up to here, the filter's leavings included */
	uint64_t told;             /* `position` when something was last delivered */
	uint64_t gap_from, gap_to; /* not kept any more, before `batch`; 0: no gap */
	/* Its own. */
	struct bus_subscriber *subscriber;
	bool from_oldest;
};

enum bus_reader_next { BUS_READER_NEWS, BUS_READER_BEHIND, BUS_READER_WAIT };

/* Reads behind `since`; a number from the future comes from another store, and stands for everything new. With
 * `from_oldest` it begins with whatever is kept, and what is gone is no gap. */
int bus_reader_open(struct bus_reader *r, struct bus *b, uint64_t since, bool from_oldest);
/* Hears nothing any more; `batch` stays until bus_reader_delivered. Harmless a second time. */
void bus_reader_close(struct bus_reader *r);

/* What is to be done next. A reader whose filter leaves everything out has news now and then: its position alone. */
enum bus_reader_next bus_reader_look(struct bus_reader *r);
/* The news have been delivered; frees the batch. */
void bus_reader_delivered(struct bus_reader *r);
/* A read of the store begins. */
void bus_reader_ask(struct bus_reader *r);
/* It has found these; `oldest` as of store_read_events. */
void bus_reader_take(struct bus_reader *r, const struct event *events, size_t count, uint64_t oldest);

#endif
