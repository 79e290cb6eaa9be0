/* What the testkit does in the daemon's place. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "support_plugin.h"

static int set_up(void **state)
{
	*state = told_begin();
	return 0;
}

static int tear_down(void **state)
{
	told_end(*state, NULL);
	return 0;
}

/* ---- Options and checkpoints ---- */

static void options_are_checked_by_the_plugin_as_well(void **state)
{
	testkit *kit = testkit_open_file(TEST_PLUGIN_DIR "/checking.so");
	(void)state;
	assert_int_equal(testkit_create(kit, "{\"even\": 3}"), TAPPET_EINVAL);
	assert_non_null(strstr(testkit_error(kit), "1:10: expected an even number"));
	assert_int_equal(testkit_create(kit, "{\"even\": 2}"), TAPPET_OK);
	assert_null(testkit_trigger_add(kit, "a", "{\"path\": \"x\"}"));
	assert_string_equal(testkit_error(kit), "a:1:10: expected a path that begins with a slash\n");
	testkit_close(kit);
}

static void what_a_trigger_claims_is_its_own_until_it_goes(void **state)
{
	testkit *kit = testkit_open_file(TEST_PLUGIN_DIR "/checking.so");
	(void)state;
	assert_int_equal(testkit_create(kit, NULL), TAPPET_OK);
	tappet_trigger *first = testkit_trigger_add(kit, "a", "{\"path\": \"/x\"}");
	assert_non_null(first);
	assert_null(testkit_trigger_add(kit, "b", "{\"path\": [\"/y\", \"/x\"]}"));
	assert_non_null(strstr(testkit_error(kit), "path /x: trigger \"a\" has it already"));
	testkit_trigger_remove(kit, first);
	assert_non_null(testkit_trigger_add(kit, "b", "{\"path\": [\"/y\", \"/x\"]}"));
	testkit_close(kit);
}

static void a_path_is_relative_to_the_working_folder(void **state)
{
	testkit *kit = *state;
	char *folder = getcwd(NULL, 0), expected[1024];
	assert_non_null(testkit_trigger_add(kit, "relative", "{\"path\": \"./in/\"}"));
	snprintf(expected, sizeof(expected), "%s/in", folder);
	assert_string_equal(told.path, expected);
	assert_non_null(testkit_trigger_add(kit, "absolute", "{\"path\": \"/srv/in\"}"));
	assert_string_equal(told.path, "/srv/in");
	assert_null(testkit_trigger_add(kit, "none", "{\"path\": \"\"}"));
	assert_non_null(strstr(testkit_error(kit), "expected a path"));
	free(folder);
}

static void options_are_checked_by_the_table(void **state)
{
	testkit *kit = *state;
	assert_int_equal(told.every, 60000);
	assert_non_null(testkit_trigger_add(kit, "b", "{\"every\": \"5s\"}"));
	assert_int_equal(told.every, 5000);
	assert_null(testkit_trigger_add(kit, "c", "{\"evry\": \"5s\"}"));
	assert_string_equal(testkit_error(kit), "c:1:2: unknown option \"evry\": did you mean \"every\"?\n");
	assert_null(testkit_trigger_add(kit, "c", "{\"every\": true}"));
	assert_non_null(strstr(testkit_error(kit), "c:1:11"));
}

