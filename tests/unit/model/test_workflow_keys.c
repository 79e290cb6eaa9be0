/* What a definition may say besides processes: filters, mappings, concurrency, requests, other workflows, waits, values,
 * limits, retries and onFailure. For each key that it arrives in its field; the mistakes are in test_workflow_key_mistakes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/workflow.h"

static int read_file(void *arg, const char *path, char **ret_text, size_t *ret_len)
{
	(void)arg;
	(void)path;
	*ret_text = strdup("echo tidy");
	*ret_len = strlen(*ret_text);
	return 0;
}

static struct workflow *parse_with(const char *text, const struct json *on_failure)
{
	const struct workflow_options options = {.read_file = read_file, .on_failure = on_failure};
	struct workflow *w = NULL, *again = NULL;
	struct json_file *file = NULL;
	struct diag d;

	diag_init(&d);
	if (json_file_parse("test.json", text, strlen(text), &d, &file) < 0)
		fail_msg("%s", d.items[0].message);
	if (workflow_parse(file, "test", &options, &d, &w) < 0)
		fail_msg("%u:%u: %s", d.items[0].line, d.items[0].column, d.items[0].message);
	assert_int_equal(d.count, 0);
	json_file_free(file);
	diag_release(&d);
	/* Whatever it says, its revision gives it again. */
	assert_int_equal(workflow_from_canonical(w->canonical, w->canonical_len, &again), 0);
	assert_string_equal(again->canonical, w->canonical);
	assert_string_equal(again->hash, w->hash);
	assert_int_equal(again->step_count, w->step_count);
	workflow_unref(again);
	return w;
}

static struct workflow *parse(const char *text)
{
	return parse_with(text, NULL);
}

/* `members` stand beside one step "a". */
static struct workflow *parse_members(const char *members)
{
	char text[2000];

	(void)snprintf(text, sizeof(text), "{\"params\":{\"p\":{}},%s,\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}",
		       members);
	return parse(text);
}

/* `members` of the second step; the first one is "first". */
static struct workflow *parse_step(const char *members)
{
	char text[2000];

	(void)snprintf(text, sizeof(text),
		       "{\"params\":{\"p\":{}},\"steps\":[{\"id\":\"first\",\"run\":[\"x\"]},{\"id\":\"a\",%s}]}",
		       members);
	return parse(text);
}

static void triggers_filter_map_and_drop_repetitions(void **state)
{
	struct workflow *w = parse_members(
		"\"triggers\":[{\"plugin\":\"webhook\",\"when\":\".a == 1\",\"dedup\":\".id\",\"dedupWindow\":\"7d\","
		"\"params\":{\"p\":\".b\"}},{\"plugin\":\"other\"}]");

	(void)state;
	assert_string_equal(w->triggers[0].when, ".a == 1");
	assert_string_equal(w->triggers[0].dedup, ".id");
	assert_int_equal(w->triggers[0].dedup_window_ms, INT64_C(7) * 86400000);
	assert_int_equal(w->triggers[0].params.count, 1);
	assert_string_equal(w->triggers[0].params.items[0].name, "p");
	assert_string_equal(w->triggers[0].params.items[0].program, ".b");
	assert_null(w->triggers[1].when);
	assert_null(w->triggers[1].dedup);
	assert_int_equal(w->triggers[1].dedup_window_ms, 86400000);
	assert_int_equal(w->triggers[1].params.count, 0);
	workflow_unref(w);
}

