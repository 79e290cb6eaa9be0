/* Every mistake in a definition: that it is found, where, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/workflow.h"

static int read_file(void *arg, const char *path, char **ret_text, size_t *ret_len)
{
	(void)arg;
	if (strcmp(path, "binary") == 0 || strcmp(path, "latin1") == 0) {
		*ret_text = malloc(4);
		memcpy(*ret_text,
		       *path == 'b' ? "a\0b"
				    : "a\xff"
				      "b",
		       4);
		*ret_len = 3;
		return 0;
	}
	return strcmp(path, "huge") == 0 ? -ENOBUFS : -ENOENT;
}

static const struct workflow_options options = {.read_file = read_file};

/* The mistakes as "LINE:COLUMN: message" lines. */
static void check(const char *text, struct buf *out)
{
	struct workflow *w = NULL;
	struct json_file *file = NULL;
	struct diag d;
	int r;

	diag_init(&d);
	r = json_file_parse("t", text, strlen(text), &d, &file);
	if (r < 0)
		fail_msg("no JSON: %s", text);
	r = workflow_parse(file, "some-slug", &options, &d, &w);
	if (r == 0)
		fail_msg("accepted: %s", text);
	assert_int_equal(r, -EINVAL);
	assert_null(w);
	for (size_t i = 0; i < d.count; i++)
		(void)buf_printf(out, "%u:%u: %s\n", d.items[i].line, d.items[i].column, d.items[i].message);
	json_file_free(file);
	diag_release(&d);
}

/* One mistake and no other, at that place, with these words in it. */
static void assert_mistake(const char *text, unsigned line, unsigned column, const char *words)
{
	struct buf out;
	char place[40];

	buf_init(&out, 1000000);
	check(text, &out);
	(void)snprintf(place, sizeof(place), "%u:%u: ", line, column);
	if (strncmp(buf_cstr(&out), place, strlen(place)) != 0 || !strstr(buf_cstr(&out), words) ||
	    strchr(buf_cstr(&out), '\n') != strrchr(buf_cstr(&out), '\n'))
		fail_msg("%s\nexpected %s%s\nfound    %s", text, place, words, buf_cstr(&out));
	buf_release(&out);
}

/* `members` stand before the steps, on a line of their own. */
static void assert_member(const char *members, unsigned column, const char *words)
{
	char text[1000];

	(void)snprintf(text, sizeof(text), "{\n%s,\n\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}", members);
	assert_mistake(text, 2, column, words);
}

/* `members` of the only step, on a line of their own. */
static void assert_step(const char *members, unsigned column, const char *words)
{
	char text[1000];

	(void)snprintf(text, sizeof(text),
		       "{\"params\":{\"branch\":{}},\"steps\":[{\"id\":\"first\",\"run\":[\"x\"]},{\n%s}]}", members);
	assert_mistake(text, 2, column, words);
}

static void keys_that_are_not_known_are_named_with_the_nearest_one(void **state)
{
	(void)state;
	assert_member("\"nmae\":\"x\"", 1, "unknown key \"nmae\" in a workflow: did you mean \"name\"?");
	assert_member("\"Team\":\"x\"", 1, "did you mean \"team\"?");
	assert_member("\"zzzzzz\":1", 1, "unknown key \"zzzzzz\" in a workflow");
	assert_step("\"id\":\"a\",\"tiemout\":\"1s\",\"run\":[\"x\"]", 10, "did you mean \"timeout\"?");
	assert_step("\"id\":\"a\",\"rn\":[\"x\"]", 10, "did you mean \"run\"?");
	assert_member("\"params\":{\"p\":{\"typ\":\"string\"}}", 16, "did you mean \"type\"?");
	assert_member("\"triggers\":[{\"plugin\":\"webhook\",\"wth\":{}}]", 33, "did you mean \"with\"?");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"retry\":{\"attempts\":2,\"delay\":\"1s\"}", 44,
		    "unknown key \"delay\"");
}

