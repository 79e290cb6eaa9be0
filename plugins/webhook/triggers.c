#include <stdlib.h>
#include <string.h>
#include "webhook.h"

/* FNV-1a (draft-eastlake-fnv). Ids and slugs are the host's and the operator's: no caller can choose them to collide. */
static size_t hash(const char *name)
{
	uint64_t h = 14695981039346656037u;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return (size_t)(h ^ (h >> 32));
}

static const char *name_of(const struct binding *b, enum name_kind kind)
{
	return kind == BY_ID ? b->workflow_id : b->slug;
}

static struct binding **bucket(const struct name_table *t, const char *name)
{
	return &t->buckets[hash(name) & (t->bucket_count - 1)];
}

/* Appends, so that of two triggers of one workflow the older one is found, before and after growing. */
static void link_last(const struct name_table *t, enum name_kind kind, struct binding *binding)
{
	struct binding **at = bucket(t, name_of(binding, kind));
	while (*at)
		at = &(*at)->next[kind];
	binding->next[kind] = NULL;
	*at = binding;
}

static int32_t grow(struct name_table *t, enum name_kind kind)
{
	size_t count = t->bucket_count ? 2 * t->bucket_count : 16;
	struct name_table larger = {.buckets = calloc(count, sizeof(struct binding *)), .bucket_count = count};
	if (!larger.buckets)
		return TAPPET_ENOMEM;
	for (size_t i = 0; i < t->bucket_count; i++) {
		struct binding *next;
		for (struct binding *b = t->buckets[i]; b; b = next) {
			next = b->next[kind];
			link_last(&larger, kind, b);
		}
	}
	free(t->buckets);
	*t = larger;
	return TAPPET_OK;
}

void binding_free(struct binding *b)
{
	if (!b)
		return;
	settings_unref(b->settings);
	limit_free(b->limit);
	free(b->slug);
	free(b->trigger_id);
	free(b);
}

static struct binding *binding_new(const tappet_trigger_info *info, tappet_trigger *trigger, struct settings *settings)
{
	struct binding *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->trigger = trigger;
	memcpy(b->workflow_id, info->workflow_id, strlen(info->workflow_id));
	b->slug = strdup(info->workflow_slug);
	b->trigger_id = strdup(info->trigger_id);
	if (b->slug && b->trigger_id) {
		b->settings = settings_ref(settings);
		return b;
	}
	binding_free(b);
	return NULL;
}

int32_t triggers_add(struct triggers *t, const tappet_trigger_info *info, tappet_trigger *trigger,
		     struct settings *settings, struct binding **ret)
{
	if (strlen(info->workflow_id) > ID_LEN)
		return TAPPET_EINVAL;
	for (int kind = 0; kind < NAME_KINDS; kind++)
		if (t->count >= t->by[kind].bucket_count && grow(&t->by[kind], (enum name_kind)kind) < 0)
			return TAPPET_ENOMEM;
	struct binding *binding = binding_new(info, trigger, settings);
	if (!binding)
		return TAPPET_ENOMEM;
	for (int kind = 0; kind < NAME_KINDS; kind++)
		link_last(&t->by[kind], (enum name_kind)kind, binding);
	t->count++;
	*ret = binding;
	return TAPPET_OK;
}

void triggers_remove(struct triggers *t, struct binding *binding)
{
	for (int kind = 0; kind < NAME_KINDS; kind++) {
		struct binding **at = bucket(&t->by[kind], name_of(binding, (enum name_kind)kind));
		while (*at && *at != binding)
			at = &(*at)->next[kind];
		if (*at)
			*at = binding->next[kind];
	}
	t->count--;
}

struct binding *triggers_find_plain(const struct triggers *t, const char *workflow_id)
{
	if (t->count == 0)
		return NULL;
	for (struct binding *b = *bucket(&t->by[BY_ID], workflow_id); b; b = b->next[BY_ID])
		if (strcmp(b->workflow_id, workflow_id) == 0 && !b->settings->guarded)
			return b;
	return NULL;
}

struct binding *triggers_find(const struct triggers *t, const char *workflow, const char *trigger_id)
{
	for (int kind = 0; t->count > 0 && kind < NAME_KINDS; kind++)
		for (struct binding *b = *bucket(&t->by[kind], workflow); b; b = b->next[kind])
			if (strcmp(name_of(b, (enum name_kind)kind), workflow) == 0 &&
			    (!trigger_id || strcmp(b->trigger_id, trigger_id) == 0))
				return b;
	return NULL;
}

void triggers_release(struct triggers *t)
{
	for (int kind = 0; kind < NAME_KINDS; kind++)
		free(t->by[kind].buckets);
	*t = (struct triggers){0};
}