static void concurrency_has_its_defaults(void **state)
{
	struct workflow *w = parse_members("\"priority\":-3,\"concurrency\":{}");

	(void)state;
	assert_int_equal(w->priority, -3);
	assert_int_equal(w->concurrency.overlap, OVERLAP_QUEUE);
	assert_int_equal(w->concurrency.limit, 1);
	assert_int_equal(w->concurrency.queue_max, 0);
	assert_null(w->concurrency.key);
	workflow_unref(w);
	w = parse_members("\"concurrency\":{\"limit\":4,\"queue\":10,\"key\":\".params.p\"}");
	assert_int_equal(w->concurrency.limit, 4);
	assert_int_equal(w->concurrency.queue_max, 10);
	assert_string_equal(w->concurrency.key, ".params.p");
	workflow_unref(w);
	w = parse_members("\"concurrency\":{\"overlap\":\"allow\"}");
	assert_int_equal(w->concurrency.overlap, OVERLAP_ALLOW);
	assert_int_equal(w->concurrency.limit, 0);
	workflow_unref(w);
	w = parse_members("\"concurrency\":{\"overlap\":\"cancel-running\"}");
	assert_int_equal(w->concurrency.overlap, OVERLAP_CANCEL);
	workflow_unref(w);
	w = parse_members("\"concurrency\":{\"overlap\":\"skip\"}");
	assert_int_equal(w->concurrency.overlap, OVERLAP_SKIP);
	assert_int_equal(w->priority, 0);
	workflow_unref(w);
	w = parse_members("\"manual\":true");
	assert_int_equal(w->concurrency.overlap, OVERLAP_ALLOW);
	assert_int_equal(w->concurrency.limit, 0);
	workflow_unref(w);
}

static void a_request_has_all_its_parts(void **state)
{
	struct workflow *w = parse_step(
		"\"http\":{\"method\":\"put\",\"url\":\"https://h/"
		"$(params.p)\",\"headers\":{\"X-A\":\"v$(activity.id)\","
		"\"Authorization\":{\"env\":\"TOKEN\"},\"X-F\":{\"file\":\"f\"}},\"body\":{\"n\":\"$(steps.first."
		"outputs.n)\"},"
		"\"expect\":[200,\"3xx\",\"404-410\"],\"outputs\":{\"id\":\".body.id\"},\"connectTimeout\":\"2s\","
		"\"maxAnswer\":\"64MiB\",\"redirects\":20,\"caFile\":\"ca.pem\"},\"timeout\":\"1m\"");
	const struct http_def *http = w->steps[1].http;

	(void)state;
	assert_int_equal(w->steps[1].kind, STEP_HTTP);
	assert_int_equal(w->steps[1].timeout_ms, 60000);
	assert_string_equal(http->method, "PUT");
	assert_int_equal(http->url.parts[1].kind, SUBST_PARAM);
	assert_int_equal(http->header_count, 3);
	assert_string_equal(http->headers[0].name, "X-A");
	assert_string_equal(http->headers[1].secret_env, "TOKEN");
	assert_string_equal(http->headers[2].secret_file, "f");
	assert_false(template_is_text(http->body));
	assert_int_equal(http->expect_count, 3);
	assert_int_equal(http->expect[0].first, 200);
	assert_int_equal(http->expect[0].last, 200);
	assert_int_equal(http->expect[1].first, 300);
	assert_int_equal(http->expect[1].last, 399);
	assert_int_equal(http->expect[2].first, 404);
	assert_int_equal(http->expect[2].last, 410);
	assert_string_equal(http->outputs.items[0].name, "id");
	assert_int_equal(http->connect_timeout_ms, 2000);
	assert_int_equal(http->answer_max, 64 * 1024 * 1024);
	assert_int_equal(http->redirects_max, 20);
	assert_true(http->verify);
	assert_string_equal(http->ca_file, "ca.pem");
	workflow_unref(w);
}