static void values_of_the_wrong_kind_say_what_was_expected(void **state)
{
	(void)state;
	assert_member("\"name\":3", 8, "\"name\": expected a string, found a number");
	assert_member("\"enabled\":\"yes\"", 11, "expected true or false, found a string");
	assert_member("\"manual\":null", 10, "expected true or false, found null");
	assert_member("\"timeout\":60", 11, "expected a duration such as");
	assert_member("\"timeout\":\"5 minutes\"", 11, "found \"5 minutes\"");
	assert_member("\"timeout\":\"0s\"", 11, "at least 1ms");
	assert_member("\"params\":[]", 10, "an object of parameters, found an array");
	assert_member("\"triggers\":{}", 12, "a list of triggers, found an object");
	assert_member("\"$schema\":1", 11, "expected a string");
	assert_mistake("[]", 1, 1, "a workflow as an object, found an array");
	assert_mistake("{\n\"steps\":{}}", 2, 9, "a list of steps, found an object");
	assert_mistake("{\n\"steps\":[1]}", 2, 10, "a step as an object, found a number");
	assert_step("\"id\":7,\"run\":[\"x\"]", 6, "expected a string");
	assert_step("\"id\":\"a\",\"run\":\"make site\"", 16, "a list of a program and its arguments");
	assert_step("\"id\":\"a\",\"run\":[\"x\",5]", 21, "expected a string, found a number");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"needs\":\"first\"", 30, "a list of ids of steps");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"needs\":[1]", 31, "the id of a step");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"always\":1", 31, "true or false");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"stdin\":1", 30, "a string");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"cwd\":\"\"", 28, "\"cwd\" is empty");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"onCrash\":\"ignore\"", 32, "\"rerun\" or \"fail\"");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"timeout\":\"1 h\"", 32, "a duration such as");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"retry\":{\"attempts\":0}", 42, "from 1 to 1000, found 0");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"retry\":{\"backoff\":\"1s\"}", 30, "needs \"attempts\"");
}

static void steps_need_what_makes_them_steps(void **state)
{
	(void)state;
	assert_mistake("{}", 1, 1, "a workflow needs \"steps\"");
	assert_mistake("{\"steps\":[]}", 1, 10, "at least one step");
	assert_mistake("{\"steps\":[{\"id\":\"a\"}]}", 1, 11, "one of \"run\", \"script\", \"sleep\"");
	assert_mistake("{\"steps\":[{\"run\":[\"x\"]}]}", 1, 11, "a step needs an \"id\"");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"script\":\"y\"", 22,
		    "\"script\" beside \"run\": a step does one thing");
	assert_step("\"id\":\"a\",\"run\":[]", 16, "\"run\" names no program");
	assert_step("\"id\":\"a\",\"run\":[\"\"]", 16, "\"run\" names no program");
	assert_step("\"id\":\"a\",\"script\":\"\"", 19, "\"script\" is empty");
	assert_step("\"id\":\"a\",\"script\":[]", 19, "\"script\" is empty");
	assert_step("\"id\":\"a\",\"script\":[\"x\",1]", 24, "a line as a string");
	assert_step("\"id\":\"a\",\"script\":1", 19, "a text, a list of lines or");
	assert_step("\"id\":\"a\",\"sleep\":\"long\"", 18, "a duration such as");
	assert_step("\"id\":\"a\",\"sleep\":\"1s\",\"env\":{}", 23, "\"env\" means nothing beside \"sleep\"");
	assert_step("\"id\":\"a\",\"sleep\":\"1s\",\"retry\":{\"attempts\":1}", 23, "\"retry\" means nothing");
}

static void scripts_from_files_are_read_or_refused(void **state)
{
	(void)state;
	assert_step("\"id\":\"a\",\"script\":{\"file\":\"nowhere.sh\"}", 27,
		    "cannot read \"nowhere.sh\": No such file");
	assert_step("\"id\":\"a\",\"script\":{\"file\":\"huge\"}", 27, "too large");
	assert_step("\"id\":\"a\",\"script\":{\"file\":\"binary\"}", 27, "not a text in UTF-8");
	assert_step("\"id\":\"a\",\"script\":{\"file\":\"latin1\"}", 27, "not a text in UTF-8");
	assert_step("\"id\":\"a\",\"script\":{\"path\":\"x\"}", 19, "expected {\"file\": \"PATH\"}");
}

static void names_follow_their_rules(void **state)
{
	(void)state;
	assert_member("\"slug\":\"Deploy\"", 8, "is no slug");
	assert_member("\"slug\":\"\"", 8, "is no slug");
	assert_member("\"slug\":\"-a\"", 8, "is no slug");
	assert_member("\"slug\":\"5dd74d0976df2d000110e52a\"", 8, "not 24 hex digits");
	assert_member("\"id\":\"5dd7\"", 6, "24 lower-case hex digits");
	assert_member("\"params\":{\"1st\":{}}", 11, "is no name for a parameter");
	assert_member("\"params\":{\"tag\":{},\"Tag\":{}}", 20, "differ only in case");
	assert_step("\"id\":\"A b\",\"run\":[\"x\"]", 6, "is no id for a step");
	assert_member("\"triggers\":[{\"id\":\"A\",\"plugin\":\"p\"}]", 19, "is no id for a trigger");
	assert_member("\"triggers\":[{\"plugin\":\"no way\"}]", 23, "is no plugin's name");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"A-B\":\"\"}", 29, "is no name for a variable");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"TAPPET_RUN\":\"\"}", 29, "is set by the daemon");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"TAPPET_PARAM_X\":\"\"}", 29, "is set by the daemon");
}

