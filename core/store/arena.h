/* Memory for the results of one read: taken piece by piece, given back as a whole. */
#ifndef STORE_ARENA_H
#define STORE_ARENA_H

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *blocks;
	char *at;
	size_t left;
	size_t total; /* handed out so far */
};

/* Zeroed and aligned for anything; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy with a NUL behind it. */
char *arena_copy(struct arena *a, const void *bytes, size_t len);
void arena_release(struct arena *a);

#endif
