/* The bus tells whoever listens that events have been committed. It is a hint: the store is the truth, so a subscriber that
 * was too slow, or has just come, reads from the store from its last sequence number on. One bounded ring per subscriber;
 * when it is full the newest events are left to the store and the subscriber is told that it has fallen behind.
 *
 * Loop thread only. It never reads the store, and nothing before a commit reaches it. Called by engine/ (publish), api/
 * and host/ (subscribe). */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include <stddef.h>
#include <stdint.h>
#include "model/event.h"

struct bus;
struct bus_subscriber;

int bus_open(struct bus **ret);
/* Subscribers that are left hear nothing any more and are still to be unsubscribed. */
void bus_free(struct bus *b);
/* `events` in ascending order of seq; copied per subscriber that has room. */
void bus_publish(struct bus *b, const struct event *events, size_t count);
/* The newest seq published (or set at start), 0 when none. */
uint64_t bus_newest(const struct bus *b);
void bus_set_newest(struct bus *b, uint64_t seq);

/* `wake(arg)` is called from bus_publish when events have come, also when none of them found room; it must not call
 * bus_unsubscribe of another subscriber (of its own, it may). The subscriber gets what is published from now on. */
int bus_subscribe(struct bus *b, size_t ring_size, void (*wake)(void *arg), void *arg, struct bus_subscriber **ret);
void bus_unsubscribe(struct bus_subscriber *s);
/* Takes the oldest event: 1 and *ret (to be released with event_release), or 0 when there is none. The caller compares
 * the seq with the one it expects: a hole means that it fell behind and has to read the store; so does an empty ring
 * while bus_newest is past its last seq. */
int bus_take(struct bus_subscriber *s, struct event *ret);
/* Drops what is in the ring; used when a subscriber goes over to reading the store. */
void bus_discard(struct bus_subscriber *s);

#endif
