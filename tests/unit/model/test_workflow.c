/* What a definition becomes: its fields, its defaults, its canonical form. The mistakes are in test_workflow_mistakes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/workflow.h"

static int read_file(void *arg, const char *path, char **ret_text, size_t *ret_len)
{
	(void)arg;
	if (strcmp(path, "stamp.sh") != 0)
		return -ENOENT;
	*ret_text = strdup("#!/bin/sh\necho \"h\xc3\xa9\"\n");
	*ret_len = strlen(*ret_text);
	return 0;
}

static const struct workflow_options options = {.read_file = read_file};

static struct workflow *parse(const char *text)
{
	struct workflow *w = NULL;
	struct json_file *file = NULL;
	struct diag d;

	diag_init(&d);
	if (json_file_parse("test.json", text, strlen(text), &d, &file) < 0)
		fail_msg("%s", d.items[0].message);
	if (workflow_parse(file, "test", &options, &d, &w) < 0)
		fail_msg("%s", d.items[0].message);
	assert_int_equal(d.count, 0);
	json_file_free(file);
	diag_release(&d);
	return w;
}

static const char full[] =
	"{ // a comment\n"
	"  \"$schema\": \"https://example.org/workflow.json\",\n"
	"  \"slug\": \"deploy-site\", \"id\": \"5dd74d0976df2d000110e52a\", \"name\": \"Deploy the site\",\n"
	"  \"team\": \"Web\", \"description\": \"All of it\", \"manual\": false, \"enabled\": false,\n"
	"  \"timeout\": \"2h\",\n"
	"  \"params\": { \"count\": { \"type\": \"number\", \"required\": true },\n"
	"              \"branch\": { \"type\": \"string\", \"default\": \"main\", \"description\": \"which\" } },\n"
	"  \"triggers\": [ { \"id\": \"push\", \"plugin\": \"webhook\", \"with\": { \"b\": 1, \"a\": { \"env\": \"S\" "
	"} } },\n"
	"                { \"plugin\": \"schedule\", \"enabled\": false } ],\n"
	"  \"steps\": [\n"
	"    { \"id\": \"build\", \"name\": \"Build\", \"run\": [ \"make\", \"B=$(params.branch)\" ], \"timeout\": "
	"\"10m\",\n"
	"      \"retry\": { \"attempts\": 3, \"backoff\": \"5s\" }, \"cwd\": \"/srv/$(params.branch)\", \"stdin\": "
	"\"$(x\",\n"
	"      \"env\": { \"CI\": \"1\", \"KEY\": { \"env\": \"SECRET\" }, \"CERT\": { \"file\": \"cert.pem\" } } },\n"
	"    { \"id\": \"stamp\", \"script\": [ \"#!/bin/sh\", \"echo $(date)\" ], \"onCrash\": \"fail\" },\n"
	"    { \"id\": \"pause\", \"sleep\": \"1s\", \"needs\": [] },\n"
	"    { \"id\": \"last\", \"needs\": [ \"pause\", \"stamp\" ], \"always\": true, \"onCrash\": \"rerun\",\n"
	"      \"run\": [ \"echo\", \"$(steps.stamp.outputs.tag)\" ] }\n"
	"  ]\n"
	"}\n";

static void every_key_arrives_in_its_field(void **state)
{
	struct workflow *w = parse(full);

	(void)state;
	assert_string_equal(w->slug, "deploy-site");
	assert_string_equal(w->imported_id, "5dd74d0976df2d000110e52a");
	assert_string_equal(w->name, "Deploy the site");
	assert_string_equal(w->team, "Web");
	assert_string_equal(w->description, "All of it");
	assert_false(w->manual);
	assert_false(w->enabled);
	assert_int_equal(w->timeout_ms, 7200000);
	assert_int_equal(w->param_count, 2);
	assert_string_equal(w->params[0].name, "branch");
	assert_string_equal(w->params[0].default_json, "\"main\"");
	assert_string_equal(w->params[0].description, "which");
	assert_false(w->params[0].required);
	assert_int_equal(w->params[1].type, PARAM_NUMBER);
	assert_null(w->params[1].default_json);
	assert_true(w->params[1].required);
	assert_int_equal(w->trigger_count, 2);
	assert_int_equal(workflow_find_trigger(w, "push"), 0);
	assert_string_equal(w->triggers[0].with_json, "{\"a\":{\"env\":\"S\"},\"b\":1}");
	assert_true(w->triggers[0].enabled);
	assert_string_equal(w->triggers[1].id, "schedule");
	assert_string_equal(w->triggers[1].with_json, "{}");
	assert_false(w->triggers[1].enabled);
	workflow_unref(w);
}

static void every_key_of_a_step_arrives_in_its_field(void **state)
{
	struct workflow *w = parse(full);
	const struct step_def *build = &w->steps[0];

	(void)state;
	assert_int_equal(w->step_count, 4);
	assert_string_equal(build->name, "Build");
	assert_int_equal(build->kind, STEP_RUN);
	assert_int_equal(build->argc, 2);
	assert_int_equal(build->argv[1].parts[1].kind, SUBST_PARAM);
	assert_int_equal(build->timeout_ms, 600000);
	assert_int_equal(build->retry.attempts, 3);
	assert_int_equal(build->retry.backoff_ms, 5000);
	assert_true(build->has_cwd);
	assert_string_equal(build->stdin_text, "$(x");
	assert_int_equal(build->env_count, 3);
	assert_string_equal(build->env[0].value.parts[0].text, "1");
	assert_string_equal(build->env[1].secret_env, "SECRET");
	assert_string_equal(build->env[2].secret_file, "cert.pem");
	assert_false(build->on_crash_fail);

	assert_string_equal(w->steps[1].script, "#!/bin/sh\necho $(date)\n");
	assert_string_equal(w->steps[1].name, "stamp");
	assert_int_equal(w->steps[1].retry.attempts, 1);
	assert_int_equal(w->steps[1].timeout_ms, 0);
	assert_true(w->steps[1].on_crash_fail);
	assert_int_equal(w->steps[2].kind, STEP_SLEEP);
	assert_true(w->steps[3].always);
	assert_false(w->steps[3].on_crash_fail);
	workflow_unref(w);
}

static void a_step_without_needs_follows_the_one_before_it(void **state)
{
	struct workflow *w = parse(full);

	(void)state;
	assert_int_equal(w->steps[0].needs_count, 0);
	assert_int_equal(w->steps[1].needs_count, 1);
	assert_int_equal(w->steps[1].needs[0], 0);
	assert_int_equal(w->steps[2].needs_count, 0);
	assert_int_equal(w->steps[3].needs_count, 2);
	assert_int_equal(w->steps[3].needs[0], 2);
	assert_int_equal(w->steps[3].needs[1], 1);
	workflow_unref(w);
}

static void what_is_not_written_has_its_default(void **state)
{
	struct workflow *w = parse("{\"params\":{\"p\":{}},\"steps\":[{\"id\":\"a\",\"run\":[\"true\"]}]}");

	(void)state;
	assert_string_equal(w->slug, "test");
	assert_string_equal(w->name, "test");
	assert_string_equal(w->team, "");
	assert_string_equal(w->description, "");
	assert_null(w->imported_id);
	assert_true(w->manual);
	assert_true(w->enabled);
	assert_int_equal(w->timeout_ms, 0);
	assert_int_equal(w->params[0].type, PARAM_STRING);
	assert_false(w->params[0].required);
	assert_false(w->steps[0].has_cwd);
	assert_null(w->steps[0].stdin_text);
	workflow_unref(w);
}

static void the_canonical_form_stands_alone_and_gives_itself_again(void **state)
{
	struct workflow *w = parse(full), *again = NULL;

	(void)state;
	assert_null(strstr(w->canonical, "schema"));
	assert_int_equal(strlen(w->canonical), w->canonical_len);
	assert_int_equal(workflow_from_canonical(w->canonical, w->canonical_len, &again), 0);
	assert_string_equal(again->canonical, w->canonical);
	assert_string_equal(again->hash, w->hash);
	assert_string_equal(again->slug, "deploy-site");
	assert_int_equal(again->references, 1);
	for (size_t i = 0; i < w->param_count; i++)
		assert_string_equal(again->params[i].name, w->params[i].name);
	workflow_unref(again);
	workflow_unref(w);
}

static void order_of_keys_comments_and_spaces_make_no_revision(void **state)
{
	struct workflow *a = parse("{\"name\":\"n\",\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}");
	struct workflow *b = parse("{ /* new */ \"steps\": [ {\"run\": [\"x\"], \"id\": \"a\"} ],\n \"name\": \"n\" }");
	struct workflow *c = parse("{\"name\":\"n\",\"steps\":[{\"id\":\"a\",\"run\":[\"y\"]}]}");

	(void)state;
	assert_string_equal(a->hash, b->hash);
	assert_string_not_equal(a->hash, c->hash);
	assert_int_equal(strlen(a->hash), 64);
	workflow_unref(a);
	workflow_unref(b);
	workflow_unref(c);
}

