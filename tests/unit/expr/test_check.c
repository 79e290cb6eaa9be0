/* The blocking check of programs. */
#include "support_expr.h"

#include <errno.h>

static void all_mistakes_are_found_in_one_go(void **state)
{
	struct expr_check_item items[] = {
		{.program = ".a"},       {.program = ".a |"}, {.program = "foo"}, {.program = "[.[] | select(.x)]"},
		{.program = "\n  .a }"}, {.program = ""},
	};
	static const char *const messages[] = {NULL,
					       "syntax error, unexpected end of program",
					       "foo/0 is not defined",
					       NULL,
					       "syntax error, unexpected '}', expecting end of program (line 2)",
					       NULL};
	int pid;

	(void)state;
	assert_int_equal(expr_check(JQ_HELPER, items, 6, 0), 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(items[i].status, messages[i] ? -EINVAL : 0);
		if (messages[i])
			assert_string_equal(items[i].message, messages[i]);
		else
			assert_null(items[i].message);
	}
	expr_check_release(items, 6);
	assert_int_equal(helper_pids(&pid, 1), 0);
}

static void a_program_is_not_run(void **state)
{
	struct expr_check_item items[] = {
		{.program = "def f: f; f"}, {.program = "1e300 | todate"}, {.program = "halt"}};

	(void)state;
	assert_int_equal(expr_check(JQ_HELPER, items, 3, 0), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(items[i].status, 0);
	expr_check_release(items, 3);
}

/* Parser and code generator go as deep as the program does. */
static void a_program_that_ends_the_compiler_fails_alone(void **state)
{
	const size_t half = 200000;
	char *deep = malloc(2 * half + 2);
	struct expr_check_item items[] = {{.program = "."}, {.program = deep}, {.program = "."}, {.program = "}"}};

	(void)state;
	assert_non_null(deep);
	memset(deep, '-', 2 * half);
	deep[2 * half] = '1';
	deep[2 * half + 1] = '\0';
	assert_int_equal(expr_check(JQ_HELPER, items, 4, 0), 0);
	assert_int_equal(items[0].status, 0);
	assert_int_equal(items[1].status, -EINVAL);
	assert_non_null(items[1].message);
	assert_int_equal(items[2].status, 0);
	assert_int_equal(items[3].status, -EINVAL);
	expr_check_release(items, 4);
	free(deep);
}

static void a_program_that_stalls_the_compiler_fails_alone(void **state)
{
	/* libjq's time grows with the square of these. */
	const size_t terms = 8000;
	char *text = malloc(terms * 2 + 2);
	struct expr_check_item items[] = {{.program = "."}, {.program = text}, {.program = "foo"}};

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < terms; i++)
		memcpy(text + 2 * i, ".+", 2);
	memcpy(text + 2 * terms, ".", 2);
	assert_int_equal(expr_check(JQ_HELPER, items, 3, 300), 0);
	assert_int_equal(items[0].status, 0);
	assert_int_equal(items[1].status, -EINVAL);
	assert_string_equal(items[1].message, "it takes too long to compile");
	assert_int_equal(items[2].status, -EINVAL);
	assert_string_equal(items[2].message, "foo/0 is not defined");
	expr_check_release(items, 3);
	free(text);
}

static void a_missing_helper_is_no_mistake_of_the_programs(void **state)
{
	struct expr_check_item items[] = {{.program = "}"}};

	(void)state;
	assert_int_equal(expr_check("/nonexistent/tappet-jq", items, 1, 0), -ENOENT);
	assert_null(items[0].message);
	assert_int_equal(expr_check("/bin/false", items, 1, 0), -EIO);
	assert_null(items[0].message);
	assert_int_equal(expr_check("/nonexistent/tappet-jq", items, 0, 0), 0);
}

/* The test's own folder has no helper: it is the installed one, from there. */
static void the_helper_is_looked_for_from_the_program(void **state)
{
	static const char end[] = "/tests/../libexec/tappet/tappet-jq";
	char *path = NULL;

	(void)state;
	assert_int_equal(expr_helper_path(&path), 0);
	assert_int_equal(path[0], '/');
	assert_true(strlen(path) > strlen(end));
	assert_string_equal(path + strlen(path) - strlen(end), end);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_mistakes_are_found_in_one_go),
		cmocka_unit_test(a_program_is_not_run),
		cmocka_unit_test(a_program_that_ends_the_compiler_fails_alone),
		cmocka_unit_test(a_program_that_stalls_the_compiler_fails_alone),
		cmocka_unit_test(the_helper_is_looked_for_from_the_program),
		cmocka_unit_test(a_missing_helper_is_no_mistake_of_the_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
