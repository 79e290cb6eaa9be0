#include "engine/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void catalog_init(struct engine *e)
{
	map_init(&e->catalog.by_id);
	map_init(&e->catalog.by_slug);
	map_init(&e->catalog.revisions);
	list_init(&e->catalog.recent);
}

static void entry_free(struct entry *entry)
{
	workflow_unref(entry->pub.workflow);
	free(entry->pub.slug);
	free(entry->disabled_triggers);
	free(entry);
}

static int free_one(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	entry_free(value);
	return 0;
}

void catalog_release(struct engine *e)
{
	revisions_release(e);
	(void)map_each(&e->catalog.by_id, free_one, NULL);
	map_release(&e->catalog.by_id);
	map_release(&e->catalog.by_slug);
}

struct entry *catalog_find(const struct engine *e, const char *id_or_slug)
{
	struct entry *entry = map_get_str(&e->catalog.by_id, id_or_slug);

	return entry ? entry : map_get_str(&e->catalog.by_slug, id_or_slug);
}

int catalog_take(struct engine *e, const char *id, const char *slug, struct entry **ret)
{
	struct entry *entry = map_get_str(&e->catalog.by_id, id);

	if (entry) {
		*ret = entry;
		return 0;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	memcpy(entry->pub.id, id, ID_SIZE);
	entry->pub.slug = strdup(slug);
	entry->switched_on = true;
	if (!entry->pub.slug || map_put_str(&e->catalog.by_id, id, entry, NULL) < 0)
		goto fail;
	if (map_put_str(&e->catalog.by_slug, slug, entry, NULL) < 0)
		goto fail;
	*ret = entry;
	return 0;
fail:
	(void)map_remove_str(&e->catalog.by_id, id);
	entry_free(entry);
	return -ENOMEM;
}

struct workflow *catalog_set(struct engine *e, struct entry *entry, const char *revision_id, uint32_t revision,
			     struct workflow *w)
{
	struct workflow *before = entry->pub.workflow;

	entry->pub.workflow = w ? workflow_ref(w) : NULL;
	entry->pub.revision = revision;
	memcpy(entry->pub.revision_id, revision_id, ID_SIZE);
	if (w && revisions_put(e, revision_id, w) < 0)
		log_warn("a revision will be read from the store", log_str("revision", revision_id), LOG_END);
	catalog_refresh(entry);
	return before;
}

void catalog_refresh(struct entry *entry)
{
	struct workflow *w = entry->pub.workflow;

	entry->pub.enabled = entry->switched_on && !entry->pub.removed && (!w || w->enabled);
}

static int load_row(struct engine *e, const struct store_workflow_row *row)
{
	struct workflow *w = NULL;
	struct entry *entry;
	int r = catalog_take(e, row->id, row->slug, &entry);

	if (r < 0)
		return r;
	r = workflow_from_canonical(row->canonical, row->canonical_len, &w);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_error("a workflow cannot be read", log_str("workflow", row->slug), log_errno(r), LOG_END);
	entry->switched_on = row->enabled;
	entry->pub.removed = row->removed;
	entry->pub.from_folder = row->from_folder;
	entry->pub.revision_ms = row->revision_ms;
	free(entry->disabled_triggers);
	entry->disabled_triggers = strdup(row->disabled_triggers ? row->disabled_triggers : "");
	workflow_unref(catalog_set(e, entry, row->revision_id, row->revision, w));
	workflow_unref(w);
	return entry->disabled_triggers ? 0 : -ENOMEM;
}

int catalog_load(struct engine *e, const struct store_workflow_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = load_row(e, &rows[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- Looking -------------------------------------------------------------------------------------------------- */

const struct catalog_entry *engine_find(const struct engine *e, const char *id_or_slug)
{
	struct entry *entry = catalog_find(e, id_or_slug);

	return entry ? &entry->pub : NULL;
}

struct visit {
	void (*visit)(void *arg, const struct catalog_entry *entry);
	void *arg;
};

static int visit_one(void *arg, const char *key, size_t key_len, void *value)
{
	struct visit *v = arg;
	struct entry *entry = value;

	(void)key;
	(void)key_len;
	v->visit(v->arg, &entry->pub);
	return 0;
}

void engine_each(const struct engine *e, void (*visit)(void *arg, const struct catalog_entry *entry), void *arg)
{
	struct visit v = {visit, arg};

	(void)map_each(&e->catalog.by_id, visit_one, &v);
}

bool words_contain(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (words && *words) {
		size_t n = strcspn(words, " ");

		if (n == len && memcmp(words, word, len) == 0)
			return true;
		words += n + strspn(words + n, " ");
	}
	return false;
}

bool engine_trigger_enabled(const struct engine *e, const struct catalog_entry *pub, const char *trigger_id)
{
	const struct entry *entry = (const struct entry *)(const void *)pub;
	int index;

	(void)e;
	if (!pub->enabled || words_contain(entry->disabled_triggers, trigger_id))
		return false;
	if (!pub->workflow)
		return true;
	index = workflow_find_trigger(pub->workflow, trigger_id);
	return index >= 0 && pub->workflow->triggers[index].enabled;
}

void catalog_trigger_init(struct catalog_trigger *t)
{
	*t = (struct catalog_trigger){.broken_epoch = -1};
	store_order_init(&t->order);
	list_init(&t->queue);
}
