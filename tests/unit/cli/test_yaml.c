/* YAML as JSON: what a file means, and where a mistake is. */
#include "support_cli.h"
#include "cli/yaml.h"

static void expect_json(const char *yaml, const char *json)
{
	struct buf out;
	struct diag d;
	diag_init(&d);
	buf_init(&out, 65536);
	if (yaml_to_json("f.yaml", yaml, strlen(yaml), &out, &d) < 0)
		fail_msg("%s: %s", yaml, d.items[0].message);
	assert_string_equal(buf_cstr(&out), json);
	buf_release(&out);
	diag_release(&d);
}

static void expect_mistake(const char *yaml, size_t len, unsigned line, const char *words)
{
	struct buf out;
	struct diag d;
	diag_init(&d);
	buf_init(&out, 65536);
	assert_true(yaml_to_json("f.yaml", yaml, len, &out, &d) < 0);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.items[0].line, line);
	if (!strstr(d.items[0].message, words))
		fail_msg("\"%s\" is not in: %s", words, d.items[0].message);
	buf_release(&out);
	diag_release(&d);
}

static void lists_and_mappings_become_what_they_are(void **state)
{
	(void)state;
	expect_json("- id: a\n  list: [x, {y: 1}]\n- id: b\n",
		    "[{\"id\":\"a\",\"list\":[\"x\",{\"y\":1}]},{\"id\":\"b\"}]");
	expect_json("{}", "{}");
	expect_json("a:\n  - |\n    two\n    lines\n", "{\"a\":[\"two\\nlines\\n\"]}");
	expect_json("[{\"id\": \"json\"}]", "[{\"id\":\"json\"}]");
}

static void plain_scalars_have_their_types_and_quoted_ones_are_text(void **state)
{
	(void)state;
	expect_json("[true, False, null, ~, 7, -1.5e3, 0x10, 1_000, yes]",
		    "[true,false,null,null,7,-1.5e3,\"0x10\",\"1_000\",\"yes\"]");
	expect_json("['true', \"7\", 'null', !!str 7]", "[\"true\",\"7\",\"null\",\"7\"]");
	expect_json("a:\nb: ''\n", "{\"a\":null,\"b\":\"\"}");
}

static void a_mistake_has_its_place(void **state)
{
	static const char nul[] = "a: 1\n\"k\\0\": 2\n";
	(void)state;
	expect_mistake("a: [1,\n  2\n", 11, 3, "did not find");
	expect_mistake("a: &x 1\nb: *x\n", 14, 2, "aliases");
	expect_mistake("a: 1\n? [b]\n: 2\n", 15, 2, "expected a key");
	expect_mistake("", 0, 1, "empty");
	expect_mistake("a: 1\n---\nb: 2\n", 14, 2, "more than one document");
	expect_mistake(nul, sizeof(nul) - 1, 2, "NUL");
}

static void depth_is_bounded(void **state)
{
	char deep[200];
	(void)state;
	memset(deep, '[', sizeof(deep));
	expect_mistake(deep, sizeof(deep), 1, "too deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_mappings_become_what_they_are),
		cmocka_unit_test(plain_scalars_have_their_types_and_quoted_ones_are_text),
		cmocka_unit_test(a_mistake_has_its_place),
		cmocka_unit_test(depth_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
