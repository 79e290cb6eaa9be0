/* What programs give, and what they cannot do. */
#include "support_expr.h"

#include <errno.h>

static void gives_values_as_compact_json(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, ".", "{ \"a\" : [1, 2.5, true, null, \"x\"] }", "{\"a\":[1,2.5,true,null,\"x\"]}");
	expect(&w, ".a.b", "{\"a\":{\"b\":\"c\"}}", "\"c\"");
	expect(&w, ".a.b", "{}", "null");
	expect(&w, "", "7", "7");
	expect(&w, "# nothing", "7", "7");
	expect(&w, "[.[] | select(. > 1)] | length", "[1,2,3]", "2");
	expect(&w, "\"\\(.a)-\\(.b)\"", "{\"a\":1,\"b\":\"x\"}", "\"1-x\"");
	expect(&w, "test(\"^re\")", "\"refs\"", "true");
	expect(&w, "@base64", "\"hi\"", "\"aGk=\"");
	expect(&w, "ltrimstr(\"refs/\")", "\"refs/heads\"", "\"heads\"");
	expect(&w, "ltrimstr(1)", "\"x\"", "\"x\"");
	expect(&w, "getpath([\"a\",\"b\"])", "{\"a\":{\"b\":3}}", "3");
	expect(&w, "[limit(3; repeat(1))]", "null", "[1,1,1]");
	expect(&w, "todate", "0", "\"1970-01-01T00:00:00Z\"");
	expect(&w, "now > 1000000000", "null", "true");
	world_close(&w);
}

static void takes_the_first_of_several_outputs(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, ".[]", "[5,6]", "5");
	expect(&w, "1, error(\"never reached\")", "null", "1");
	expect(&w, "repeat(1)", "null", "1");
	world_close(&w);
}

static void tells_no_output_from_null(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "null", "null", "null");
	expect_error(&w, "empty", "null", -ENODATA, NULL);
	expect_error(&w, "select(.x)", "{}", -ENODATA, NULL);
	expect_error(&w, ".[]", "[]", -ENODATA, NULL);
	expect_error(&w, "error(null)", "1", -ENODATA, NULL);
	world_close(&w);
}

static void answers_programs_in_their_order_over_their_inputs(void **state)
{
	const struct expr_input inputs[] = {{"1", 1}, {"\"b\"", 3}};
	const struct expr_program programs[] = {{".", 1}, {". + 1", 0}, {"empty", 0}, {"}", 0}, {"., 2", 1}};
	static const int statuses[] = {0, 0, -ENODATA, -EINVAL, 0};
	static const char *const jsons[] = {"\"b\"", "2", "", "", "\"b\""};
	struct question q = {0};
	struct world w;

	(void)state;
	world_open(&w, NULL);
	q.world = &w;
	assert_int_equal(expr_run(w.expr, programs, 5, inputs, 2, question_answered, &q), 0);
	await(&q);
	assert_int_equal(q.count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(q.results[i].status, statuses[i]);
		assert_string_equal(q.results[i].json, jsons[i]);
	}
	question_release(&q);
	world_close(&w);
}

static void explains_what_does_not_compile_in_one_line(void **state)
{
	static const struct {
		const char *program, *message;
	} cases[] = {
		{"}", "syntax error, unexpected '}', expecting end of program"},
		{".a |", "syntax error, unexpected end of program"},
		{"foo", "foo/0 is not defined"},
		{"foo(1) | bar", "foo/1 is not defined"},
		{"$x", "$x is not defined"},
		{"\n\n . | bar", "bar/0 is not defined (line 3)"},
		{"\n.a | 'x'", "syntax error, unexpected ''' (line 2)"},
		{"import \"a\" as a; .", "module not found: a"},
		{"include \"/etc/passwd\"; .", "module not found: /etc/passwd"},
		{"a b c", "syntax error, unexpected name, expecting end of program"},
	};
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_one(&w, &q, cases[i].program, "null");
		await(&q);
		assert_int_equal(q.results[0].status, -EINVAL);
		assert_string_equal(q.results[0].message, cases[i].message);
		question_release(&q);
	}
	world_close(&w);
}

