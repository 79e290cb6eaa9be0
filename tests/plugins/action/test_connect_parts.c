/* What the option `connect` may say: paths, messages that are made, and every mistake at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "action/connect_path.h"
#include "action/connect_spec.h"
#include "action/connect_template.h"

/* ---- Paths ---- */

static void paths_find_what_jq_finds(void **state)
{
	static const char json[] = "{\"seq\": 9007199254740993, \"a\": {\"b\": [10, {\"c\": \"x\"}], \"odd name\": "
				   "null}, \"\": 1, \"e\\\"\": 2}";
	static const struct {
		const char *path, *value;
	} cases[] = {
		{".seq", "9007199254740993"}, {".a.b[0]", "10"},       {".a.b[1].c", "\"x\""}, {".a.b[2]", NULL},
		{".a[\"odd name\"]", "null"}, {".[\"a\"].b[0]", "10"}, {".[\"\"]", "1"},       {".[\"e\\\"\"]", "2"},
		{".nothing", NULL},           {".seq.deeper", NULL},   {".a[0]", NULL},        {".seq[0]", NULL},
	};
	tappet_str value;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const tappet_str path = tappet_cstr(cases[i].path);
		if (path_problem(path))
			fail_msg("%s: %s", cases[i].path, path_problem(path));
		const bool found = path_find(tappet_cstr(json), path, &value);
		if (found != (cases[i].value != NULL))
			fail_msg("%s", cases[i].path);
		if (found)
			assert_memory_equal(value.ptr, cases[i].value, value.len);
		if (found)
			assert_int_equal(value.len, strlen(cases[i].value));
	}
	char large[10003] = "[";
	for (size_t i = 0; i < 5000; i++)
		memcpy(large + 1 + 2 * i, "7,", 2);
	memcpy(large + 10001, "8]", 2);
	assert_true(path_find(tappet_strn(large, sizeof(large)), tappet_cstr(".[5000]"), &value));
	assert_memory_equal(value.ptr, "8", 1);
	assert_true(path_find(tappet_cstr("[1]"), tappet_cstr("."), &value));
	assert_int_equal(value.len, 3);
	assert_true(path_find(tappet_cstr("[1,2]"), tappet_cstr(".[1]"), &value));
	assert_memory_equal(value.ptr, "2", 1);
}

static void what_is_no_path_is_told(void **state)
{
	static const char *const wrong[] = {
		"",       "seq",   "..",      ".a.",    ".a..b",           ".a b",    ".1a",      ".a[",        ".a[]",
		".a[-1]", ".a[x]", ".a[\"b]", ".a[0]x", ".a[99999999999]", ".a | .b", ".a[\"b\"", ".a[\"b\\\"]"};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!path_problem(tappet_cstr(wrong[i])))
			fail_msg("%s", wrong[i]);
}

/* ---- Messages that are made ---- */

static void assert_made(const char *template, bool is_json, const char *expected)
{
	const struct template_values values = {
		.cursor = tappet_cstr("4711"),
		.message =
			tappet_cstr("{\"id\": \"a\\\"b\", \"n\": [1, 2], \"t\": true, \"z\": null, \"odd (name)\": 5}"),
		.activity_id = tappet_cstr("\"5dd7\""),
		.outcome = tappet_cstr("\"accepted\""),
	};
	struct text made = {0};
	if (template_problem(tappet_cstr(template), true))
		fail_msg("%s: %s", template, template_problem(tappet_cstr(template), true));
	template_expand(tappet_cstr(template), is_json, &values, &made);
	assert_false(made.failed);
	assert_string_equal(made.bytes, expected);
	text_release(&made);
}

static void messages_are_made_of_templates(void **state)
{
	(void)state;
	assert_made("{\"since\": \"$(cursor)\"}", true, "{\"since\": 4711}");
	assert_made("{\"since\": \"behind $(cursor)!\"}", true, "{\"since\": \"behind 4711!\"}");
	assert_made("{\"id\": \"$(message.id)\"}", true, "{\"id\": \"a\\\"b\"}");
	assert_made("{\"id\": \"<$(message.id)>\"}", true, "{\"id\": \"<a\\\"b>\"}");
	assert_made("[\"$(message.n)\", \"$(message.n[1])\", \"$(message.t)\"]", true, "[[1, 2], 2, true]");
	assert_made("\"<$(message.n)>\"", true, "\"<[1, 2]>\"");
	assert_made("[\"$(message.none)\", \"<$(message.none)>\", \"$(message.z)\"]", true, "[null, \"<>\", null]");
	assert_made("{\"a\": \"$(activity.id)\", \"o\": \"$(outcome)\"}", true,
		    "{\"a\": \"5dd7\", \"o\": \"accepted\"}");
	assert_made("{\"$(cursor)\": \"$$(cursor) $5 ($)\"}", true, "{\"$(cursor)\": \"$(cursor) $5 ($)\"}");
	assert_made("ACK $(message.id) $(cursor) $(message.n)", false, "ACK a\"b 4711 [1, 2]");
	assert_made("$$(x)$", false, "$(x)$");
	assert_made("{\"o\": \"$(message.[\\\"odd (name)\\\"])\"}", true, "{\"o\": 5}");
	assert_made("odd $(message.[\"odd (name)\"])", false, "odd 5");
	assert_made("{\"q\": \"\\\"$(cursor)\\\"\"}", true, "{\"q\": \"\\\"4711\\\"\"}");
}

