/* Looks at the items that are due: what is there now, on the pool, and what that means, on the loop. */
#include "filewatch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOKS_MAX 256
#define UNREADABLE_AGAIN_MS 5000
#define BURST_GAP_MS 100
/* How soon a file that is open is looked at again, as no event may tell of its closing. */
#define OPEN_MIN_MS 1000
#define OPEN_MAX_MS 30000
#define BURST_MAX_MS 1000

struct examination {
	struct tree *tree;
	size_t count;
	struct look looks[LOOKS_MAX];
};

/* ---- On the pool ---- */

static int look_at(struct look *l, const struct options *o, int top)
{
	char *slash = strrchr(l->path, '/'), *below = strrchr(l->relative, '/');
	const char *name = slash + 1;
	/* The folder first: a path may be longer than a system call takes. */
	*slash = '\0';
	if (below)
		*below = '\0';
	const int folder = open_folder(top, slash == l->path ? "/" : l->path, below ? l->relative : "", O_PATH);
	if (below)
		*below = '/';
	if (folder < 0)
		return folder;
	const int r = entry_look(folder, name, l->follow || l->base, 0, &l->entry, &l->linked);
	l->writers = r == 0 && o->wait_for_close && l->entry.type == ENTRY_FILE
			     ? file_writers(folder, &l->entry, l->linked)
			     : 0;
	close(folder);
	if (r < 0)
		return r;
	const struct filter f = {.options = o,
				 .ignore = l->ignore,
				 .relative = l->relative,
				 .len = below ? (size_t)(below - l->relative) : 0,
				 .base = l->base};
	l->hidden = !filter_allows(&f, name, l->entry.len, l->entry.type == ENTRY_DIR);
	if (l->entry.type != ENTRY_DIR && !l->base && !(o->types & 1u << l->entry.type))
		l->entry.type = ENTRY_NONE;
	return 0;
}

static void examine_work(void *arg)
{
	struct examination *x = arg;
	const int top = open_top(&x->tree->options);
	for (size_t i = 0; i < x->count; i++) {
		struct look *l = &x->looks[i];
		if (!l->item)
			continue;
		l->error = look_at(l, &x->tree->options, top);
		if (l->error == -ENOENT || l->error == -ENOTDIR || l->error == -ELOOP) {
			l->error = 0;
			l->entry.type = ENTRY_NONE;
		}
	}
	if (top >= 0)
		close(top);
}

/* ---- On the loop ---- */

static void examination_free(struct examination *x)
{
	for (size_t i = 0; i < x->count; i++) {
		struct look *l = &x->looks[i];
		free(l->path);
		free(l->relative);
		ignore_unref(l->ignore);
		if (l->item && l->item->dead)
			free(l->item);
	}
	free(x);
}

/* Without memory its folder is listed again in its place. */
void item_wait_until(struct tree *t, struct item *i, int64_t not_before_ms)
{
	i->not_before_ms = not_before_ms;
	if (items_schedule(t, i))
		return;
	scan_queue(i->dir, false);
	items_drop(t, i);
}

/* There were events while it was looked at: it is not quiet, unless its time is over. */
static bool is_early(const struct tree *t, const struct item *i)
{
	return i->again && item_due_ms(t, i) > plugin_now(t->plugin);
}

/* Somebody still writes. The event of the closing brings it forward. */
static bool is_open(const struct tree *t, struct item *i, const struct look *l)
{
	const int64_t now_ms = plugin_now(t->plugin), since_ms = now_ms - i->last_ms;
	const int64_t max_ms = t->options.settle_max_ms > 0 ? i->first_ms + t->options.settle_max_ms : INT64_MAX;
	const int64_t again_ms = now_ms + (since_ms < OPEN_MIN_MS   ? OPEN_MIN_MS
					   : since_ms < OPEN_MAX_MS ? since_ms
								    : OPEN_MAX_MS);
	i->open = l->writers > 0 || (l->writers < 0 && i->writing && t->options.wait_for_close);
	if (!i->open || now_ms >= max_ms)
		return false;
	i->not_before_ms = again_ms < max_ms ? again_ms : max_ms;
	return true;
}

/* No events come: what has changed within the quiet time is not quiet. */
static bool is_unquiet(const struct tree *t, struct item *i, const struct look *l)
{
	const struct plugin *p = t->plugin;
	const int64_t age_ms = p->host->wall_ms(p->self) - l->entry.ctime_ns / 1000000, now_ms = plugin_now(p);
	if (!i->dir->polled || l->entry.type == ENTRY_NONE || l->entry.type == ENTRY_DIR)
		return false;
	if (age_ms < 0 || age_ms >= t->options.settle_ms)
		return false;
	if (t->options.settle_max_ms > 0 && now_ms >= i->first_ms + t->options.settle_max_ms)
		return false;
	i->not_before_ms = now_ms + t->options.settle_ms - age_ms;
	return true;
}

/* Its folder is listed to say why. */
static void cannot_look(struct tree *t, struct item *i)
{
	scan_queue(i->dir, false);
	i->unseen = true;
	item_wait_until(t, i, plugin_now(t->plugin) + UNREADABLE_AGAIN_MS);
}

