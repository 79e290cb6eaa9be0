/* The journal's way to the store and back. Pages that a told change touches are checkpoints of its emission. All others wait
 * in the backlog, until no emission is on its way that they could overtake: a page says all that was told before it. */
#include "filewatch.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_ROWS 500
#define PUTS_MAX 4000
#define META_KEY "meta"
#define META_VERSION 1

size_t page_key_write(const struct page_key *k, char key[static PAGE_KEY_SIZE])
{
	return (size_t)snprintf(key, PAGE_KEY_SIZE, "p/%" PRIx64 "/%" PRIx32, k->dir, k->page);
}

static bool page_key_read(tappet_str text, struct page_key *ret)
{
	char key[PAGE_KEY_SIZE], *end;
	if (text.len >= sizeof(key) || text.len < 4 || memcmp(text.ptr, "p/", 2) != 0)
		return false;
	memcpy(key, text.ptr, text.len);
	key[text.len] = '\0';
	ret->dir = strtoull(key + 2, &end, 16);
	if (*end != '/')
		return false;
	ret->page = (uint32_t)strtoul(end + 1, &end, 16);
	return *end == '\0';
}

/* ---- What is known of the journal as a whole ---- */

static const char *string_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : "";
}

/* Without them what is new cannot be told from what was left out: then nothing is old. */
static void remember_rules(struct tree *t, const char *rules)
{
	t->before = calloc(1, sizeof(*t->before));
	if (!t->before || rules_read(rules, t->before) == 0)
		return;
	free(t->before);
	t->before = NULL;
}

static int64_t number_of(const cJSON *object, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(value) ? (int64_t)value->valuedouble : 0;
}

/* False: it is of another path, or took links for something else. */
static bool read_meta(struct tree *t, tappet_str value)
{
	cJSON *meta = cJSON_ParseWithLength(value.ptr, value.len);
	const bool followed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(meta, "links"));
	const bool same_path = meta && strcmp(string_of(meta, "path"), t->options.path) == 0;
	const bool mine = same_path && followed == t->options.follow;
	t->known = same_path && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(meta, "looked"));
	/* The first look did not come to its end: what came since it began is new. */
	if (mine && !t->known)
		t->begun_wall_ms = number_of(meta, "since");
	if (mine && t->known) {
		t->saved = strcmp(string_of(meta, "rules"), t->options.rules) == 0;
		if (!t->saved)
			remember_rules(t, string_of(meta, "rules"));
	}
	if (mine) {
		free(t->mount);
		t->mount = string_of(meta, "mount")[0] ? strdup(string_of(meta, "mount")) : NULL;
	}
	cJSON_Delete(meta);
	return mine;
}

static void on_meta(void *arg, int32_t result)
{
	struct tree *t = arg;
	struct plugin *p = t->plugin;
	t->puts--;
	if (t->saving_look)
		t->saved = result == TAPPET_OK;
	t->known = t->known || t->saved;
	t->saving_look = false;
	if (result != TAPPET_OK)
		tree_pump_later(t);
	else
		tree_pump(t);
	plugin_end(p);
}

static void write_meta(const struct tree *t, struct text *to)
{
	text_cstr(to, "{");
	text_number(to, "version", META_VERSION);
	text_member(to, "path", tappet_cstr(t->options.path));
	text_member(to, "rules", tappet_cstr(t->options.rules));
	text_key(to, "links");
	text_cstr(to, t->options.follow ? "true" : "false");
	text_number(to, "since", t->begun_wall_ms);
	text_key(to, "looked");
	text_cstr(to, t->looked ? "true" : "false");
	if (t->mount)
		text_member(to, "mount", tappet_cstr(t->mount));
	text_cstr(to, "}");
}

static void put_meta(struct tree *t)
{
	const struct plugin *p = t->plugin;
	struct text value = {0};
	write_meta(t, &value);
	if (!value.failed && p->host->kv_put(p->self, t->trigger, tappet_cstr(META_KEY),
					     tappet_strn(value.bytes, value.len), on_meta, t) == TAPPET_OK) {
		t->puts++;
		t->saving_look = t->looked;
		plugin_begin(t->plugin);
	} else {
		tree_pump_later(t);
	}
	text_release(&value);
}

/* ---- Pages ---- */

struct put {
	struct tree *tree;
	struct page_key key;
};

static void on_put(void *arg, int32_t result)
{
	struct put *put = arg;
	struct tree *t = put->tree;
	struct plugin *p = t->plugin;
	struct dir *d = dir_by_id(t, put->key.dir);
	struct page *page = d ? journal_page(d, put->key.page) : NULL;
	t->puts--;
	if (result != TAPPET_OK) {
		t->puts_failed = true;
		if (page)
			page_lost(d, page);
		else
			(void)page_list_add(&t->backlog, &t->backlog_count, &t->backlog_room, put->key);
	}
	free(put);
	if (t->puts == 0 && t->puts_failed)
		tree_pump_later(t);
	else if (t->puts == 0)
		tree_pump(t);
	if (t->puts == 0)
		t->puts_failed = false;
	plugin_end(p);
}