static void a_request_has_its_defaults(void **state)
{
	struct workflow *w = parse_step("\"http\":{\"url\":\"$(params.p)\",\"verify\":false}");
	const struct http_def *http = w->steps[1].http;

	(void)state;
	assert_string_equal(http->method, "GET");
	assert_null(http->body);
	assert_null(http->expect);
	assert_int_equal(http->connect_timeout_ms, 10000);
	assert_int_equal(http->answer_max, 1024 * 1024);
	assert_int_equal(http->redirects_max, 0);
	assert_false(http->verify);
	workflow_unref(w);
	w = parse_step("\"http\":{\"url\":\"http://h\",\"body\":\"text\",\"expect\":204}");
	assert_string_equal(w->steps[1].http->method, "POST");
	assert_true(template_is_text(w->steps[1].http->body));
	assert_int_equal(w->steps[1].http->expect[0].first, 204);
	workflow_unref(w);
}

static void another_workflow_is_named_or_described(void **state)
{
	struct workflow *w = parse_step("\"workflow\":\"other\"");

	(void)state;
	assert_int_equal(w->steps[1].kind, STEP_WORKFLOW);
	assert_string_equal(w->steps[1].call->slug, "other");
	assert_true(w->steps[1].call->wait);
	assert_null(w->steps[1].call->params);
	workflow_unref(w);
	w = parse_step("\"workflow\":{\"name\":\"other\",\"params\":{\"a\":[\"$(params.p)\"]},\"outputs\":{\"x\":\"."
		       "message\"}},"
		       "\"retry\":{\"attempts\":2,\"on\":[\"child\"]}");
	assert_non_null(w->steps[1].call->params);
	assert_int_equal(w->steps[1].call->outputs.count, 1);
	workflow_unref(w);
	w = parse_step("\"workflow\":{\"name\":\"other\",\"wait\":false}");
	assert_false(w->steps[1].call->wait);
	workflow_unref(w);
}

static void a_wait_has_a_topic_and_perhaps_more(void **state)
{
	struct workflow *w = parse_step("\"wait\":\"order.$(params.p).>\",\"timeout\":\"7d\"");

	(void)state;
	assert_int_equal(w->steps[1].kind, STEP_WAIT);
	assert_int_equal(w->steps[1].wait->topic.count, 3);
	assert_null(w->steps[1].wait->match);
	workflow_unref(w);
	w = parse_step("\"wait\":{\"topic\":\"a.*\",\"match\":\".ok\",\"outputs\":{\"by\":\".data.by\"}}");
	assert_string_equal(w->steps[1].wait->match, ".ok");
	assert_string_equal(w->steps[1].wait->outputs.items[0].program, ".data.by");
	workflow_unref(w);
}

static void an_approval_asks_something_or_nothing(void **state)
{
	static const char *const forms[] = {"\"approve\":\"Ship $(params.p)?\"", "\"approve\":{\"message\":\"Ship?\"}",
					    "\"approve\":{}", "\"approve\":true"};
	static const size_t parts[] = {3, 1, 0, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct workflow *w = parse_step(forms[i]);

		assert_int_equal(w->steps[1].kind, STEP_APPROVE);
		assert_int_equal(w->steps[1].approve->message.count, parts[i]);
		workflow_unref(w);
	}
}

static void set_takes_texts_and_programs(void **state)
{
	struct workflow *w = parse_step(
		"\"set\":{\"text\":\"v$(steps.first.outputs.n)\",\"program\":\".steps.first.outputs.n | tonumber\","
		"\"literal\":\"$$(x)\"},\"when\":\".params.p != \\\"\\\"\"");
	const struct set_def *set = w->steps[1].set;

	(void)state;
	assert_int_equal(w->steps[1].set_count, 3);
	assert_string_equal(w->steps[1].when, ".params.p != \"\"");
	assert_null(set[0].program);
	assert_int_equal(set[0].text.count, 2);
	assert_string_equal(set[1].program, ".steps.first.outputs.n | tonumber");
	assert_null(set[2].program);
	assert_string_equal(set[2].text.parts[0].text, "$(x)");
	workflow_unref(w);
}