static void the_first_message_has_no_cursor_yet(void **state)
{
	const struct template_values none = {.cursor = {NULL, 0}};
	struct text made = {0};
	(void)state;
	template_expand(tappet_cstr("{\"since\": \"$(cursor)\", \"t\": \"from $(cursor)\"}"), true, &none, &made);
	assert_string_equal(made.bytes, "{\"since\": null, \"t\": \"from \"}");
	text_release(&made);
}

static void templates_name_nothing_else(void **state)
{
	(void)state;
	assert_null(template_problem(tappet_cstr("$(cursor)"), false));
	assert_non_null(template_problem(tappet_cstr("$(message.id)"), false));
	assert_non_null(template_problem(tappet_cstr("$(messages)"), true));
	assert_non_null(template_problem(tappet_cstr("$(message.)"), true));
	assert_non_null(template_problem(tappet_cstr("$(secrets.x)"), true));
	assert_non_null(template_problem(tappet_cstr("$(cursor"), true));
	assert_null(template_problem(tappet_cstr("$$(anything"), true));
	assert_null(template_problem(tappet_strn(NULL, 0), true));
}

/* A secret is not a template, whatever stands in it. */
static void unknown_names_are_nothing(void **state)
{
	const struct template_values values = {.message = tappet_cstr("{}")};
	struct text made = {0};
	(void)state;
	template_expand(tappet_cstr("[\"$(x)\", \"$(m)\", \"<$(message.)>\", \"$(open\"]"), true, &values, &made);
	assert_string_equal(made.bytes, "[null, null, \"<>\", \"$(open\"]");
	text_release(&made);
}

/* ---- Options ---- */

/* Options as a test gives them. */
struct given {
	const char *key, *text; /* NULL: a number */
	int64_t number;
};

static const struct given *given;
static size_t given_count;
static char mistakes[2048];

static int32_t find_given(const char *key, size_t index, const struct given **ret)
{
	for (size_t i = 0; i < given_count; i++)
		if (strcmp(given[i].key, key) == 0 && index-- == 0) {
			*ret = &given[i];
			return TAPPET_OK;
		}
	return TAPPET_ENOTFOUND;
}

static int32_t give_text(const tappet_config *config, const char *key, size_t index, tappet_str *ret)
{
	const struct given *found;
	(void)config;
	const int32_t r = find_given(key, index, &found);
	if (r == TAPPET_OK)
		*ret = tappet_cstr(found->text);
	return r;
}

static int32_t give_number(const tappet_config *config, const char *key, size_t index, int64_t *ret)
{
	const struct given *found;
	(void)config;
	const int32_t r = find_given(key, index, &found);
	if (r == TAPPET_OK)
		*ret = found->number;
	return r;
}

static void note(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	const size_t len = strlen(mistakes);
	(void)arg;
	snprintf(mistakes + len, sizeof(mistakes) - len, "%s[%zu]%s: %s\n", key, index, pointer, message);
}

