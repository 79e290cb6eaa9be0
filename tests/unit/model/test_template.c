/* JSON with substitutions in its strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "model/template.h"

static int as_json(void *arg, const struct subst_part *part, struct buf *out)
{
	(void)arg;
	if (strcmp(part->text, "n") == 0)
		jsonw_int(out, 42);
	else if (strcmp(part->text, "o") == 0)
		jsonw_raw(out, "{\"k\":[1,2]}", 11);
	else if (strcmp(part->text, "s") == 0)
		jsonw_str(out, "a\"b");
	else
		return -ENOENT;
	return 0;
}

static int as_text(void *arg, const struct subst_part *part, struct buf *out)
{
	(void)arg;
	if (strcmp(part->text, "n") == 0)
		return buf_str(out, "42");
	if (strcmp(part->text, "s") == 0)
		return buf_str(out, "a\"b");
	return -ENOENT;
}

static struct template *parse(const char *text)
{
	struct template *t = NULL;
	const struct json *at = NULL;
	struct json *v = NULL;
	char message[200];

	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	if (template_parse(v, NULL, NULL, &t, &at, message, sizeof(message)) < 0)
		fail_msg("%s", message);
	json_free(v);
	return t;
}

static void assert_expands(const char *text, const char *expected)
{
	struct template *t = parse(text);
	struct json *again = NULL;
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(template_expand(t, as_json, as_text, NULL, &out, NULL), 0);
	assert_string_equal(buf_cstr(&out), expected);
	assert_int_equal(json_parse(out.data, out.len, &again, NULL), 0);
	json_free(again);
	buf_release(&out);
	template_free(t);
}

static void a_sole_substitution_keeps_its_type(void **state)
{
	(void)state;
	assert_expands("\"$(params.n)\"", "42");
	assert_expands("{\"a\":\"$(params.n)\",\"b\":\"$(params.o)\",\"c\":\"$(params.s)\"}",
		       "{\"a\":42,\"b\":{\"k\":[1,2]},\"c\":\"a\\\"b\"}");
	assert_expands("[\"$(params.n)\",\"$(params.n)\",[\"$(params.n)\"],1]", "[42,42,[42],1]");
}

static void inside_other_text_it_becomes_text(void **state)
{
	(void)state;
	assert_expands("\" $(params.n)\"", "\" 42\"");
	assert_expands("{\"a\":[\"$(params.n)$(params.s)\",null]}", "{\"a\":[\"42a\\\"b\",null]}");
}

static void everything_else_stays_as_it_is(void **state)
{
	(void)state;
	assert_expands("{\"$(params.n)\":\"$$(params.n)\",\"x\":[1.5,true,null,\"\",{}],\"y\":[]}",
		       "{\"$(params.n)\":\"$(params.n)\",\"x\":[1.5,true,null,\"\",{}],\"y\":[]}");
	assert_expands("\"\"", "\"\"");
	assert_expands("7", "7");
}

static void it_can_stand_behind_other_json(void **state)
{
	struct template *t = parse("{\"a\":1}");
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	jsonw_open(&out, '[');
	jsonw_int(&out, 1);
	assert_int_equal(template_expand(t, as_json, as_text, NULL, &out, NULL), 0);
	jsonw_close(&out, ']');
	assert_string_equal(buf_cstr(&out), "[1,{\"a\":1}]");
	buf_release(&out);
	template_free(t);
}

static void a_text_is_told_from_other_json(void **state)
{
	struct template *text = parse("\"v $(params.n) \\\"$$(\""), *list = parse("[\"x\"]");
	struct buf out;

	(void)state;
	assert_true(template_is_text(text));
	assert_false(template_is_text(list));
	buf_init(&out, 100);
	assert_int_equal(template_expand_text(text, as_text, NULL, &out, NULL), 0);
	assert_string_equal(buf_cstr(&out), "v 42 \"$(");
	buf_release(&out);
	template_free(text);
	template_free(list);
}

static void what_is_missing_is_named(void **state)
{
	static const char *const texts[] = {"{\"a\":\"$(params.gone)\"}", "[\"x$(params.gone)\"]"};
	const struct subst_part *missing;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct template *t = parse(texts[i]);

		missing = NULL;
		buf_init(&out, 100);
		assert_int_equal(template_expand(t, as_json, as_text, NULL, &out, &missing), -ENOENT);
		assert_string_equal(missing->text, "gone");
		buf_release(&out);
		template_free(t);
	}
}

static void count_visits(void *arg, const struct subst *s, const struct json *at)
{
	size_t *count = arg;

	assert_false(subst_is_literal(s));
	assert_non_null(json_str(at));
	(*count)++;
}

static void the_bad_string_is_pointed_at(void **state)
{
	static const char text[] = "{\"a\":\"$(params.n)\",\"b\":{\"c\":\"$(oh)\"}}";
	struct template *t = NULL;
	const struct json *at = NULL;
	struct json *v = NULL;
	char message[200];
	size_t visits = 0;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	assert_int_equal(template_parse(v, count_visits, &visits, &t, &at, message, sizeof(message)), -EINVAL);
	assert_ptr_equal(at, json_get(json_get(v, "b"), "c"));
	assert_non_null(strstr(message, "\"$(oh)\": expected params.NAME"));
	assert_int_equal(visits, 1);
	assert_null(t);
	json_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sole_substitution_keeps_its_type),
		cmocka_unit_test(inside_other_text_it_becomes_text),
		cmocka_unit_test(everything_else_stays_as_it_is),
		cmocka_unit_test(it_can_stand_behind_other_json),
		cmocka_unit_test(a_text_is_told_from_other_json),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(the_bad_string_is_pointed_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
