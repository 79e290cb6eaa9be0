/* Programs and inputs that would crash, stall or fill whoever runs them. */
#include "support_expr.h"

#include <errno.h>
#include <stdio.h>

/* A deadline that is met only by what does not end. */
static const struct expr_options impatient = {.deadline_ms = 1500};
/* Soon full. */
static const struct expr_options small = {.deadline_ms = 20000, .memory_max = (size_t)64 << 20};

/* So many megabytes, without the many small steps in which libjq repeats a short string. */
#define LARGE(megabytes) "((\"x\" * 1000) * 1000) * " megabytes

static char *repeat(const char *text, size_t times)
{
	size_t len = strlen(text);
	char *all = malloc(len * times + 1);

	assert_non_null(all);
	for (size_t i = 0; i < times; i++)
		memcpy(all + i * len, text, len);
	all[len * times] = '\0';
	return all;
}

static void memory_has_a_limit(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &small);
	expect_error(&w, LARGE(".n"), "{\"n\": 1000}", -ENOMEM, "64 MiB");
	expect_error(&w, "[range(1e9)]", "null", -ENOMEM, "64 MiB");
	expect_error(&w, "def f: [., .] | f; f", "1", -ENOMEM, NULL);
	expect_error(&w, "def f: f + 1; f", "1", -ENOMEM, NULL);
	expect(&w, ".", "1", "1");
	world_close(&w);
}

static void the_memory_limit_is_an_option(void **state)
{
	const struct expr_options large = {.deadline_ms = 20000, .memory_max = (size_t)512 << 20};
	static const char program[] = LARGE(".") " | length";
	struct world w;

	(void)state;
	world_open(&w, &small);
	expect_error(&w, program, "60", -ENOMEM, "more than 64 MiB");
	world_close(&w);
	world_open(&w, &large);
	expect(&w, program, "60", "60000000");
	world_close(&w);
}

static void what_does_not_end_is_ended(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &impatient);
	expect_error(&w, "def f: f; f", "null", -ETIMEDOUT, "1500 ms");
	expect_error(&w, "last(while(true; .))", "null", -ETIMEDOUT, NULL);
	expect_error(&w, "last(repeat(1))", "null", -ETIMEDOUT, NULL);
	expect_error(&w, "reduce repeat(1) as $x (0; . + 1)", "null", -ETIMEDOUT, NULL);
	/* It would need too much memory, but takes its time before. */
	expect_error(&w, "\"x\" * .n", "{\"n\": 1e9}", -ETIMEDOUT, NULL);
	expect(&w, ".", "1", "1");
	world_close(&w);
}

static void a_large_output_is_refused(void **state)
{
	const struct expr_options o = {.deadline_ms = 20000, .output_max = 1000};
	struct world w;

	(void)state;
	world_open(&w, &o);
	expect_error(&w, "\"x\" * 999", "null", -E2BIG, "1001 bytes, at most 1000");
	expect(&w, "\"x\" * 998 | length", "null", "998");
	expect_error(&w, "[range(1e4)]", "null", -E2BIG, NULL);
	world_close(&w);
}

static void outputs_up_to_the_limit_arrive_whole(void **state)
{
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	ask_one(&w, &q, "\"x\" * (1048576 - 2)", "null");
	await(&q);
	assert_int_equal(q.results[0].status, 0);
	assert_int_equal(q.results[0].len, 1048576);
	assert_int_equal(strspn(q.results[0].json + 1, "x"), 1048574);
	question_release(&q);
	world_close(&w);
}

static void the_results_of_one_request_have_a_limit_together(void **state)
{
	const struct expr_options o = {.deadline_ms = 20000, .output_max = (size_t)4 << 20};
	static const char *const programs[] = {"(\"x\" * 1000) * 4000", "(\"y\" * 1000) * 4000",
					       "(\"z\" * 1000) * 4000", "(\"u\" * 1000) * 4000",
					       "(\"v\" * 1000) * 4000", "1"};
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, &o);
	ask(&w, &q, programs, 6, "1");
	await(&q);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(q.results[i].status, i < 4 ? 0 : -E2BIG);
	question_release(&q);
	expect(&w, ".", "1", "1");
	world_close(&w);
}

