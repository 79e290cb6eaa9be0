/* The last told state of a folder: pages of entries in the order of their names, kept in memory as they are in the store.
 * A page is what is committed at once, so it is small; a folder has as many as it needs. */
#include "filewatch.h"
#include <stdlib.h>
#include <string.h>

/* ---- Where a name is ---- */

/* The page that has it, or would: the last one that begins with a name that is not behind it. */
static uint32_t page_for(const struct dir *d, const char *name, size_t len)
{
	uint32_t low = 0, high = d->page_count;
	while (high - low > 1) {
		const uint32_t middle = low + (high - low) / 2;
		const uint8_t *first = d->pages[middle].bytes;
		if (name_compare((const char *)first + 2, first[1], name, len) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Where in the page it is, or would be. *ret_len: how long it is there; 0: it is not. */
static uint32_t place_in(const struct page *p, const char *name, size_t len, struct entry *ret, size_t *ret_len)
{
	uint32_t at = 0;
	*ret_len = 0;
	while (at < p->len) {
		const uint8_t *bytes = p->bytes + at;
		const int order = name_compare((const char *)bytes + 2, bytes[1], name, len);
		if (order == 0)
			*ret_len = entry_read(bytes, p->len - at, ret);
		if (order >= 0)
			return at;
		at += (uint32_t)entry_skip(bytes, p->len - at);
	}
	return at;
}

bool journal_find(const struct dir *d, const char *name, size_t len, struct entry *ret)
{
	struct entry e;
	size_t size;
	if (d->page_count == 0)
		return false;
	(void)place_in(&d->pages[page_for(d, name, len)], name, len, &e, &size);
	if (size > 0)
		*ret = e;
	return size > 0;
}

struct page *journal_page_of(const struct dir *d, const char *name, size_t len)
{
	return d->page_count ? &d->pages[page_for(d, name, len)] : NULL;
}

struct page *journal_page(const struct dir *d, uint32_t id)
{
	for (uint32_t i = 0; i < d->page_count; i++)
		if (d->pages[i].id == id)
			return &d->pages[i];
	return NULL;
}

/* ---- Pages ---- */

static struct page *insert_page(struct dir *d, uint32_t at, uint32_t id)
{
	struct page *pages = realloc(d->pages, (d->page_count + 1) * sizeof(*pages));
	if (!pages)
		return NULL;
	d->pages = pages;
	memmove(pages + at + 1, pages + at, (d->page_count - at) * sizeof(*pages));
	d->page_count++;
	pages[at] = (struct page){.id = id};
	if (id >= d->next_page)
		d->next_page = id + 1;
	return &pages[at];
}

static void delete_page(struct dir *d, uint32_t at)
{
	const uint32_t id = d->pages[at].id;
	free(d->pages[at].bytes);
	d->page_count--;
	memmove(d->pages + at, d->pages + at + 1, (d->page_count - at) * sizeof(*d->pages));
	tree_touch_removed(d->tree, d, id);
}

/* Puts `len` bytes in the place of `old` ones. */
static bool splice(struct page *p, uint32_t at, size_t old, const uint8_t *bytes, size_t len)
{
	if (len > old) {
		uint8_t *room = realloc(p->bytes, p->len + len - old);
		if (!room)
			return false;
		p->bytes = room;
	}
	memmove(p->bytes + at + len, p->bytes + at + old, p->len - at - old);
	if (len > 0)
		memcpy(p->bytes + at, bytes, len);
	p->len = (uint32_t)(p->len + len - old);
	return true;
}

/* Where the second half begins; of names that come in order only the last one. */
static uint32_t middle_of(const struct page *p, bool in_order)
{
	uint32_t at = 0, next = 0;
	while (next < (in_order ? p->len : p->len / 2)) {
		at = next;
		next += (uint32_t)entry_skip(p->bytes + next, p->len - next);
	}
	return in_order ? at : next;
}

/* When it cannot be split it stays as large as it is. */
static void split(struct dir *d, uint32_t index, bool in_order)
{
	const struct page *p = &d->pages[index];
	const uint32_t at = middle_of(p, in_order);
	const size_t len = p->len - at;
	uint8_t *half = malloc(len ? len : 1);
	struct page *second = half ? insert_page(d, index + 1, d->next_page) : NULL;
	if (!second) {
		free(half);
		return;
	}
	memcpy(half, d->pages[index].bytes + at, len);
	second->bytes = half;
	second->len = (uint32_t)len;
	d->pages[index].len = at;
	tree_touch(d->tree, d, second);
}

bool journal_put(struct dir *d, const struct entry *e)
{
	uint8_t bytes[ENTRY_SIZE_MAX];
	struct entry old;
	size_t size;
	const size_t len = entry_write(e, bytes);
	if (d->page_count == 0 && !insert_page(d, 0, d->next_page))
		return false;
	const uint32_t index = page_for(d, e->name, e->len);
	struct page *p = &d->pages[index];
	const uint32_t at = place_in(p, e->name, e->len, &old, &size);
	if (size == 0 && e->type != ENTRY_DIR)
		d->tree->entry_count++;
	if (!splice(p, at, size, bytes, len)) {
		if (p->len == 0)
			delete_page(d, index);
		return false;
	}
	d->version++;
	tree_touch(d->tree, d, p);
	if (p->len > PAGE_MAX)
		split(d, index, index + 1 == d->page_count && at + len == p->len);
	return true;
}

bool journal_remove(struct dir *d, const char *name, size_t len)
{
	struct entry old;
	size_t size;
	if (d->page_count == 0)
		return false;
	const uint32_t index = page_for(d, name, len);
	struct page *p = &d->pages[index];
	const uint32_t at = place_in(p, name, len, &old, &size);
	if (size == 0)
		return false;
	if (old.type != ENTRY_DIR)
		d->tree->entry_count--;
	(void)splice(p, at, size, NULL, 0);
	d->version++;
	if (p->len == 0)
		delete_page(d, index);
	else
		tree_touch(d->tree, d, p);
	return true;
}

/* ---- In order ---- */

void cursor_seek(struct cursor *c, struct dir *d, const char *name, size_t len)
{
	struct entry e;
	size_t size;
	*c = (struct cursor){.dir = d, .version = d->version};
	if (d->page_count == 0)
		return;
	c->page = page_for(d, name, len);
	c->at = place_in(&d->pages[c->page], name, len, &e, &size);
	if (c->at >= d->pages[c->page].len) {
		c->page++;
		c->at = 0;
	}
}

bool cursor_get(const struct cursor *c, struct entry *ret)
{
	if (c->page >= c->dir->page_count)
		return false;
	const struct page *p = &c->dir->pages[c->page];
	return entry_read(p->bytes + c->at, p->len - c->at, ret) > 0;
}

void cursor_next(struct cursor *c)
{
	const struct page *p = &c->dir->pages[c->page];
	c->at += (uint32_t)entry_skip(p->bytes + c->at, p->len - c->at);
	if (c->at >= p->len) {
		c->page++;
		c->at = 0;
	}
}

/* ---- From the store ---- */

/* Counts the entries; false: these bytes are no page. */
static bool page_is_sound(struct tree *t, const uint8_t *bytes, size_t len)
{
	struct entry e;
	uint64_t entries = 0;
	for (size_t at = 0, size; at < len; at += size) {
		size = entry_read(bytes + at, len - at, &e);
		if (size == 0)
			return false;
		entries += e.type != ENTRY_DIR;
		if (e.type == ENTRY_DIR && e.child >= t->next_id)
			t->next_id = e.child + 1;
	}
	t->entry_count += entries;
	return len > 0;
}

bool journal_load(struct dir *d, uint32_t page_id, const void *bytes, size_t len)
{
	/* What is not there is found again on the disk: told twice at the worst, not lost. */
	if (!page_is_sound(d->tree, bytes, len))
		return true;
	uint8_t *copy = malloc(len);
	struct page *p = copy ? insert_page(d, d->page_count, page_id) : NULL;
	if (!p) {
		free(copy);
		return false;
	}
	memcpy(copy, bytes, len);
	p->bytes = copy;
	p->len = (uint32_t)len;
	return true;
}

static int page_order(const void *a, const void *b)
{
	const uint8_t *first = ((const struct page *)a)->bytes, *second = ((const struct page *)b)->bytes;
	return name_compare((const char *)first + 2, first[1], (const char *)second + 2, second[1]);
}

/* What is behind the first name of the next page stands there: a split was committed by halves. */
static void trim(struct tree *t, struct page *p, const struct page *next)
{
	struct entry e;
	uint32_t at = 0;
	while (at < p->len && name_compare((const char *)p->bytes + at + 2, p->bytes[at + 1],
					   (const char *)next->bytes + 2, next->bytes[1]) < 0)
		at += (uint32_t)entry_skip(p->bytes + at, p->len - at);
	for (uint32_t rest = at; rest < p->len; t->entry_count -= e.type != ENTRY_DIR)
		rest += (uint32_t)entry_read(p->bytes + rest, p->len - rest, &e);
	p->len = at;
}

void journal_order(struct dir *d)
{
	if (d->page_count < 2)
		return;
	qsort(d->pages, d->page_count, sizeof(*d->pages), page_order);
	for (uint32_t i = 0; i + 1 < d->page_count; i++)
		trim(d->tree, &d->pages[i], &d->pages[i + 1]);
}

void journal_release(struct dir *d)
{
	for (uint32_t i = 0; i < d->page_count; i++)
		free(d->pages[i].bytes);
	free(d->pages);
	d->pages = NULL;
	d->page_count = 0;
}
