/* A heap with four children a node, which is half as deep as a binary one: of a million entries every level is a cache miss. */
#include <errno.h>
#include <stdlib.h>
#include "schedule.h"

#define CHILDREN 4

static void place(struct heap *h, uint32_t at, struct heap_entry entry)
{
	h->entries[at] = entry;
	entry.unit->heap_at = at + 1;
}

static void sift_up(struct heap *h, uint32_t at, struct heap_entry entry)
{
	while (at > 0) {
		const uint32_t parent = (at - 1) / CHILDREN;
		if (h->entries[parent].due_ms <= entry.due_ms)
			break;
		place(h, at, h->entries[parent]);
		at = parent;
	}
	place(h, at, entry);
}

static uint32_t earliest_child(const struct heap *h, uint32_t at)
{
	const uint64_t first = (uint64_t)at * CHILDREN + 1;
	uint32_t best = (uint32_t)first;
	if (first >= h->count)
		return 0;
	for (uint64_t i = first + 1; i < first + CHILDREN && i < h->count; i++)
		if (h->entries[i].due_ms < h->entries[best].due_ms)
			best = (uint32_t)i;
	return best;
}

static void sift_down(struct heap *h, uint32_t at, struct heap_entry entry)
{
	uint32_t child;
	while ((child = earliest_child(h, at)) != 0 && h->entries[child].due_ms < entry.due_ms) {
		place(h, at, h->entries[child]);
		at = child;
	}
	place(h, at, entry);
}

static int make_room(struct heap *h)
{
	if (h->count < h->room)
		return 0;
	const uint32_t room = h->room ? h->room + h->room / 2 : 64;
	struct heap_entry *entries = reallocarray(h->entries, room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	h->entries = entries;
	h->room = room;
	return 0;
}

int heap_put(struct heap *h, struct unit *u, int64_t due_ms)
{
	const struct heap_entry entry = {due_ms, u};
	uint32_t at = h->count;
	if (u->heap_at) {
		at = u->heap_at - 1;
	} else {
		if (make_room(h) < 0)
			return -ENOMEM;
		h->count++;
	}
	if (at > 0 && h->entries[(at - 1) / CHILDREN].due_ms > due_ms)
		sift_up(h, at, entry);
	else
		sift_down(h, at, entry);
	return 0;
}

void heap_remove(struct heap *h, struct unit *u)
{
	if (!u->heap_at)
		return;
	const uint32_t at = u->heap_at - 1;
	const struct heap_entry last = h->entries[--h->count];
	u->heap_at = 0;
	if (last.unit == u)
		return;
	if (at > 0 && h->entries[(at - 1) / CHILDREN].due_ms > last.due_ms)
		sift_up(h, at, last);
	else
		sift_down(h, at, last);
}

void heap_release(struct heap *h)
{
	free(h->entries);
	*h = (struct heap){0};
}