static void checkpoints_are_kept_as_the_outcome_has_it(void **state)
{
	testkit *kit = *state;
	static const struct {
		int32_t outcome, reason;
		bool kept;
	} cases[] = {
		{TAPPET_OK, 0, true},
		{TAPPET_EDUP, 0, true},
		{TAPPET_ECONFLICT, 0, false},
		{TAPPET_EREFUSED, TAPPET_REASON_FILTER, true},
		{TAPPET_EREFUSED, TAPPET_REASON_OVERLAP, true},
		{TAPPET_EREFUSED, TAPPET_REASON_DISABLED, true},
		{TAPPET_EREFUSED, TAPPET_REASON_QUEUE_FULL, false},
		{TAPPET_ECANCELED, TAPPET_REASON_STORE, false},
		{TAPPET_EUNKNOWN, 0, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		testkit_kv_set(kit, "test", "at", "old");
		testkit_outcome(kit, cases[i].outcome, cases[i].reason, NULL);
		assert_int_equal(told_emit("1", NULL, "new"), 0);
		assert_string_equal(testkit_kv(kit, "test", "at").ptr, "old");
		testkit_run(kit);
		assert_int_equal(told.last.outcome, cases[i].outcome);
		assert_string_equal(testkit_kv(kit, "test", "at").ptr, cases[i].kept ? "new" : "old");
	}
}

static void a_trigger_finds_its_checkpoints_when_it_comes_again(void **state)
{
	testkit *kit = *state;
	told_emit("1", NULL, "7");
	testkit_trigger_remove(kit, told.trigger);
	assert_int_equal(told.frees, 0);
	testkit_run(kit);
	assert_int_equal(told.frees, 1);
	testkit_trigger_add(kit, "test", NULL);
	assert_string_equal(told.checkpoint, "7");
}

/* ---- Emissions ---- */

static void callbacks_come_later_once_and_with_a_key(void **state)
{
	testkit *kit = *state;
	assert_int_equal(told_emit("{\"a\":1}", NULL, NULL), 0);
	assert_int_equal(told.results, 0);
	testkit_run(kit);
	testkit_run(kit);
	assert_int_equal(told.results, 1);
	assert_int_equal(told.results_inside, 0);
	assert_string_equal(told.last_key, "host-1");
	assert_int_equal(strlen(told.last_id), 24);
	const testkit_emission *seen = testkit_emission_last(kit);
	assert_string_equal(seen->payload.ptr, "{\"a\":1}");
	assert_string_equal(seen->trigger_id, "test");
	assert_int_equal(seen->occurred_ms, testkit_wall_ms(kit));
	assert_int_equal(seen->settled, 1);
	assert_null(testkit_emission_at(kit, 1));
}

static void a_key_starts_one_activity(void **state)
{
	testkit *kit = *state;
	char first[25];
	told_emit("1", "k", NULL);
	testkit_run(kit);
	snprintf(first, sizeof(first), "%s", told.last_id);
	told_emit("1", "k", NULL);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_EDUP);
	assert_string_equal(told.last_id, first);
	told_emit("2", "k", NULL);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_ECONFLICT);
	assert_string_equal(told.last_id, first);
	told_emit("2", "other", NULL);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_OK);
}

static void what_the_test_says_comes_first_and_the_rest_after(void **state)
{
	testkit *kit = *state;
	testkit_outcome(kit, TAPPET_EBUSY, 0, NULL);
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_PARAMETERS, "no parameter \"x\"");
	testkit_outcome_always(kit, TAPPET_EUNKNOWN, 0, NULL);
	assert_int_equal(told_emit("1", NULL, NULL), TAPPET_EBUSY);
	testkit_run(kit);
	assert_int_equal(told.resumes, 1);
	told_emit("1", NULL, NULL);
	testkit_run(kit);
	assert_int_equal(told.last.reason, TAPPET_REASON_PARAMETERS);
	assert_string_equal(told.last_detail, "no parameter \"x\"");
	told_emit("1", NULL, NULL);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_EUNKNOWN);
	assert_int_equal(testkit_emission_count(kit), 2);
}

