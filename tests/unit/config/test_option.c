#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "config/option.h"
#include "support_folder.h"

static const struct option table[] = {
	{"path", OPTION_STRING, OPTION_REQUIRED, NULL, "Which | path.", NULL},
	{"count", OPTION_INTEGER, 0, "3", "How many.", NULL},
	{"flag", OPTION_BOOLEAN, 0, "true", "Whether.", NULL},
	{"settle", OPTION_DURATION, 0, "500ms", "How long.", NULL},
	{"max", OPTION_SIZE, 0, "1MiB", "How large.", NULL},
	{"include", OPTION_STRING, OPTION_MULTI, NULL, "Patterns.", NULL},
	{"key", OPTION_STRING, OPTION_SECRET, NULL, "A secret.", NULL},
	{"signature", OPTION_OBJECT, OPTION_SECRET, NULL, "An object with secrets.", NULL},
	{"match", OPTION_JSON, 0, "{\"a\":1}", "Anything.", NULL},
	{"glob", OPTION_STRING, OPTION_MULTI, NULL, "The old name.", "include"},
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

struct checked {
	struct json_file *file;
	struct option_values *values;
	struct diag d;
	int result;
};

static void check_table(struct checked *c, const struct option *of, size_t count, const char *text, const char *folder)
{
	*c = (struct checked){0};
	diag_init(&c->d);
	assert_int_equal(json_file_parse("t", text, strlen(text), &c->d, &c->file), 0);
	c->result = option_check(of, count, c->file, c->file->root, folder, &c->d, &c->values);
}

static void check(struct checked *c, const char *text, const char *folder)
{
	check_table(c, table, TABLE_COUNT, text, folder);
}

static void release(struct checked *c)
{
	option_values_free(c->values);
	json_file_free(c->file);
	diag_release(&c->d);
}

static void check_fine(struct checked *c, const char *text, const char *folder)
{
	check(c, text, folder);
	if (c->result < 0)
		fail_msg("%s: %s", text, c->d.items[0].message);
	assert_int_equal(c->d.count, 0);
}

static void assert_mistake(const char *text, const char *folder, unsigned column, const char *words)
{
	struct checked c;

	check(&c, text, folder);
	assert_int_equal(c.result, -EINVAL);
	assert_null(c.values);
	if (c.d.count != 1 || c.d.items[0].column != column || !strstr(c.d.items[0].message, words))
		fail_msg("%s\nexpected %u: %s\nfound %u: %s", text, column, words, c.d.items[0].column,
			 c.d.items[0].message);
	release(&c);
}

static void assert_text(const struct option_values *v, const char *key, size_t index, const char *expected)
{
	const char *text = NULL;
	size_t len = 0;

	assert_int_equal(option_get_str(v, key, index, &text, &len), 0);
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
}

static void assert_number(const struct option_values *v, const char *key, int64_t expected)
{
	int64_t number = -1;

	assert_int_equal(option_get_int(v, key, 0, &number), 0);
	assert_int_equal(number, expected);
}

static void options_that_are_not_set_have_their_defaults(void **state)
{
	const char *text = NULL;
	bool flag = false;
	struct checked c;

	(void)state;
	check_fine(&c, "{\"path\":\"/srv\"}", "/");
	assert_text(c.values, "path", 0, "/srv");
	assert_number(c.values, "count", 3);
	assert_int_equal(option_get_bool(c.values, "flag", &flag), 0);
	assert_true(flag);
	assert_number(c.values, "settle", 500);
	assert_number(c.values, "max", 1048576);
	assert_text(c.values, "match", 0, "{\"a\":1}");
	assert_int_equal(option_count(c.values, "include"), 0);
	assert_int_equal(option_count(c.values, "path"), 1);
	assert_int_equal(option_get_str(c.values, "include", 0, &text, NULL), -ENOENT);
	assert_int_equal(option_get_str(c.values, "key", 0, &text, NULL), -ENOENT);
	assert_int_equal(option_get_str(c.values, "nothing", 0, &text, NULL), -ENOENT);
	release(&c);
}

static void values_are_read_by_their_type(void **state)
{
	bool flag = true;
	struct checked c;

	(void)state;
	check_fine(&c,
		   "{\"path\":\"p\",\"count\":-7,\"flag\":false,\"settle\":\"2h\",\"max\":\"64KiB\","
		   "\"include\":[\"a\",\"b\"],\"match\":[1,null]}",
		   "/");
	assert_number(c.values, "count", -7);
	assert_int_equal(option_get_bool(c.values, "flag", &flag), 0);
	assert_false(flag);
	assert_number(c.values, "settle", 7200000);
	assert_number(c.values, "max", 65536);
	assert_int_equal(option_count(c.values, "include"), 2);
	assert_text(c.values, "include", 0, "a");
	assert_text(c.values, "include", 1, "b");
	assert_text(c.values, "match", 0, "[1,null]");
	release(&c);
	check_fine(&c, "{\"path\":\"p\",\"max\":10,\"include\":\"one\"}", "/");
	assert_number(c.values, "max", 10);
	assert_int_equal(option_count(c.values, "include"), 1);
	release(&c);
}

static const struct option paths[] = {
	{"watch", OPTION_PATH, OPTION_REQUIRED | OPTION_MULTI, NULL, "Where.", NULL},
	{"state", OPTION_PATH, 0, "./var/", "The other place.", NULL},
};

static void a_path_is_absolute_below_the_folder_of_the_file(void **state)
{
	static const char *const cases[][2] = {
		{"in", "/etc/tappet/in"},
		{"/srv/in", "/srv/in"},
		{"./in//a/./b/", "/etc/tappet/in/a/b"},
		{"../in/..", "/etc/tappet/../in/.."},
		{"~/in", "/etc/tappet/~/in"},
		{".", "/etc/tappet"},
		{"//", "/"},
	};
	struct checked c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[100];

		(void)snprintf(text, sizeof(text), "{\"watch\":\"%s\"}", cases[i][0]);
		check_table(&c, paths, 2, text, "/etc/tappet");
		assert_int_equal(c.result, 0);
		assert_text(c.values, "watch", 0, cases[i][1]);
		assert_text(c.values, "state", 0, "/etc/tappet/var");
		release(&c);
	}
	check_table(&c, paths, 2, "{\"watch\":[\"a\",\"/b\"],\"state\":\"s\"}", "/");
	assert_int_equal(option_count(c.values, "watch"), 2);
	assert_text(c.values, "watch", 0, "/a");
	assert_text(c.values, "watch", 1, "/b");
	assert_text(c.values, "state", 0, "/s");
	release(&c);
	check_table(&c, paths, 2, "{\"watch\":\"./a/\"}", NULL);
	assert_text(c.values, "watch", 0, "a");
	release(&c);
}