/* Revisions are kept for years: what was one stays the same one. */
static void the_canonical_form_never_changes(void **state)
{
	static const char canonical[] =
		"{\"name\":\"n\",\"params\":{\"p\":{\"default\":1.5,\"type\":\"number\"}},\"slug\":\"test\",\"steps\":["
		"{\"id\":\"a\",\"retry\":{\"attempts\":2},\"run\":[\"x\",\"$(params.p)\"]},{\"id\":\"b\",\"script\":"
		"\"one\\ntwo\\n\"}],\"triggers\":[{\"plugin\":\"webhook\",\"with\":{}}]}";
	struct workflow *w =
		parse("{\"triggers\":[{\"with\":{},\"plugin\":\"webhook\"}],\"$schema\":\"x\","
		      "\"steps\":[{\"run\":[\"x\",\"$(params.p)\"],\"retry\":{\"attempts\":2},\"id\":\"a\"},"
		      "{\"script\":[\"one\",\"two\"],\"id\":\"b\"}],"
		      "\"params\":{\"p\":{\"type\":\"number\",\"default\":1.50}},\"name\":\"n\"}");

	(void)state;
	assert_string_equal(w->canonical, canonical);
	assert_string_equal(w->hash, "aea5b9af96e9119a29437aeb47e7134f9e8052c888ca5749d29911f0395d4a71");
	workflow_unref(w);
}