static void take(struct tree *t, struct look *l)
{
	struct item *i = l->item;
	l->item = NULL;
	i->examining = false;
	if (i->dead) {
		free(i);
		return;
	}
	struct dir *d = i->dir;
	d->refs++;
	if (l->linked && l->entry.type != ENTRY_DIR && d->wd >= 0) {
		dir_set_links(d, true);
		dir_set_polled(d, true, d->no_events);
		poll_arm(t);
	}
	i->unseen = false;
	if (l->entry.type != ENTRY_NONE && i->left && l->error == 0 && !i->again) {
		items_set_inode(t, i, 0, false);
		i->gone = false;
	}
	if (dir_is_away(d))
		items_drop(t, i);
	else if (is_early(t, i))
		item_wait_until(t, i, 0);
	else if (l->error < 0)
		cannot_look(t, i);
	else if (is_open(t, i, l) || is_unquiet(t, i, l))
		item_wait_until(t, i, i->not_before_ms);
	else
		judge(t, i, l);
	d->refs--;
	dir_reap(d);
}

/* It was not looked at: again, later. */
static void give_back(struct tree *t, struct look *l)
{
	struct item *i = l->item;
	l->item = NULL;
	i->examining = false;
	if (i->dead)
		free(i);
	else
		item_wait_until(t, i, 0);
}

static void examine_done(void *arg, int32_t result)
{
	struct examination *x = arg;
	struct tree *t = x->tree;
	t->examination = NULL;
	for (size_t i = 0; i < x->count && !t->removed; i++) {
		if (x->looks[i].item && result == TAPPET_OK)
			take(t, &x->looks[i]);
		else if (x->looks[i].item)
			give_back(t, &x->looks[i]);
	}
	examination_free(x);
	if (!t->removed)
		examine_pump(t);
	tree_job_done(t);
}

static bool fill(struct look *l, struct item *i)
{
	struct dir *d = i->dir;
	*l = (struct look){.item = i,
			   .path = path_of(d, i->name, i->len),
			   .relative = relative_of(d, i->name, i->len),
			   .ignore = ignore_ref(d->ignore),
			   .base = !d->parent && !dir_is_top(d),
			   .follow = d->tree->options.follow};
	i->examining = true;
	i->again = false;
	return l->path && l->relative;
}

/* NULL: nothing is due, or there is no memory. */
static struct examination *collect(struct tree *t)
{
	const int64_t now_ms = plugin_now(t->plugin);
	struct item *i = items_take(t, now_ms);
	struct examination *x = i ? calloc(1, sizeof(*x)) : NULL;
	if (i && !x)
		item_wait_until(t, i, now_ms + UNREADABLE_AGAIN_MS);
	if (!x)
		return NULL;
	x->tree = t;
	do {
		if (!fill(&x->looks[x->count++], i)) {
			/* No memory. */
			give_back(t, &x->looks[x->count - 1]);
			break;
		}
	} while (x->count < LOOKS_MAX && (i = items_take(t, now_ms)));
	return x;
}

static bool start(struct tree *t, struct examination *x)
{
	struct plugin *p = t->plugin;
	if (p->host->work(p->self, examine_work, examine_done, x) != TAPPET_OK) {
		for (size_t i = 0; i < x->count; i++)
			if (x->looks[i].item)
				give_back(t, &x->looks[i]);
		examination_free(x);
		tree_pump_later(t);
		return false;
	}
	t->examination = x;
	t->jobs++;
	plugin_begin(p);
	return true;
}

/* Halves of renames and what was in folders come a little later: a burst waits for them. */
static bool burst_goes_on(const struct tree *t)
{
	const int64_t now_ms = plugin_now(t->plugin);
	return t->build.count > 0 && now_ms - t->build.begun_ms < BURST_MAX_MS && t->items.heap_count > 0 &&
	       item_due_ms(t, t->items.heap[0]) - now_ms <= BURST_GAP_MS;
}

/* That the first look is over has to be known before anything is told of what came after it: when no emissions are on their
 * way any more, the store is told. */
static bool is_held(const struct tree *t)
{
	return t->looked && !t->saved;
}

void examine_pump(struct tree *t)
{
	if (t->removed || t->plugin->stopping || t->examination || !flights_have_room(t))
		return;
	struct examination *x = is_held(t) ? NULL : collect(t);
	if (x) {
		(void)start(t, x);
		return;
	}
	/* All that was due has been judged. */
	if (is_held(t) || !burst_goes_on(t))
		build_send(t);
	store_flush(t);
	scans_pump(t);
	tree_set_timer(t);
	health_update(t);
}

/* ---- When the next one is due ---- */

static void on_timer(void *arg)
{
	struct tree *t = arg;
	t->timer = NULL;
	t->timer_set = false;
	examine_pump(t);
	tree_set_timer(t);
}

void tree_set_timer(struct tree *t)
{
	const struct plugin *p = t->plugin;
	if (t->removed || t->examination || t->items.heap_count == 0 || is_held(t))
		return;
	const int64_t due_ms = item_due_ms(t, t->items.heap[0]), now_ms = plugin_now(p);
	if ((t->timer_set && t->timer_due_ms <= due_ms) || !flights_have_room(t))
		return;
	if (t->timer_set)
		p->host->timer_stop(t->timer);
	t->timer_set = p->host->timer_start(p->self, due_ms > now_ms ? due_ms - now_ms : 0, 0, on_timer, t,
					    &t->timer) == TAPPET_OK;
	t->timer_due_ms = due_ms;
}
