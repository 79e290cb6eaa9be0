/* Entries as bytes, and the pages of a folder against a plain sorted list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filewatch/filewatch.h"

#define NAMES 600

static uint64_t seed = 42;

static uint64_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void assert_same(const struct entry *a, const struct entry *b)
{
	assert_int_equal(name_compare(a->name, a->len, b->name, b->len), 0);
	assert_int_equal(entry_differs(a, b), 0);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->child, b->child);
}

static void an_entry_is_read_as_it_was_written(void **state)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, 300, INT64_MAX, UINT64_MAX};
	static const int64_t times[] = {0, -1, 1, INT64_MAX, INT64_MIN, 1800000000123456789};
	char name[NAME_MAX];
	(void)state;
	memset(name, 0xff, sizeof(name));
	for (size_t i = 0; i < 7 * 6 * 6 * 4; i++) {
		const struct entry e = {.name = name,
					.len = 1 + i % NAME_MAX,
					.type = (enum entry_type)(1 + i % 4),
					.flags = (uint32_t)(i % 4),
					.size = i % 4 == 1 ? 0 : numbers[i % 7],
					.inode = numbers[(i + 3) % 7],
					.mtime_ns = i % 4 == 1 ? 0 : times[i % 6],
					.ctime_ns = i % 4 == 1 ? 0 : times[i / 6 % 6],
					.child = i % 4 == 1 ? numbers[i % 7] : 0};
		uint8_t bytes[ENTRY_SIZE_MAX];
		struct entry back;
		const size_t len = entry_write(&e, bytes);
		assert_true(len <= sizeof(bytes));
		assert_int_equal(entry_read(bytes, len, &back), len);
		assert_int_equal(entry_skip(bytes, len), len);
		assert_same(&e, &back);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(entry_read(bytes, cut, &back), 0);
	}
}

static void bytes_that_are_no_entry_are_refused(void **state)
{
	struct entry e;
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint8_t bytes[48];
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)random_number();
		const size_t len = random_number() % sizeof(bytes);
		assert_true(entry_read(bytes, len, &e) <= len);
	}
}

struct model {
	bool there[NAMES];
	uint64_t size[NAMES];
};

static size_t name_of(size_t i, char name[static 64])
{
	return (size_t)snprintf(name, 64, "%zu-%.*s", i * 7919 % NAMES, (int)(i % 40),
				"a-name-that-is-longer-for-some-of-them-xxxxx");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_in_order(struct dir *d, const struct model *m)
{
	char names[NAMES][64], *sorted[NAMES];
	size_t count = 0;
	struct cursor c;
	struct entry e;
	for (size_t i = 0; i < NAMES; i++)
		if (m->there[i]) {
			name_of(i, names[count]);
			sorted[count] = names[count];
			count++;
		}
	qsort(sorted, count, sizeof(*sorted), by_name);
	cursor_seek(&c, d, "", 0);
	for (size_t i = 0; i < count; i++) {
		assert_true(cursor_get(&c, &e));
		assert_int_equal(e.len, strlen(sorted[i]));
		assert_memory_equal(e.name, sorted[i], e.len);
		cursor_next(&c);
	}
	assert_false(cursor_get(&c, &e));
	assert_int_equal(d->tree->entry_count, count);
}

static void check_pages(const struct dir *d)
{
	for (uint32_t i = 0; i < d->page_count; i++) {
		assert_true(d->pages[i].len > 0);
		assert_true(d->pages[i].len <= PAGE_MAX);
		for (uint32_t k = 0; k < i; k++)
			assert_int_not_equal(d->pages[i].id, d->pages[k].id);
	}
}

static void change_one(struct dir *d, struct model *m)
{
	char name[64];
	const size_t i = random_number() % NAMES;
	struct entry e = {.name = name, .type = ENTRY_FILE, .size = random_number() % 100000, .mtime_ns = 1};
	e.len = name_of(i, name);
	if (random_number() % 3) {
		assert_true(journal_put(d, &e));
		m->there[i] = true;
		m->size[i] = e.size;
	} else {
		assert_int_equal(journal_remove(d, name, e.len), m->there[i]);
		m->there[i] = false;
	}
}

static void look_for_one(const struct dir *d, const struct model *m)
{
	char name[64];
	struct entry e;
	const size_t i = random_number() % NAMES, len = name_of(i, name);
	assert_int_equal(journal_find(d, name, len, &e), m->there[i]);
	if (m->there[i])
		assert_int_equal(e.size, m->size[i]);
}

static struct tree *tree_make(void)
{
	struct tree *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	t->next_id = 2;
	t->build.id = 1;
	assert_non_null(dir_new(t, 1));
	return t;
}

static void tree_end(struct tree *t)
{
	for (uint64_t id = t->next_id; id-- > 1;)
		if (dir_by_id(t, id))
			dir_free(dir_by_id(t, id));
	free(t->by_id);
	free(t->backlog);
	free(t->build.pages);
	free(t);
}

static void pages_hold_what_a_sorted_list_would(void **state)
{
	struct model m = {0};
	struct tree *t = tree_make();
	struct dir *d = dir_by_id(t, 1);
	(void)state;
	for (int i = 0; i < 20000; i++) {
		change_one(d, &m);
		look_for_one(d, &m);
		if (i % 1000 == 0) {
			assert_in_order(d, &m);
			check_pages(d);
		}
	}
	tree_end(t);
}

/* As after a restart: the pages that the store was told of are all that there is. */
static void what_was_put_into_the_store_is_the_journal(void **state)
{
	struct model m = {0};
	struct tree *t = tree_make(), *again = tree_make();
	struct dir *d = dir_by_id(t, 1), *loaded = dir_by_id(again, 1);
	(void)state;
	for (int i = 0; i < 5000; i++)
		change_one(d, &m);
	for (size_t i = 0; i < t->backlog_count; i++) {
		const struct page *p = journal_page(d, t->backlog[i].page);
		if (p && !journal_page(loaded, p->id))
			assert_true(journal_load(loaded, p->id, p->bytes, p->len));
	}
	journal_order(loaded);
	assert_in_order(loaded, &m);
	tree_end(t);
	tree_end(again);
}

