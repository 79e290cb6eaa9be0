/* Changes as JSON, and emissions put together of them: of one change, or of all that are due at once. */
#include "filewatch.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An emission takes 256 checkpoints; a change touches few pages: those of its folders, what they are split into, and one in
 * each folder above that is new. */
#define PAGES_FULL 160
#define PAGES_MAX 250
#define PAYLOAD_FULL ((size_t)192 * 1024)

const char *const kind_names[KIND_COUNT] = {"created", "changed", "removed", "moved"};

/* ---- JSON ---- */

static void write_time(struct text *to, const char *key, int64_t ns)
{
	char text[64];
	const int64_t rest = (ns % 1000000000 + 1000000000) % 1000000000;
	const time_t s = (time_t)((ns - rest) / 1000000000);
	struct tm tm;
	if (!gmtime_r(&s, &tm))
		return;
	const size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%09dZ", (int)rest);
	text_member(to, key, tappet_cstr(text));
}

static void write_base64(struct text *to, const char *key, tappet_str bytes)
{
	unsigned char *encoded = malloc((bytes.len + 2) / 3 * 4 + 1);
	to->failed = to->failed || !encoded;
	if (!encoded)
		return;
	const int len = EVP_EncodeBlock(encoded, (const unsigned char *)bytes.ptr, (int)bytes.len);
	text_member(to, key, tappet_strn((const char *)encoded, (size_t)len));
	free(encoded);
}

static void write_path(struct text *to, const char *key, const char *exact_key, const char *path)
{
	const tappet_str bytes = tappet_cstr(path ? path : "");
	text_member(to, key, bytes);
	if (!utf8_is_valid(bytes))
		write_base64(to, exact_key, bytes);
}

static void write_differs(struct text *to, uint32_t differs)
{
	static const char *const names[] = {"type", "size", "mtime", "ctime", "inode"};
	if (differs == 0)
		return;
	text_key(to, "differs");
	const char *before = "[";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(differs & 1u << i))
			continue;
		text_cstr(to, before);
		text_json(to, tappet_cstr(names[i]));
		before = ",";
	}
	text_cstr(to, "]");
}

static void write_unsigned(struct text *to, const char *key, uint64_t number)
{
	char text[24];
	const int len = snprintf(text, sizeof(text), "%" PRIu64, number);
	text_key(to, key);
	text_bytes(to, text, (size_t)len);
}

static void write_attributes(struct text *to, const struct change *c)
{
	const struct entry *e = &c->entry;
	text_member(to, "type", tappet_cstr(entry_type_names[e->type]));
	if (e->type != ENTRY_DIR) {
		write_unsigned(to, "size", e->size);
		write_time(to, "mtime", e->mtime_ns);
		write_time(to, "ctime", e->ctime_ns);
	}
	write_unsigned(to, "inode", e->inode);
	write_differs(to, c->differs);
	if (c->open) {
		text_key(to, "open");
		text_cstr(to, "true");
	}
}

static void write_source(struct text *to, const struct change *c)
{
	if (!c->from_dir)
		return;
	char *from = path_of(c->from_dir, c->from, c->from_len);
	char *relative = relative_of(c->from_dir, c->from, c->from_len);
	write_path(to, "from", "fromBase64", from);
	text_member(to, "fromRelative", tappet_cstr(relative));
	to->failed = to->failed || !from || !relative;
	free(from);
	free(relative);
}

/* The folder to which `relative` is: of a watched file the one that it lies in. */
static const char *root_of(const struct change *c)
{
	const struct options *o = &c->dir->tree->options;
	return c->dir->parent || dir_is_top(c->dir) ? o->path : o->folder;
}

static void write_change(struct text *to, const struct change *c, const char *path, bool with_root)
{
	char *relative = relative_of(c->dir, c->entry.name, c->entry.len);
	text_cstr(to, "{");
	if (with_root)
		text_member(to, "root", tappet_cstr(root_of(c)));
	text_member(to, "kind", tappet_cstr(kind_names[c->kind]));
	write_path(to, "path", "pathBase64", path);
	text_member(to, "relative", tappet_cstr(relative));
	text_member(to, "name", tappet_strn(c->entry.name, c->entry.len));
	write_attributes(to, c);
	write_source(to, c);
	text_cstr(to, "}");
	to->failed = to->failed || !relative;
	free(relative);
}

static void write_cause(struct text *to, const struct change *c, const char *path)
{
	text_cstr(to, "{");
	text_member(to, "path", tappet_cstr(path));
	text_member(to, "kind", tappet_cstr(kind_names[c->kind]));
	text_cstr(to, "}");
}

/* ---- Building ---- */

bool build_has_room(const struct tree *t)
{
	const struct build *b = &t->build;
	const uint32_t limit = t->options.burst ? t->options.batch_limit : 1;
	return b->count < limit && b->page_count < PAGES_FULL && b->payload.len < PAYLOAD_FULL;
}

