/* One watched tree: its folders by id, their paths, and which pages of the journal the store does not have yet. */
#include "filewatch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BASE_ID 1
#define AGAIN_MS 100

/* ---- Folders by id ---- */

static size_t slot_of(const struct tree *t, uint64_t id)
{
	return (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (t->dir_room - 1);
}

static bool grow(struct tree *t)
{
	const size_t room = t->dir_room ? 2 * t->dir_room : 64;
	struct dir **old = t->by_id, **slots = calloc(room, sizeof(*slots));
	const size_t old_room = t->dir_room;
	if (!slots)
		return false;
	t->by_id = slots;
	t->dir_room = room;
	for (size_t i = 0; i < old_room; i++) {
		struct dir *next;
		for (struct dir *d = old[i]; d; d = next) {
			const size_t slot = slot_of(t, d->id);
			next = d->next_by_id;
			d->next_by_id = slots[slot];
			slots[slot] = d;
		}
	}
	free(old);
	return true;
}

struct dir *dir_by_id(const struct tree *t, uint64_t id)
{
	struct dir *d = t->dir_room ? t->by_id[slot_of(t, id)] : NULL;
	while (d && d->id != id)
		d = d->next_by_id;
	return d;
}

struct dir *dir_new(struct tree *t, uint64_t id)
{
	if (t->dir_count >= t->dir_room && !grow(t))
		return NULL;
	struct dir *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->tree = t;
	d->id = id ? id : t->next_id++;
	if (d->id >= t->next_id)
		t->next_id = d->id + 1;
	d->wd = -1;
	const size_t slot = slot_of(t, d->id);
	d->next_by_id = t->by_id[slot];
	t->by_id[slot] = d;
	t->dir_count++;
	return d;
}

struct dir *dir_attach(struct dir *parent, const struct entry *e)
{
	struct tree *t = parent->tree;
	struct dir *d = dir_by_id(t, e->child);
	if (d && d->attached)
		return d;
	char *name = strndup(e->name, e->len);
	if (!d && name)
		d = dir_new(t, e->child);
	if (!d || !name) {
		free(name);
		return NULL;
	}
	d->name = name;
	d->parent = parent;
	d->attached = true;
	d->inode = e->inode;
	d->mount = e->flags & ENTRY_MOUNT;
	d->no_events = parent->no_events && !d->mount;
	parent->refs++;
	return d;
}

static void forget_flags(struct dir *d)
{
	struct tree *t = d->tree;
	dir_set_polled(d, false, false);
	dir_set_links(d, false);
	dir_set_unmounted(d, false);
	t->unreadable -= d->unreadable;
}

static void free_now(struct dir *d)
{
	watch_unbind(d);
	ignore_unref(d->ignore);
	journal_release(d);
	free(d->name);
	free(d);
}

void dir_free(struct dir *d)
{
	struct tree *t = d->tree;
	struct dir **at = &t->by_id[slot_of(t, d->id)];
	while (*at != d)
		at = &(*at)->next_by_id;
	*at = d->next_by_id;
	t->dir_count--;
	if (d->parent)
		d->parent->refs--;
	forget_flags(d);
	free_now(d);
}

bool dir_is_away(const struct dir *d)
{
	if (d->tree->away)
		return true;
	for (; d; d = d->parent)
		if (d->unmounted)
			return true;
	return false;
}

/* ---- Paths ---- */

bool dir_is_top(const struct dir *d)
{
	return d->parent ? d->parent == d->tree->base && !d->parent->parent && d->tree->options.name[0] != '\0'
			 : d->tree->options.name[0] == '\0';
}

/* The names from below `end` (not included) down to `name`, joined by slashes behind `front`. */
static char *join(const char *front, const struct dir *end, const struct dir *d, const char *name, size_t len)
{
	const size_t front_len = strlen(front);
	size_t size = front_len + len + 1;
	for (const struct dir *at = d; at != end; at = at->parent)
		size += strlen(at->name) + 1;
	char *path = malloc(size + 1), *to = path + size;
	if (!path)
		return NULL;
	*to = '\0';
	if (len > 0) {
		to -= len;
		memcpy(to, name, len);
	}
	for (const struct dir *at = d; at != end; at = at->parent) {
		const size_t name_len = strlen(at->name);
		if (*to)
			*--to = '/';
		to -= name_len;
		memcpy(to, at->name, name_len);
	}
	if (front_len > 0 && *to && front[front_len - 1] != '/')
		*--to = '/';
	to -= front_len;
	memcpy(to, front, front_len);
	memmove(path, to, (size_t)(path + size - to) + 1);
	return path;
}

char *path_of(const struct dir *d, const char *name, size_t len)
{
	return join(d->tree->options.folder, d->tree->base, d, name, len);
}

char *relative_of(const struct dir *d, const char *name, size_t len)
{
	const struct dir *top = d;
	while (top->parent && !dir_is_top(top))
		top = top->parent;
	return join("", top, d, name, len);
}

/* ---- Pages that the store does not have ---- */

bool page_list_add(struct page_key **list, size_t *count, size_t *room, struct page_key key)
{
	if (*count == *room) {
		const size_t wanted = *room ? 2 * *room : 64;
		struct page_key *keys = realloc(*list, wanted * sizeof(*keys));
		if (!keys)
			return false;
		*list = keys;
		*room = wanted;
	}
	(*list)[(*count)++] = key;
	return true;
}

static bool add_to_backlog(struct tree *t, struct page_key key)
{
	return page_list_add(&t->backlog, &t->backlog_count, &t->backlog_room, key);
}

void tree_touch(struct tree *t, struct dir *d, struct page *p)
{
	const struct page_key key = {d->id, p->id};
	struct build *b = &t->build;
	if (b->applying && p->build != b->id && page_list_add(&b->pages, &b->page_count, &b->page_room, key))
		p->build = b->id;
	else if (!b->applying && !p->dirty)
		p->dirty = add_to_backlog(t, key);
}

void tree_touch_removed(struct tree *t, struct dir *d, uint32_t page)
{
	const struct page_key key = {d->id, page};
	struct build *b = &t->build;
	/* Out of memory it stays in the store: what it says is found not to be so at the next start. */
	if (b->applying)
		(void)page_list_add(&b->pages, &b->page_count, &b->page_room, key);
	else
		(void)add_to_backlog(t, key);
}

static void mark_children(const struct dir *d, const struct page *p, bool unsaved)
{
	struct entry e;
	for (size_t at = 0, size; at < p->len; at += size) {
		size = entry_read(p->bytes + at, p->len - at, &e);
		struct dir *child = e.type == ENTRY_DIR ? dir_by_id(d->tree, e.child) : NULL;
		if (child)
			child->unsaved = unsaved;
	}
}

void page_sent(struct dir *d, struct page *p)
{
	p->dirty = false;
	mark_children(d, p, false);
}

void page_lost(struct dir *d, struct page *p)
{
	mark_children(d, p, true);
	tree_touch(d->tree, d, p);
}

bool journal_put_silently(struct dir *d, const struct entry *e)
{
	if (!journal_put(d, e))
		return false;
	struct dir *child = e->type == ENTRY_DIR ? dir_by_id(d->tree, e->child) : NULL;
	if (child)
		child->unsaved = true;
	return true;
}

void journal_remove_silently(struct dir *d, const char *name, size_t len)
{
	(void)journal_remove(d, name, len);
}

/* ---- Life ---- */

int32_t tree_add(struct plugin *p, tappet_trigger *trigger, const tappet_config *config, struct tree **ret)
{
	const struct option_reader reader = {.count = p->host->config_count,
					     .str = p->host->config_str,
					     .integer = p->host->config_int,
					     .boolean = p->host->config_bool};
	struct tree *t = calloc(1, sizeof(*t));
	const int r = t ? options_read(&reader, config, &t->options) : -ENOMEM;
	if (r < 0) {
		free(t);
		return r == -ENOMEM ? TAPPET_ENOMEM : TAPPET_EINVAL;
	}
	t->plugin = p;
	t->trigger = trigger;
	t->next_id = BASE_ID + 1;
	t->scan_last = &t->scan_first;
	t->merging_last = &t->merging;
	t->flights_last = &t->flights;
	t->build.id = 1;
	t->poll_interval_ms = t->options.poll_ms;
	t->begun_ms = plugin_now(p);
	t->begun_wall_ms = p->host->wall_ms(p->self);
	t->base = dir_new(t, BASE_ID);
	if (!t->base) {
		options_release(&t->options);
		free(t->by_id);
		free(t);
		return TAPPET_ENOMEM;
	}
	t->base->attached = true;
	t->next = p->trees;
	t->back = &p->trees;
	if (t->next)
		t->next->back = &t->next;
	p->trees = t;
	*ret = t;
	return TAPPET_OK;
}

void tree_pump(struct tree *t)
{
	if (t->removed || t->plugin->stopping)
		return;
	if (!t->ready) {
		store_load(t);
		return;
	}
	flights_pump(t);
	store_flush(t);
	scans_pump(t);
	examine_pump(t);
}

static void pump_again(void *arg)
{
	struct tree *t = arg;
	t->again_timer = NULL;
	tree_pump(t);
}

void tree_pump_later(struct tree *t)
{
	const struct plugin *p = t->plugin;
	if (!t->again_timer && !t->removed)
		(void)p->host->timer_start(p->self, AGAIN_MS, 0, pump_again, t, &t->again_timer);
}

void tree_sweep(struct tree *t)
{
	if (!t->ready || t->removed)
		return;
	t->sweeping = true;
	t->sweep_begin_ms = plugin_now(t->plugin);
	scan_queue(t->base, true);
	scans_pump(t);
}

void tree_begin(struct tree *t)
{
	t->ready = true;
	t->baseline = !t->saved;
	tree_sweep(t);
	health_update(t);
}

void tree_stop_timers(struct tree *t)
{
	const tappet_host *host = t->plugin->host;
	tappet_timer **const timers[] = {&t->timer, &t->retry_timer, &t->again_timer, &t->poll_timer};
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		host->timer_stop(*timers[i]);
		*timers[i] = NULL;
	}
	t->timer_set = false;
}

