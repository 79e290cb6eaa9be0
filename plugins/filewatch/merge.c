/* A listing of a folder against the journal of it: what differs becomes items, what is not to be told goes into the journal
 * at once, folders are listed in their turn. In slices, since a folder may have a million entries. */
#include "filewatch.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE 1000 /* entries */

/* ---- What was found ---- */

static bool tells_folders(const struct tree *t)
{
	return t->options.types & 1u << ENTRY_DIR;
}

/* Something differs: the name is looked at again when it has been quiet. */
static struct item *note(struct scan_dir *s, const char *name, size_t len, uint64_t inode, bool left)
{
	struct dir *d = s->dir;
	struct tree *t = d->tree;
	struct item *i = items_find(t, d, name, len);
	t->differed = true;
	if (!i && t->items.count >= (size_t)t->plugin->pending_max) {
		d->again = true;
		return NULL;
	}
	i = i ? i : items_note(t, d, name, len);
	if (i && (left || i->unseen))
		i->not_before_ms = 0;
	if (i && left)
		i->writing = false;
	/* What the pool, or the other half of a rename, thinks of it may be past. */
	if (i)
		i->again = true;
	if (i && !left && i->left) {
		items_set_inode(t, i, 0, false);
		i->gone = false;
	}
	if (!i || !items_schedule(t, i)) {
		d->again = true;
		return NULL;
	}
	if (i->inode == 0 && !i->renamed)
		items_set_inode(t, i, inode, left);
	return i;
}

/* It has been quiet since its last change, whether or not somebody watched. */
static void note_entry(struct scan_dir *s, const struct entry *e)
{
	struct tree *t = s->dir->tree;
	const struct plugin *p = t->plugin;
	const bool is_new = !items_find(t, s->dir, e->name, e->len);
	struct item *i = note(s, e->name, e->len, e->inode, false);
	const int64_t quiet_ms = p->host->wall_ms(p->self) - e->ctime_ns / 1000000;
	/* Where it came from is found out meanwhile. */
	if (!i || !is_new || e->type == ENTRY_DIR || quiet_ms <= 0 || s->dir->renamed)
		return;
	i->last_ms -= quiet_ms < t->options.settle_ms ? quiet_ms : t->options.settle_ms;
	(void)items_schedule(t, i);
}

/* Whether rules had it, if it was there then. */
static bool had(const struct scan_dir *s, const struct options *rules, const struct ignore *ignore,
		const struct entry *e)
{
	const struct dir *d = s->dir;
	struct filter f = filter_of(d, ignore, s->relative);
	f.options = f.base ? f.options : rules;
	if (e->type != ENTRY_DIR && !f.base && (!(rules->types & 1u << e->type) || e->size < rules->min_size))
		return false;
	return filter_allows(&f, e->name, e->len, e->type == ENTRY_DIR);
}

/* It was there before anybody watched, or was left out until now. */
static bool is_old(const struct scan_dir *s, const struct entry *e)
{
	const struct dir *d = s->dir;
	const struct tree *t = d->tree;
	if (d->old && !d->listed)
		return true;
	/* What .gitignore files left out cannot be told when they are not read any more. */
	if (t->baseline && t->before && t->before->gitignore && !t->options.gitignore)
		return e->ctime_ns / 1000000 < t->begun_wall_ms;
	if (t->baseline && t->before)
		return !had(s, t->before, t->before->gitignore ? d->ignore : NULL, e);
	if (t->baseline && !t->known)
		return !t->options.emit_existing && e->ctime_ns / 1000000 < t->begun_wall_ms;
	if (t->baseline && t->foreign)
		return e->ctime_ns / 1000000 < t->begun_wall_ms;
	return s->rules_changed && !had(s, &t->options, s->before, e);
}

static void found_folder(struct scan_dir *s, const struct entry *e)
{
	struct dir *d = s->dir;
	struct tree *t = d->tree;
	struct entry known = *e;
	const bool untold = tells_folders(t) && !is_old(s, e);
	known.child = t->next_id++;
	known.flags |= untold ? ENTRY_UNTOLD : 0;
	struct dir *child = dir_attach(d, &known);
	if (!child || !journal_put_silently(d, &known)) {
		d->again = true;
		return;
	}
	child->renamed = d->renamed;
	child->old = (!t->baseline || t->before) && is_old(s, e);
	scan_queue(child, true);
	if (untold)
		note_entry(s, e);
}

