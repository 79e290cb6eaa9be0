/* Revisions in memory: the current ones stay as long as they are current, others as long as they are among the
 * last used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/catalog.h"

#define RECENT_MAX 256

struct revision {
	struct list node;
	char id[ID_SIZE];
	struct workflow *workflow;
};

static void revision_free(struct engine *e, struct revision *r)
{
	list_remove(&r->node);
	e->catalog.recent_count--;
	(void)map_remove_str(&e->catalog.revisions, r->id);
	workflow_unref(r->workflow);
	free(r);
}

void revisions_release(struct engine *e)
{
	struct list *first;

	while ((first = list_first(&e->catalog.recent)))
		revision_free(e, list_entry(first, struct revision, node));
	map_release(&e->catalog.revisions);
}

static bool is_current(struct engine *e, const struct revision *r)
{
	const struct entry *entry = r->workflow ? catalog_find(e, r->workflow->slug) : NULL;

	return entry && strcmp(entry->pub.revision_id, r->id) == 0;
}

/* Looks at a few of the oldest only: most of the list may be current ones, which move to the front. */
static void trim(struct engine *e)
{
	struct catalog *c = &e->catalog;

	for (int i = 0; i < 8 && c->recent_count > RECENT_MAX; i++) {
		struct revision *r = list_entry(c->recent.prev, struct revision, node);

		if (is_current(e, r)) {
			list_remove(&r->node);
			list_prepend(&c->recent, &r->node);
		} else {
			revision_free(e, r);
		}
	}
}

int revisions_put(struct engine *e, const char *revision_id, struct workflow *w)
{
	struct revision *r = map_get_str(&e->catalog.revisions, revision_id);

	if (r)
		return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	memcpy(r->id, revision_id, ID_SIZE);
	list_init(&r->node);
	if (map_put_str(&e->catalog.revisions, revision_id, r, NULL) < 0) {
		free(r);
		return -ENOMEM;
	}
	r->workflow = workflow_ref(w);
	list_prepend(&e->catalog.recent, &r->node);
	e->catalog.recent_count++;
	trim(e);
	return 0;
}

struct workflow *revisions_peek(struct engine *e, const char *revision_id)
{
	struct revision *r = map_get_str(&e->catalog.revisions, revision_id);

	return r ? r->workflow : NULL;
}

struct fetch {
	struct engine *engine;
	void (*cb)(void *arg, int status, struct workflow *w);
	void *arg;
	char id[ID_SIZE];
};

static void fetched(void *arg, int status, const char *workflow_id, uint32_t revision, const char *canonical,
		    size_t len)
{
	struct fetch *f = arg;
	struct workflow *w = NULL;

	(void)workflow_id;
	(void)revision;
	if (status == 0)
		status = workflow_from_canonical(canonical, len, &w);
	if (status == 0)
		(void)revisions_put(f->engine, f->id, w);
	f->cb(f->arg, status, w);
	workflow_unref(w);
	free(f);
}

int engine_revision(struct engine *e, const char *revision_id, void (*cb)(void *arg, int status, struct workflow *w),
		    void *arg)
{
	struct workflow *w = revisions_peek(e, revision_id);
	struct fetch *f;
	int r;

	if (w) {
		cb(arg, 0, w);
		return 0;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	*f = (struct fetch){.engine = e, .cb = cb, .arg = arg};
	memcpy(f->id, revision_id, strnlen(revision_id, ID_LEN));
	r = store_get_revision(e->store, f->id, fetched, f);
	if (r < 0)
		free(f);
	return r;
}