static void a_script_from_a_file_is_part_of_the_revision(void **state)
{
	struct workflow *w = parse("{\"steps\":[{\"id\":\"a\",\"script\":{\"file\":\"stamp.sh\"}}]}");
	struct workflow *same =
		parse("{\"steps\":[{\"id\":\"a\",\"script\":\"#!/bin/sh\\necho \\\"h\\u00e9\\\"\\n\"}]}");
	struct workflow *lines =
		parse("{\"steps\":[{\"id\":\"a\",\"script\":[\"#!/bin/sh\",\"echo \\\"h\\u00e9\\\"\"]}]}");

	(void)state;
	assert_string_equal(w->steps[0].script, "#!/bin/sh\necho \"h\xc3\xa9\"\n");
	assert_string_equal(w->hash, same->hash);
	assert_string_equal(w->hash, lines->hash);
	workflow_unref(w);
	workflow_unref(same);
	workflow_unref(lines);
}

static void a_sleep_may_be_a_substitution(void **state)
{
	struct workflow *w = parse("{\"params\":{\"t\":{}},\"steps\":[{\"id\":\"a\",\"sleep\":\"$(params.t)\"}]}");

	(void)state;
	assert_false(subst_is_literal(&w->steps[0].sleep));
	workflow_unref(w);
}

static void references_keep_a_workflow_alive(void **state)
{
	struct workflow *w = parse(full);

	(void)state;
	assert_ptr_equal(workflow_ref(w), w);
	workflow_unref(w);
	assert_string_equal(w->slug, "deploy-site");
	workflow_unref(w);
	workflow_unref(NULL);
}

/* Callers keep these ids: this one was made with another implementation of RFC 9562. */
static void task_ids_are_uuids_of_workflow_and_step(void **state)
{
	char first[37], second[37];

	(void)state;
	workflow_task_id("5dd74d0976df2d000110e52a", "build", first);
	assert_string_equal(first, "ff54fc3f-225f-51a3-bf7c-13b2e6e78e91");
	workflow_task_id("5dd74d0976df2d000110e52a", "stamp", second);
	assert_string_not_equal(first, second);
	workflow_task_id("5dd74d0976df2d000110e52b", "build", second);
	assert_string_not_equal(first, second);
}

static void the_largest_graph_is_checked_without_recursion(void **state)
{
	struct workflow *w;
	struct buf text;

	(void)state;
	buf_init(&text, WORKFLOW_SIZE_MAX);
	(void)buf_str(&text, "{\"steps\":[");
	/* Each needs the one behind it in the list: the deepest walk there is. */
	for (int i = 0; i < WORKFLOW_STEPS_MAX; i++) {
		(void)buf_printf(&text, "%s{\"id\":\"s%d\",\"run\":[\"x\"],\"needs\":[", i ? "," : "", i);
		if (i + 1 < WORKFLOW_STEPS_MAX)
			(void)buf_printf(&text, "\"s%d\"", i + 1);
		(void)buf_str(&text, "]}");
	}
	(void)buf_str(&text, "]}");
	w = parse(buf_cstr(&text));
	assert_int_equal(w->step_count, WORKFLOW_STEPS_MAX);
	assert_int_equal(workflow_find_step(w, "s999"), 999);
	assert_int_equal(workflow_find_step(w, "s1000"), -1);
	workflow_unref(w);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_arrives_in_its_field),
		cmocka_unit_test(every_key_of_a_step_arrives_in_its_field),
		cmocka_unit_test(a_step_without_needs_follows_the_one_before_it),
		cmocka_unit_test(what_is_not_written_has_its_default),
		cmocka_unit_test(the_canonical_form_stands_alone_and_gives_itself_again),
		cmocka_unit_test(order_of_keys_comments_and_spaces_make_no_revision),
		cmocka_unit_test(the_canonical_form_never_changes),
		cmocka_unit_test(a_script_from_a_file_is_part_of_the_revision),
		cmocka_unit_test(a_sleep_may_be_a_substitution),
		cmocka_unit_test(references_keep_a_workflow_alive),
		cmocka_unit_test(task_ids_are_uuids_of_workflow_and_step),
		cmocka_unit_test(the_largest_graph_is_checked_without_recursion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