static void found(struct scan_dir *s, const struct entry *e)
{
	const struct options *o = &s->dir->tree->options;
	if (e->type == ENTRY_DIR)
		found_folder(s, e);
	else if (e->size < o->min_size)
		return;
	else if (!is_old(s, e))
		note_entry(s, e);
	else if (!journal_put_silently(s->dir, e))
		s->dir->again = true;
}

/* ---- What is there as before ---- */

/* Whether it can be looked into. */
static bool follow_mount(struct dir *child, const struct entry *old, const struct entry *e)
{
	const bool was = old->flags & ENTRY_MOUNT, is = e->flags & ENTRY_MOUNT;
	if (was && !is && !child->tree->options.unmounted_is_removed) {
		dir_set_unmounted(child, true);
		return false;
	}
	child->mount = is;
	if (child->unmounted || was != is)
		scan_queue(child, true);
	dir_set_unmounted(child, false);
	return true;
}

static void still_a_folder(struct scan_dir *s, const struct entry *old, const struct entry *e)
{
	struct dir *d = s->dir, *child = dir_attach(d, old);
	struct entry now = *old;
	if (!child) {
		d->again = true;
		return;
	}
	child->hidden = false;
	if (!follow_mount(child, old, e))
		return;
	now.inode = e->inode;
	now.flags = (old->flags & ENTRY_UNTOLD) | e->flags;
	const bool differs = now.inode != old->inode || now.flags != old->flags;
	if (s->deep || !child->listed || child->gone || differs)
		scan_queue(child, s->deep || !child->listed || differs);
	if (differs && !journal_put_silently(d, &now))
		d->again = true;
	if ((now.flags & ENTRY_UNTOLD) && tells_folders(d->tree))
		note_entry(s, e);
}

static void still_there(struct scan_dir *s, const struct entry *old, const struct entry *e)
{
	struct dir *d = s->dir;
	if (old->type == ENTRY_DIR && e->type == ENTRY_DIR) {
		still_a_folder(s, old, e);
		return;
	}
	const uint32_t differs = entry_differs(old, e);
	if (differs == 0)
		return;
	if (differs == DIFFERS_CTIME && !d->tree->options.attributes) {
		(void)journal_put_silently(d, e);
		return;
	}
	struct dir *child = old->type == ENTRY_DIR ? dir_attach(d, old) : NULL;
	if (child)
		scan_queue(child, false);
	note_entry(s, e);
}

/* ---- What is not there any more ---- */

static bool is_hidden(const struct scan_dir *s, const struct entry *old)
{
	const struct dir *d = s->dir;
	const struct filter now = filter_of(d, d->ignore, s->relative);
	if (d->hidden || (old->type != ENTRY_DIR && !now.base && !(d->tree->options.types & 1u << old->type)))
		return true;
	return !filter_allows(&now, old->name, old->len, old->type == ENTRY_DIR);
}

static void lost(struct scan_dir *s, const struct entry *old)
{
	struct dir *d = s->dir;
	const bool hidden = is_hidden(s, old);
	if (old->type != ENTRY_DIR && hidden) {
		journal_remove_silently(d, old->name, old->len);
		return;
	}
	if (old->type != ENTRY_DIR) {
		(void)note(s, old->name, old->len, old->inode, true);
		return;
	}
	struct dir *child = dir_attach(d, old);
	if (!child) {
		d->again = true;
		return;
	}
	d->tree->differed = true;
	child->hidden = hidden;
	scan_queue(child, false);
	/* A folder may have been renamed with the one that it lies in. */
	if (!hidden && tells_folders(d->tree))
		(void)note(s, old->name, old->len, old->inode, true);
}

/* ---- A folder ---- */

/* A link that leads to a folder that it lies in. */
static bool is_loop(const struct scan_dir *s)
{
	for (const struct dir *d = s->dir->parent; s->follow && d; d = d->parent)
		if (d->inode == s->inode && d->dev == s->dev)
			return true;
	return false;
}

static bool is_missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

