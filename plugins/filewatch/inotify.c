/* The one inotify descriptor of the process: which folder a watch belongs to, and what to do with its events (inotify(7)).
 * A watch belongs to an inode, so several folders may share one: of several trees, or of one that was renamed. */
#include "filewatch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* So much at a time: the loop belongs to others as well. */
#define BUFFER_SIZE 16384

/* ---- Whose a watch is ---- */

static struct dir **slot_of(const struct plugin *p, int wd)
{
	return &p->by_wd[(unsigned int)wd & (p->wd_room - 1)];
}

static bool grow(struct plugin *p)
{
	const size_t room = p->wd_room ? 2 * p->wd_room : 256, old_room = p->wd_room;
	struct dir **old = p->by_wd, **slots = calloc(room, sizeof(*slots));
	if (!slots)
		return false;
	p->by_wd = slots;
	p->wd_room = room;
	for (size_t i = 0; i < old_room; i++) {
		struct dir *next;
		for (struct dir *d = old[i]; d; d = next) {
			next = d->next_by_wd;
			d->next_by_wd = *slot_of(p, d->wd);
			*slot_of(p, d->wd) = d;
		}
	}
	free(old);
	return true;
}

static struct dir *next_of(struct dir *d, int wd)
{
	while (d && d->wd != wd)
		d = d->next_by_wd;
	return d;
}

static struct dir *first_of(const struct plugin *p, int wd)
{
	return p->wd_room ? next_of(*slot_of(p, wd), wd) : NULL;
}

static bool was_seen(const struct plugin *p, int wd)
{
	for (size_t i = 0; i < p->seen_count; i++)
		if (p->seen[i] == wd)
			return true;
	return p->seen_all;
}

void watch_bind(struct dir *d, int wd)
{
	struct plugin *p = d->tree->plugin;
	/* What came in between belonged to nobody, or to a folder that is not there any more. */
	if (was_seen(p, wd) && d->wd != wd)
		d->again = true;
	if (d->wd == wd)
		return;
	watch_unbind(d);
	if (p->wd_count >= p->wd_room && !grow(p))
		return;
	if (!first_of(p, wd))
		p->host->metric_add(p->metric.watched, 1);
	d->wd = wd;
	d->next_by_wd = *slot_of(p, wd);
	*slot_of(p, wd) = d;
	p->wd_count++;
}

static void take_out(struct plugin *p, struct dir *d)
{
	struct dir **at = slot_of(p, d->wd);
	while (*at != d)
		at = &(*at)->next_by_wd;
	*at = d->next_by_wd;
	d->wd = -1;
	p->wd_count--;
}

void watch_unbind(struct dir *d)
{
	struct plugin *p = d->tree->plugin;
	const int wd = d->wd;
	if (wd < 0)
		return;
	take_out(p, d);
	if (first_of(p, wd))
		return;
	p->host->metric_add(p->metric.watched, -1);
	/* It may be gone already, with its folder. */
	if (p->inotify >= 0)
		(void)inotify_rm_watch(p->inotify, wd);
}

void watch_discard(struct plugin *p, int wd)
{
	/* Another listing that has it and is not merged yet finds out by IN_IGNORED. */
	if (p->inotify >= 0 && !first_of(p, wd))
		(void)inotify_rm_watch(p->inotify, wd);
}

struct discard {
	struct plugin *plugin;
	int inotify;
	size_t count, room;
	int wds[];
};

static void discard_work(void *arg)
{
	const struct discard *d = arg;
	for (size_t i = 0; i < d->count; i++)
		(void)inotify_rm_watch(d->inotify, d->wds[i]);
}

static void discard_done(void *arg, int32_t result)
{
	struct discard *d = arg;
	struct plugin *p = d->plugin;
	if (result != TAPPET_OK)
		discard_work(d);
	free(d);
	plugin_end(p);
}

/* A hundred thousand of them take the kernel half a second. */
void watches_unbind(struct tree *t)
{
	struct plugin *p = t->plugin;
	struct discard *discard = p->inotify >= 0 ? malloc(sizeof(*discard) + t->dir_count * sizeof(int)) : NULL;
	if (discard)
		*discard = (struct discard){.plugin = p, .inotify = p->inotify, .room = t->dir_count};
	for (size_t i = 0; i < t->dir_room; i++)
		for (struct dir *d = t->by_id[i]; d; d = d->next_by_id) {
			const int wd = d->wd;
			if (wd < 0)
				continue;
			take_out(p, d);
			if (first_of(p, wd))
				continue;
			p->host->metric_add(p->metric.watched, -1);
			if (discard && discard->count < discard->room)
				discard->wds[discard->count++] = wd;
		}
	if (!discard)
		return;
	if (discard->count == 0 || p->host->work(p->self, discard_work, discard_done, discard) != TAPPET_OK) {
		discard_work(discard);
		free(discard);
	} else {
		plugin_begin(p);
	}
}

