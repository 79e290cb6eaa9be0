/* The messages of tappet.v1: what is taken out of them, and what is turned down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "action/scan.h"
#include "action/message.h"

static void expect_error(const char *text, const char *code)
{
	struct message m;
	struct message_error error = {0};
	if (message_read(tappet_cstr(text), &m, &error))
		fail_msg("taken: %s", text);
	if (strcmp(error.code, code) != 0)
		fail_msg("%s: %s (%s), not %s", text, error.code, error.text, code);
	assert_true(strlen(error.text) > 10);
}

static struct message expect_message(const char *text)
{
	struct message m;
	struct message_error error = {0};
	if (!message_read(tappet_cstr(text), &m, &error))
		fail_msg("%s: %s", text, error.text);
	return m;
}

static void an_action_is_read(void **state)
{
	const char *text = " {\"type\":\"action\",\"id\":\"c1\",\"topic\":\"a.b\",\"key\":\"k\",\"data\": "
			   "{\"n\":12345678901234567890} }";
	const struct message m = expect_message(text);
	(void)state;
	assert_int_equal(m.type, MESSAGE_ACTION);
	assert_string_equal(m.id, "c1");
	assert_string_equal(m.topic, "a.b");
	assert_string_equal(m.key, "k");
	assert_int_equal(m.data.len, strlen("{\"n\":12345678901234567890}"));
	assert_memory_equal(m.data.ptr, "{\"n\":12345678901234567890}", m.data.len);
}

static void a_subscription_is_read(void **state)
{
	const struct message m = expect_message(
		"{\"type\":\"subscribe\",\"id\":\"s\",\"since\":18446744073709551615,\"batch\":true,\"filter\":{"
		"\"workflow\":\"w\",\"team\":\"T\",\"activity\":\"5de81b5fe638b70001fa9d09\",\"types\":[\"activity.*\","
		"\"step.log\"]}}");
	(void)state;
	assert_true(m.has_since && m.batch);
	assert_true(m.since == UINT64_MAX);
	assert_string_equal(m.filter.workflow, "w");
	assert_string_equal(m.filter.team, "T");
	assert_string_equal(m.filter.activity, "5de81b5fe638b70001fa9d09");
	assert_string_equal(m.filter.types, "activity.*,step.log");
}

static void escapes_in_texts_are_decoded(void **state)
{
	const struct message m = expect_message("{\"type\":\"ping\",\"id\":\"\\u00e9\\ud83d\\ude00\\u0000\\n\\/\"}");
	(void)state;
	assert_int_equal(m.id_len, 9);
	assert_memory_equal(m.id, "\xc3\xa9\xf0\x9f\x98\x80\0\n/", 9);
}

static void an_error_says_to_what_it_belongs(void **state)
{
	struct message m;
	struct message_error error;
	(void)state;
	assert_false(message_read(tappet_cstr("{\"topic\":7,\"type\":\"action\",\"id\":\"c1\"}"), &m, &error));
	assert_string_equal(m.id, "c1");
	assert_string_equal(error.code, "invalid-value");
	assert_non_null(strstr(error.text, "topic"));
}

static void what_is_no_message_is_turned_down(void **state)
{
	static const char many[] =
		"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
		"\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}";
	static const char *const bad[] = {
		"",
		"x",
		"[]",
		"7",
		"null",
		"\"a\"",
		"{",
		"{}",
		"{\"type\":7}",
		"{\"type\":null}",
		"{\"type\":\"ping\"",
		"{\"type\":\"ping\"}}",
		"{\"type\":\"ping\"} x",
		"{\"type\":\"ping\",}",
		"{'type':'ping'}",
		"{\"type\":\"ping\",\"type\":\"ping\"}",
		"{\"type\":\"ping\",\"id\":7}",
		"{\"type\":\"ping\",\"id\":null}",
		"{\"type\":\"ping\",\"id\":\"\"}",
		"{\"type\":\"ping\",\"id\":\"\\ud800\"}",
		"{\"type\":\"ping\",\"more\":1}",
		"{\"type\":\"ping\",\"topic\":\"a\"}",
		"{\"type\":\"action\",\"topic\":\"a\"}",
		"{\"type\":\"action\",\"id\":\"a\"}",
		"{\"type\":\"subscribe\"}",
		"{\"type\":\"unsubscribe\"}",
		"{\"type\":\"auth\"}",
		"{\"type\":\"ping\",\"id\":\"\t\"}",
		"{\"type\":\"ping\" \"id\":\"a\"}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":{\"a\":01}}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":{\"a\":nul}}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":[1,]}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":[}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":1.}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":\"\\x\"}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"d\\u0061ta\":1}",
		many,
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i], "bad-message");
	expect_error("{\"type\":\"pong\"}", "unknown-type");
	expect_error("{\"type\":\"other\"}", "unknown-type");
	expect_error("{\"type\":\"PING\"}", "unknown-type");
	expect_error("{\"type\":\"\"}", "unknown-type");
}

static void wrong_values_are_named(void **state)
{
	static const char *const bad[] = {
		"{\"type\":\"auth\",\"token\":7}",
		"{\"type\":\"auth\",\"token\":\"\"}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"\"}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a.*\"}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":[\"a\"]}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"key\":7}",
		"{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"key\":\"\"}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"since\":-1}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"since\":1.5}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"since\":\"1\"}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"since\":18446744073709551616}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"batch\":1}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":[]}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"workflows\":\"w\"}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"workflow\":7}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"workflow\":\"w\",\"workflow\":\"v\"}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"workflow\":\"w\\u0000\"}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"activity\":\"x\"}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"types\":\"activity.*\"}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"types\":[]}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"types\":[\"a,b\"]}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"types\":[\"*.a\"]}}",
		"{\"type\":\"subscribe\",\"id\":\"a\",\"filter\":{\"types\":[7]}}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(bad[i], "invalid-value");
}

static void long_values_are_turned_down(void **state)
{
	char text[2048], filler[1024];
	(void)state;
	memset(filler, 'a', sizeof(filler));
	snprintf(text, sizeof(text), "{\"type\":\"ping\",\"id\":\"%.*s\"}", MESSAGE_ID_MAX, filler);
	expect_message(text);
	snprintf(text, sizeof(text), "{\"type\":\"ping\",\"id\":\"%.*s\"}", MESSAGE_ID_MAX + 1, filler);
	expect_error(text, "bad-message");
	snprintf(text, sizeof(text), "{\"type\":\"action\",\"id\":\"a\",\"topic\":\"%.*s\"}", TOPIC_MAX + 1, filler);
	expect_error(text, "invalid-value");
	snprintf(text, sizeof(text), "{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"key\":\"%.*s\"}",
		 MESSAGE_KEY_MAX + 1, filler);
	expect_error(text, "invalid-value");
}

static void make_deep(char *text, size_t depth)
{
	size_t len = (size_t)sprintf(text, "{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":");
	memset(text + len, '[', depth);
	memset(text + len + depth, ']', depth);
	sprintf(text + len + 2 * depth, "}");
}

static void json_is_taken_to_a_depth_and_no_deeper(void **state)
{
	static char text[300000];
	(void)state;
	make_deep(text, NESTING_MAX - 1);
	expect_message(text);
	make_deep(text, NESTING_MAX);
	expect_error(text, "bad-message");
	make_deep(text, 100000);
	expect_error(text, "bad-message");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_action_is_read),
		cmocka_unit_test(a_subscription_is_read),
		cmocka_unit_test(escapes_in_texts_are_decoded),
		cmocka_unit_test(an_error_says_to_what_it_belongs),
		cmocka_unit_test(what_is_no_message_is_turned_down),
		cmocka_unit_test(wrong_values_are_named),
		cmocka_unit_test(long_values_are_turned_down),
		cmocka_unit_test(json_is_taken_to_a_depth_and_no_deeper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