/* What waits is found again by who comes next: the journal does not have it. */
void tree_remove(struct tree *t)
{
	store_leave(t);
	t->removed = true;
	tree_stop_timers(t);
	*t->back = t->next;
	if (t->next)
		t->next->back = t->back;
	watches_unbind(t);
	const struct plugin *p = t->plugin;
	p->host->metric_add(p->metric.files, -t->files_shown);
	p->host->metric_add(p->metric.polled, -(double)t->polled);
}

/* A million entries take a while. */
static void release_work(void *arg)
{
	struct tree *t = arg;
	for (size_t i = 0; i < t->dir_room; i++) {
		struct dir *next;
		for (struct dir *d = t->by_id[i]; d; d = next) {
			next = d->next_by_id;
			free_now(d);
		}
	}
	free(t->by_id);
	free(t->backlog);
	free(t->unreadable_path);
	free(t->mount);
	options_release(&t->options);
	if (t->before)
		options_release(t->before);
	free(t->before);
}

static void release_done(void *arg, int32_t result)
{
	struct tree *t = arg;
	struct plugin *p = t->plugin;
	if (result != TAPPET_OK)
		release_work(t);
	free(t);
	plugin_end(p);
}

static void release(struct tree *t)
{
	struct plugin *p = t->plugin;
	build_release(t);
	flights_release(t);
	scans_release(t);
	items_release(t);
	if (!p->stopping && p->host->work(p->self, release_work, release_done, t) == TAPPET_OK) {
		plugin_begin(p);
	} else {
		release_work(t);
		free(t);
	}
}

void tree_free(struct tree *t)
{
	t->freed = true;
	if (t->jobs == 0)
		release(t);
}

void tree_job_done(struct tree *t)
{
	struct plugin *p = t->plugin;
	t->jobs--;
	if (t->freed && t->jobs == 0)
		release(t);
	plugin_end(p);
}
