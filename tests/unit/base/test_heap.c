#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/list.h"

#define COUNT 500

struct item {
	struct heap_node node;
	int value;
};

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return list_entry(a, struct item, node)->value < list_entry(b, struct item, node)->value;
}

static unsigned next(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 16;
}

static void fill(struct heap *h, struct item *items, unsigned seed)
{
	heap_init(h, before);
	for (size_t i = 0; i < COUNT; i++) {
		items[i] = (struct item){.value = (int)(next(&seed) % 1000)};
		assert_int_equal(heap_add(h, &items[i].node), 0);
	}
}

/* Takes all out, the least first. */
static size_t drain(struct heap *h)
{
	struct heap_node *first;
	size_t count = 0;
	int last = -1;

	while ((first = heap_first(h))) {
		struct item *item = list_entry(first, struct item, node);

		assert_true(item->value >= last);
		last = item->value;
		heap_remove(h, first);
		assert_false(heap_has(first));
		count++;
	}
	return count;
}

static void the_least_comes_first(void **state)
{
	struct item items[COUNT];
	struct heap h;

	(void)state;
	fill(&h, items, 1);
	assert_int_equal(drain(&h), COUNT);
	heap_release(&h);
}

static void what_is_taken_from_the_middle_leaves_the_rest_in_order(void **state)
{
	struct item items[COUNT];
	struct heap h;

	(void)state;
	fill(&h, items, 2);
	for (size_t i = 0; i < COUNT; i += 3)
		heap_remove(&h, &items[i].node);
	heap_remove(&h, &items[0].node); /* a second time: nothing happens */
	assert_int_equal(drain(&h), COUNT - (COUNT + 2) / 3);
	heap_release(&h);
}

static void what_changes_its_value_finds_its_place(void **state)
{
	struct item items[COUNT];
	unsigned seed = 3;
	struct heap h;

	(void)state;
	fill(&h, items, 3);
	for (size_t i = 0; i < COUNT; i++) {
		items[i].value = (int)(next(&seed) % 1000);
		heap_moved(&h, &items[i].node);
	}
	assert_int_equal(drain(&h), COUNT);
	heap_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_comes_first),
		cmocka_unit_test(what_is_taken_from_the_middle_leaves_the_rest_in_order),
		cmocka_unit_test(what_changes_its_value_finds_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
