/* What has become of a name: what is there, beside what the journal says, is a change or nothing. */
#include "filewatch.h"
#include <stdlib.h>
#include <string.h>

#define PARTNER_MS 10     /* until the other half of a rename is looked at */
#define SCANS_MS 20       /* until listings that are under way have said what came */
#define SCANS_MAX_MS 5000 /* that long at most */
#define CHILDREN_MS 1000  /* until it is looked again whether a folder's entries have been told */

static void wait(struct tree *t, struct item *i, int64_t for_ms)
{
	item_wait_until(t, i, plugin_now(t->plugin) + for_ms);
}

/* The item has been judged; what came meanwhile begins anew. */
static void finish(struct tree *t, struct item *i)
{
	if (!i->again) {
		items_drop(t, i);
		return;
	}
	items_set_inode(t, i, 0, false);
	i->first_ms = i->last_ms;
	i->gone = i->renamed = i->moved_in = false;
	wait(t, i, 0);
}

/* ---- Telling ---- */

/* Tells a change, if it is one that is to be told. True: what the journal is told now goes with it. */
static bool tell(struct tree *t, const struct change *c)
{
	if (c->entry.flags & ENTRY_NAMES) {
		t->sweep_wanted = true;
		poll_arm(t);
	}
	if (!(t->options.kinds & 1u << c->kind))
		return false;
	if (!build_has_room(t))
		build_send(t);
	build_begin(t, c);
	return true;
}

static void told(struct tree *t, struct dir *d, bool with_change)
{
	if (!with_change)
		return;
	build_end(t, d);
	if (!t->options.burst)
		build_send(t);
}

static void tell_put(struct item *i, enum kind kind, const struct entry *e, uint32_t differs)
{
	struct dir *d = i->dir;
	struct tree *t = d->tree;
	const struct change c = {.kind = kind, .dir = d, .entry = *e, .differs = differs, .open = i->open};
	const bool with_change = tell(t, &c);
	(void)journal_put(d, e);
	told(t, d, with_change);
}

static void tell_removed(struct dir *d, const struct entry *old)
{
	struct tree *t = d->tree;
	char name[NAME_MAX + 1];
	struct change c = {.kind = KIND_REMOVED, .dir = d, .entry = *old};
	/* The journal's bytes move. */
	memcpy(name, old->name, old->len);
	c.entry.name = name;
	const bool with_change = tell(t, &c);
	(void)journal_remove(d, name, c.entry.len);
	told(t, d, with_change);
}

static void tell_moved(struct item *i, struct item *source, const struct entry *e, const struct entry *old)
{
	struct dir *d = i->dir, *from = source->dir;
	struct tree *t = d->tree;
	const struct change c = {.kind = KIND_MOVED,
				 .dir = d,
				 .from_dir = from,
				 .from = source->name,
				 .from_len = source->len,
				 .entry = *e,
				 .differs = entry_differs(old, e) & ~DIFFERS_CTIME,
				 .open = i->open};
	const bool with_change = tell(t, &c);
	(void)journal_remove(from, source->name, source->len);
	(void)journal_put(d, e);
	if (with_change)
		build_keep(t, from);
	told(t, d, with_change);
	from->refs++;
	if (source->again)
		finish(t, source);
	else
		items_drop(t, source);
	from->refs--;
	dir_reap(from);
}

/* ---- Files ---- */

/* Where it came from: a name that is gone, and had this inode. An inode alone is not enough: file systems give them out
 * again. */
static struct item *find_source(const struct tree *t, const struct item *i, const struct entry *e,
				struct entry *ret_old)
{
	struct item *source = items_by_inode(t, e->inode, true, i);
	if (!source || !journal_find(source->dir, source->name, source->len, ret_old))
		return NULL;
	if (ret_old->type != e->type || ret_old->inode != e->inode)
		return NULL;
	/* With its folder it has moved whatever else was done to it. */
	const bool same = ret_old->size == e->size && ret_old->mtime_ns == e->mtime_ns;
	const bool with_folder = i->dir->renamed && source->dir->inode == i->dir->inode && source->dir != i->dir &&
				 source->len == i->len && memcmp(source->name, i->name, i->len) == 0;
	return i->renamed || with_folder || (same && e->type != ENTRY_DIR) ? source : NULL;
}

static bool scans_go_on(const struct tree *t, const struct item *i)
{
	return (t->scans > 0 || t->merging || t->scan_first) && t->items.count < (size_t)t->plugin->pending_max / 2 &&
	       plugin_now(t->plugin) - i->last_ms < t->options.settle_ms + SCANS_MAX_MS;
}

