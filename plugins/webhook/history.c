#include "history.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "webhook.h"

/* FNV-1a (draft-eastlake-fnv): ids are the host's and the operator's. */
static size_t bucket_of(const char *key)
{
	uint64_t h = 14695981039346656037u;
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	return (size_t)((h ^ (h >> 32)) % HISTORY_BUCKETS);
}

static struct history *find(const struct histories *all, const char *key)
{
	struct history *h = all->buckets[bucket_of(key)];
	while (h && strcmp(h->key, key) != 0)
		h = h->next;
	return h;
}

static struct history *make(struct histories *all, const char *key)
{
	struct history *h = calloc(1, sizeof(*h) + strlen(key) + 1);
	if (!h)
		return NULL;
	memcpy(h->key, key, strlen(key) + 1);
	struct history **bucket = &all->buckets[bucket_of(key)];
	h->next = *bucket;
	*bucket = h;
	return h;
}

struct history *history_at(struct webhook *w, const char *workflow_id, const char *trigger_id)
{
	struct histories *all = &w->histories;
	char key[HISTORY_KEY_MAX];
	const int len = snprintf(key, sizeof(key), "%s/%s", workflow_id, trigger_id);
	if (len < 0 || (size_t)len >= sizeof(key))
		return NULL;
	if (!all->buckets)
		all->buckets = calloc(HISTORY_BUCKETS, sizeof(struct history *));
	if (!all->buckets)
		return NULL;
	struct history *h = find(all, key);
	return h ? h : make(all, key);
}

struct history *history_of(struct webhook *w, struct binding *b)
{
	if (b->history)
		return b->history;
	struct history *h = history_at(w, b->workflow_id, b->trigger_id);
	if (h)
		b->history = history_ref(h);
	return h;
}

struct history *history_ref(struct history *h)
{
	h->references++;
	return h;
}

static void history_free(struct history *h)
{
	for (size_t i = 0; i < RING_KINDS; i++)
		ring_free(h->rings[i]);
	free(h);
}

void history_unref(struct webhook *w, struct history *h)
{
	if (!h || --h->references > 0 || h->uses.dirty)
		return;
	struct history **at = &w->histories.buckets[bucket_of(h->key)];
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	history_free(h);
}

void histories_release(struct histories *all)
{
	for (size_t i = 0; all->buckets && i < HISTORY_BUCKETS; i++) {
		struct history *next;
		for (struct history *h = all->buckets[i]; h; h = next) {
			next = h->next;
			history_free(h);
		}
	}
	free(all->buckets);
	*all = (struct histories){0};
}

void time_text(int64_t wall_ms, char out[static 32])
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	size_t len = 0;
	if (gmtime_r(&seconds, &parts))
		len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(out + len, 32 - len, ".%03dZ", (int)(wall_ms % 1000));
}
