/* Reads the checkpoints of triggers that are about to be handed to their plugins: one by one when there are few, as one
 * list when there are many (at start, with thousands of workflows). What a plugin lists itself is not touched: it may be a
 * million rows, of triggers that are handed over at once. */
#include "host/internal.h"
#include <errno.h>
#include "base/log.h"

#define ONE_BY_ONE_MAX 16

/* One read under way. Triggers in it that were taken away meanwhile are only freed. */
struct batch {
	struct host *host;
	struct tappet_trigger **items;
	size_t count;
};

/* The rows of one trigger in a list of all. */
struct trigger_rows {
	struct store_checkpoint *items;
	size_t count, cap;
};

static bool is_loaded(const struct tappet_trigger *t)
{
	return t->plugin->phase != PLUGIN_LOADED;
}

void trigger_load(struct tappet_trigger *t)
{
	t->phase = TRIGGER_LOADING;
	list_append(&t->owner->host->loading, &t->in_plugin);
	host_later(t->owner->host, &t->owner->host->load);
}

/* The read has come back for t. */
static void hand_over(struct tappet_trigger *t, int status, const struct store_checkpoint *rows, size_t count)
{
	t->reading = false;
	if (t->phase == TRIGGER_REMOVED) {
		trigger_retire(t);
		return;
	}
	if (status == 0 || status == -ENOENT) {
		trigger_hand_over(t, rows, status == 0 ? count : 0);
		return;
	}
	char reason[200];
	snprintf(reason, sizeof(reason), "its checkpoints cannot be read: %s", log_strerror(status));
	trigger_dead(t, reason);
	trigger_settled(t->owner->host);
}

static void on_one(void *arg, int status, const struct store_checkpoint *rows, size_t count)
{
	struct tappet_trigger *t = arg;
	pending_done(t->plugin);
	hand_over(t, status, rows, count);
}

static void read_one(struct tappet_trigger *t)
{
	char scope[SCOPE_SIZE];
	int r = trigger_scope(t, scope);
	t->reading = true;
	pending_add(t->plugin);
	if (r == 0)
		r = store_get_kv(t->owner->host->options.store, scope, NULL, 0, on_one, t);
	if (r < 0)
		on_one(t, r, NULL, 0);
}

static int collect(struct tappet_trigger *t, const struct store_checkpoint *row)
{
	if (!t->rows)
		t->rows = calloc(1, sizeof(*t->rows));
	if (!t->rows)
		return -ENOMEM;
	if (t->rows->count == t->rows->cap) {
		size_t cap = t->rows->cap ? 2 * t->rows->cap : 4;
		struct store_checkpoint *items = realloc(t->rows->items, cap * sizeof(*items));
		if (!items)
			return -ENOMEM;
		t->rows->items = items;
		t->rows->cap = cap;
	}
	t->rows->items[t->rows->count++] = *row;
	return 0;
}

static int sort_out(const struct batch *b, const char *const *scopes, const struct store_checkpoint *rows, size_t count)
{
	struct map by_scope;
	int r = 0;
	map_init(&by_scope);
	for (size_t i = 0; i < b->count && r == 0; i++) {
		char scope[SCOPE_SIZE];
		r = trigger_scope(b->items[i], scope);
		if (r == 0 && b->items[i]->phase == TRIGGER_LOADING)
			r = map_put_str(&by_scope, scope, b->items[i], NULL);
	}
	for (size_t i = 0; i < count && r == 0; i++) {
		struct tappet_trigger *t = map_get_str(&by_scope, scopes[i]);
		r = t ? collect(t, &rows[i]) : 0;
	}
	map_release(&by_scope);
	return r;
}

static void on_all(void *arg, int status, const char *const *scopes, const struct store_checkpoint *rows, size_t count)
{
	struct batch *b = arg;
	if (status == 0)
		status = sort_out(b, scopes, rows, count);
	for (size_t i = 0; i < b->count; i++) {
		struct tappet_trigger *t = b->items[i];
		struct trigger_rows *mine = t->rows;
		t->rows = NULL;
		pending_done(t->plugin);
		hand_over(t, status, mine ? mine->items : NULL, mine ? mine->count : 0);
		if (mine)
			free(mine->items);
		free(mine);
	}
	free(b->items);
	free(b);
}

static struct batch *batch_new(struct host *h, struct list *triggers, size_t count)
{
	struct batch *b = calloc(1, sizeof(*b));
	struct tappet_trigger **items = calloc(count, sizeof(struct tappet_trigger *));
	if (!b || !items) {
		free(b);
		free(items);
		return NULL;
	}
	b->host = h;
	b->items = items;
	list_each_safe (node, triggers) {
		struct tappet_trigger *t = list_entry(node, struct tappet_trigger, in_plugin);
		list_remove(node);
		t->reading = true;
		pending_add(t->plugin);
		b->items[b->count++] = t;
	}
	return b;
}

static void read_each(struct list *triggers)
{
	struct list *node;
	while ((node = list_first(triggers))) {
		list_remove(node);
		read_one(list_entry(node, struct tappet_trigger, in_plugin));
	}
}

static int list_rows(struct batch *b)
{
	char(*names)[SCOPE_SIZE] = calloc(b->count, sizeof(*names));
	const char **scopes = calloc(b->count, sizeof(*scopes));
	int r = names && scopes ? 0 : -ENOMEM;
	for (size_t i = 0; i < b->count && r == 0; i++) {
		r = trigger_scope(b->items[i], names[i]);
		scopes[i] = names[i];
	}
	if (r == 0)
		r = store_list_kv(b->host->options.store, scopes, b->count, on_all, b);
	free(scopes);
	free(names);
	return r;
}

static void read_all(struct host *h, struct list *triggers, size_t count)
{
	struct batch *b = batch_new(h, triggers, count);
	if (!b) {
		read_each(triggers);
		return;
	}
	int r = list_rows(b);
	if (r < 0)
		on_all(b, r, NULL, NULL, 0);
}

/* Without a store, or those whose plugin lists its checkpoints. */
static void without_reading(struct list *triggers)
{
	struct list *node;
	while ((node = list_first(triggers))) {
		list_remove(node);
		trigger_hand_over(list_entry(node, struct tappet_trigger, in_plugin), NULL, 0);
	}
}

void loading_run(struct later *l)
{
	struct host *h = list_entry(l, struct host, load);
	struct list ready, listed;
	size_t count = 0;
	if (h->stopping)
		return;
	list_init(&ready);
	list_init(&listed);
	list_each_safe (node, &h->loading) {
		/* Before `create` there is nobody to hand it to. */
		const struct tappet_trigger *t = list_entry(node, struct tappet_trigger, in_plugin);
		if (!is_loaded(t))
			continue;
		list_remove(node);
		list_append(trigger_lists(t) ? &listed : &ready, node);
		count += !trigger_lists(t);
	}
	without_reading(&listed);
	if (!h->options.store)
		without_reading(&ready);
	else if (count > ONE_BY_ONE_MAX)
		read_all(h, &ready, count);
	else
		read_each(&ready);
}
