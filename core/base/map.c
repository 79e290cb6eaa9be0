#include "base/map.h"

#include <errno.h>
#include "base/digest.h"

/* Chains in a table that doubles at a load of one: simple, and entries never move. */
struct map_entry {
	struct map_entry *next;
	void *value;
	uint32_t hash;
	uint32_t key_len;
	char key[];
};

void map_init(struct map *m)
{
	*m = (struct map){0};
	digest_random(&m->seed, sizeof(m->seed));
}

void map_release(struct map *m)
{
	for (size_t i = 0; i < m->slot_count; i++) {
		struct map_entry *next;
		for (struct map_entry *e = m->slots[i]; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(m->slots);
	*m = (struct map){.seed = m->seed};
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	h ^= word;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ (h >> 32);
}

/* A keyed multiply-and-fold hash: cheap, and without the seed a collision cannot be aimed at. */
static uint32_t hash_key(const struct map *m, const char *key, size_t len)
{
	uint64_t h = mix(m->seed, len);
	while (len >= 8) {
		uint64_t word;
		memcpy(&word, key, 8);
		h = mix(h, word);
		key += 8;
		len -= 8;
	}
	uint64_t tail = 0;
	if (len > 0)
		memcpy(&tail, key, len);
	h = mix(h, tail);
	return (uint32_t)mix(h, m->seed >> 7);
}

static struct map_entry **find(const struct map *m, uint32_t hash, const void *key, size_t key_len)
{
	struct map_entry **at = &m->slots[hash & (m->slot_count - 1)];
	while (*at && ((*at)->hash != hash || (*at)->key_len != key_len || memcmp((*at)->key, key, key_len) != 0))
		at = &(*at)->next;
	return at;
}

void *map_get(const struct map *m, const void *key, size_t key_len)
{
	if (m->count == 0)
		return NULL;
	struct map_entry *e = *find(m, hash_key(m, key, key_len), key, key_len);
	return e ? e->value : NULL;
}

static int grow(struct map *m)
{
	size_t count = m->slot_count ? 2 * m->slot_count : 16;
	struct map_entry **slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->slot_count; i++) {
		struct map_entry *next;
		for (struct map_entry *e = m->slots[i]; e; e = next) {
			next = e->next;
			e->next = slots[e->hash & (count - 1)];
			slots[e->hash & (count - 1)] = e;
		}
	}
	free(m->slots);
	m->slots = slots;
	m->slot_count = count;
	return 0;
}

int map_put(struct map *m, const void *key, size_t key_len, void *value, void **ret_old)
{
	if (key_len > UINT32_MAX)
		return -E2BIG;
	if (m->count >= m->slot_count && grow(m) < 0 && m->slot_count == 0)
		return -ENOMEM;
	uint32_t hash = hash_key(m, key, key_len);
	struct map_entry **at = find(m, hash, key, key_len);
	if (*at) {
		if (ret_old)
			*ret_old = (*at)->value;
		(*at)->value = value;
		return 0;
	}
	struct map_entry *e = malloc(sizeof(*e) + key_len);
	if (!e)
		return -ENOMEM;
	*e = (struct map_entry){.value = value, .hash = hash, .key_len = (uint32_t)key_len};
	memcpy(e->key, key, key_len);
	*at = e;
	m->count++;
	if (ret_old)
		*ret_old = NULL;
	return 0;
}

void *map_remove(struct map *m, const void *key, size_t key_len)
{
	if (m->count == 0)
		return NULL;
	struct map_entry **at = find(m, hash_key(m, key, key_len), key, key_len);
	struct map_entry *e = *at;
	if (!e)
		return NULL;
	void *value = e->value;
	*at = e->next;
	free(e);
	m->count--;
	return value;
}

void *map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

int map_put_str(struct map *m, const char *key, void *value, void **ret_old)
{
	return map_put(m, key, strlen(key), value, ret_old);
}

void *map_remove_str(struct map *m, const char *key)
{
	return map_remove(m, key, strlen(key));
}

int map_each(const struct map *m, int (*visit)(void *arg, const char *key, size_t key_len, void *value), void *arg)
{
	for (size_t i = 0; i < m->slot_count; i++) {
		struct map_entry *next;
		for (struct map_entry *e = m->slots[i]; e; e = next) {
			next = e->next;
			int r = visit(arg, e->key, e->key_len, e->value);
			if (r != 0)
				return r;
		}
	}
	return 0;
}
