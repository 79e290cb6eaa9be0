#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "base/json.h"

static int parses(const char *text)
{
	struct json *v;
	int r = json_parse(text, strlen(text), &v, NULL);
	if (r == 0)
		json_free(v);
	return r;
}

static void what_is_not_json_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  " ",
					  "{",
					  "[1,]",
					  "{\"a\":1,}",
					  "{a:1}",
					  "01",
					  "+1",
					  "1.",
					  ".5",
					  "1e",
					  "nul",
					  "\"\t\"",
					  "\"\\x\"",
					  "\"\\u12\"",
					  "\"\\u0000\"",
					  "\"\\ud800\"",
					  "\"\\udc00x\"",
					  "\"\xff\"",
					  "\"\xc0\xaf\"",
					  "\"\xed\xa0\x80\"",
					  "\"\xf4\x90\x80\x80\"",
					  "{} {}",
					  "[1] x",
					  "{\"a\":1,\"a\":2}",
					  "{\"a\":1,\"\\u0061\":2}",
					  "[{\"b\":{\"c\":1,\"c\":1}}]",
					  "NaN",
					  "'a'"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parses(bad[i]) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
}

static void json_is_accepted(void **state)
{
	(void)state;
	static const char *const good[] = {"{}",
					   "[]",
					   " [1, -0.5e+3, true,false,null, \"\\ud83d\\ude00\"] ",
					   "\"\xf0\x9f\x98\x80\"",
					   "0",
					   "-0",
					   "{\"a\":1,\"A\":2}",
					   "1e400"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (parses(good[i]) != 0)
			fail_msg("refused: %s", good[i]);
}

static void depth_is_bounded(void **state)
{
	(void)state;
	char text[2 * JSON_DEPTH_MAX + 3];
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	text[2 * JSON_DEPTH_MAX] = '\0';
	assert_int_equal(parses(text), 0);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	text[2 * JSON_DEPTH_MAX + 2] = '\0';
	assert_int_equal(parses(text), -EINVAL);
}

static void canonical_text_does_not_depend_on_the_order_of_keys(void **state)
{
	(void)state;
	struct json *v;
	const char *text = "{ \"b\": [1.5, 2, 1e3], \"a\": {\"z\": null, \"y\": \"\\u00e9\\n\"} }";
	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	struct buf b;
	buf_init(&b, 1000);
	assert_int_equal(json_print_canonical(v, &b), 0);
	assert_string_equal(buf_cstr(&b), "{\"a\":{\"y\":\"\xc3\xa9\\n\",\"z\":null},\"b\":[1.5,2,1000]}");
	buf_release(&b);
	json_free(v);
}

static void mistakes_stand_at_their_line_and_column(void **state)
{
	(void)state;
	const char *text = "{ // a comment with a \" in it\n"
			   "  /* two\n lines */ \"a\": [1, {\"b\": \"// no comment\"}],\n"
			   "  \"c\": 3 }";
	struct diag d;
	diag_init(&d);
	struct json_file *f;
	assert_int_equal(json_file_parse("f.json", text, strlen(text), &d, &f), 0);
	const struct json *b = json_get(json_next(json_first(json_get(f->root, "a"))), "b");
	assert_string_equal(json_str(b), "// no comment");
	json_file_mistake(f, &d, b, true, "key");
	json_file_mistake(f, &d, b, false, "value");
	json_file_mistake(f, &d, json_get(f->root, "c"), false, "number %d", 3);
	struct buf out;
	buf_init(&out, 1000);
	diag_print(&d, &out);
	assert_string_equal(buf_cstr(&out), "f.json:3:21: key\nf.json:3:26: value\nf.json:4:8: number 3\n");
	buf_release(&out);
	diag_release(&d);
	json_file_free(f);
}

static void a_syntax_error_names_its_place(void **state)
{
	(void)state;
	struct diag d;
	diag_init(&d);
	struct json_file *f;
	const char *text = "{\n  \"a\": 1\n  \"b\": 2\n}";
	assert_int_equal(json_file_parse("f.json", text, strlen(text), &d, &f), -EINVAL);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.items[0].line, 3);
	assert_int_equal(d.items[0].column, 3);
	text = "{\"a\": {\"b\": 1,\n \"b\": 2}}";
	assert_int_equal(json_file_parse("f.json", text, strlen(text), &d, &f), -EINVAL);
	assert_int_equal(d.items[1].line, 2);
	assert_int_equal(d.items[1].column, 2);
	diag_release(&d);
}

static void writing_repairs_what_is_not_utf8(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	jsonw_open(&b, '{');
	jsonw_key(&b, "a");
	jsonw_strn(&b, "x\xffy\x01\"", 5);
	jsonw_key(&b, "b");
	jsonw_open(&b, '[');
	jsonw_int(&b, -1);
	jsonw_bool(&b, true);
	jsonw_null(&b);
	jsonw_number(&b, 0.1);
	jsonw_close(&b, ']');
	jsonw_close(&b, '}');
	assert_string_equal(buf_cstr(&b), "{\"a\":\"x\xef\xbf\xbdy\\u0001\\\"\",\"b\":[-1,true,null,0.1]}");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(json_is_accepted),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(canonical_text_does_not_depend_on_the_order_of_keys),
		cmocka_unit_test(mistakes_stand_at_their_line_and_column),
		cmocka_unit_test(a_syntax_error_names_its_place),
		cmocka_unit_test(writing_repairs_what_is_not_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
