#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "api/json_diff.h"

static void expect_diff(const char *from, const char *to, const char *expected)
{
	struct json *a, *b;
	struct buf out;
	assert_int_equal(json_parse(from, strlen(from), &a, NULL), 0);
	assert_int_equal(json_parse(to, strlen(to), &b, NULL), 0);
	buf_init(&out, 1 << 20);
	jsonw_open(&out, '[');
	json_diff(a, b, &out);
	jsonw_close(&out, ']');
	assert_int_equal(buf_error(&out), 0);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
	json_free(a);
	json_free(b);
}

static void equal_values_have_no_difference(void **state)
{
	(void)state;
	expect_diff("{}", "{}", "[]");
	expect_diff("{\"a\":[1,true,null,\"x\",{\"b\":1.5}]}", "{\"a\":[1,true,null,\"x\",{\"b\":1.5}]}", "[]");
}

static void what_was_added_or_went_has_one_side(void **state)
{
	(void)state;
	expect_diff("{\"b\":1,\"c\":2}", "{\"a\":0,\"b\":1}",
		    "[{\"path\":\"/a\",\"to\":0},{\"path\":\"/c\",\"from\":2}]");
	expect_diff("{\"a\":[1]}", "{\"a\":[1,{\"x\":null}]}", "[{\"path\":\"/a/1\",\"to\":{\"x\":null}}]");
	expect_diff("[1,2]", "[]", "[{\"path\":\"/0\",\"from\":1},{\"path\":\"/1\",\"from\":2}]");
}

static void scalars_and_types_are_compared(void **state)
{
	(void)state;
	expect_diff("{\"a\":\"1\"}", "{\"a\":1}", "[{\"path\":\"/a\",\"from\":\"1\",\"to\":1}]");
	expect_diff("{\"a\":true}", "{\"a\":false}", "[{\"path\":\"/a\",\"from\":true,\"to\":false}]");
	expect_diff("{\"a\":{}}", "{\"a\":[]}", "[{\"path\":\"/a\",\"from\":{},\"to\":[]}]");
	expect_diff("{\"a\":null}", "{\"a\":0}", "[{\"path\":\"/a\",\"from\":null,\"to\":0}]");
	expect_diff("1", "2", "[{\"path\":\"\",\"from\":1,\"to\":2}]");
}

static void differences_deep_inside_are_named_by_their_pointer(void **state)
{
	(void)state;
	expect_diff(
		"{\"steps\":[{\"id\":\"a\"},{\"env\":{\"X\":\"1\",\"Y\":\"1\"}}],\"z\":1}",
		"{\"steps\":[{\"id\":\"a\"},{\"env\":{\"X\":\"2\",\"Y\":\"1\"}}],\"z\":2}",
		"[{\"path\":\"/steps/1/env/X\",\"from\":\"1\",\"to\":\"2\"},{\"path\":\"/z\",\"from\":1,\"to\":2}]");
	expect_diff("{\"a/b~c\":1}", "{\"a/b~c\":2}", "[{\"path\":\"/a~1b~0c\",\"from\":1,\"to\":2}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_values_have_no_difference),
		cmocka_unit_test(what_was_added_or_went_has_one_side),
		cmocka_unit_test(scalars_and_types_are_compared),
		cmocka_unit_test(differences_deep_inside_are_named_by_their_pointer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