/* More than a socket holds: written and read in pieces, others in between. */
static void large_inputs_arrive_whole(void **state)
{
	enum { COUNT = 12, SIZE = 1500000 };
	static struct question q[COUNT];
	struct world w;
	char *input = malloc(SIZE + 3);
	char json[32];

	(void)state;
	assert_non_null(input);
	world_open(&w, NULL);
	for (int i = 0; i < COUNT; i++) {
		const size_t len = i % 3 == 0 ? SIZE : (size_t)i;

		memset(input, 'x', len + 2);
		input[0] = input[len + 1] = '"';
		input[len + 2] = '\0';
		ask_one(&w, &q[i], "length", input);
	}
	for (int i = 0; i < COUNT; i++) {
		await(&q[i]);
		(void)snprintf(json, sizeof(json), "%d", i % 3 == 0 ? SIZE : i);
		assert_string_equal(q[i].results[0].json, json);
		question_release(&q[i]);
	}
	world_close(&w);
	free(input);
}

static void deep_values_crash_nobody(void **state)
{
	char *deep = repeat("[", 10000), *parens = repeat("(", 20000), *minus = repeat("-", 5000);
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect_error(&w, ".", deep, -EINVAL, "the input is not JSON: Exceeds depth limit");
	expect_error(&w, "reduce range(1000) as $i (1; [.])", "null", -EINVAL,
		     "its result is not JSON that can be used");
	/* Whatever libjq does with these. */
	for (size_t i = 0; i < 4; i++) {
		const char *const programs[] = {"reduce range(3e5) as $i (1; [.])",
						"reduce range(3e5) as $i (1; [.]) | tojson", parens, minus};
		struct question q;

		ask_one(&w, &q, programs[i], "null");
		await(&q);
		assert_true(q.results[0].status < 0);
		question_release(&q);
	}
	expect(&w, ".", "1", "1");
	world_close(&w);
	free(deep);
	free(parens);
	free(minus);
}

static void huge_numbers_stay_numbers(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, ".", "1e1000", "1.7976931348623157e+308");
	expect(&w, ".", "-1e1000", "-1.7976931348623157e+308");
	expect(&w, ".", "100000000000000000000000000000000000000000000000000", "1e+50");
	expect(&w, ".", "9007199254740992", "9007199254740992");
	expect(&w, "nan", "null", "null");
	expect(&w, "[nan] | sort", "null", "[null]");
	expect(&w, "infinite", "null", "1.7976931348623157e+308");
	expect(&w, ".[1e300]?", "[1]", "null");
	world_close(&w);
}

static void strings_are_utf8_whatever_comes_in(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, ".", "\"\xff\xc3\xa9\"", "\"\xef\xbf\xbd\xc3\xa9\"");
	expect(&w, ".", "\"\xc3\"", "\"\xef\xbf\xbd\"");
	expect(&w, "[55296] | implode", "null", "\"\xef\xbf\xbd\"");
	expect(&w, "\"\xff\"", "null", "\"\xef\xbf\xbd\"");
	expect_error(&w, ".", "\"\\ud800\"", -EINVAL, "surrogate");
	expect(&w, ".[0:1]", "\"\xc3\xa9x\"", "\"\xc3\xa9\"");
	expect(&w, "@base64d", "\"/8M=\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	/* None of ours takes this. */
	expect_error(&w, ".", "\"a\\u0000b\"", -EINVAL, "\\u0000 is not allowed");
	world_close(&w);
}

static void nul_bytes_end_nothing_early(void **state)
{
	const struct expr_program program = {"length", 0};
	const struct expr_input input = {"\"x\0y\"", 5};
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	q = (struct question){.world = &w};
	assert_int_equal(expr_run(w.expr, &program, 1, &input, 1, question_answered, &q), 0);
	await(&q);
	assert_string_equal(q.results[0].json, "3");
	question_release(&q);
	world_close(&w);
}