static void what_is_no_path_is_a_mistake(void **state)
{
	static const struct option bad[] = {{"state", OPTION_PATH, 0, "", "", NULL}};
	static const char *const cases[][2] = {
		{"{\"watch\":7}", "\"watch\": expected a path, found a number"},
		{"{\"watch\":\"\"}", "expected a path, found \"\""},
		{"{\"watch\":[\"a\",{\"file\":\"b\"}]}", "expected a path, found an object"},
		{"{\"watch\":[]}", "expected at least one value"},
	};
	struct checked c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_table(&c, paths, 2, cases[i][0], "/");
		assert_int_equal(c.result, -EINVAL);
		assert_int_equal(c.d.count, 1);
		if (!strstr(c.d.items[0].message, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], c.d.items[0].message);
		release(&c);
	}
	check_table(&c, bad, 1, "{}", "/");
	assert_non_null(strstr(c.d.items[0].message, "the default of option \"state\" is no path: \"\""));
	release(&c);
}

static void asking_for_another_type_is_an_error(void **state)
{
	const char *text = NULL;
	int64_t number = 0;
	bool flag = false;
	struct checked c;

	(void)state;
	check_fine(&c, "{\"path\":\"p\",\"include\":[\"a\"]}", "/");
	assert_int_equal(option_get_int(c.values, "path", 0, &number), -EINVAL);
	assert_int_equal(option_get_int(c.values, "flag", 0, &number), -EINVAL);
	assert_int_equal(option_get_str(c.values, "count", 0, &text, NULL), -EINVAL);
	assert_int_equal(option_get_bool(c.values, "count", &flag), -EINVAL);
	assert_int_equal(option_get_str(c.values, "include", 1, &text, NULL), -ENOENT);
	release(&c);
}

