/* The bus tells whoever listens that events have been committed. It is a hint: the store is the truth, so a subscriber that
 * was too slow, or has just come, reads from the store from its last sequence number on. One bounded ring per subscriber
 * holds what it wants; an event is copied once for all of them. A subscriber knows up to which number the bus has looked for
 * it: what is missing below was not wanted. When the ring is full it is lost: nothing more is kept for it until it begins
 * anew, behind a read of the store.
 *
 * Loop thread only. It never reads the store, and nothing before a commit reaches it. Called by engine/ (publish), api/
 * and host/ (subscribe). */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model/event.h"

/* A subscriber that wants nothing is woken once in so many events nevertheless, to learn where it is. */
#define BUS_QUIET_MAX 1000

struct bus;
struct bus_subscriber;

int bus_open(struct bus **ret);
/* Subscribers that are left hear nothing any more and are still to be unsubscribed. */
void bus_free(struct bus *b);
/* `events` in ascending order of seq. One whose number is not behind the newest is left out; a hole before one is what
 * somebody could not publish, so that all are lost. */
void bus_publish(struct bus *b, const struct event *events, size_t count);
/* Whether some subscriber asks for events of this type. */
bool bus_is_wanted(const struct bus *b, enum event_type type);
/* The newest seq published (or set at start), 0 when none. */
uint64_t bus_newest(const struct bus *b);
void bus_set_newest(struct bus *b, uint64_t seq);

struct bus_listener {
	uint64_t types; /* EVENT_BIT: only of these is it asked */
	/* Called from bus_publish before an event is kept; NULL: all. */
	bool (*wants)(void *arg, const struct event *e);
	/* Called from bus_publish when something was kept, when the subscriber was lost just now, and now and then. It must
	 * not call bus_unsubscribe of another subscriber (of its own, it may). */
	void (*wake)(void *arg);
	void *arg;
};
/* The subscriber gets what is published from now on; at most `ring_size` events, and of long ones fewer, wait for it. */
int bus_subscribe(struct bus *b, size_t ring_size, const struct bus_listener *listener, struct bus_subscriber **ret);
void bus_unsubscribe(struct bus_subscriber *s);

/* The oldest event in the ring, to be given back with event_drop; NULL: there is none. */
const struct event *bus_take(struct bus_subscriber *s);
bool bus_is_empty(const struct bus_subscriber *s);
/* All wanted events behind `begun` up to `looked` are in the ring or were taken from it. */
uint64_t bus_begun(const struct bus_subscriber *s);
uint64_t bus_looked(const struct bus_subscriber *s);
bool bus_is_lost(const struct bus_subscriber *s);
/* Drops what is in the ring and begins anew behind the newest event. */
void bus_begin(struct bus_subscriber *s);

#endif
