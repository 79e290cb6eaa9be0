#include "store/arena.h"

#include <stdalign.h>

#define BLOCK_SIZE 16384

struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) char bytes[];
};

static int add_block(struct arena *a, size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);
	if (!block)
		return -1;
	block->next = a->blocks;
	a->blocks = block;
	a->at = block->bytes;
	a->left = size;
	return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t align = alignof(max_align_t);
	size = (size + align - 1) / align * align;
	if (size > a->left && add_block(a, size > BLOCK_SIZE ? size : BLOCK_SIZE) < 0)
		return NULL;
	void *piece = a->at;
	a->at += size;
	a->left -= size;
	a->total += size;
	return piece;
}

char *arena_copy(struct arena *a, const void *bytes, size_t len)
{
	char *copy = arena_alloc(a, len + 1);
	if (copy && len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

void arena_release(struct arena *a)
{
	struct arena_block *next;
	for (struct arena_block *block = a->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	*a = (struct arena){0};
}