static void wrong_options_are_mistakes_at_their_place(void **state)
{
	(void)state;
	assert_mistake("{\"path\":\"p\",\"cuont\":1}", "/", 13, "unknown option \"cuont\": did you mean \"count\"?");
	assert_mistake("{\"count\":1}", "/", 1, "option \"path\" is missing");
	assert_mistake("{\"path\":1}", "/", 9, "\"path\": expected a string, found a number");
	assert_mistake("{\"path\":\"p\",\"count\":\"1\"}", "/", 21, "a whole number, found a string");
	assert_mistake("{\"path\":\"p\",\"count\":1.5}", "/", 21, "a whole number, found 1.5");
	assert_mistake("{\"path\":\"p\",\"flag\":1}", "/", 20, "true or false");
	assert_mistake("{\"path\":\"p\",\"settle\":5}", "/", 22, "a duration such as");
	assert_mistake("{\"path\":\"p\",\"max\":\"big\"}", "/", 19, "a size such as \"64KiB\"");
	assert_mistake("{\"path\":\"p\",\"max\":-1}", "/", 19, "a size such as \"64KiB\"");
	assert_mistake("{\"path\":\"p\",\"include\":[\"a\",1]}", "/", 28, "a string, found a number");
	assert_mistake("{\"path\":\"p\",\"signature\":\"x\"}", "/", 25, "an object, found a string");
	assert_mistake("[]", "/", 1, "an object with options, found an array");
}

static void a_secret_is_referred_to_and_never_written_in_place(void **state)
{
	struct checked c;

	assert_mistake("{\"path\":\"p\",\"key\":\"hunter2\"}", *state, 19, "never written in place");
	(void)folder_write(*state, "key.txt", "hunter2\n");
	check_fine(&c, "{\"path\":\"p\",\"key\":{\"file\":\"key.txt\"}}", *state);
	assert_text(c.values, "key", 0, "hunter2");
	release(&c);
	assert_mistake("{\"path\":\"p\",\"key\":{\"file\":\"none\"}}", *state, 19,
		       "cannot read the secret's file \"none\"");
	assert_mistake("{\"path\":\"p\",\"key\":{\"env\":\"TAPPET_TEST_UNSET\"}}", *state, 19, "is not set");
}

static void secrets_are_not_read_without_a_folder(void **state)
{
	struct checked c;

	(void)state;
	check_fine(&c, "{\"path\":\"p\",\"key\":{\"env\":\"TAPPET_TEST_UNSET\"}}", NULL);
	assert_text(c.values, "key", 0, "");
	release(&c);
	assert_mistake("{\"path\":\"p\",\"key\":\"x\"}", NULL, 19, "never written in place");
}

static void a_check_for_form_knows_where_paths_are_and_reads_no_secret(void **state)
{
	static const struct option both[] = {
		{"state", OPTION_PATH, 0, NULL, "", NULL},
		{"key", OPTION_STRING, OPTION_SECRET, NULL, "", NULL},
	};
	static const char text[] = "{\"state\":\"s\",\"key\":{\"file\":\"none\"}}";
	struct checked c = {0};

	(void)state;
	diag_init(&c.d);
	assert_int_equal(json_file_parse("t", text, strlen(text), &c.d, &c.file), 0);
	assert_int_equal(option_check_form(both, 2, c.file, c.file->root, "/nonexistent", &c.d, &c.values), 0);
	assert_text(c.values, "state", 0, "/nonexistent/s");
	assert_text(c.values, "key", 0, "");
	release(&c);
}

static void secrets_inside_a_secret_object_are_resolved(void **state)
{
	struct checked c;

	(void)folder_write(*state, "key", "a\"b");
	check_fine(&c, "{\"path\":\"p\",\"signature\":{\"preset\":\"github\",\"secrets\":[{\"file\":\"key\"},\"x\"]}}",
		   *state);
	assert_text(c.values, "signature", 0, "{\"preset\":\"github\",\"secrets\":[\"a\\\"b\",\"x\"]}");
	release(&c);
	assert_mistake("{\"path\":\"p\",\"signature\":{\"secret\":{\"file\":\"none\"}}}", *state, 35,
		       "cannot read the secret's");
	check_fine(&c, "{\"path\":\"p\",\"signature\":{\"secret\":{\"file\":\"none\"}}}", NULL);
	assert_text(c.values, "signature", 0, "{\"secret\":{\"file\":\"none\"}}");
	release(&c);
	/* The object itself is no reference. */
	check_fine(&c, "{\"path\":\"p\",\"signature\":{\"file\":\"key\"}}", *state);
	assert_text(c.values, "signature", 0, "{\"file\":\"key\"}");
	release(&c);
}

