/* Which failures a retry is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/failure.h"

static bool matches(const char *text, enum failure_kind kind, int code)
{
	const struct failure f = {.kind = kind, .code = code};
	struct failure_filter filter;

	assert_int_equal(failure_filter_parse(text, &filter), 0);
	return failure_matches(&filter, 1, &f);
}

static void a_word_matches_every_failure_of_its_kind(void **state)
{
	(void)state;
	assert_true(matches("exit", FAILURE_EXIT, 1));
	assert_true(matches("exit", FAILURE_EXIT, 255));
	assert_false(matches("exit", FAILURE_SIGNAL, 1));
	assert_true(matches("signal", FAILURE_SIGNAL, 9));
	assert_true(matches("timeout", FAILURE_TIMEOUT, 0));
	assert_true(matches("start", FAILURE_START, 0));
	assert_true(matches("status", FAILURE_STATUS, 404));
	assert_true(matches("network", FAILURE_NETWORK, 0));
	assert_true(matches("output", FAILURE_OUTPUT, 0));
	assert_true(matches("child", FAILURE_CHILD, 0));
	assert_false(matches("child", FAILURE_REJECTED, 0));
}

static void codes_narrow_it_down(void **state)
{
	(void)state;
	assert_true(matches("exit:75", FAILURE_EXIT, 75));
	assert_false(matches("exit:75", FAILURE_EXIT, 74));
	assert_true(matches("exit:1-9", FAILURE_EXIT, 1));
	assert_true(matches("exit:1-9", FAILURE_EXIT, 9));
	assert_false(matches("exit:1-9", FAILURE_EXIT, 10));
	assert_true(matches("status:5xx", FAILURE_STATUS, 500));
	assert_true(matches("status:5xx", FAILURE_STATUS, 599));
	assert_false(matches("status:5xx", FAILURE_STATUS, 499));
	assert_true(matches("status:429", FAILURE_STATUS, 429));
	assert_false(matches("status:500-503", FAILURE_STATUS, 504));
}

static void what_is_no_filter_is_refused(void **state)
{
	static const char *const bad[] = {"",           "exits",      "ex",        "exit:",      "exit:0",
					  "exit:256",   "exit:9-1",   "exit:1-",   "exit:-1",    "exit:5xx",
					  "exit:1 ",    "signal:9",   "timeout:1", "status:99",  "status:600",
					  "status:6xx", "status:5XX", "rejected",  "other",      "none",
					  "status:4x",  "exit:1-2-3", "EXIT",      "exit:00075", "status:500-600"};
	struct failure_filter filter = {.kind = FAILURE_OTHER, .first = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (failure_filter_parse(bad[i], &filter) == 0)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(filter.first, 7);
}

static void without_filters_any_failure_matches_and_success_none(void **state)
{
	const struct failure failed = {.kind = FAILURE_REJECTED}, fine = {.kind = FAILURE_NONE};
	const struct failure_filter filters[] = {{.kind = FAILURE_SIGNAL},
						 {.kind = FAILURE_EXIT, .first = 2, .last = 3}};
	const struct failure two = {FAILURE_EXIT, 2}, four = {FAILURE_EXIT, 4};

	(void)state;
	assert_true(failure_matches(NULL, 0, &failed));
	assert_false(failure_matches(NULL, 0, &fine));
	assert_true(failure_matches(filters, 2, &two));
	assert_false(failure_matches(filters, 2, &four));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_matches_every_failure_of_its_kind),
		cmocka_unit_test(codes_narrow_it_down),
		cmocka_unit_test(what_is_no_filter_is_refused),
		cmocka_unit_test(without_filters_any_failure_matches_and_success_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