/* ---- Events ---- */

static void note_seen(struct plugin *p, int wd)
{
	if (p->scans == 0 || was_seen(p, wd))
		return;
	if (p->seen_count < SEEN_MAX)
		p->seen[p->seen_count++] = wd;
	else
		p->seen_all = true;
}

/* The kernel has taken the watch away: the folder is gone, or its file system is. */
static void on_ignored(struct plugin *p, int wd)
{
	struct dir *d;
	bool any = false;
	while ((d = first_of(p, wd))) {
		take_out(p, d);
		scan_queue(d, false);
		scans_pump(d->tree);
		any = true;
	}
	if (any)
		p->host->metric_add(p->metric.watched, -1);
}

static void on_unmount(struct dir *d)
{
	struct dir *at = d;
	if (d->tree->options.unmounted_is_removed)
		return;
	while (at && !at->mount)
		at = at->parent;
	if (at)
		dir_set_unmounted(at, true);
	else
		d->tree->away = true;
	health_update(d->tree);
}

static void remember_rename(struct tree *t, struct item *i, const struct inotify_event *e)
{
	struct entry old;
	i->writing = false;
	i->cookie = e->cookie;
	t->moved_from = i;
	if (journal_find(i->dir, i->name, i->len, &old))
		items_set_inode(t, i, old.inode, true);
}

/* The other half of a rename within the tree: what came is what has left there. */
static void match_rename(struct tree *t, struct item *i, const struct inotify_event *e)
{
	const struct item *from = t->moved_from;
	i->writing = false;
	i->moved_in = true;
	if (!from || from->cookie != e->cookie || from->inode == 0)
		return;
	i->renamed = true;
	items_set_inode(t, i, from->inode, false);
}

static void on_item(struct item *i, const struct inotify_event *e)
{
	struct tree *t = i->dir->tree;
	/* Whatever was there has gone, and this is another one. */
	if ((e->mask & (IN_CREATE | IN_MOVED_TO)) && i->left) {
		items_set_inode(t, i, 0, false);
		i->gone = false;
	}
	if (e->mask & IN_MODIFY)
		i->writing = true;
	if (e->mask & (IN_CLOSE_WRITE | IN_DELETE))
		i->writing = false;
	if (e->mask & IN_MOVED_FROM)
		remember_rename(t, i, e);
	if (e->mask & IN_MOVED_TO)
		match_rename(t, i, e);
}

/* A folder that came is listed at once, so that nothing in it is missed; one that went, so that what was in it is known to
 * be gone. */
static void on_folder(struct dir *d, const char *name, size_t len, const struct inotify_event *event)
{
	const uint32_t mask = event->mask;
	struct entry e;
	struct dir *child;
	const bool known = journal_find(d, name, len, &e);
	if (!(mask & (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)))
		return;
	/* What was there before is told first. */
	if (known && e.type != ENTRY_DIR)
		return;
	if (!known) {
		if (mask & (IN_MOVED_FROM | IN_DELETE))
			return;
		e = (struct entry){.name = name,
				   .len = len,
				   .type = ENTRY_DIR,
				   .flags = ENTRY_UNTOLD,
				   .child = d->tree->next_id++};
		if (!dir_attach(d, &e) || !journal_put_silently(d, &e))
			return;
	}
	child = dir_attach(d, &e);
	if (!child)
		return;
	child->hidden = false;
	child->renamed = child->renamed || ((event->mask & IN_MOVED_TO) && d->tree->moved_from &&
					    d->tree->moved_from->cookie == event->cookie);
	scan_queue(child, true);
}

static bool name_counts(const struct dir *d, const char *name, size_t len, bool is_dir)
{
	const struct options *o = &d->tree->options;
	char *relative = relative_of(d, NULL, 0);
	const struct filter f = filter_of(d, d->ignore, relative);
	/* A link may lead to a folder. */
	const bool counts = !d->hidden && (filter_allows(&f, name, len, is_dir) ||
					   (o->follow && !is_dir && filter_allows(&f, name, len, true)));
	free(relative);
	return counts;
}

