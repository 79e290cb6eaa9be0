/* A binary heap of nodes that lie inside what they order: the least is in front. Nothing is allocated but the array of
 * pointers. Not thread-safe. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
	size_t at; /* place + 1; 0: in no heap */
};

struct heap {
	struct heap_node **nodes;
	size_t count, cap;
	bool (*before)(const struct heap_node *a, const struct heap_node *b);
};

void heap_init(struct heap *h, bool (*before)(const struct heap_node *a, const struct heap_node *b));
/* Frees the array, not the nodes. */
void heap_release(struct heap *h);
/* NULL when it is empty. */
struct heap_node *heap_first(const struct heap *h);
bool heap_has(const struct heap_node *node);
/* 0 or -ENOMEM. */
int heap_add(struct heap *h, struct heap_node *node);
/* What is in no heap is left alone. */
void heap_remove(struct heap *h, struct heap_node *node);
/* Its order has changed. */
void heap_moved(struct heap *h, struct heap_node *node);

#endif
