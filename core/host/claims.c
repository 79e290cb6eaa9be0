#include "host/claims.h"
#include <errno.h>
#include "host/internal.h"

void claims_init(struct claims *c)
{
	map_init(&c->by_key);
	map_init(&c->by_holder);
}

static int free_held(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	for (struct claim *claim = value, *next; claim; claim = next) {
		next = claim->next_held;
		free(claim);
	}
	return 0;
}

void claims_release(struct claims *c)
{
	(void)map_each(&c->by_holder, free_held, NULL);
	map_release(&c->by_holder);
	map_release(&c->by_key);
}

char *claim_key(const struct tappet_instance *p, const char *what)
{
	size_t size = strlen(p->name) + strlen(what) + 2;
	char *key = malloc(size);
	if (key)
		snprintf(key, size, "%s %s", p->name, what);
	return key;
}

static bool holds(struct claim *first, const char *key)
{
	while (first && strcmp(first->key, key) != 0)
		first = first->next_held;
	return first;
}

int claims_add(struct claims *c, const struct tappet_trigger *t, const char *key)
{
	struct claim *held = map_get(&c->by_holder, &t, sizeof(t));
	if (holds(held, key))
		return 0;
	struct claim *claim = malloc(sizeof(*claim) + strlen(key) + 1);
	if (!claim)
		return -ENOMEM;
	memcpy(claim->key, key, strlen(key) + 1);
	claim->holder = t;
	claim->next_same = map_get_str(&c->by_key, key);
	claim->next_held = held;
	if (map_put(&c->by_holder, &t, sizeof(t), claim, NULL) < 0)
		goto fail;
	if (map_put_str(&c->by_key, key, claim, NULL) == 0)
		return 0;
	/* There is room for what stood there before. */
	if (held)
		(void)map_put(&c->by_holder, &t, sizeof(t), held, NULL);
	else
		(void)map_remove(&c->by_holder, &t, sizeof(t));
fail:
	free(claim);
	return -ENOMEM;
}

static void unlink_same(struct claims *c, struct claim *claim)
{
	struct claim *first = map_get_str(&c->by_key, claim->key);
	if (first == claim && claim->next_same) {
		(void)map_put_str(&c->by_key, claim->key, claim->next_same, NULL);
	} else if (first == claim) {
		(void)map_remove_str(&c->by_key, claim->key);
	} else {
		while (first && first->next_same != claim)
			first = first->next_same;
		if (first)
			first->next_same = claim->next_same;
	}
}

void claims_forget(struct claims *c, const struct tappet_trigger *t)
{
	struct claim *claim = map_remove(&c->by_holder, &t, sizeof(t));
	while (claim) {
		struct claim *next = claim->next_held;
		unlink_same(c, claim);
		free(claim);
		claim = next;
	}
}

const struct claim *claims_find(const struct claims *c, const char *key)
{
	return map_get_str(&c->by_key, key);
}