/* All of it, or an entry. */
static void cannot_read(struct dir *d, const struct scan_dir *s)
{
	struct tree *t = d->tree;
	if (!d->unreadable) {
		t->unreadable++;
		plugin_log(t->plugin, TAPPET_LOG_WARN, strerror(s->error ? -s->error : -s->unknown), "path", s->path);
		free(t->unreadable_path);
		t->unreadable_path = strdup(s->path);
	}
	d->unreadable = true;
	dir_set_polled(d, true, d->no_events);
}

/* Where `base` lies, and whether its file system is there. False: nothing is to be concluded. */
static bool base_is_there(struct tree *t, struct scan_dir *s)
{
	t->missing = is_missing(s->error);
	if (!s->mounted_at)
		return true;
	const bool was_away = t->away;
	const bool moved = t->mount && strcmp(t->mount, s->mounted_at) != 0;
	t->away = moved && !t->options.unmounted_is_removed && !mount_is_there(t->mount);
	if (t->away)
		return false;
	/* Its watches went with it. */
	if (was_away)
		tree_sweep(t);
	if (moved || !t->mount) {
		free(t->mount);
		t->mount = s->mounted_at;
		s->mounted_at = NULL;
		t->saved = false;
	}
	return true;
}

static void take_watch(struct dir *d, const struct scan_dir *s)
{
	d->no_events = s->no_events || (d->parent && d->parent->no_events && !s->is_mount);
	dir_set_links(d, s->linked && s->wd >= 0);
	const bool watched = s->wd >= 0 && !d->no_events;
	if (watched)
		watch_bind(d, s->wd);
	else
		watch_unbind(d);
	dir_set_polled(d, !watched || s->linked, d->no_events);
}

static void take_rules(struct scan_dir *s)
{
	struct dir *d = s->dir;
	s->before = d->ignore;
	d->ignore = s->patterns ? ignore_new(s->ignore, s->patterns, s->patterns_hash, strlen(s->relative))
				: ignore_ref(s->ignore);
	s->patterns = NULL;
	s->rules_changed = d->listed && !ignore_is_same(s->before, d->ignore);
}

static void take_inode(struct scan_dir *s)
{
	struct dir *d = s->dir;
	struct entry e;
	d->inode = s->inode;
	d->dev = s->dev;
	if (!d->parent || !journal_find(d->parent, d->name, strlen(d->name), &e) || e.type != ENTRY_DIR)
		return;
	if (e.inode == s->inode)
		return;
	e.inode = s->inode;
	e.name = d->name;
	(void)journal_put_silently(d->parent, &e);
}

/* False: what was listed says nothing. */
static bool begin(struct scan_dir *s)
{
	struct dir *d = s->dir;
	struct tree *t = d->tree;
	if (!d->parent && !base_is_there(t, s))
		return false;
	if (dir_is_away(d))
		return false;
	if ((s->error == 0 && s->unknown == 0) || is_missing(s->error)) {
		t->unreadable -= d->unreadable;
		d->unreadable = false;
	}
	d->gone = is_missing(s->error) || d->hidden;
	if (d->gone) {
		watch_unbind(d);
		dir_set_polled(d, false, false);
		dir_set_links(d, false);
		s->len = 0;
		return true;
	}
	if (s->error < 0) {
		cannot_read(d, s);
		return false;
	}
	if (d->mount && !s->is_mount && !t->options.unmounted_is_removed) {
		dir_set_unmounted(d, true);
		return false;
	}
	take_inode(s);
	take_rules(s);
	if (is_loop(s)) {
		watch_unbind(d);
		s->len = 0;
		return true;
	}
	take_watch(d, s);
	if (s->unknown < 0)
		cannot_read(d, s);
	return true;
}

static void seek(struct cursor *c, const struct scan_dir *s)
{
	struct entry e;
	cursor_seek(c, s->dir, s->last, s->last_len);
	if (s->last_len > 0 && cursor_get(c, &e) && name_compare(e.name, e.len, s->last, s->last_len) == 0)
		cursor_next(c);
}

