/* Which trigger a workflow's webhook starts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "../../../plugins/webhook/triggers.c"

/* What the table needs of a trigger's settings: whether it is guarded, and that they go with it. */
static struct settings plain, guarded = {.guarded = true};

struct settings *settings_ref(struct settings *s)
{
	s->references++;
	return s;
}

void settings_unref(struct settings *s)
{
	if (s)
		s->references--;
}

void limit_free(struct limit *l)
{
	assert_null(l);
}

static tappet_trigger *handle(size_t number)
{
	return (tappet_trigger *)(uintptr_t)(number + 1); /* never followed */
}

static struct binding *add(struct triggers *t, size_t workflow, const char *trigger_id, struct settings *settings,
			   size_t number)
{
	char id[ID_LEN + 1], slug[32];
	struct binding *binding = NULL;
	snprintf(id, sizeof(id), "%024zx", workflow);
	snprintf(slug, sizeof(slug), "workflow-%zu", workflow);
	const tappet_trigger_info info = {
		.struct_size = sizeof(info), .workflow_id = id, .workflow_slug = slug, .trigger_id = trigger_id};
	assert_int_equal(triggers_add(t, &info, handle(number), settings, &binding), TAPPET_OK);
	return binding;
}

static const char *id_of(size_t workflow)
{
	static char id[ID_LEN + 1];
	snprintf(id, sizeof(id), "%024zx", workflow);
	return id;
}

static void ten_thousand_workflows_are_all_found_by_both_names(void **state)
{
	(void)state;
	enum { COUNT = 10000 };
	struct triggers t = {0};
	struct binding **bindings = calloc(COUNT, sizeof(struct binding *));
	char slug[32];
	for (size_t i = 0; i < COUNT; i++)
		bindings[i] = add(&t, i, "in", &plain, i);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(slug, sizeof(slug), "workflow-%zu", i);
		assert_ptr_equal(triggers_find(&t, id_of(i), NULL), bindings[i]);
		assert_ptr_equal(triggers_find(&t, slug, "in"), bindings[i]);
		assert_null(triggers_find(&t, slug, "out"));
		triggers_remove(&t, bindings[i]);
		assert_null(triggers_find(&t, id_of(i), NULL));
		assert_null(triggers_find(&t, slug, NULL));
		binding_free(bindings[i]);
	}
	assert_int_equal(t.count, 0);
	assert_int_equal(plain.references, 0);
	triggers_release(&t);
	free(bindings);
}

static void of_two_triggers_of_a_workflow_the_older_one_is_found(void **state)
{
	(void)state;
	struct triggers t = {0};
	struct binding *first = add(&t, 7, "a", &plain, 1), *second = add(&t, 7, "b", &plain, 2), *others[64];
	for (size_t i = 0; i < 64; i++) /* the table grows */
		others[i] = add(&t, 100 + i, "a", &plain, i);
	assert_ptr_equal(triggers_find(&t, id_of(7), NULL), first);
	assert_ptr_equal(triggers_find(&t, "workflow-7", "b"), second);
	triggers_remove(&t, first);
	assert_ptr_equal(triggers_find(&t, "workflow-7", NULL), second);
	triggers_remove(&t, second);
	assert_null(triggers_find(&t, id_of(7), NULL));
	binding_free(first);
	binding_free(second);
	for (size_t i = 0; i < 64; i++)
		binding_free(others[i]);
	triggers_release(&t);
}

static void a_guarded_trigger_is_not_found_for_a_token_alone(void **state)
{
	(void)state;
	struct triggers t = {0};
	struct binding *first = add(&t, 7, "a", &guarded, 1);
	assert_null(triggers_find_plain(&t, id_of(7)));
	struct binding *second = add(&t, 7, "b", &plain, 2);
	assert_ptr_equal(triggers_find_plain(&t, id_of(7)), second);
	triggers_remove(&t, first);
	triggers_remove(&t, second);
	binding_free(first);
	binding_free(second);
	triggers_release(&t);
}

static void nothing_is_found_in_an_empty_table(void **state)
{
	(void)state;
	struct triggers t = {0};
	assert_null(triggers_find(&t, "5dd74d0976df2d000110e52a", NULL));
	assert_null(triggers_find_plain(&t, "5dd74d0976df2d000110e52a"));
	triggers_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_thousand_workflows_are_all_found_by_both_names),
		cmocka_unit_test(of_two_triggers_of_a_workflow_the_older_one_is_found),
		cmocka_unit_test(a_guarded_trigger_is_not_found_for_a_token_alone),
		cmocka_unit_test(nothing_is_found_in_an_empty_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
