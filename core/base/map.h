/* A hash map from bytes to pointers; keys are copied, values belong to the caller. The hash is keyed per map with
 * random bits, so that a stranger who chooses the keys cannot make them collide. Not thread-safe. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry;
struct map {
	struct map_entry **slots;
	size_t slot_count;
	size_t count;
	uint64_t seed;
};

void map_init(struct map *m);
/* Frees the entries, not the values. */
void map_release(struct map *m);
/* NULL when there is none. */
void *map_get(const struct map *m, const void *key, size_t key_len);
/* Adds or replaces. *ret_old (may be NULL) gets the value that was replaced, or NULL. 0, -ENOMEM or -E2BIG
 * (a key of 4 GiB). */
int map_put(struct map *m, const void *key, size_t key_len, void *value, void **ret_old);
/* Returns the value that was removed, or NULL. */
void *map_remove(struct map *m, const void *key, size_t key_len);

/* The same with NUL-terminated keys. */
void *map_get_str(const struct map *m, const char *key);
int map_put_str(struct map *m, const char *key, void *value, void **ret_old);
void *map_remove_str(struct map *m, const char *key);

/* Calls `visit` for each entry, in no particular order, until it returns non-zero, which is returned. The visited
 * entry may be removed by `visit`; nothing else of the map may change. */
int map_each(const struct map *m, int (*visit)(void *arg, const char *key, size_t key_len, void *value), void *arg);

#endif
