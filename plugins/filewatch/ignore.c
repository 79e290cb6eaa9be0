/* The .gitignore files that hold in a folder: its own, and those of the folders above it. */
#include "filewatch.h"
#include <stdlib.h>

struct ignore *ignore_ref(struct ignore *i)
{
	if (i)
		i->refs++;
	return i;
}

void ignore_unref(struct ignore *i)
{
	while (i && --i->refs == 0) {
		struct ignore *above = i->above;
		patterns_free(i->patterns);
		free(i);
		i = above;
	}
}

bool ignore_is_same(const struct ignore *a, const struct ignore *b)
{
	while (a && b && a != b && a->hash == b->hash && a->folder_len == b->folder_len) {
		a = a->above;
		b = b->above;
	}
	return a == b;
}

struct ignore *ignore_new(struct ignore *above, struct patterns *patterns, uint64_t hash, size_t folder_len)
{
	struct ignore *i = calloc(1, sizeof(*i));
	if (!i) {
		patterns_free(patterns);
		return ignore_ref(above);
	}
	i->above = ignore_ref(above);
	i->patterns = patterns;
	i->hash = hash;
	i->folder_len = folder_len;
	i->refs = 1;
	return i;
}