static int32_t spec_of(const struct given *options, size_t count, bool is_check, struct connect_spec *ret)
{
	const struct option_source source = {
		.str = give_text, .integer = give_number, .is_check = is_check, .mistake = note};
	given = options;
	given_count = count;
	mistakes[0] = '\0';
	return connect_spec_read(&source, ret);
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void everything_of_the_options_is_read(void **state)
{
	static const struct given options[] = {
		{"connect", "\"wss://u:p@x.example:99/feed?key=1\"", 0},
		{"headers", "{\"Authorization\": \"Bearer \\u0041\"}", 0},
		{"protocols", "a", 0},
		{"protocols", "b", 0},
		{"caFile", "ca.pem", 0},
		{"proxy", "\"http://p:3128\"", 0},
		{"open", "[{\"type\": \"hi\"}, \"plain $(cursor)\"]", 0},
		{"heartbeat", "{\"every\": \"20s\", \"send\": {\"op\": 1}}", 0},
		{"reply", "{\"ack\": \"$(message.id)\"}", 0},
		{"backoff", "{\"min\": \"200ms\", \"max\": \"1h\"}", 0},
		{"cursor", ".seq", 0},
		{"key", ".id", 0},
		{"stall", NULL, 120000},
		{"pingEvery", NULL, 5000},
		{"pingTimeout", NULL, 500},
		{"messageMax", NULL, 65536},
	};
	struct connect_spec s;
	(void)state;
	assert_int_equal(spec_of(options, COUNT(options), false, &s), TAPPET_OK);
	assert_string_equal(mistakes, "");
	assert_string_equal(s.url, "wss://u:p@x.example:99/feed?key=1");
	assert_string_equal(s.where, "wss://x.example:99/feed");
	assert_int_equal(s.header_count, 1);
	assert_memory_equal(s.headers[0].name.ptr, "Authorization", 13);
	assert_string_equal(s.headers[0].value.ptr, "Bearer A");
	assert_string_equal(s.protocols[1], "b");
	assert_null(s.protocols[2]);
	assert_string_equal(s.ca_file, "ca.pem");
	assert_string_equal(s.proxy, "http://p:3128");
	assert_int_equal(s.open_count, 2);
	assert_true(s.open[0].is_json);
	assert_string_equal(s.open[0].template.ptr, "{\"type\": \"hi\"}");
	assert_false(s.open[1].is_json);
	assert_string_equal(s.open[1].template.ptr, "plain $(cursor)");
	assert_int_equal(s.heartbeat_ms, 20000);
	assert_string_equal(s.heartbeat.template.ptr, "{\"op\": 1}");
	assert_int_equal(s.stall_ms, 120000);
	assert_int_equal(s.ping_ms, 5000);
	assert_int_equal(s.timeout_ms, 500);
	assert_int_equal(s.retry_min_ms, 200);
	assert_int_equal(s.retry_max_ms, 3600000);
	assert_int_equal(s.message_max, 65536);
	assert_string_equal(s.cursor.ptr, ".seq");
	assert_string_equal(s.key.ptr, ".id");
	connect_spec_release(&s);
}

static void secrets_may_be_references_in_a_check(void **state)
{
	static const struct given options[] = {
		{"connect", "\"ws://x\"", 0},
		{"headers", "{\"X\": {\"file\": \"f\"}}", 0},
	};
	struct connect_spec s;
	(void)state;
	static const struct given secret[] = {{"connect", "{\"env\": \"URL\"}", 0}, {"proxy", "{\"env\": \"P\"}", 0}};
	assert_int_equal(spec_of(options, COUNT(options), true, &s), TAPPET_OK);
	connect_spec_release(&s);
	assert_int_equal(spec_of(options, COUNT(options), false, &s), TAPPET_EINVAL);
	connect_spec_release(&s);
	assert_int_equal(spec_of(secret, COUNT(secret), true, &s), TAPPET_OK);
	connect_spec_release(&s);
}

static void each_mistake_has_its_place(void **state)
{
	static const struct given options[] = {
		{"connect", "\"http://x\"", 0},
		{"headers", "{\"A\": 1, \"B C\": \"x\"}", 0},
		{"proxy", "\"socks5://p\"", 0},
		{"open", "[{}, \"$(message.id)\"]", 0},
		{"heartbeat", "{\"every\": \"1s\"}", 0},
		{"reply", "{\"a\": \"$(b)\"}", 0},
		{"backoff", "{\"min\": \"2s\", \"max\": \"1s\"}", 0},
		{"cursor", "seq", 0},
		{"key", ".a[", 0},
		{"stall", NULL, 5},
		{"messageMax", NULL, 10},
	};
	static const char *const expected[] = {
		"connect[0]: expected an address that begins by ws:// or wss://",
		"headers[0]/A: expected a string",
		"headers[0]/B C: this is no name of a header",
		"proxy[0]: expected an address that begins by http://",
		"open[0]/1: a message may name $(cursor) only",
		"heartbeat[0]: expected {\"every\": DURATION, \"send\": MESSAGE}",
		"reply[0]: a message may name $(cursor), $(message.PATH), $(activity.id) and $(outcome)",
		"backoff[0]/min: min is longer than max",
		"cursor[0]: a path begins with a dot",
		"key[0]: a path is names and indexes",
		"stall[0]: expected a duration from 100ms to 30d",
		"messageMax[0]: expected a size from 1KiB to 16MiB",
	};
	struct connect_spec s;
	(void)state;
	assert_int_equal(spec_of(options, COUNT(options), true, &s), TAPPET_EINVAL);
	for (size_t i = 0; i < COUNT(expected); i++)
		if (!strstr(mistakes, expected[i]))
			fail_msg("%s\nis not among\n%s", expected[i], mistakes);
	connect_spec_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_find_what_jq_finds),
		cmocka_unit_test(what_is_no_path_is_told),
		cmocka_unit_test(messages_are_made_of_templates),
		cmocka_unit_test(the_first_message_has_no_cursor_yet),
		cmocka_unit_test(templates_name_nothing_else),
		cmocka_unit_test(unknown_names_are_nothing),
		cmocka_unit_test(everything_of_the_options_is_read),
		cmocka_unit_test(secrets_may_be_references_in_a_check),
		cmocka_unit_test(each_mistake_has_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
