#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow.h"

static const char definition[] =
	"{\"params\":{\"branch\":{\"default\":\"main\"},\"count\":{\"type\":\"number\",\"required\":true},"
	"\"dry\":{\"type\":\"boolean\",\"default\":false},\"list\":{\"type\":\"array\"},\"opts\":{\"type\":\"object\"}}"
	","
	"\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}";

static int setup(void **state)
{
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	struct diag d;

	diag_init(&d);
	assert_int_equal(json_file_parse("t", definition, strlen(definition), &d, &file), 0);
	assert_int_equal(workflow_parse(file, "t", NULL, &d, &w), 0);
	json_file_free(file);
	diag_release(&d);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	workflow_unref(*state);
	return 0;
}

static int give(const struct workflow *w, const char *given, struct buf *out, char *message, size_t size)
{
	struct json *value = NULL;
	int r;

	buf_init(out, 100000);
	if (given)
		assert_int_equal(json_parse(given, strlen(given), &value, NULL), 0);
	r = workflow_params(w, value, out, message, size);
	json_free(value);
	return r;
}

static void assert_gives(const struct workflow *w, const char *given, const char *expected)
{
	char message[200] = "";
	struct buf out;

	if (give(w, given, &out, message, sizeof(message)) < 0)
		fail_msg("%s: %s", given, message);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static void assert_refused(const struct workflow *w, const char *given, const char *expected)
{
	char message[200] = "";
	struct buf out;

	assert_int_equal(give(w, given, &out, message, sizeof(message)), -EINVAL);
	assert_string_equal(message, expected);
	buf_release(&out);
}

static void what_is_not_given_has_its_default(void **state)
{
	assert_gives(*state, "{\"count\":2}", "{\"branch\":\"main\",\"count\":2,\"dry\":false}");
	assert_gives(*state, "{\"dry\":true,\"count\":-1.5,\"branch\":\"\"}",
		     "{\"branch\":\"\",\"count\":-1.5,\"dry\":true}");
	assert_gives(*state, "{\"count\":0,\"opts\":{\"a\":[1]},\"list\":[]}",
		     "{\"branch\":\"main\",\"count\":0,\"dry\":false,\"list\":[],\"opts\":{\"a\":[1]}}");
}

static void numbers_and_booleans_may_come_as_text(void **state)
{
	assert_gives(*state, "{\"count\":\"42\",\"dry\":\"true\"}", "{\"branch\":\"main\",\"count\":42,\"dry\":true}");
	assert_refused(*state, "{\"count\":\"many\"}", "parameter \"count\" must be of type number, not string");
	assert_refused(*state, "{\"count\":\"\"}", "parameter \"count\" must be of type number, not string");
	assert_refused(*state, "{\"count\":\"true\"}", "parameter \"count\" must be of type number, not string");
	assert_refused(*state, "{\"count\":1,\"dry\":\"1\"}", "parameter \"dry\" must be of type boolean, not string");
	assert_refused(*state, "{\"count\":1,\"list\":\"[]\"}", "parameter \"list\" must be of type array, not string");
}

static void the_wrong_parameter_is_named(void **state)
{
	assert_refused(*state, NULL, "parameter \"count\" is required");
	assert_refused(*state, "{}", "parameter \"count\" is required");
	assert_refused(*state, "{\"count\":1,\"brnch\":\"x\"}",
		       "unknown parameter \"brnch\": did you mean \"branch\"?");
	assert_refused(*state, "{\"count\":1,\"zzzzz\":\"x\"}", "unknown parameter \"zzzzz\"");
	assert_refused(*state, "{\"count\":1,\"Branch\":\"x\"}",
		       "unknown parameter \"Branch\": did you mean \"branch\"?");
	assert_refused(*state, "{\"count\":null}", "parameter \"count\" must be of type number, not null");
	assert_refused(*state, "{\"count\":1,\"branch\":5}", "parameter \"branch\" must be of type string, not number");
	assert_refused(*state, "[]", "parameters must be an object, not array");
}

static void a_choice_is_one_of_those_that_are_named(void **state)
{
	static const char text[] = "{\"params\":{\"where\":{\"type\":\"choice\",\"choices\":[\"test\",\"live\","
				   "\"both\"],\"default\":\"test\"},"
				   "\"key\":{\"type\":\"secret\"}},\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}";
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(json_file_parse("t", text, strlen(text), &d, &file), 0);
	assert_int_equal(workflow_parse(file, "t", NULL, &d, &w), 0);
	assert_gives(w, "{}", "{\"where\":\"test\"}");
	assert_gives(w, "{\"where\":\"live\",\"key\":\"s\"}", "{\"key\":\"s\",\"where\":\"live\"}");
	assert_refused(w, "{\"where\":\"Live\"}",
		       "parameter \"where\" must be \"test\", \"live\" or \"both\", not \"Live\"");
	assert_refused(w, "{\"where\":1}", "parameter \"where\" must be of type choice, not number");
	assert_refused(w, "{\"key\":[]}", "parameter \"key\" must be of type secret, not array");
	json_file_free(file);
	workflow_unref(w);
	diag_release(&d);
}

static void a_result_beyond_its_buffer_is_an_error(void **state)
{
	struct json *value = NULL;
	struct buf out;

	assert_int_equal(json_parse("{\"count\":1}", 11, &value, NULL), 0);
	buf_init(&out, 5);
	assert_int_equal(workflow_params(*state, value, &out, NULL, 0), -ENOBUFS);
	buf_release(&out);
	json_free(value);
}

static const char *guess(const char *key)
{
	static const char *const words[] = {"run", "name", "timeout", "onCrash", "connectionsPerAddress"};
	struct nearest near;

	nearest_init(&near, key);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_offer(&near, words[i]);
	return near.word;
}

static void mistyped_words_are_guessed_and_far_ones_are_not(void **state)
{
	(void)state;
	assert_string_equal(guess("nmae"), "name");
	assert_string_equal(guess("TIMEOUT"), "timeout");
	assert_string_equal(guess("timout"), "timeout");
	assert_string_equal(guess("onCarsh"), "onCrash");
	assert_string_equal(guess("ran"), "run");
	assert_string_equal(guess("connectionPerAdress"), "connectionsPerAddress");
	assert_null(guess("x"));
	assert_null(guess("needs"));
	assert_null(guess("aVeryLongKeyThatNobodyCouldEverHaveMeantToWriteHere"));
	assert_null(guess(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_given_has_its_default),
		cmocka_unit_test(numbers_and_booleans_may_come_as_text),
		cmocka_unit_test(the_wrong_parameter_is_named),
		cmocka_unit_test(a_choice_is_one_of_those_that_are_named),
		cmocka_unit_test(a_result_beyond_its_buffer_is_an_error),
		cmocka_unit_test(mistyped_words_are_guessed_and_far_ones_are_not),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