/* libjq 1.6 aborts on these. */
static void an_assertion_of_libjq_costs_one_request(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect_error(&w, "1e300 | todate", "null", -ENOMEM, "signal 6");
	expect(&w, ".", "1", "1");
	world_close(&w);
}

static void those_behind_the_culprit_share_its_end(void **state)
{
	static const char *const crash[] = {".", "1e300 | todate", ".", "}"};
	static const char *const memory[] = {".", "[range(1e9)]", "."};
	static const char *const stall[] = {".", "def f: f; f", "."};
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, &impatient);
	ask(&w, &q, crash, 4, "1");
	await(&q);
	assert_int_equal(q.results[0].status, 0);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(q.results[i].status, -ENOMEM);
	question_release(&q);
	ask(&w, &q, stall, 3, "1");
	await(&q);
	assert_int_equal(q.results[0].status, 0);
	assert_int_equal(q.results[1].status, -ETIMEDOUT);
	assert_int_equal(q.results[2].status, -ETIMEDOUT);
	question_release(&q);
	world_close(&w);
	world_open(&w, &small);
	ask(&w, &q, memory, 3, "1");
	await(&q);
	assert_int_equal(q.results[0].status, 0);
	assert_int_equal(q.results[1].status, -ENOMEM);
	assert_int_equal(q.results[2].status, -ENOMEM);
	assert_non_null(strstr(q.results[2].message, "64 MiB"));
	question_release(&q);
	world_close(&w);
}

static void requests_behind_a_killer_are_answered_right(void **state)
{
	/* Time enough for a busy machine to fill the memory first. */
	const struct expr_options o = {.deadline_ms = 4000, .memory_max = small.memory_max};
	static const struct {
		const char *program;
		int status;
	} killers[] = {{"1e300 | todate", -ENOMEM}, {"def f: f; f", -ETIMEDOUT}, {LARGE("1000"), -ENOMEM}};
	static struct question killer[3], q[100];
	struct world w;
	char input[16];

	(void)state;
	world_open(&w, &o);
	for (size_t k = 0; k < 3; k++)
		ask_one(&w, &killer[k], killers[k].program, "null");
	for (int i = 0; i < 100; i++) {
		(void)snprintf(input, sizeof(input), "%d", i);
		ask_one(&w, &q[i], ". * 2", input);
	}
	for (int i = 0; i < 100; i++) {
		await(&q[i]);
		(void)snprintf(input, sizeof(input), "%d", 2 * i);
		assert_int_equal(q[i].results[0].status, 0);
		assert_string_equal(q[i].results[0].json, input);
		question_release(&q[i]);
	}
	for (size_t k = 0; k < 3; k++) {
		await(&killer[k]);
		assert_int_equal(killer[k].results[0].status, killers[k].status);
		question_release(&killer[k]);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_has_a_limit),
		cmocka_unit_test(the_memory_limit_is_an_option),
		cmocka_unit_test(what_does_not_end_is_ended),
		cmocka_unit_test(a_large_output_is_refused),
		cmocka_unit_test(outputs_up_to_the_limit_arrive_whole),
		cmocka_unit_test(the_results_of_one_request_have_a_limit_together),
		cmocka_unit_test(large_inputs_arrive_whole),
		cmocka_unit_test(deep_values_crash_nobody),
		cmocka_unit_test(huge_numbers_stay_numbers),
		cmocka_unit_test(strings_are_utf8_whatever_comes_in),
		cmocka_unit_test(nul_bytes_end_nothing_early),
		cmocka_unit_test(an_assertion_of_libjq_costs_one_request),
		cmocka_unit_test(those_behind_the_culprit_share_its_end),
		cmocka_unit_test(requests_behind_a_killer_are_answered_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
