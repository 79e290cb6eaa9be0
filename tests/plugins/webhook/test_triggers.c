/* Which trigger a workflow's webhook starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "../../../plugins/webhook/triggers.c"

static tappet_trigger *handle(size_t number)
{
	return (tappet_trigger *)(uintptr_t)(number + 1); /* never followed */
}

static void ten_thousand_workflows_are_all_found(void **state)
{
	(void)state;
	enum { COUNT = 10000 };
	struct triggers t = {0};
	struct binding **bindings = calloc(COUNT, sizeof(struct binding *));
	char id[ID_LEN + 1];
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(id, sizeof(id), "%024zx", i);
		assert_int_equal(triggers_add(&t, id, handle(i), &bindings[i]), TAPPET_OK);
	}
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(id, sizeof(id), "%024zx", i);
		assert_ptr_equal(triggers_find(&t, id), handle(i));
		triggers_remove(&t, bindings[i]);
		assert_null(triggers_find(&t, id));
		free(bindings[i]);
	}
	assert_int_equal(t.count, 0);
	triggers_release(&t);
	free(bindings);
}

static void of_two_triggers_of_a_workflow_the_older_one_is_found(void **state)
{
	(void)state;
	static const char id[] = "5dd74d0976df2d000110e52a";
	struct triggers t = {0};
	struct binding *first, *second, *others[64];
	assert_int_equal(triggers_add(&t, id, handle(1), &first), TAPPET_OK);
	assert_int_equal(triggers_add(&t, id, handle(2), &second), TAPPET_OK);
	for (size_t i = 0; i < 64; i++) { /* the table grows */
		char other[ID_LEN + 1];
		snprintf(other, sizeof(other), "%024zx", i);
		assert_int_equal(triggers_add(&t, other, handle(i), &others[i]), TAPPET_OK);
	}
	assert_ptr_equal(triggers_find(&t, id), handle(1));
	triggers_remove(&t, first);
	assert_ptr_equal(triggers_find(&t, id), handle(2));
	triggers_remove(&t, second);
	assert_null(triggers_find(&t, id));
	free(first);
	free(second);
	for (size_t i = 0; i < 64; i++)
		free(others[i]);
	triggers_release(&t);
}

static void nothing_is_found_in_an_empty_table(void **state)
{
	(void)state;
	struct triggers t = {0};
	assert_null(triggers_find(&t, "5dd74d0976df2d000110e52a"));
	triggers_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_workflows_are_all_found),
		cmocka_unit_test(of_two_triggers_of_a_workflow_the_older_one_is_found),
		cmocka_unit_test(nothing_is_found_in_an_empty_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