static void a_deprecated_key_stands_for_the_one_that_replaced_it(void **state)
{
	struct checked c;

	(void)state;
	check_fine(&c, "{\"path\":\"p\",\"glob\":\"*.md\"}", "/");
	assert_text(c.values, "include", 0, "*.md");
	assert_int_equal(option_count(c.values, "glob"), 0);
	release(&c);
	assert_mistake("{\"path\":\"p\",\"glob\":\"a\",\"include\":\"b\"}", "/", 24, "under an older name as well");
}

static void a_check_alone_leaves_nothing_behind(void **state)
{
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(option_check(table + 1, TABLE_COUNT - 1, NULL, NULL, NULL, &d, NULL), 0);
	assert_int_equal(option_check(table, TABLE_COUNT, NULL, NULL, NULL, &d, NULL), -EINVAL);
	assert_int_equal(d.count, 1);
	diag_release(&d);
}

static void a_default_that_is_none_is_told(void **state)
{
	static const struct option bad[] = {{"n", OPTION_INTEGER, 0, "many", "", NULL}};
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(option_check(bad, 1, NULL, NULL, "/", &d, NULL), -EINVAL);
	assert_non_null(strstr(d.items[0].message, "the default of option \"n\" is no integer"));
	diag_release(&d);
}

static void sizes_are_read_with_their_units(void **state)
{
	static const char *const bad[] = {
		"", "KiB", "1 MiB", "1MB", "-1", "1.5MiB", "0x10", "99999999999999999999", "9999999999GiB"};
	uint64_t size = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(size_parse(bad[i], &size) < 0);
	assert_int_equal(size, 77);
	assert_int_equal(size_parse("10", &size), 0);
	assert_int_equal(size, 10);
	assert_int_equal(size_parse("64KiB", &size), 0);
	assert_int_equal(size, 65536);
	assert_int_equal(size_parse("2GiB", &size), 0);
	assert_int_equal(size, (uint64_t)2 << 30);
}

static void the_documentation_is_a_table_of_all_options(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	option_document(table, TABLE_COUNT, &out);
	assert_non_null(strstr(buf_cstr(&out), "| `path` | string | required | Which \\| path. |\n"));
	assert_non_null(strstr(buf_cstr(&out), "| `settle` | duration | `500ms` | How long. |\n"));
	assert_non_null(strstr(buf_cstr(&out), "| `include` | string, or a list |  | Patterns. |\n"));
	assert_non_null(strstr(buf_cstr(&out), "| `key` | string, secret |"));
	assert_non_null(strstr(buf_cstr(&out), "Deprecated: use `include`."));
	buf_clear(&out);
	option_document(NULL, 0, &out);
	assert_string_equal(buf_cstr(&out), "None.\n");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_are_not_set_have_their_defaults),
		cmocka_unit_test(values_are_read_by_their_type),
		cmocka_unit_test(a_path_is_absolute_below_the_folder_of_the_file),
		cmocka_unit_test(what_is_no_path_is_a_mistake),
		cmocka_unit_test(asking_for_another_type_is_an_error),
		cmocka_unit_test(wrong_options_are_mistakes_at_their_place),
		cmocka_unit_test_setup_teardown(a_secret_is_referred_to_and_never_written_in_place, folder_setup,
						folder_teardown),
		cmocka_unit_test(secrets_are_not_read_without_a_folder),
		cmocka_unit_test(a_check_for_form_knows_where_paths_are_and_reads_no_secret),
		cmocka_unit_test_setup_teardown(secrets_inside_a_secret_object_are_resolved, folder_setup,
						folder_teardown),
		cmocka_unit_test(a_deprecated_key_stands_for_the_one_that_replaced_it),
		cmocka_unit_test(a_check_alone_leaves_nothing_behind),
		cmocka_unit_test(a_default_that_is_none_is_told),
		cmocka_unit_test(sizes_are_read_with_their_units),
		cmocka_unit_test(the_documentation_is_a_table_of_all_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