static bool is_too_young(struct tree *t, struct item *i, const struct entry *e)
{
	const struct plugin *p = t->plugin;
	const int64_t age_ms = p->host->wall_ms(p->self) - e->mtime_ns / 1000000;
	if (t->options.min_age_ms == 0 || age_ms >= t->options.min_age_ms)
		return false;
	const int64_t left_ms = t->options.min_age_ms - age_ms;
	wait(t, i, left_ms < t->options.min_age_ms ? left_ms : t->options.min_age_ms);
	return true;
}

static void judge_new(struct tree *t, struct item *i, const struct entry *e)
{
	struct entry old;
	if (e->size < t->options.min_size) {
		finish(t, i);
		return;
	}
	items_set_inode(t, i, e->inode, false);
	if (is_too_young(t, i, e))
		return;
	struct item *source = find_source(t, i, e, &old);
	if (source && !source->gone) {
		wait(t, i, PARTNER_MS);
		return;
	}
	if (!source && (t->sweeping || i->dir->renamed || i->moved_in) && scans_go_on(t, i)) {
		wait(t, i, SCANS_MS);
		return;
	}
	if (source)
		tell_moved(i, source, e, &old);
	else
		tell_put(i, KIND_CREATED, e, 0);
	finish(t, i);
}

static void judge_known(struct tree *t, struct item *i, const struct entry *old, const struct entry *e)
{
	const uint32_t differs = entry_differs(old, e);
	if (differs == 0) {
		finish(t, i);
		return;
	}
	if (is_too_young(t, i, e))
		return;
	if ((differs == DIFFERS_CTIME && !t->options.attributes) || e->size < t->options.min_size)
		(void)journal_put_silently(i->dir, e);
	else
		tell_put(i, KIND_CHANGED, e, differs);
	finish(t, i);
}

/* It may have gone to where something is yet to be looked at: it waits. */
static bool partner_is_coming(struct tree *t, struct item *i, const struct entry *old)
{
	const struct item *arrived = items_by_inode(t, old->inode, false, i);
	i->gone = true;
	items_set_inode(t, i, old->inode, true);
	if (arrived) {
		const int64_t left_ms = item_due_ms(t, arrived) - plugin_now(t->plugin);
		wait(t, i, (left_ms > 0 ? left_ms : 0) + PARTNER_MS);
		return true;
	}
	if (!scans_go_on(t, i))
		return false;
	wait(t, i, SCANS_MS);
	return true;
}

static void judge_gone(struct tree *t, struct item *i, const struct entry *old)
{
	if (partner_is_coming(t, i, old))
		return;
	tell_removed(i->dir, old);
	finish(t, i);
}

/* ---- Folders ---- */

/* What is left in the old one has been told, or will be; of itself nothing more is. */
static void tell_folder_moved(struct item *i, struct item *source, const struct entry *e, const struct entry *old)
{
	struct dir *d = i->dir, *from = source->dir;
	struct tree *t = d->tree;
	struct entry untold = *old;
	const struct change c = {.kind = KIND_MOVED,
				 .dir = d,
				 .from_dir = from,
				 .from = source->name,
				 .from_len = source->len,
				 .entry = *e};
	const bool with_change = tell(t, &c);
	untold.name = source->name;
	untold.flags |= ENTRY_UNTOLD;
	(void)journal_put(from, &untold);
	(void)journal_put(d, e);
	if (with_change)
		build_keep(t, from);
	told(t, d, with_change);
	source->not_before_ms = 0;
	(void)items_schedule(t, source);
}

static void put_folder(struct dir *d, struct entry *e)
{
	struct tree *t = d->tree;
	e->child = t->next_id++;
	e->flags |= ENTRY_UNTOLD;
	struct dir *child = dir_attach(d, e);
	if (child && journal_put_silently(d, e))
		scan_queue(child, true);
}

static bool folder_counts(const struct dir *d, const char *name, size_t len)
{
	const struct options *o = &d->tree->options;
	char *relative = o->types & 1u << ENTRY_DIR && (d->parent || dir_is_top(d)) ? relative_of(d, name, len) : NULL;
	const bool counts = relative && filter_includes(o, relative, strlen(relative), true);
	free(relative);
	return counts;
}