static void a_file_whose_name_is_no_slug_has_to_say_one(void **state)
{
	static const char text[] = "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}";
	struct workflow *w = NULL;
	struct json_file *file = NULL;
	struct diag d;

	(void)state;
	diag_init(&d);
	assert_int_equal(json_file_parse("t", text, strlen(text), &d, &file), 0);
	assert_int_equal(workflow_parse(file, "My Flow", NULL, &d, &w), -EINVAL);
	assert_int_equal(d.count, 1);
	assert_non_null(strstr(d.items[0].message, "\"My Flow\" is no slug"));
	json_file_free(file);
	diag_release(&d);
}

static void ids_stand_once(void **state)
{
	(void)state;
	assert_step("\"id\":\"first\",\"run\":[\"x\"]", 6, "two steps have the id \"first\"");
	assert_member("\"triggers\":[{\"plugin\":\"p\"},{\"plugin\":\"p\"}]", 28,
		      "the plugin's name): give them an \"id\"");
	assert_member("\"triggers\":[{\"plugin\":\"p\"},{\"id\":\"p\",\"plugin\":\"q\"}]", 34,
		      "two triggers have the id \"p\"");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"needs\":[\"first\",\"first\"]", 39, "\"first\" stands twice");
}

static void reserved_names_are_no_plugins(void **state)
{
	(void)state;
	assert_member("\"triggers\":[{\"plugin\":\"manual\"}]", 23, "started by hand");
	assert_member("\"triggers\":[{\"plugin\":\"workflow\"}]", 23, "the name is reserved");
	assert_member("\"triggers\":[{\"plugin\":\"replay\"}]", 23, "the name is reserved");
	assert_member("\"triggers\":[{}]", 13, "a trigger needs a \"plugin\"");
	assert_member("\"triggers\":[{\"plugin\":\"p\",\"with\":[]}]", 34, "an object with the plugin's options");
}

static void defaults_have_the_type_of_their_parameter(void **state)
{
	(void)state;
	assert_member("\"params\":{\"p\":{\"type\":\"number\",\"default\":\"3\"}}", 42, "of type number, found string");
	assert_member("\"params\":{\"p\":{\"default\":3}}", 26, "of type string, found number");
	assert_member("\"params\":{\"p\":{\"type\":\"text\"}}", 23, "expected \"string\", \"number\"");
	assert_member("\"params\":{\"p\":{\"required\":true,\"default\":\"\"}}", 32, "never used");
	assert_member("\"params\":{\"p\":\"string\"}", 15, "a parameter as an object, found a string");
}

static void secrets_in_env_have_their_form(void **state)
{
	(void)state;
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"K\":{\"name\":\"S\"}}", 33, "expected a secret as");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"K\":{\"env\":\"\"}}", 33, "expected a secret as");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"K\":{\"env\":\"S\",\"file\":\"f\"}}", 33,
		    "expected a secret as");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"K\":1}", 33, "a string, {\"env\": \"NAME\"}");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":[]", 28, "an object of variables");
}

static void needs_name_steps_and_make_no_circle(void **state)
{
	(void)state;
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"needs\":[\"frist\"]", 31,
		    "no step \"frist\": did you mean \"first\"?");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"needs\":[\"nowhere\"]", 31, "no step \"nowhere\"");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"needs\":[\"a\"]", 30, "wait for each other: a needs a");
	assert_mistake(
		"{\"steps\":[\n{\"id\":\"a\",\"run\":[\"x\"],\"needs\":[\"c\"]},\n{\"id\":\"b\",\"run\":[\"x\"]},\n"
		"{\"id\":\"c\",\"run\":[\"x\"]}]}",
		2, 31, "a needs c needs b needs a");
}