static void retries_say_when_and_for_what(void **state)
{
	struct workflow *w =
		parse_step("\"run\":[\"x\"],\"retry\":{\"attempts\":5,\"backoff\":\"2s\",\"factor\":1.5,"
			   "\"max\":\"1m\",\"jitter\":0.5,\"on\":[\"exit:75\",\"exit:1-9\",\"signal\",\"timeout\"]}");
	const struct retry_def *retry = &w->steps[1].retry;

	(void)state;
	assert_int_equal(retry->attempts, 5);
	assert_int_equal(retry->backoff_ms, 2000);
	assert_true(retry->factor == 1.5);
	assert_int_equal(retry->max_ms, 60000);
	assert_true(retry->jitter == 0.5);
	assert_int_equal(retry->on_count, 4);
	assert_int_equal(retry->on[0].first, 75);
	assert_int_equal(retry->on[1].last, 9);
	retry = &w->steps[0].retry;
	assert_int_equal(retry->attempts, 1);
	assert_true(retry->factor == 2);
	assert_int_equal(retry->max_ms, 3600000);
	assert_true(retry->jitter == 0.1);
	assert_null(retry->on);
	workflow_unref(w);
	/* Longer than the default of "max". */
	w = parse_step("\"run\":[\"x\"],\"retry\":{\"attempts\":2,\"backoff\":\"1d\"}");
	assert_int_equal(w->steps[1].retry.max_ms, 86400000);
	workflow_unref(w);
}

static void processes_have_limits_and_users(void **state)
{
	struct workflow *w = parse_step(
		"\"run\":[\"x\"],\"user\":\"www-data\",\"noNewPrivileges\":true,\"envFile\":\"build.env\","
		"\"limits\":{\"cpuTime\":\"10s\",\"memory\":\"1GiB\",\"fileSize\":4096,\"files\":64,\"processes\":8}");
	const struct limits_def *limits = &w->steps[1].limits;

	(void)state;
	assert_string_equal(limits->user, "www-data");
	assert_true(limits->no_new_privileges);
	assert_string_equal(w->steps[1].env_file, "build.env");
	assert_int_equal(limits->cpu_ms, 10000);
	assert_int_equal(limits->memory, 1 << 30);
	assert_int_equal(limits->file_size, 4096);
	assert_int_equal(limits->files, 64);
	assert_int_equal(limits->processes, 8);
	assert_int_equal(w->steps[0].limits.memory, 0);
	assert_false(w->steps[0].limits.no_new_privileges);
	workflow_unref(w);
}

static void choices_and_secrets_are_parameters(void **state)
{
	struct workflow *w =
		parse("{\"params\":{\"env\":{\"type\":\"choice\",\"choices\":[\"test\",\"live\"],\"default\":\"test\"},"
		      "\"key\":{\"type\":\"secret\",\"required\":true}},\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}");

	(void)state;
	assert_int_equal(w->params[0].type, PARAM_CHOICE);
	assert_int_equal(w->params[0].choice_count, 2);
	assert_string_equal(w->params[0].choices[1], "live");
	assert_int_equal(w->params[1].type, PARAM_SECRET);
	workflow_unref(w);
}

static void on_failure_is_the_last_step(void **state)
{
	struct workflow *w = parse("{\"onFailure\":{\"run\":[\"mail\",\"$(failure.step): $(failure.message)\","
				   "\"$(steps.b.outputs.x)\"]},\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},"
				   "{\"id\":\"b\",\"needs\":[],\"run\":[\"x\"]}]}");
	const struct step_def *last = &w->steps[2];

	(void)state;
	assert_true(w->has_on_failure);
	assert_int_equal(w->step_count, 3);
	assert_string_equal(last->id, "on-failure");
	assert_string_equal(last->name, "on-failure");
	assert_int_equal(last->needs_count, 0);
	assert_int_equal(last->argv[1].parts[0].kind, SUBST_FAILURE);
	assert_string_equal(last->argv[1].parts[0].text, "step");
	assert_int_equal(workflow_find_step(w, "on-failure"), 2);
	workflow_unref(w);
}