static void names_in_order_fill_their_pages(void **state)
{
	char name[32];
	struct tree *t = tree_make();
	struct dir *d = dir_by_id(t, 1);
	size_t bytes = 0;
	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct entry e = {.name = name, .type = ENTRY_FILE, .size = 1000, .inode = 100000};
		e.len = (size_t)snprintf(name, sizeof(name), "file-%06d.txt", i);
		assert_true(journal_put(d, &e));
	}
	for (uint32_t i = 0; i < d->page_count; i++)
		bytes += d->pages[i].len;
	assert_true(d->page_count <= bytes / PAGE_MAX * 11 / 10 + 2);
	tree_end(t);
}

static void paths_are_joined_below_what_is_watched(void **state)
{
	static char folder[] = "/srv", path[] = "/srv/site", root[] = "/";
	struct tree *t = tree_make();
	(void)state;
	t->options = (struct options){.folder = folder, .path = path, .name = "site"};
	t->base = dir_by_id(t, 1);
	struct dir *top = dir_attach(t->base, &(struct entry){.name = "site", .len = 4, .type = ENTRY_DIR, .child = 2});
	struct dir *docs = dir_attach(top, &(struct entry){.name = "docs", .len = 4, .type = ENTRY_DIR, .child = 3});
	char *paths[] = {path_of(t->base, NULL, 0), path_of(docs, NULL, 0),      path_of(docs, "a", 1),
			 relative_of(top, NULL, 0), relative_of(docs, NULL, 0),  relative_of(docs, "a", 1),
			 relative_of(top, "a", 1),  relative_of(t->base, "f", 1)};
	static const char *const expected[] = {"/srv", "/srv/site/docs", "/srv/site/docs/a", "", "docs", "docs/a", "a",
					       "f"};
	for (size_t i = 0; i < 8; i++) {
		assert_string_equal(paths[i], expected[i]);
		free(paths[i]);
	}
	assert_true(dir_is_top(top) && !dir_is_top(docs) && !dir_is_top(t->base));
	t->options = (struct options){.folder = root, .path = root, .name = ""};
	char *in_root[] = {path_of(top, "a", 1), relative_of(top, "a", 1), path_of(t->base, NULL, 0)};
	assert_string_equal(in_root[0], "/site/a");
	assert_string_equal(in_root[1], "site/a");
	assert_string_equal(in_root[2], "/");
	assert_true(dir_is_top(t->base) && !dir_is_top(top));
	for (size_t i = 0; i < 3; i++)
		free(in_root[i]);
	tree_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_read_as_it_was_written),
		cmocka_unit_test(bytes_that_are_no_entry_are_refused),
		cmocka_unit_test(pages_hold_what_a_sorted_list_would),
		cmocka_unit_test(what_was_put_into_the_store_is_the_journal),
		cmocka_unit_test(names_in_order_fill_their_pages),
		cmocka_unit_test(paths_are_joined_below_what_is_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
