/* Which folders are to be listed, and the jobs of the pool that do it. */
#include "filewatch.h"
#include <stdlib.h>
#include <string.h>

#define JOB_MAX 32 /* folders */
#define JOBS_MAX 4 /* of a tree, listed or not yet merged */

void scan_queue(struct dir *d, bool deep)
{
	struct tree *t = d->tree;
	if (t->removed || !t->ready)
		return;
	d->deep = d->deep || deep;
	if (d->scanning) {
		d->again = true;
		return;
	}
	if (d->queued)
		return;
	d->queued = true;
	d->next_queued = NULL;
	*t->scan_last = d;
	t->scan_last = &d->next_queued;
}

static struct dir *take(struct tree *t)
{
	struct dir *d = t->scan_first;
	t->scan_first = d->next_queued;
	if (!t->scan_first)
		t->scan_last = &t->scan_first;
	d->queued = false;
	d->scanning = true;
	d->refs++;
	return d;
}

/* Its own .gitignore is read anew. */
static struct ignore *ignore_above(const struct dir *d)
{
	return d->parent ? d->parent->ignore : NULL;
}

static bool fill(struct scan_dir *s, struct dir *d)
{
	const struct options *o = &d->tree->options;
	const bool top = dir_is_top(d), deep = d->deep;
	d->deep = false;
	*s = (struct scan_dir){.dir = d,
			       .path = path_of(d, NULL, 0),
			       .relative = relative_of(d, NULL, 0),
			       .ignore = ignore_ref(ignore_above(d)),
			       .parent_dev = d->parent ? d->parent->dev : 0,
			       .base = !d->parent && !top,
			       .follow = o->follow || top || !d->parent,
			       .deep = deep,
			       .wd = -1,
			       .watch = o->poll != POLL_ALWAYS && !(d->no_events && !d->mount)};
	return s->path && s->relative;
}

void scan_free(struct scan *s)
{
	struct plugin *p = s->tree->plugin;
	/* Not before: a watch belongs to nobody until its listing has been merged. */
	if (s->started && --p->scans == 0) {
		p->seen_count = 0;
		p->seen_all = false;
	}
	for (size_t i = 0; i < s->count; i++) {
		struct scan_dir *d = &s->dirs[i];
		if (d->wd >= 0)
			watch_discard(p, d->wd);
		free(d->path);
		free(d->relative);
		free(d->bytes);
		free(d->mounted_at);
		patterns_free(d->patterns);
		ignore_unref(d->ignore);
		ignore_unref(d->before);
	}
	free(s);
}

/* They were not listed: once more, later. */
static void give_back(struct scan *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct dir *d = s->dirs[i].dir;
		d->scanning = false;
		d->refs--;
		scan_queue(d, s->dirs[i].deep);
	}
	scan_free(s);
}

static void scan_done(void *arg, int32_t result)
{
	struct scan *s = arg;
	struct tree *t = s->tree;
	t->scans--;
	if (t->removed) {
		scan_free(s);
	} else if (result < 0) {
		give_back(s);
		tree_pump_later(t);
	} else {
		*t->merging_last = s;
		t->merging_last = &s->next;
		merges_pump(t);
	}
	tree_job_done(t);
}

/* There was no memory: once more, later. */
static void forget_fill(struct scan_dir *s, struct dir *d)
{
	free(s->path);
	free(s->relative);
	ignore_unref(s->ignore);
	d->scanning = false;
	d->refs--;
	scan_queue(d, s->deep);
}

static struct scan *next_job(struct tree *t)
{
	struct scan *s = calloc(1, sizeof(*s) + JOB_MAX * sizeof(s->dirs[0]));
	if (!s)
		return NULL;
	s->tree = t;
	s->inotify = t->plugin->inotify;
	s->options = &t->options;
	while (t->scan_first && s->count < JOB_MAX) {
		struct dir *d = take(t);
		if (fill(&s->dirs[s->count], d)) {
			s->count++;
			continue;
		}
		forget_fill(&s->dirs[s->count], d);
		break;
	}
	return s;
}

static bool start_job(struct tree *t)
{
	struct plugin *p = t->plugin;
	struct scan *s = next_job(t);
	if (!s || s->count == 0) {
		free(s);
		return false;
	}
	if (p->host->work(p->self, scan_work, scan_done, s) != TAPPET_OK) {
		give_back(s);
		return false;
	}
	p->host->metric_add(p->metric.scans, (double)s->count);
	plugin_begin(p);
	p->scans++;
	s->started = true;
	t->jobs++;
	t->scans++;
	return true;
}

static size_t waiting_merges(const struct tree *t)
{
	size_t count = 0;
	for (const struct scan *s = t->merging; s; s = s->next)
		count++;
	return count;
}

void scans_pump(struct tree *t)
{
	/* Room must be left for what they find; new folders are to be watched all the same. */
	const size_t room = (size_t)t->plugin->pending_max / 2;
	if (t->removed || t->plugin->stopping)
		return;
	while (t->scan_first && t->scans + waiting_merges(t) < JOBS_MAX &&
	       (t->items.count <= room || !t->scan_first->listed))
		if (!start_job(t)) {
			tree_pump_later(t);
			break;
		}
}

void scans_release(struct tree *t)
{
	while (t->merging) {
		struct scan *s = t->merging;
		t->merging = s->next;
		scan_free(s);
	}
}