static void a_script_of_on_failure_is_inlined(void **state)
{
	struct workflow *w = parse("{\"onFailure\":{\"id\":\"alarm\",\"script\":{\"file\":\"x.sh\"}},"
				   "\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}");

	(void)state;
	assert_string_equal(w->steps[1].id, "alarm");
	assert_non_null(strstr(w->canonical, "\"onFailure\":{\"id\":\"alarm\",\"script\":\"echo tidy\"}"));
	workflow_unref(w);
}

/* As if the definition had it itself. */
static void the_default_of_on_failure_becomes_part_of_a_definition_without_one(void **state)
{
	static const char text[] = "{\"id\":\"alarm\",\"run\":[\"mail\",\"$(failure.message)\"]}";
	static const char plain[] = "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}";
	static const char own[] = "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}],"
				  "\"onFailure\":{\"id\":\"alarm\",\"run\":[\"mail\",\"$(failure.message)\"]}}";
	static const char none[] = "{\"onFailure\":null,\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}";
	struct json *step = NULL;
	struct workflow *a, *b;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &step, NULL), 0);
	a = parse_with(plain, step);
	b = parse(own);
	assert_string_equal(a->canonical, b->canonical);
	assert_string_equal(a->steps[1].id, "alarm");
	workflow_unref(b);
	b = parse(plain);
	assert_string_not_equal(a->hash, b->hash);
	assert_false(b->has_on_failure);
	workflow_unref(a);
	workflow_unref(b);
	a = parse_with(none, step);
	assert_false(a->has_on_failure);
	assert_int_equal(a->step_count, 1);
	workflow_unref(a);
	json_free(step);
}

static void collect(void *arg, const struct json *program)
{
	(void)buf_printf(arg, "%s\n", json_str(program));
}

static void every_program_of_a_definition_is_visited(void **state)
{
	static const char text[] =
		"{\"triggers\":[{\"when\":\"1\",\"dedup\":\"2\",\"params\":{\"a\":\"3\"}},5],\"concurrency\":{\"key\":"
		"\"4\"},"
		"\"steps\":[{\"when\":\"5\",\"http\":{\"outputs\":{\"a\":\"6\"}}},{\"workflow\":{\"outputs\":{\"a\":"
		"\"7\"}}},"
		"{\"wait\":{\"match\":\"8\",\"outputs\":{\"a\":\"9\"}}},{\"workflow\":\"x\",\"wait\":\"y\",\"when\":"
		"\"\"},"
		"{\"set\":{\"a\":\"10\",\"b\":\"$(params.x)\",\"c\":11}}],\"onFailure\":{\"when\":\"12\"}}";
	struct json *root = NULL;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(json_parse(text, strlen(text), &root, NULL), 0);
	workflow_each_program(root, collect, &out);
	assert_string_equal(buf_cstr(&out), "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n12\n");
	buf_release(&out);
	json_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(triggers_filter_map_and_drop_repetitions),
		cmocka_unit_test(concurrency_has_its_defaults),
		cmocka_unit_test(a_request_has_all_its_parts),
		cmocka_unit_test(a_request_has_its_defaults),
		cmocka_unit_test(another_workflow_is_named_or_described),
		cmocka_unit_test(a_wait_has_a_topic_and_perhaps_more),
		cmocka_unit_test(an_approval_asks_something_or_nothing),
		cmocka_unit_test(set_takes_texts_and_programs),
		cmocka_unit_test(retries_say_when_and_for_what),
		cmocka_unit_test(processes_have_limits_and_users),
		cmocka_unit_test(choices_and_secrets_are_parameters),
		cmocka_unit_test(on_failure_is_the_last_step),
		cmocka_unit_test(a_script_of_on_failure_is_inlined),
		cmocka_unit_test(the_default_of_on_failure_becomes_part_of_a_definition_without_one),
		cmocka_unit_test(every_program_of_a_definition_is_visited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