/* Goes on by an entry. False: there is none. */
static bool step(struct scan_dir *s, struct cursor *c)
{
	struct entry old, e;
	if (!cursor_is_valid(c))
		seek(c, s);
	const size_t size = s->at < s->len ? entry_read(s->bytes + s->at, s->len - s->at, &e) : 0;
	const bool is_known = cursor_get(c, &old);
	if (!is_known && size == 0)
		return false;
	const int order = size == 0 ? 1 : !is_known ? -1 : name_compare(e.name, e.len, old.name, old.len);
	/* The journal's bytes move when it changes. */
	s->last_len = order <= 0 ? e.len : old.len;
	memcpy(s->last, order <= 0 ? e.name : old.name, s->last_len);
	old.name = s->last;
	if (order <= 0)
		s->at += size;
	if (order >= 0)
		cursor_next(c);
	if (order > 0)
		lost(s, &old);
	else if (e.type == ENTRY_UNKNOWN)
		return true;
	else if (order < 0)
		found(s, &e);
	else
		still_there(s, &old, &e);
	return true;
}

static void end(struct scan_dir *s)
{
	struct dir *d = s->dir;
	d->scanning = false;
	d->listed = d->listed || !s->skipped;
	d->refs--;
	if (d->again) {
		d->again = false;
		scan_queue(d, s->skipped && s->deep);
	}
	dir_reap(d);
}

/* False: the slice is over. */
static bool merge(struct scan_dir *s, size_t *budget)
{
	struct cursor c = {.dir = s->dir, .version = s->dir->version - 1};
	if (!s->begun)
		s->skipped = !begin(s);
	s->begun = true;
	while (!s->skipped && *budget > 0 && step(s, &c))
		--*budget;
	if (*budget == 0)
		return false;
	end(s);
	return true;
}

/* ---- All that were listed ---- */

static void merge_again(void *arg)
{
	struct tree *t = arg;
	t->merge_posted = false;
	merges_pump(t);
	tree_job_done(t);
}

static void go_on_later(struct tree *t)
{
	const struct plugin *p = t->plugin;
	if (t->merge_posted || p->host->post(p->self, merge_again, t) != TAPPET_OK)
		return;
	t->merge_posted = true;
	t->jobs++;
	plugin_begin(t->plugin);
}

/* Folders of the journal that hang nowhere: a part of it was not committed. */
static void forget_orphans(struct tree *t)
{
	for (size_t slot = 0; slot < t->dir_room; slot++) {
		struct dir *next;
		for (struct dir *d = t->by_id[slot]; d; d = next) {
			next = d->next_by_id;
			if (d->attached)
				continue;
			for (uint32_t i = 0; i < d->page_count; i++)
				tree_touch_removed(t, d, d->pages[i].id);
			dir_free(d);
		}
	}
}

static void log_first_look(const struct tree *t)
{
	const struct plugin *p = t->plugin;
	char files[24], folders[24], ms[24];
	snprintf(files, sizeof(files), "%" PRIu64, t->entry_count);
	snprintf(folders, sizeof(folders), "%zu", t->dir_count);
	snprintf(ms, sizeof(ms), "%" PRId64, plugin_now(p) - t->begun_ms);
	const tappet_field fields[] = {{"path", tappet_cstr(t->options.path)},
				       {"files", tappet_cstr(files)},
				       {"folders", tappet_cstr(folders)},
				       {"ms", tappet_cstr(ms)}};
	p->host->log(p->self, TAPPET_LOG_INFO, "watching", fields, sizeof(fields) / sizeof(fields[0]));
}

static void all_are_through(struct tree *t)
{
	struct plugin *p = t->plugin;
	if (t->sweeping && !t->looked && !t->away && t->unmounted == 0 && t->unreadable == 0)
		forget_orphans(t);
	if (t->sweeping && !t->away) {
		if (!t->looked)
			log_first_look(t);
		t->looked = true;
		t->baseline = false;
	}
	if (t->sweeping)
		t->sweep_ms = plugin_now(p) - t->sweep_begin_ms;
	t->sweeping = t->overflowed = false;
	poll_round_done(t);
	store_flush(t);
	health_update(t);
}

void merges_pump(struct tree *t)
{
	size_t budget = SLICE;
	while (t->merging && !t->removed) {
		struct scan *s = t->merging;
		while (s->at < s->count && merge(&s->dirs[s->at], &budget))
			s->at++;
		if (s->at < s->count) {
			go_on_later(t);
			break;
		}
		t->merging = s->next;
		if (!t->merging)
			t->merging_last = &t->merging;
		scan_free(s);
	}
	if (t->removed)
		return;
	scans_pump(t);
	examine_pump(t);
	if (!t->merging && !t->scan_first && t->scans == 0)
		all_are_through(t);
}