static void substitutions_name_what_is_there(void **state)
{
	(void)state;
	assert_step("\"id\":\"a\",\"run\":[\"$(params.brnch)\"]", 17, "no such parameter: did you mean \"branch\"?");
	assert_step("\"id\":\"a\",\"run\":[\"$(params.zzz)\"]", 17, "declare it in \"params\"");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"env\":{\"A\":\"$(params.zzz)\"}", 33, "no such parameter");
	assert_step("\"id\":\"a\",\"run\":[\"x\"],\"cwd\":\"$(params.zzz)\"", 28, "no such parameter");
	assert_step("\"id\":\"a\",\"sleep\":\"$(params.zzz)\"", 18, "no such parameter");
	assert_step("\"id\":\"a\",\"run\":[\"$(steps.zzz.outputs.x)\"]", 17, "no such step");
	assert_step("\"id\":\"a\",\"run\":[\"$(steps.a.outputs.x)\"]", 17, "step \"a\" has not always ended");
	assert_step("\"id\":\"a\",\"needs\":[],\"run\":[\"$(steps.first.outputs.x)\"]", 28, "name it in \"needs\"");
	assert_step("\"id\":\"a\",\"run\":[\"$(date)\"]", 17, "write $$(");
}

static void outputs_of_far_ancestors_can_be_used(void **state)
{
	struct workflow *w = NULL;
	struct json_file *file = NULL;
	struct diag d;
	static const char text[] = "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]},"
				   "{\"id\":\"c\",\"run\":[\"$(steps.a.outputs.x)\"]}]}";

	(void)state;
	diag_init(&d);
	assert_int_equal(json_file_parse("t", text, strlen(text), &d, &file), 0);
	assert_int_equal(workflow_parse(file, "t", NULL, &d, &w), 0);
	workflow_unref(w);
	json_file_free(file);
	diag_release(&d);
}

static void all_mistakes_of_a_file_come_in_one_pass_in_the_order_of_their_places(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	check("{\"slug\":\"A\",\n\"steps\":[{\"id\":\"a\",\"run\":[\"$(params.x)\"],\"tmeout\":\"1s\"},\n"
	      "{\"id\":\"a\",\"sleep\":\"x\",\"needs\":[\"b\"]}],\n\"timeout\":1}",
	      &out);
	assert_string_equal(
		buf_cstr(&out),
		"1:9: \"A\" is no slug: expected 1 to 100 of a-z, 0-9 and -, not a dash first, not 24 hex digits\n"
		"2:27: \"$(params.x)\": no such parameter: declare it in \"params\"\n"
		"2:42: unknown key \"tmeout\" in a step: did you mean \"timeout\"?\n"
		"3:7: two steps have the id \"a\"\n"
		"3:19: \"sleep\": expected a duration such as \"250ms\", \"10s\", \"5m\", \"2h\" or \"30d\", found "
		"\"x\"\n"
		"3:32: \"needs\": no step \"b\"\n"
		"4:11: \"timeout\": expected a duration such as \"250ms\", \"10s\", \"5m\", \"2h\" or \"30d\", found a "
		"number\n");
	buf_release(&out);
}

static void too_many_steps_are_refused(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, WORKFLOW_SIZE_MAX);
	(void)buf_str(&text, "{\"steps\":[");
	for (int i = 0; i <= WORKFLOW_STEPS_MAX; i++)
		(void)buf_printf(&text, "%s{\"id\":\"s%d\",\"run\":[\"x\"]}", i ? "," : "", i);
	(void)buf_str(&text, "]}");
	assert_mistake(buf_cstr(&text), 1, 10, "1001 steps: at most 1000 are allowed");
	buf_clear(&text);
	(void)buf_str(&text, "{\"onFailure\":{\"run\":[\"x\"]},\n\"steps\":[");
	for (int i = 0; i < WORKFLOW_STEPS_MAX; i++)
		(void)buf_printf(&text, "%s{\"id\":\"s%d\",\"run\":[\"x\"]}", i ? "," : "", i);
	(void)buf_str(&text, "]}");
	assert_mistake(buf_cstr(&text), 1, 2, "1001 steps with that of \"onFailure\": at most 1000 are allowed");
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_are_not_known_are_named_with_the_nearest_one),
		cmocka_unit_test(values_of_the_wrong_kind_say_what_was_expected),
		cmocka_unit_test(steps_need_what_makes_them_steps),
		cmocka_unit_test(scripts_from_files_are_read_or_refused),
		cmocka_unit_test(names_follow_their_rules),
		cmocka_unit_test(a_file_whose_name_is_no_slug_has_to_say_one),
		cmocka_unit_test(ids_stand_once),
		cmocka_unit_test(reserved_names_are_no_plugins),
		cmocka_unit_test(defaults_have_the_type_of_their_parameter),
		cmocka_unit_test(secrets_in_env_have_their_form),
		cmocka_unit_test(needs_name_steps_and_make_no_circle),
		cmocka_unit_test(substitutions_name_what_is_there),
		cmocka_unit_test(outputs_of_far_ancestors_can_be_used),
		cmocka_unit_test(all_mistakes_of_a_file_come_in_one_pass_in_the_order_of_their_places),
		cmocka_unit_test(too_many_steps_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