static bool put_page(struct tree *t, const struct page_key *key)
{
	struct plugin *p = t->plugin;
	char text[PAGE_KEY_SIZE];
	struct dir *d = dir_by_id(t, key->dir);
	struct page *page = d ? journal_page(d, key->page) : NULL;
	if (page && !page->dirty)
		return true;
	struct put *put = malloc(sizeof(*put));
	if (!put)
		return false;
	*put = (struct put){t, *key};
	const tappet_str name = tappet_strn(text, page_key_write(key, text));
	const tappet_str value = page ? tappet_strn((const char *)page->bytes, page->len) : tappet_cstr(NULL);
	if (p->host->kv_put(p->self, t->trigger, name, value, on_put, put) != TAPPET_OK) {
		free(put);
		return false;
	}
	if (page)
		page_sent(d, page);
	t->puts++;
	plugin_begin(p);
	return true;
}

/* False: the host takes no more. */
static bool put_backlog(struct tree *t)
{
	for (size_t i = 0; i < PUTS_MAX && t->backlog_at < t->backlog_count; i++, t->backlog_at++)
		if (!put_page(t, &t->backlog[t->backlog_at]))
			return false;
	if (t->backlog_at == t->backlog_count)
		t->backlog_at = t->backlog_count = 0;
	return true;
}

void store_flush(struct tree *t)
{
	if (!t->ready || t->removed || t->plugin->stopping || t->puts > 0 || t->flight_count > 0 || t->build.count > 0)
		return;
	/* The first look is for as soon as possible, and what it finds is there for the next start to find. */
	if (!t->looked && t->sweeping)
		return;
	if (!put_backlog(t) && t->puts == 0)
		tree_pump_later(t);
	if (t->puts == 0 && t->backlog_count == 0 && t->looked && !t->saved)
		put_meta(t);
}

void store_leave(struct tree *t)
{
	if (!t->ready || t->plugin->stopping || t->puts > 0 || t->flight_count > 0 || t->build.count > 0)
		return;
	(void)put_backlog(t);
	if (t->backlog_count == 0 && t->looked && !t->saved)
		put_meta(t);
}

/* ---- Loading ---- */

struct load {
	struct tree *tree;
	char after[PAGE_KEY_SIZE];
	size_t after_len;
	bool foreign; /* the journal is of another path */
};

/* All that was kept is of another path. */
static void forget_all(struct tree *t)
{
	for (size_t slot = 0; slot < t->dir_room; slot++) {
		struct dir *next;
		for (struct dir *d = t->by_id[slot]; d; d = next) {
			next = d->next_by_id;
			for (uint32_t i = 0; i < d->page_count; i++)
				tree_touch_removed(t, d, d->pages[i].id);
			journal_release(d);
			if (d != t->base)
				dir_free(d);
		}
	}
	t->entry_count = 0;
}

static void loaded(struct load *l)
{
	struct tree *t = l->tree;
	for (size_t slot = 0; slot < t->dir_room; slot++)
		for (struct dir *d = t->by_id[slot]; d; d = d->next_by_id)
			journal_order(d);
	t->foreign = l->foreign;
	if (l->foreign)
		forget_all(t);
	free(l);
	if (!t->known)
		put_meta(t);
	tree_begin(t);
}

static bool take_row(struct load *l, const tappet_checkpoint *row)
{
	struct tree *t = l->tree;
	struct page_key key;
	if (row->key.len == strlen(META_KEY) && memcmp(row->key.ptr, META_KEY, row->key.len) == 0) {
		l->foreign = !read_meta(t, row->value);
		return true;
	}
	if (!page_key_read(row->key, &key))
		return true;
	struct dir *d = dir_by_id(t, key.dir);
	d = d ? d : dir_new(t, key.dir);
	return d && journal_load(d, key.page, row->value.ptr, row->value.len);
}

static void load_next(struct load *l);

static void load_failed(struct load *l, const char *reason)
{
	struct tree *t = l->tree;
	plugin_log(t->plugin, TAPPET_LOG_ERROR, "the journal cannot be read: again in a while", "reason", reason);
	forget_all(t);
	t->backlog_count = 0;
	t->loading = false;
	free(l);
	tree_pump_later(t);
}

static void on_rows(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct load *l = arg;
	struct tree *t = l->tree;
	struct plugin *p = t->plugin;
	for (size_t i = 0; i < count && result == TAPPET_OK; i++)
		if (!take_row(l, &rows[i]))
			result = TAPPET_ENOMEM;
	if (t->removed || p->stopping) {
		free(l);
	} else if (result != TAPPET_OK) {
		load_failed(l, tappet_strerror(result));
	} else if (count == 0) {
		loaded(l);
	} else {
		l->after_len = rows[count - 1].key.len < sizeof(l->after) ? rows[count - 1].key.len : sizeof(l->after);
		memcpy(l->after, rows[count - 1].key.ptr, l->after_len);
		load_next(l);
	}
	plugin_end(p);
}

static void load_next(struct load *l)
{
	struct tree *t = l->tree;
	struct plugin *p = t->plugin;
	const int32_t r =
		p->host->kv_list(p->self, t->trigger, tappet_strn(l->after, l->after_len), LOAD_ROWS, on_rows, l);
	if (r == TAPPET_OK)
		plugin_begin(p);
	else
		load_failed(l, tappet_strerror(r));
}

void store_load(struct tree *t)
{
	if (t->loading)
		return;
	struct load *l = calloc(1, sizeof(*l));
	if (!l) {
		tree_pump_later(t);
		return;
	}
	t->loading = true;
	l->tree = t;
	load_next(l);
}