static void callbacks_wait_for_the_test_and_keep_their_order(void **state)
{
	testkit *kit = *state;
	testkit_hold(kit, 1);
	for (int i = 0; i < 3; i++)
		told_emit("1", NULL, NULL);
	testkit_run(kit);
	assert_int_equal(told.results, 0);
	assert_int_equal(testkit_settle(kit, 1, TAPPET_OK, 0, NULL), TAPPET_ESTATE);
	assert_int_equal(testkit_settle(kit, 0, TAPPET_EUNKNOWN, 0, NULL), 0);
	assert_int_equal(told.last.outcome, TAPPET_EUNKNOWN);
	assert_int_equal(testkit_settle(kit, 0, TAPPET_OK, 0, NULL), TAPPET_ESTATE);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(told.results, 3);
}

static void what_is_not_json_is_not_taken(void **state)
{
	(void)state;
	assert_int_equal(told_emit("{", NULL, NULL), TAPPET_EINVAL);
	assert_int_equal(told_emit("", NULL, NULL), 0);
}

static void credit_pauses_at_all_and_resumes_at_half(void **state)
{
	testkit *kit = *state;
	uint64_t left;
	testkit_credit(kit, 4, 1000);
	testkit_hold(kit, 1);
	assert_int_equal(told_emit("1", NULL, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_non_null(testkit_trigger_add(kit, (const char *[]){"second", "third", "fourth"}[i], NULL));
		assert_int_equal(told_emit("1", NULL, NULL), 0);
	}
	assert_int_equal(told_emit("1", NULL, NULL), TAPPET_EBUSY);
	told.host->credit(told.trigger, &left, NULL);
	assert_int_equal(left, 0);
	testkit_run(kit);
	assert_int_equal(told.pauses, 1);
	assert_true(testkit_is_paused(kit));
	testkit_settle(kit, 0, TAPPET_OK, 0, NULL);
	testkit_run(kit);
	assert_int_equal(told.resumes, 0);
	testkit_settle(kit, 1, TAPPET_OK, 0, NULL);
	testkit_run(kit);
	assert_int_equal(told.resumes, 1);
	assert_false(testkit_is_paused(kit));
	testkit_hold(kit, 0);
}

static void a_trigger_has_half_of_what_the_others_leave(void **state)
{
	testkit *kit = *state;
	uint64_t left, bytes;
	testkit_credit(kit, 8, 1000);
	testkit_hold(kit, 1);
	told.host->credit(told.trigger, &left, &bytes);
	assert_int_equal(left, 4);
	assert_int_equal(bytes, 500);
	for (int i = 0; i < 4; i++)
		assert_int_equal(told_emit("1", NULL, NULL), 0);
	assert_int_equal(told_emit("1", NULL, NULL), TAPPET_EBUSY);
	testkit_trigger_add(kit, "second", NULL);
	told.host->credit(told.trigger, &left, NULL);
	assert_int_equal(left, 2);
	testkit_settle(kit, 0, TAPPET_OK, 0, NULL);
	testkit_run(kit);
	assert_int_equal(told.resumes, 0);
	testkit_settle(kit, 1, TAPPET_OK, 0, NULL);
	testkit_run(kit);
	assert_int_equal(told.resumes, 1);
	assert_int_equal(told.pauses, 0);
	testkit_hold(kit, 0);
}

static void accounts_and_refusals_are_kept(void **state)
{
	testkit *kit = *state;
	int32_t result = 1;
	tappet_checkpoint at = {tappet_cstr("at"), tappet_cstr("9")};
	tappet_account account = {.struct_size = sizeof(account),
				  .first_ms = 1,
				  .last_ms = 5,
				  .count = 3,
				  .outcome = TAPPET_ACCOUNT_MISSED,
				  .checkpoints = &at,
				  .checkpoint_count = 1,
				  .checkpoint_size = sizeof(at)};
	assert_int_equal(told.host->account(told.trigger, &account, told_done, &result), 0);
	assert_int_equal(result, 1);
	testkit_run(kit);
	assert_int_equal(result, 0);
	assert_int_equal(testkit_account_at(kit, 0)->count, 3);
	assert_string_equal(testkit_kv(kit, "test", "at").ptr, "9");
	account.count = 0;
	assert_int_equal(told.host->account(told.trigger, &account, told_done, &result), TAPPET_EINVAL);
	told.host->refuse(told.self, NULL, TAPPET_REASON_TOKEN, tappet_cstr("who?"));
	assert_string_equal(testkit_refusal_last(kit)->detail, "who?");
}

static void emissions_belong_between_start_and_stop(void **state)
{
	testkit *kit = *state;
	assert_int_equal(testkit_stop(kit, 1000), 1);
	assert_int_equal(told_emit("1", NULL, NULL), TAPPET_ESTATE);
}

/* ---- Time ---- */

static char order[16];

static void note(void *arg)
{
	size_t len = strlen(order);
	if (len < sizeof(order) - 1)
		order[len] = *(const char *)arg;
}

static void timers_fire_in_their_order_each_at_its_instant(void **state)
{
	testkit *kit = *state;
	static char a = 'a', b = 'b', c = 'c';
	tappet_timer *repeating;
	int64_t wall = testkit_wall_ms(kit), mono = testkit_mono_ms(kit);
	memset(order, 0, sizeof(order));
	told.host->timer_start(told.self, 30, 0, note, &a, NULL);
	told.host->timer_start(told.self, 10, 10, note, &b, &repeating);
	told.host->timer_start(told.self, 30, 0, note, &c, NULL);
	assert_int_equal(testkit_timer_next(kit), 10);
	testkit_advance(kit, 9);
	assert_string_equal(order, "");
	testkit_advance(kit, 31);
	assert_string_equal(order, "bbacbb");
	assert_int_equal(testkit_timer_count(kit), 1);
	told.host->timer_stop(repeating);
	assert_int_equal(testkit_timer_next(kit), -1);
	assert_int_equal(told.host->wall_ms(told.self) - wall, 40);
	assert_int_equal(told.host->mono_ms(told.self) - mono, 40);
}

static void setting_the_wall_clock_leaves_the_other_and_is_told(void **state)
{
	testkit *kit = *state;
	int64_t mono = testkit_mono_ms(kit);
	testkit_wall_set(kit, 1000);
	assert_int_equal(told.clock_sets, 1);
	assert_int_equal(told.host->wall_ms(told.self), 1000);
	assert_int_equal(told.host->mono_ms(told.self), mono);
}

/* ---- HTTP ---- */

static void echoes(struct told *t, tappet_request *request)
{
	char text[400];
	tappet_http_header header, type = {tappet_cstr("Content-Type"), tappet_cstr("text/plain")};
	assert_int_equal(t->http->header_at(request, 1, &header), 0);
	assert_int_equal(t->http->header_at(request, 2, &header), TAPPET_ENOTFOUND);
	snprintf(text, sizeof(text), "%s|%s|%s|%s|%s|%s|%s|%zu", t->http->method(request).ptr,
		 t->http->path(request).ptr, t->http->param(request, "name").ptr, t->http->param(request, "rest").ptr,
		 t->http->query_value(request, "a b").ptr, t->http->header(request, "x-NAME").ptr,
		 t->http->remote(request).ptr, t->http->body(request).len);
	assert_null(t->http->query_value(request, "none").ptr);
	assert_int_equal(t->http->respond(request, 201, &type, 1, tappet_cstr(text)), 0);
}

static void on_request(void *arg, tappet_request *request)
{
	struct told *t = arg;
	t->on_request(t, request);
}

static void requests_carry_everything_and_answers_come_back(void **state)
{
	testkit *kit = *state;
	tappet_route *route, *again;
	size_t len = 3000000;
	char *large = calloc(1, len);
	assert_int_equal(told.http->route_add(told.self, "POST", "/in/{name}/{rest...}", on_request, &told, &route), 0);
	assert_int_equal(told.http->route_add(told.self, "POST", "/in/{x}/{y...}", on_request, &told, &again),
			 TAPPET_EEXIST);
	told.on_request = echoes;
	testkit_http_remote(kit, "2001:db8::1");
	testkit_exchange *e = testkit_http(kit, "POST", "/in/a%20b/c/d?x&a+b=1%2B1&y=2", "X-Name: v\nOther: w",
					   tappet_strn(large, len));
	free(large);
	assert_int_equal(testkit_http_status(e), 201);
	assert_string_equal(testkit_http_body(e).ptr, "POST|/in/a%20b/c/d|a b|c/d|1+1|v|2001:db8::1|3000000");
	assert_string_equal(testkit_http_header(e, "content-type"), "text/plain");
	assert_int_equal(testkit_http_status(testkit_http(kit, "GET", "/in/a/b", NULL, tappet_cstr(""))), 405);
	assert_int_equal(testkit_http_status(testkit_http(kit, "GET", "/out", NULL, tappet_cstr(""))), 404);
	told.http->route_remove(route);
	assert_int_equal(testkit_http_status(testkit_http(kit, "POST", "/in/a/b", NULL, tappet_cstr(""))), 404);
}

static tappet_request *waiting;

static void waits(struct told *t, tappet_request *request)
{
	(void)t;
	waiting = request;
}

static void an_answer_may_come_when_the_client_has_left(void **state)
{
	testkit *kit = *state;
	tappet_route *route;
	told.on_request = waits;
	told.http->route_add(told.self, "GET", "/x", on_request, &told, &route);
	testkit_exchange *e = testkit_http(kit, "GET", "/x", NULL, tappet_cstr(""));
	assert_int_equal(testkit_http_status(e), 0);
	testkit_http_disconnect(e);
	told.http->route_remove(route);
	assert_int_equal(told.http->problem(waiting, 503, "busy", "later", 7), TAPPET_EGONE);
	assert_string_equal(testkit_http_problem(e), "busy");
	assert_string_equal(testkit_http_header(e, "Retry-After"), "7");
}

/* ---- Descriptors, state, what it says ---- */

static void on_fd(void *arg, int32_t events, int32_t error)
{
	char byte;
	assert_int_equal(error, 0);
	assert_int_equal(events, TAPPET_READABLE);
	assert_int_equal(read(*(int *)arg, &byte, 1), 1);
	told.fired++;
}

static void a_real_descriptor_that_is_ready_is_told(void **state)
{
	testkit *kit = *state;
	int ends[2];
	tappet_fd *watch, *again;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(told.host->fd_watch(told.self, ends[0], TAPPET_READABLE, on_fd, &ends[0], &watch), 0);
	assert_int_equal(told.host->fd_watch(told.self, ends[0], TAPPET_READABLE, on_fd, &ends[0], &again),
			 TAPPET_EEXIST);
	testkit_run(kit);
	assert_int_equal(told.fired, 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(testkit_poll(kit, 1000), 1);
	assert_int_equal(told.fired, 1);
	assert_int_equal(testkit_poll(kit, 0), 0);
	told.host->fd_unwatch(watch);
	assert_int_equal(testkit_fd_fire(kit, ends[0], TAPPET_READABLE, 0), TAPPET_ENOTFOUND);
	close(ends[0]);
	close(ends[1]);
}

static void what_the_plugin_says_can_be_asked_for(void **state)
{
	testkit *kit = *state;
	tappet_field field = {"path", tappet_cstr("/x")};
	told.host->log(told.self, TAPPET_LOG_WARN, "gone", &field, 1);
	assert_string_equal(testkit_log_at(kit, 0), "warn gone path=/x");
	told.host->health(told.self, told.trigger, TAPPET_HEALTH_BACKING_OFF, "no answer", 5);
	assert_int_equal(testkit_health(kit, told.trigger), TAPPET_HEALTH_BACKING_OFF);
	assert_string_equal(testkit_health_reason(kit, told.trigger), "no answer");
	assert_int_equal(testkit_health_until(kit, told.trigger), 5);
	assert_int_equal(testkit_health(kit, NULL), TAPPET_HEALTH_RUNNING);
	tappet_metric *counter = told.host->metric(told.self, TAPPET_COUNTER, "seen_total", "Seen.");
	told.host->metric_add(counter, 2);
	told.host->metric_add(counter, -1);
	assert_true(testkit_metric(kit, "seen_total") > 1.9 && testkit_metric(kit, "seen_total") < 2.1);
	assert_null(told.host->metric(told.self, TAPPET_GAUGE, "seen_total", ""));
	assert_null(told.host->metric(told.self, TAPPET_COUNTER, "Bad-Name", ""));
}

/* ---- Activities, faults ---- */

static char answer[64];

static void answered(void *arg, int32_t result, const tappet_activity_info *info)
{
	(void)arg;
	snprintf(answer, sizeof(answer), "%d %s", (int)result, info ? info->status : "-");
}

static void activities_go_on_as_the_test_says(void **state)
{
	testkit *kit = *state;
	int32_t result = 1;
	testkit_activity(kit, "a", TESTKIT_WORKFLOW, "inProgress", NULL);
	told.activity->status(told.self, "b", answered, NULL);
	testkit_run(kit);
	assert_string_equal(answer, "-5 -");
	told.activity->wait_end(told.self, "a", 1000, answered, NULL);
	testkit_advance(kit, 1000);
	assert_string_equal(answer, "-3 inProgress");
	told.activity->wait_end(told.self, "a", 1000, answered, NULL);
	told.activity->cancel(told.self, "a", told_done, &result);
	testkit_run(kit);
	assert_int_equal(result, 0);
	assert_string_equal(answer, "0 cancelled");
	told.activity->cancel(told.self, "a", told_done, &result);
	testkit_run(kit);
	assert_int_equal(result, TAPPET_ESTATE);
	assert_int_equal(testkit_timer_count(kit), 0);
}

static void the_nth_call_fails_and_only_that(void **state)
{
	testkit *kit = *state;
	testkit_fail(kit, 2, TAPPET_ENOMEM);
	assert_int_equal(told_emit("1", NULL, NULL), 0);
	assert_false(testkit_has_failed(kit));
	assert_int_equal(told_emit("1", NULL, NULL), TAPPET_ENOMEM);
	assert_true(testkit_has_failed(kit));
	assert_int_equal(told_emit("1", NULL, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_is_relative_to_the_working_folder),
		TEST(options_are_checked_by_the_table),
		TEST(options_are_checked_by_the_plugin_as_well),
		TEST(what_a_trigger_claims_is_its_own_until_it_goes),
		TEST(checkpoints_are_kept_as_the_outcome_has_it),
		TEST(a_trigger_finds_its_checkpoints_when_it_comes_again),
		TEST(callbacks_come_later_once_and_with_a_key),
		TEST(a_key_starts_one_activity),
		TEST(what_the_test_says_comes_first_and_the_rest_after),
		TEST(callbacks_wait_for_the_test_and_keep_their_order),
		TEST(what_is_not_json_is_not_taken),
		TEST(credit_pauses_at_all_and_resumes_at_half),
		TEST(a_trigger_has_half_of_what_the_others_leave),
		TEST(accounts_and_refusals_are_kept),
		TEST(emissions_belong_between_start_and_stop),
		TEST(timers_fire_in_their_order_each_at_its_instant),
		TEST(setting_the_wall_clock_leaves_the_other_and_is_told),
		TEST(requests_carry_everything_and_answers_come_back),
		TEST(an_answer_may_come_when_the_client_has_left),
		TEST(a_real_descriptor_that_is_ready_is_told),
		TEST(what_the_plugin_says_can_be_asked_for),
		TEST(activities_go_on_as_the_test_says),
		TEST(the_nth_call_fails_and_only_that),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
