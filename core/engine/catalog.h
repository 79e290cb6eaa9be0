/* The workflows as they are now, by id and by slug. */
#ifndef ENGINE_CATALOG_H
#define ENGINE_CATALOG_H

#include "engine/internal.h"

struct entry {
	struct catalog_entry pub;      /* first: the public view is the entry */
	bool switched_on;              /* by enable/disable */
	uint64_t applied;              /* the definitions it came with last */
	char *disabled_triggers;       /* ids joined by spaces */
	struct metric_source *sources; /* borrowed */
	struct metric *ended[METRIC_STATUSES];
};

struct entry *catalog_find(const struct engine *e, const char *id_or_slug);
/* Finds or makes the entry. */
int catalog_take(struct engine *e, const char *id, const char *slug, struct entry **ret);
/* A new latest revision; w may be NULL. Returns the one before, whose reference becomes the caller's. */
struct workflow *catalog_set(struct engine *e, struct entry *entry, const char *revision_id, uint32_t revision,
			     struct workflow *w);
void catalog_refresh(struct entry *entry);
/* turns.c: gives turns where a workflow's lanes have become wider. */
void turns_give(struct engine *e, const char *workflow_id);
bool words_contain(const char *words, const char *word);

#endif