static void on_name(struct dir *d, const struct inotify_event *e)
{
	struct tree *t = d->tree;
	const size_t len = strnlen(e->name, e->len);
	const bool is_dir = e->mask & IN_ISDIR;
	struct item *i = items_find(t, d, e->name, len);
	if (len > NAME_MAX || (!i && !name_counts(d, e->name, len, is_dir)))
		return;
	if (is_dir)
		on_folder(d, e->name, len, e);
	/* Times of folders are not told. */
	if (is_dir && !(e->mask & (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)))
		return;
	/* Beyond the limit the folder is listed when there is room again. */
	if (!i && t->items.count < (size_t)t->plugin->pending_max)
		i = items_note(t, d, e->name, len);
	if (!i) {
		scan_queue(d, false);
		return;
	}
	i->last_ms = t->last_event_ms = plugin_now(t->plugin);
	i->not_before_ms = 0;
	i->again = true;
	on_item(i, e);
	if (!items_schedule(t, i))
		scan_queue(d, false);
}

static void on_folder_itself(struct dir *d, uint32_t mask)
{
	/* It may be readable again, or not any more. */
	if (mask & IN_ATTRIB)
		scan_queue(d, false);
	/* Nobody watches the folder in which the base lies. */
	if ((mask & (IN_MOVE_SELF | IN_DELETE_SELF)) && !d->parent)
		scan_queue(d, false);
}

static bool is_ignore_file(const struct tree *t, const struct inotify_event *e)
{
	return t->options.gitignore && e->len > 0 && strcmp(e->name, ".gitignore") == 0;
}

static void on_event(struct plugin *p, const struct inotify_event *e)
{
	struct dir *next;
	p->host->metric_add(p->metric.events, 1);
	if (e->mask & IN_Q_OVERFLOW) {
		p->host->metric_add(p->metric.overflows, 1);
		plugin_log(p, TAPPET_LOG_WARN, "events were lost: everything is looked at again", "limit",
			   "fs.inotify.max_queued_events");
		for (struct tree *t = p->trees; t; t = t->next) {
			t->overflowed = true;
			items_forget_writers(t);
			tree_sweep(t);
			health_update(t);
		}
		return;
	}
	note_seen(p, e->wd);
	for (struct dir *d = first_of(p, e->wd); d; d = next) {
		next = next_of(d->next_by_wd, e->wd);
		if (e->mask & IN_UNMOUNT)
			on_unmount(d);
		else if (is_ignore_file(d->tree, e))
			scan_queue(d, true);
		if (e->mask & (IN_UNMOUNT | IN_IGNORED))
			continue;
		if (e->len > 0)
			on_name(d, e);
		else
			on_folder_itself(d, e->mask);
	}
	if (e->mask & IN_IGNORED)
		on_ignored(p, e->wd);
}

static void on_readable(void *arg, int32_t events, int32_t error)
{
	struct plugin *p = arg;
	_Alignas(struct inotify_event) char buffer[BUFFER_SIZE];
	(void)events;
	(void)error;
	const ssize_t len = read(p->inotify, buffer, sizeof(buffer));
	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *e = (const struct inotify_event *)(const void *)(buffer + at);
		on_event(p, e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	for (struct tree *t = p->trees; t; t = t->next) {
		tree_set_timer(t);
		scans_pump(t);
	}
}

int32_t inotify_open(struct plugin *p)
{
	p->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->inotify < 0) {
		plugin_log(p, TAPPET_LOG_WARN, "there is no inotify descriptor left: everything is polled", "reason",
			   strerror(errno));
		return TAPPET_OK;
	}
	return p->host->fd_watch(p->self, p->inotify, TAPPET_READABLE, on_readable, p, &p->watch);
}

static void close_work(void *arg)
{
	close(((struct plugin *)arg)->closing);
}

static void close_done(void *arg, int32_t result)
{
	struct plugin *p = arg;
	if (result != TAPPET_OK)
		close(p->closing);
	plugin_end(p);
}

/* With many watches the kernel takes its time: the pool waits for it. */
void inotify_close(struct plugin *p)
{
	p->host->fd_unwatch(p->watch);
	p->watch = NULL;
	if (p->inotify < 0)
		return;
	p->closing = p->inotify;
	p->inotify = -1;
	if (p->stopping && p->host->work(p->self, close_work, close_done, p) == TAPPET_OK)
		plugin_begin(p);
	else
		close(p->closing);
}