/* A folder that is there, and whose coming has not been told. */
static void judge_untold(struct tree *t, struct item *i, struct entry *e)
{
	struct dir *d = i->dir;
	struct entry old;
	if (!folder_counts(d, i->name, i->len)) {
		e->flags &= ~ENTRY_UNTOLD;
		(void)journal_put_silently(d, e);
		finish(t, i);
		return;
	}
	items_set_inode(t, i, e->inode, false);
	struct item *source = find_source(t, i, e, &old);
	if (source && !source->gone) {
		wait(t, i, PARTNER_MS);
		return;
	}
	e->flags &= ~ENTRY_UNTOLD;
	if (source)
		tell_folder_moved(i, source, e, &old);
	else
		tell_put(i, KIND_CREATED, e, 0);
	finish(t, i);
}

static void judge_folder(struct tree *t, struct item *i, const struct entry *old, const struct look *l)
{
	struct dir *d = i->dir;
	struct entry e = l->entry;
	e.name = i->name;
	if (old && old->type != ENTRY_DIR) {
		tell_removed(d, old);
		wait(t, i, 0);
		return;
	}
	if (!old) {
		put_folder(d, &e);
	} else {
		e.child = old->child;
		e.flags |= old->flags & ENTRY_UNTOLD;
	}
	struct dir *child = dir_by_id(t, e.child);
	/* Another one has come in its place, as when a link is led elsewhere. */
	if (child && (!child->listed || child->gone || (old && old->inode != e.inode)))
		scan_queue(child, true);
	if (e.flags & ENTRY_UNTOLD)
		judge_untold(t, i, &e);
	else
		finish(t, i);
}

static bool is_empty(const struct dir *d)
{
	return d->gone && d->page_count == 0 && d->refs == 0 && !d->queued && !d->scanning;
}

/* The folder's entries are told first; dir_reap wakes the item when that is done. */
static void folder_is_gone(struct tree *t, struct item *i, const struct entry *old)
{
	struct dir *d = i->dir, *child = dir_attach(d, old);
	/* Its file system may come back. */
	if (child && dir_is_away(child)) {
		finish(t, i);
		return;
	}
	if (child && !is_empty(child)) {
		if (!child->gone)
			scan_queue(child, false);
		i->gone = true;
		items_set_inode(t, i, old->inode, true);
		wait(t, i, CHILDREN_MS);
		return;
	}
	if ((old->flags & ENTRY_UNTOLD) || (child && child->hidden) || !folder_counts(d, i->name, i->len)) {
		journal_remove_silently(d, i->name, i->len);
	} else if (partner_is_coming(t, i, old)) {
		return;
	} else {
		tell_removed(d, old);
	}
	if (child)
		dir_free(child);
	wait(t, i, 0);
}

/* Who is to be told of, or has something in its place, is for the item of its name. */
static bool wake_item(struct dir *d, const struct entry *e)
{
	struct dir *parent = d->parent;
	struct tree *t = d->tree;
	struct item *i = items_find(t, parent, d->name, strlen(d->name));
	const bool told = !d->hidden && !(e->flags & ENTRY_UNTOLD) && folder_counts(parent, d->name, strlen(d->name));
	if (!i && told)
		i = items_note(t, parent, d->name, strlen(d->name));
	if (!i)
		return false;
	i->not_before_ms = 0;
	return items_schedule(t, i);
}

void dir_reap(struct dir *d)
{
	while (d->parent && is_empty(d)) {
		struct dir *parent = d->parent;
		struct entry e;
		const bool known =
			journal_find(parent, d->name, strlen(d->name), &e) && e.type == ENTRY_DIR && e.child == d->id;
		if (known && wake_item(d, &e))
			return;
		if (known)
			journal_remove_silently(parent, d->name, strlen(d->name));
		dir_free(d);
		d = parent;
	}
}

void judge(struct tree *t, struct item *i, const struct look *l)
{
	struct dir *d = i->dir;
	struct entry old, e = l->entry;
	const bool known = journal_find(d, i->name, i->len, &old);
	const bool there = e.type != ENTRY_NONE && !l->hidden;
	e.name = i->name;
	if (l->hidden && known && old.type != ENTRY_DIR) {
		journal_remove_silently(d, i->name, i->len);
		finish(t, i);
	} else if (!known && !there) {
		finish(t, i);
	} else if (there && e.type == ENTRY_DIR) {
		judge_folder(t, i, known ? &old : NULL, l);
	} else if (known && old.type == ENTRY_DIR) {
		folder_is_gone(t, i, &old);
	} else if (known && there) {
		judge_known(t, i, &old, &e);
	} else if (there) {
		judge_new(t, i, &e);
	} else {
		judge_gone(t, i, &old);
	}
}