void build_begin(struct tree *t, const struct change *c)
{
	struct build *b = &t->build;
	char *path = path_of(c->dir, c->entry.name, c->entry.len);
	if (b->count++ > 0)
		text_cstr(&b->payload, ",");
	else
		b->occurred_ms = t->plugin->host->wall_ms(t->plugin->self);
	if (b->count == 1)
		b->begun_ms = plugin_now(t->plugin);
	b->applying = true;
	write_change(&b->payload, c, path, !t->options.burst);
	if (!t->options.burst)
		write_cause(&b->cause, c, path);
	b->payload.failed = b->payload.failed || !path;
	free(path);
}

/* The entries of folders that the store does not know yet go with what is in them: without them it would be found again. */
void build_keep(struct tree *t, struct dir *d)
{
	for (; d->parent; d = d->parent) {
		struct page *p = d->unsaved ? journal_page_of(d->parent, d->name, strlen(d->name)) : NULL;
		if (p)
			tree_touch(t, d->parent, p);
		d->unsaved = false;
	}
}

void build_end(struct tree *t, struct dir *d)
{
	build_keep(t, d);
	t->build.applying = false;
}

/* Pages of the backlog may go along: what they say was so when this emission was put together. */
static void take_backlog(struct tree *t)
{
	struct build *b = &t->build;
	while (t->backlog_at < t->backlog_count && b->page_count < PAGES_MAX) {
		const struct page_key key = t->backlog[t->backlog_at++];
		struct dir *d = dir_by_id(t, key.dir);
		struct page *p = d ? journal_page(d, key.page) : NULL;
		if (p && (!p->dirty || p->build == b->id))
			continue;
		if (p)
			p->build = b->id;
		if (!page_list_add(&b->pages, &b->page_count, &b->page_room, key)) {
			t->backlog_at--;
			return;
		}
	}
}

static bool copy_page(struct tree *t, const struct page_key *key, tappet_checkpoint *to)
{
	struct dir *d = dir_by_id(t, key->dir);
	struct page *p = d ? journal_page(d, key->page) : NULL;
	char *text = malloc(PAGE_KEY_SIZE + (p ? p->len : 0));
	if (!text)
		return false;
	to->key = tappet_strn(text, page_key_write(key, text));
	if (!p)
		return true;
	memcpy(text + PAGE_KEY_SIZE, p->bytes, p->len);
	to->value = tappet_strn(text + PAGE_KEY_SIZE, p->len);
	page_sent(d, p);
	return true;
}

static bool copy_pages(struct tree *t, struct flight *f)
{
	struct build *b = &t->build;
	f->checkpoints = calloc(b->page_count + 1, sizeof(*f->checkpoints));
	if (!f->checkpoints)
		return false;
	f->pages = b->pages;
	f->page_count = b->page_count;
	b->pages = NULL;
	for (size_t i = 0; i < f->page_count; i++)
		if (!copy_page(t, &f->pages[i], &f->checkpoints[i]))
			return false;
	return true;
}

static void wrap_burst(struct tree *t)
{
	struct build *b = &t->build;
	struct text whole = {0};
	text_cstr(&whole, "{");
	text_member(&whole, "root", tappet_cstr(t->options.path));
	text_number(&whole, "count", b->count);
	text_key(&whole, "changes");
	text_cstr(&whole, "[");
	text_bytes(&whole, b->payload.bytes, b->payload.len);
	text_cstr(&whole, "]}");
	whole.failed = whole.failed || b->payload.failed;
	text_release(&b->payload);
	b->payload = whole;
	text_cstr(&b->cause, "{");
	text_member(&b->cause, "root", tappet_cstr(t->options.path));
	text_number(&b->cause, "count", b->count);
	text_cstr(&b->cause, "}");
}

static void begin_anew(struct tree *t)
{
	struct build *b = &t->build;
	text_release(&b->payload);
	text_release(&b->cause);
	free(b->pages);
	*b = (struct build){.id = b->id + 1};
}

void build_send(struct tree *t)
{
	struct build *b = &t->build;
	struct flight *f = b->count > 0 ? calloc(1, sizeof(*f)) : NULL;
	if (b->count == 0)
		return;
	if (t->options.burst)
		wrap_burst(t);
	take_backlog(t);
	if (!f || b->payload.failed || b->cause.failed || !copy_pages(t, f)) {
		/* The journal in memory has them, the store has not: they are told at the next start. */
		plugin_log(t->plugin, TAPPET_LOG_ERROR, "no memory to tell changes: they are told at the next start",
			   "path", t->options.path);
		flight_free(f);
		begin_anew(t);
		return;
	}
	f->tree = t;
	f->changes = b->count;
	f->occurred_ms = b->occurred_ms;
	f->payload = b->payload.bytes;
	f->payload_len = b->payload.len;
	f->cause = b->cause.bytes;
	f->cause_len = b->cause.len;
	b->payload = b->cause = (struct text){0};
	begin_anew(t);
	flight_begin(t, f);
}

void build_release(struct tree *t)
{
	begin_anew(t);
}
