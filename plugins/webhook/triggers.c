#include <stdlib.h>
#include <string.h>
#include "webhook.h"

/* FNV-1a (draft-eastlake-fnv). Ids are made by the host, so nobody can choose them to collide. */
static size_t hash(const char *id)
{
	uint64_t h = 14695981039346656037u;
	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	return (size_t)(h ^ (h >> 32));
}

static struct binding **bucket(const struct triggers *t, const char *workflow_id)
{
	return &t->buckets[hash(workflow_id) & (t->bucket_count - 1)];
}

/* Appends, so that of two triggers of one workflow the older one is found, before and after growing. */
static void link_last(const struct triggers *t, struct binding *binding)
{
	struct binding **at = bucket(t, binding->workflow_id);
	while (*at)
		at = &(*at)->next;
	binding->next = NULL;
	*at = binding;
}

static int32_t grow(struct triggers *t)
{
	size_t count = t->bucket_count ? 2 * t->bucket_count : 16;
	struct triggers larger = {.buckets = calloc(count, sizeof(struct binding *)), .bucket_count = count};
	if (!larger.buckets)
		return TAPPET_ENOMEM;
	for (size_t i = 0; i < t->bucket_count; i++) {
		struct binding *next;
		for (struct binding *b = t->buckets[i]; b; b = next) {
			next = b->next;
			link_last(&larger, b);
		}
	}
	free(t->buckets);
	t->buckets = larger.buckets;
	t->bucket_count = count;
	return TAPPET_OK;
}

int32_t triggers_add(struct triggers *t, const char *workflow_id, tappet_trigger *trigger, struct binding **ret)
{
	size_t len = strlen(workflow_id);
	if (len > ID_LEN)
		return TAPPET_EINVAL;
	if (t->count >= t->bucket_count && grow(t) < 0)
		return TAPPET_ENOMEM;
	struct binding *binding = calloc(1, sizeof(*binding));
	if (!binding)
		return TAPPET_ENOMEM;
	binding->trigger = trigger;
	memcpy(binding->workflow_id, workflow_id, len);
	link_last(t, binding);
	t->count++;
	*ret = binding;
	return TAPPET_OK;
}

void triggers_remove(struct triggers *t, struct binding *binding)
{
	for (struct binding **at = bucket(t, binding->workflow_id); *at; at = &(*at)->next) {
		if (*at != binding)
			continue;
		*at = binding->next;
		t->count--;
		return;
	}
}

tappet_trigger *triggers_find(const struct triggers *t, const char *workflow_id)
{
	if (!t->bucket_count)
		return NULL;
	for (struct binding *b = *bucket(t, workflow_id); b; b = b->next)
		if (strcmp(b->workflow_id, workflow_id) == 0)
			return b->trigger;
	return NULL;
}

void triggers_release(struct triggers *t)
{
	free(t->buckets);
	*t = (struct triggers){0};
}
