#include "base/heap.h"

#include <errno.h>
#include <stdlib.h>

void heap_init(struct heap *h, bool (*before)(const struct heap_node *a, const struct heap_node *b))
{
	*h = (struct heap){.before = before};
}

void heap_release(struct heap *h)
{
	free(h->nodes);
	*h = (struct heap){.before = h->before};
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->count > 0 ? h->nodes[0] : NULL;
}

bool heap_has(const struct heap_node *node)
{
	return node->at > 0;
}

static void put(struct heap *h, size_t at, struct heap_node *node)
{
	h->nodes[at] = node;
	node->at = at + 1;
}

static void up(struct heap *h, size_t at, struct heap_node *node)
{
	while (at > 0 && h->before(node, h->nodes[(at - 1) / 2])) {
		put(h, at, h->nodes[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, at, node);
}

static void down(struct heap *h, size_t at, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < h->count && h->before(h->nodes[child + 1], h->nodes[child]))
			child++;
		if (child >= h->count || !h->before(h->nodes[child], node))
			break;
		put(h, at, h->nodes[child]);
		at = child;
	}
	put(h, at, node);
}

static int make_room(struct heap *h)
{
	size_t cap = h->cap ? 2 * h->cap : 64;
	struct heap_node **nodes;

	if (h->count < h->cap)
		return 0;
	nodes = realloc(h->nodes, cap * sizeof(struct heap_node *));
	if (!nodes)
		return -ENOMEM;
	h->nodes = nodes;
	h->cap = cap;
	return 0;
}

int heap_add(struct heap *h, struct heap_node *node)
{
	int r = make_room(h);

	if (r == 0)
		up(h, h->count++, node);
	return r;
}

void heap_moved(struct heap *h, struct heap_node *node)
{
	up(h, node->at - 1, node);
	down(h, node->at - 1, node);
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	size_t at = node->at - 1;
	struct heap_node *last;

	if (!heap_has(node))
		return;
	last = h->nodes[--h->count];
	node->at = 0;
	if (last == node)
		return;
	put(h, at, last);
	heap_moved(h, last);
}
