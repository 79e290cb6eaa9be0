/* Names that had events, or that a listing found to differ: each waits until it is quiet. A heap says which is due first. With
 * the quiet time of a batch each event moves all of them by the same, so that their order stays. */
#include "filewatch.h"
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64

static uint32_t hash_name(const struct dir *d, const char *name, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ d->id * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(hash ^ hash >> 32);
}

static size_t inode_slot(const struct item_table *table, uint64_t inode)
{
	return (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (table->room - 1);
}

static struct item **name_slot(const struct item_table *table, uint32_t hash)
{
	return &table->by_name[hash & (table->room - 1)];
}

static void put_in(struct item_table *table, struct item *i)
{
	struct item **slot = name_slot(table, i->hash);
	i->next_by_name = *slot;
	*slot = i;
	if (i->inode == 0)
		return;
	slot = &table->by_inode[inode_slot(table, i->inode)];
	i->next_by_inode = *slot;
	*slot = i;
}

static bool grow(struct item_table *table)
{
	const struct item_table old = *table;
	const size_t room = old.room ? 2 * old.room : ROOM_MIN;
	struct item **by_name = calloc(room, sizeof(*by_name)), **by_inode = calloc(room, sizeof(*by_inode));
	if (!by_name || !by_inode) {
		free(by_name);
		free(by_inode);
		return false;
	}
	table->by_name = by_name;
	table->by_inode = by_inode;
	table->room = room;
	for (size_t slot = 0; slot < old.room; slot++) {
		struct item *next;
		for (struct item *i = old.by_name[slot]; i; i = next) {
			next = i->next_by_name;
			put_in(table, i);
		}
	}
	free(old.by_name);
	free(old.by_inode);
	return true;
}

static struct item *find(const struct item_table *table, const struct dir *d, const char *name, size_t len,
			 uint32_t hash)
{
	struct item *i = table->room ? *name_slot(table, hash) : NULL;
	while (i && !(i->hash == hash && i->dir == d && i->len == len && memcmp(i->name, name, len) == 0))
		i = i->next_by_name;
	return i;
}

struct item *items_find(const struct tree *t, const struct dir *d, const char *name, size_t len)
{
	return find(&t->items, d, name, len, hash_name(d, name, len));
}

struct item *items_note(struct tree *t, struct dir *d, const char *name, size_t len)
{
	struct item_table *table = &t->items;
	const uint32_t hash = hash_name(d, name, len);
	struct item *i = find(table, d, name, len, hash);
	if (i)
		return i;
	if (table->count >= table->room && !grow(table))
		return NULL;
	i = calloc(1, sizeof(*i) + len + 1);
	if (!i)
		return NULL;
	i->dir = d;
	i->hash = hash;
	i->len = (uint8_t)len;
	memcpy(i->name, name, len);
	i->first_ms = i->last_ms = plugin_now(t->plugin);
	put_in(table, i);
	table->count++;
	d->refs++;
	t->plugin->host->metric_add(t->plugin->metric.pending, 1);
	return i;
}

/* ---- By inode ---- */

static void take_out_inode(struct item_table *table, struct item *i)
{
	if (i->inode == 0)
		return;
	struct item **at = &table->by_inode[inode_slot(table, i->inode)];
	while (*at != i)
		at = &(*at)->next_by_inode;
	*at = i->next_by_inode;
	i->inode = 0;
}

void items_set_inode(struct tree *t, struct item *i, uint64_t inode, bool left)
{
	struct item_table *table = &t->items;
	i->left = left && inode != 0;
	if (i->inode == inode)
		return;
	take_out_inode(table, i);
	if (inode == 0)
		return;
	i->inode = inode;
	struct item **slot = &table->by_inode[inode_slot(table, inode)];
	i->next_by_inode = *slot;
	*slot = i;
}

struct item *items_by_inode(const struct tree *t, uint64_t inode, bool left, const struct item *not_this)
{
	const struct item_table *table = &t->items;
	struct item *i = table->room && inode ? table->by_inode[inode_slot(table, inode)] : NULL;
	while (i && !(i->inode == inode && i->left == left && i != not_this))
		i = i->next_by_inode;
	return i;
}

/* ---- When ---- */

int64_t item_due_ms(const struct tree *t, const struct item *i)
{
	const struct options *o = &t->options;
	const int64_t last = o->settle_batch && t->last_event_ms > i->last_ms ? t->last_event_ms : i->last_ms;
	int64_t due = last + o->settle_ms;
	if (o->settle_max_ms > 0 && due > i->first_ms + o->settle_max_ms)
		due = i->first_ms + o->settle_max_ms;
	return due > i->not_before_ms ? due : i->not_before_ms;
}

static void place(struct item_table *table, struct item *i, uint32_t at)
{
	table->heap[at] = i;
	i->heap_at = at + 1;
}

static void sift_up(const struct tree *t, struct item_table *table, uint32_t at)
{
	struct item *i = table->heap[at];
	const int64_t due = item_due_ms(t, i);
	while (at > 0 && item_due_ms(t, table->heap[(at - 1) / 2]) > due) {
		place(table, table->heap[(at - 1) / 2], at);
		at = (at - 1) / 2;
	}
	place(table, i, at);
}

static void sift_down(const struct tree *t, struct item_table *table, uint32_t at)
{
	struct item *i = table->heap[at];
	const int64_t due = item_due_ms(t, i);
	for (uint32_t child; (child = 2 * at + 1) < table->heap_count; at = child) {
		if (child + 1 < table->heap_count &&
		    item_due_ms(t, table->heap[child + 1]) < item_due_ms(t, table->heap[child]))
			child++;
		if (item_due_ms(t, table->heap[child]) >= due)
			break;
		place(table, table->heap[child], at);
	}
	place(table, i, at);
}

static void take_out(const struct tree *t, struct item_table *table, struct item *i)
{
	const uint32_t at = i->heap_at - 1;
	struct item *last = table->heap[--table->heap_count];
	i->heap_at = 0;
	if (last == i)
		return;
	place(table, last, at);
	sift_up(t, table, at);
	sift_down(t, table, last->heap_at - 1);
}

bool items_schedule(struct tree *t, struct item *i)
{
	struct item_table *table = &t->items;
	if (i->heap_at) {
		sift_up(t, table, i->heap_at - 1);
		sift_down(t, table, i->heap_at - 1);
		return true;
	}
	if (i->examining)
		return true;
	if (table->heap_count == table->heap_room) {
		const size_t room = table->heap_room ? 2 * table->heap_room : ROOM_MIN;
		struct item **heap = realloc(table->heap, room * sizeof(struct item *));
		if (!heap)
			return false;
		table->heap = heap;
		table->heap_room = room;
	}
	table->heap[table->heap_count] = i;
	sift_up(t, table, (uint32_t)table->heap_count++);
	return true;
}

struct item *items_take(struct tree *t, int64_t now_ms)
{
	struct item_table *table = &t->items;
	struct item *i = table->heap_count > 0 ? table->heap[0] : NULL;
	if (!i || item_due_ms(t, i) > now_ms)
		return NULL;
	take_out(t, table, i);
	return i;
}

/* ---- The end of one ---- */

void items_drop(struct tree *t, struct item *i)
{
	struct item_table *table = &t->items;
	struct item **at = name_slot(table, i->hash);
	while (*at != i)
		at = &(*at)->next_by_name;
	*at = i->next_by_name;
	take_out_inode(table, i);
	if (i->heap_at)
		take_out(t, table, i);
	if (t->moved_from == i)
		t->moved_from = NULL;
	table->count--;
	i->dir->refs--;
	t->plugin->host->metric_add(t->plugin->metric.pending, -1);
	/* The pool still looks at it: whoever takes it from there frees it. */
	if (i->examining)
		i->dead = true;
	else
		free(i);
}

void items_forget_writers(struct tree *t)
{
	for (size_t i = 0; i < t->items.heap_count; i++)
		t->items.heap[i]->writing = false;
}

void items_release(struct tree *t)
{
	struct item_table *table = &t->items;
	for (size_t slot = 0; slot < table->room; slot++) {
		struct item *next;
		for (struct item *i = table->by_name[slot]; i; i = next) {
			next = i->next_by_name;
			free(i);
		}
	}
	t->plugin->host->metric_add(t->plugin->metric.pending, -(double)table->count);
	free(table->by_name);
	free(table->by_inode);
	free(table->heap);
}
