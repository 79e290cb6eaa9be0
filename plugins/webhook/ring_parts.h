/* What ring.c and ring_list.c share. */
#ifndef WEBHOOK_RING_PARTS_H
#define WEBHOOK_RING_PARTS_H

#include "requests.h"

struct text;
struct job;

struct ring {
	struct ring_entry *entries; /* the oldest first */
	size_t count, room;
	unsigned next_slot;
	bool loaded;
	bool writing, dirty;            /* the list: one write at a time, however many requests come */
	size_t under_way;               /* requests that are being written */
	unsigned char writes[RING_MAX]; /* of each slot: how many of them are written there */
	struct job *first, *last;       /* those that wait for it */
	size_t waiting;
};

bool ring_make_room(struct ring *r);
void ring_take_list(struct ring *r, tappet_str text);
/* Empty when there is nothing to be remembered. */
void ring_write_list(const struct ring *r, struct text *out);

#endif