static void explains_what_fails_while_it_runs(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect_error(&w, ".a + 1", "{\"a\":\"x\"}", -EINVAL, "string (\"x\") and number (1) cannot be added");
	expect_error(&w, "error(\"two\\nlines\")", "null", -EINVAL, "two lines");
	expect_error(&w, "error({a: 1})", "null", -EINVAL, "{\"a\":1}");
	expect_error(&w, "error(\"é\" * 1000)", "null", -EINVAL, "é...");
	expect_error(&w, "halt", "null", -EINVAL, "it called halt");
	expect_error(&w, "\"why\" | halt_error", "null", -EINVAL, "it called halt: why");
	expect_error(&w, "input", "null", -EINVAL, "break");
	expect_error(&w, "input_line_number", "null", -EINVAL, NULL);
	/* All by the same helper, which is none the worse for it. */
	expect(&w, "[inputs]", "null", "[]");
	expect(&w, ".", "1", "1");
	world_close(&w);
}

static void refuses_an_input_that_is_no_json(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect_error(&w, ".", "", -EINVAL, "the input is not JSON");
	expect_error(&w, ".", "{\"a\":", -EINVAL, "the input is not JSON");
	expect_error(&w, ".", "1 2", -EINVAL, "the input is not JSON");
	world_close(&w);
}

static void shows_nothing_of_the_machine(void **state)
{
	struct world w;

	(void)state;
	setenv("SECRET", "1", 1);
	world_open(&w, NULL);
	expect(&w, "$ENV", "null", "{}");
	expect(&w, "env", "null", "{}");
	expect(&w, "env.SECRET", "null", "null");
	expect(&w, "input_filename", "null", "null");
	expect(&w, "$__loc__", "null", "{\"file\":\"<top-level>\",\"line\":1}");
	expect(&w, "get_search_list", "null", "[]");
	expect_error(&w, "\"/etc/passwd\" | modulemeta", "null", -EINVAL, "module not found");
	expect(&w, "debug, stderr", "1", "1");
	expect(&w, "stderr", "1", "1");
	world_close(&w);
}

static void knows_truth_as_jq_does(void **state)
{
	static const struct {
		const char *program;
		bool truth;
	} cases[] = {
		{"true", true},   {"0", true},         {"\"\"", true},   {"[]", true},
		{"{}", true},     {"\"false\"", true}, {"false", false}, {"null", false},
		{"empty", false}, {"error", false},    {"}", false},
	};
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_one(&w, &q, cases[i].program, "\"x\"");
		await(&q);
		assert_int_equal(expr_truth(&q.results[0]), cases[i].truth);
		question_release(&q);
	}
	world_close(&w);
}

static void gives_text(void **state)
{
	static const struct {
		const char *program, *text;
		int r;
	} cases[] = {
		{"\"a\\n\\u00e9\\\"\"", "a\né\"", 0},
		{"[1, \"a\"]", "[1,\"a\"]", 0},
		{"null", "null", 0},
		{"1.5", "1.5", 0},
		{"empty", "", -ENODATA},
		{"error", "", -EINVAL},
		{"\"a\\u0000b\"", "", -EINVAL},
	};
	struct question q;
	struct world w;
	struct buf b;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_init(&b, 1000);
		ask_one(&w, &q, cases[i].program, "\"x\"");
		await(&q);
		assert_int_equal(expr_text(&q.results[0], &b), cases[i].r);
		assert_string_equal(buf_cstr(&b), cases[i].text);
		buf_release(&b);
		question_release(&q);
	}
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_values_as_compact_json),
		cmocka_unit_test(takes_the_first_of_several_outputs),
		cmocka_unit_test(tells_no_output_from_null),
		cmocka_unit_test(answers_programs_in_their_order_over_their_inputs),
		cmocka_unit_test(explains_what_does_not_compile_in_one_line),
		cmocka_unit_test(explains_what_fails_while_it_runs),
		cmocka_unit_test(refuses_an_input_that_is_no_json),
		cmocka_unit_test(shows_nothing_of_the_machine),
		cmocka_unit_test(knows_truth_as_jq_does),
		cmocka_unit_test(gives_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
