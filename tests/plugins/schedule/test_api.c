/* Schedules that are made by API, and what people do to all of them. */
#include <cjson/cJSON.h>
#include "schedule_kit.h"

#define API "/api/v1/plugins/schedule"

struct fixture {
	testkit *kit;
	tappet_trigger *open;
	char id[25];
};

static testkit *begin(tappet_trigger **ret_open)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	assert_int_equal(testkit_create(kit, NULL), 0);
	assert_int_equal(testkit_start(kit), 0);
	*ret_open = testkit_open_trigger(kit, NULL);
	assert_non_null(*ret_open);
	assert_non_null(testkit_trigger_add(kit, "daily",
					    "{\"cron\":\"0 12 * * *\",\"name\":\"Noon\",\"description\":\"Lunch\"}"));
	testkit_run(kit);
	return kit;
}

static testkit_exchange *call(testkit *kit, const char *method, const char *path, const char *body)
{
	char target[300];
	snprintf(target, sizeof(target), API "%s", path);
	testkit_exchange *exchange = testkit_http(kit, method, target, NULL, tappet_cstr(body));
	for (int i = 0; i < 100 && testkit_http_status(exchange) == 0; i++) {
		testkit_run(kit);
		if (testkit_http_status(exchange) == 0)
			testkit_advance(kit, 1);
	}
	return exchange;
}

static cJSON *answer(testkit *kit, const char *method, const char *path, const char *body, int32_t status)
{
	testkit_exchange *exchange = call(kit, method, path, body);
	if (testkit_http_status(exchange) != status)
		fail_msg("%s %s: %d %s %s", method, path, testkit_http_status(exchange),
			 testkit_http_body(exchange).ptr, testkit_http_detail(exchange));
	const tappet_str text = testkit_http_body(exchange);
	return text.len ? cJSON_ParseWithLength(text.ptr, text.len) : NULL;
}

static void expect(testkit *kit, const char *method, const char *path, const char *body, int32_t status)
{
	cJSON_Delete(answer(kit, method, path, body, status));
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : "";
}

static void make(testkit *kit, const char *options, char id[static 25])
{
	char body[400];
	snprintf(body, sizeof(body), "{\"workflow\":\"%s\",%s}", TESTKIT_WORKFLOW, options);
	cJSON *made = answer(kit, "POST", "/schedules", body, 201);
	snprintf(id, 25, "%s", text_of(made, "id"));
	assert_int_equal(strlen(id), 24);
	cJSON_Delete(made);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->kit = begin(&f->open);
	make(f->kit, "\"cron\":\"0 * * * *\",\"name\":\"Hourly\",\"labels\":{\"k\":\"v\"},\"params\":{\"n\":1}", f->id);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	testkit_close(f->kit);
	free(f);
	return 0;
}

static char *path_of(const struct fixture *f, const char *rest, char path[static 100])
{
	snprintf(path, 100, "/schedules/%s%s", f->id, rest);
	return path;
}

static void one_that_is_made_fires_under_its_own_id(void **state)
{
	struct fixture *f = *state;
	testkit_advance(f->kit, HOUR);
	const testkit_emission *e = testkit_emission_last(f->kit);
	assert_non_null(e);
	assert_string_equal(e->subject, f->id);
	assert_true(contains(e->payload, "\"name\":\"Hourly\""));
	assert_string_equal(e->parameters.ptr, "{\"n\":1}");
	char key[100];
	snprintf(key, sizeof(key), "schedule/%s/2020-01-01T01:00:00Z", f->id);
	assert_string_equal(e->dedup_key.ptr, key);
}

static void it_is_shown_as_it_was_made(void **state)
{
	struct fixture *f = *state;
	char path[100];
	cJSON *shown = answer(f->kit, "GET", path_of(f, "", path), NULL, 200);
	assert_string_equal(text_of(shown, "status"), "active");
	assert_string_equal(text_of(shown, "source"), "api");
	assert_string_equal(text_of(shown, "next"), "2020-01-01T01:00:00+00:00");
	assert_string_equal(text_of(cJSON_GetObjectItem(shown, "options"), "cron"), "0 * * * *");
	assert_non_null(text_of(shown, "createdAt"));
	cJSON_Delete(shown);
	shown = answer(f->kit, "GET", "/schedules/workflow%2Fdaily", NULL, 200);
	assert_string_equal(text_of(shown, "source"), "definition");
	assert_string_equal(text_of(shown, "name"), "Noon");
	assert_string_equal(text_of(shown, "description"), "Lunch");
	cJSON_Delete(shown);
	expect(f->kit, "GET", "/schedules/000000000000000000000000", NULL, 404);
	expect(f->kit, "GET", "/schedules/x%2Fy", NULL, 404);
}

static void what_is_wrong_is_not_made(void **state)
{
	struct fixture *f = *state;
	static const char *const wrong[] = {
		"{\"cron\":\"* * * * *\"}",
		"{\"workflow\":\"nobody\",\"cron\":\"* * * * *\"}",
		"{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"cron\":\"61 * * * *\"}",
		"{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"cron\":\"* * * * *\",\"corn\":1}",
		"{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"at\":\"2019-01-01T00:00:00\"}",
		"{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"cron\":\"0 0 30 2 *\"}",
		"{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"every\":\"1s\",\"end\":\"2019-01-01T00:00:00\"}",
		"[]",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(f->kit, "POST", "/schedules", wrong[i], 422);
	expect(f->kit, "POST", "/schedules", "{", 400);
	/* All or none. */
	expect(f->kit, "POST", "/schedules",
	       "[{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"every\":\"1m\"},{\"workflow\":\"" TESTKIT_WORKFLOW
	       "\",\"every\":\"x\"}]",
	       422);
	cJSON *list = answer(f->kit, "GET", "/schedules", NULL, 200);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(list, "schedules")), 2);
	cJSON_Delete(list);
}

static void it_changes_and_its_cursor_with_its_rules(void **state)
{
	struct fixture *f = *state;
	char path[100];
	testkit_advance(f->kit, 30 * MINUTE);
	expect(f->kit, "PATCH", path_of(f, "", path), "{\"name\":\"Other\"}", 200);
	testkit_advance(f->kit, 30 * MINUTE);
	assert_fires(f->kit, EPOCH + HOUR);
	assert_true(contains(testkit_emission_last(f->kit)->payload, "\"name\":\"Other\""));
	expect(f->kit, "PUT", path_of(f, "", path), "{\"every\":\"10m\"}", 200);
	testkit_advance(f->kit, 10 * MINUTE);
	assert_int_equal(testkit_emission_count(f->kit), 2);
	assert_false(contains(testkit_emission_last(f->kit)->payload, "Other"));
	expect(f->kit, "PUT", path_of(f, "", path), "{\"every\":\"x\"}", 422);
	expect(f->kit, "PUT", path_of(f, "", path), "[]", 400);
	expect(f->kit, "PUT", "/schedules/workflow%2Fdaily", "{\"every\":\"10m\"}", 409);
	testkit_advance(f->kit, 10 * MINUTE);
	assert_int_equal(testkit_emission_count(f->kit), 3);
}

static void one_that_is_deleted_is_gone_with_all_that_was_kept_of_it(void **state)
{
	struct fixture *f = *state;
	char path[100], key[40];
	testkit_advance(f->kit, HOUR);
	snprintf(key, sizeof(key), "%s+", f->id);
	assert_non_null(testkit_kv(f->kit, "+schedule", key).ptr);
	expect(f->kit, "DELETE", path_of(f, "", path), NULL, 204);
	expect(f->kit, "GET", path_of(f, "", path), NULL, 404);
	testkit_run(f->kit);
	assert_null(testkit_kv(f->kit, "+schedule", key).ptr);
	assert_null(testkit_kv(f->kit, "+schedule", f->id).ptr);
	testkit_advance(f->kit, 3 * HOUR);
	assert_int_equal(testkit_emission_count(f->kit), 1);
	expect(f->kit, "DELETE", "/schedules/workflow%2Fdaily", NULL, 409);
}

static void a_pause_is_kept_and_accounted_for(void **state)
{
	struct fixture *f = *state;
	char path[100];
	expect(f->kit, "POST", path_of(f, "/pause", path), NULL, 200);
	expect(f->kit, "POST", path_of(f, "/pause", path), NULL, 409);
	testkit_advance(f->kit, 3 * HOUR);
	assert_int_equal(testkit_emission_count(f->kit), 0);
	expect(f->kit, "POST", path_of(f, "/resume", path), NULL, 200);
	testkit_run(f->kit);
	assert_account(f->kit, 0, TAPPET_ACCOUNT_PAUSED, EPOCH + HOUR, EPOCH + 3 * HOUR, 3);
	assert_string_equal(testkit_account_at(f->kit, 0)->subject, f->id);
	testkit_advance(f->kit, HOUR);
	assert_int_equal(testkit_emission_count(f->kit), 1);
	expect(f->kit, "POST", "/schedules/workflow%2Fdaily/pause", NULL, 200);
	testkit_advance(f->kit, DAY);
	for (size_t i = 0; i < testkit_emission_count(f->kit); i++)
		assert_string_equal(testkit_emission_at(f->kit, i)->subject, f->id);
}

static void one_that_is_made_paused_is_resumed(void **state)
{
	struct fixture *f = *state;
	char id[25], path[100];
	make(f->kit, "\"every\":\"1m\",\"paused\":true", id);
	testkit_advance(f->kit, 10 * MINUTE);
	assert_int_equal(testkit_emission_count(f->kit), 0);
	testkit_trigger_remove(f->kit, f->open);
	testkit_run(f->kit);
	testkit_open_trigger(f->kit, NULL);
	testkit_run(f->kit);
	snprintf(path, sizeof(path), "/schedules/%s", id);
	cJSON *shown = answer(f->kit, "GET", path, NULL, 200);
	assert_string_equal(text_of(shown, "status"), "paused");
	cJSON_Delete(shown);
	expect(f->kit, "PATCH", path, "{\"paused\":false}", 422);
	snprintf(path, sizeof(path), "/schedules/%s/resume", id);
	expect(f->kit, "POST", path, NULL, 200);
	testkit_advance(f->kit, MINUTE);
	assert_int_equal(testkit_emission_count(f->kit), 1);
}

static void the_next_one_is_left_out(void **state)
{
	struct fixture *f = *state;
	char path[100];
	expect(f->kit, "POST", path_of(f, "/skip", path), NULL, 200);
	expect(f->kit, "POST", path_of(f, "/skip", path), NULL, 409);
	testkit_advance(f->kit, 2 * HOUR);
	assert_fires(f->kit, EPOCH + 2 * HOUR);
	assert_account(f->kit, 0, TAPPET_ACCOUNT_SKIPPED, EPOCH + HOUR, EPOCH + HOUR, 1);
	expect(f->kit, "POST", path_of(f, "/skip", path), NULL, 200);
	expect(f->kit, "DELETE", path_of(f, "/skip", path), NULL, 200);
	testkit_advance(f->kit, HOUR);
	assert_int_equal(testkit_emission_count(f->kit), 2);
}

static void it_runs_now_and_its_cursor_stays(void **state)
{
	struct fixture *f = *state;
	char path[100];
	cJSON *ran = answer(f->kit, "POST", path_of(f, "/run", path), NULL, 200);
	assert_int_equal(strlen(text_of(ran, "activityId")), 24);
	cJSON_Delete(ran);
	assert_true(contains(testkit_emission_last(f->kit)->payload, "\"manual\":true"));
	testkit_advance(f->kit, HOUR);
	assert_int_equal(testkit_emission_count(f->kit), 2);
	testkit_outcome(f->kit, TAPPET_EREFUSED, TAPPET_REASON_OVERLAP, "it runs");
	expect(f->kit, "POST", path_of(f, "/run", path), NULL, 409);
}

static void a_range_of_the_past_is_made_up_for(void **state)
{
	struct fixture *f = *state;
	char path[100];
	static const char range[] = "\"from\":\"2019-12-31T00:00:00Z\",\"to\":\"2019-12-31T03:30:00Z\"";
	char body[200];
	snprintf(body, sizeof(body), "{%s}", range);
	cJSON *told = answer(f->kit, "POST", path_of(f, "/backfill", path), body, 200);
	assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(told, "count")), 4);
	cJSON_Delete(told);
	testkit_run(f->kit);
	assert_int_equal(testkit_emission_count(f->kit), 0);
	snprintf(body, sizeof(body), "{%s,\"start\":true}", range);
	expect(f->kit, "POST", path_of(f, "/backfill", path), body, 200);
	testkit_run(f->kit);
	const int64_t day = EPOCH - DAY;
	assert_fires(f->kit, day, day + HOUR, day + 2 * HOUR, day + 3 * HOUR);
	assert_true(contains(testkit_emission_last(f->kit)->payload, "\"backfill\":\""));
	testkit_advance(f->kit, HOUR);
	assert_int_equal(testkit_emission_last(f->kit)->occurred_ms, EPOCH + HOUR);
	expect(f->kit, "POST", path_of(f, "/backfill", path),
	       "{\"from\":\"2030-01-01T00:00:00Z\",\"to\":\"2031-01-01T00:00:00Z\"}", 422);
	expect(f->kit, "POST", path_of(f, "/backfill", path), "{\"from\":\"x\"}", 422);
	expect(f->kit, "DELETE", path_of(f, "/backfill", path), NULL, 409);
}

/* Whatever call of the host fails: none of a list is there then, not even after a restart. */
static void of_a_list_that_cannot_be_stored_none_is_made(void **state)
{
	struct fixture *f = *state;
	static const char list[] =
		"[{\"workflow\":\"" TESTKIT_WORKFLOW "\",\"every\":\"1m\"},{\"workflow\":\"" TESTKIT_WORKFLOW
		"\",\"every\":\"2m\",\"paused\":true}]";
	for (size_t nth = 1; nth <= 3; nth++) {
		testkit_fail(f->kit, nth, TAPPET_ENOMEM);
		expect(f->kit, "POST", "/schedules", list, 503);
		testkit_run(f->kit);
	}
	testkit_trigger_remove(f->kit, f->open);
	testkit_run(f->kit);
	testkit_open_trigger(f->kit, NULL);
	testkit_run(f->kit);
	cJSON *page = answer(f->kit, "GET", "/schedules", NULL, 200);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(page, "schedules")), 2);
	cJSON_Delete(page);
}

/* Of a workflow that takes one at a time the next would be refused. */
static void each_of_a_backfill_waits_for_the_end_of_the_one_before(void **state)
{
	struct fixture *f = *state;
	char path[100];
	for (int i = 1; i <= 3; i++) {
		char id[25];
		snprintf(id, sizeof(id), "%024d", i);
		testkit_activity(f->kit, id, TESTKIT_WORKFLOW, "inProgress", NULL);
	}
	expect(f->kit, "POST", path_of(f, "/backfill", path),
	       "{\"from\":\"2019-12-31T00:00:00Z\",\"to\":\"2019-12-31T02:30:00Z\",\"start\":true}", 200);
	for (size_t i = 1; i <= 3; i++) {
		testkit_advance(f->kit, MINUTE);
		assert_int_equal(testkit_emission_count(f->kit), i);
		testkit_activity(f->kit, testkit_emission_last(f->kit)->activity_id, TESTKIT_WORKFLOW, "completed",
				 NULL);
	}
	testkit_advance(f->kit, MINUTE);
	assert_int_equal(testkit_log_find(f->kit, "3 of 3, 0 refused"), 1);
}

static void lists_come_in_pages(void **state)
{
	struct fixture *f = *state;
	char id[25], path[200] = "/schedules?limit=3";
	size_t seen = 0;
	for (int i = 0; i < 10; i++)
		make(f->kit, "\"every\":\"1h\"", id);
	for (int pages = 0; path[0] && pages < 20; pages++) {
		cJSON *page = answer(f->kit, "GET", path, NULL, 200);
		seen += (size_t)cJSON_GetArraySize(cJSON_GetObjectItem(page, "schedules"));
		const char *next = text_of(page, "next");
		if (next[0])
			snprintf(path, sizeof(path), "/schedules?limit=3&after=%s", next);
		else
			path[0] = '\0';
		cJSON_Delete(page);
	}
	assert_int_equal(seen, 12);
	static const struct {
		const char *query;
		int count;
	} queries[] = {{"label=k", 1},       {"label=k%3Dv", 1},    {"label=k%3Dw", 0},
		       {"status=paused", 0}, {"status=active", 12}, {"workflow=" TESTKIT_WORKFLOW, 12},
		       {"workflow=none", 0}};
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		snprintf(path, sizeof(path), "/schedules?%s", queries[i].query);
		cJSON *page = answer(f->kit, "GET", path, NULL, 200);
		if (cJSON_GetArraySize(cJSON_GetObjectItem(page, "schedules")) != queries[i].count)
			fail_msg("%s", queries[i].query);
		cJSON_Delete(page);
	}
	expect(f->kit, "GET", "/schedules?limit=0", NULL, 400);
	expect(f->kit, "GET", "/schedules?status=x", NULL, 400);
	expect(f->kit, "GET", "/schedules?after=x", NULL, 400);
}

static void the_calendar_has_all_in_the_order_of_time(void **state)
{
	struct fixture *f = *state;
	cJSON *calendar = answer(f->kit, "GET", "/next?from=2020-01-01T10:30:00Z&to=2020-01-01T13:30:00Z", NULL, 200);
	const cJSON *list = cJSON_GetObjectItem(calendar, "next");
	static const char *const expected[] = {"2020-01-01T11:00:00+00:00", "2020-01-01T12:00:00+00:00",
					       "2020-01-01T12:00:00+00:00", "2020-01-01T13:00:00+00:00"};
	assert_int_equal(cJSON_GetArraySize(list), 4);
	for (int i = 0; i < 4; i++)
		assert_string_equal(text_of(cJSON_GetArrayItem(list, i), "at"), expected[i]);
	assert_false(cJSON_IsTrue(cJSON_GetObjectItem(calendar, "more")));
	cJSON_Delete(calendar);
	calendar = answer(f->kit, "GET", "/next?limit=2", NULL, 200);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(calendar, "next")), 2);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(calendar, "more")));
	cJSON_Delete(calendar);
	expect(f->kit, "GET", "/next?from=x", NULL, 400);
}

static void it_says_what_a_pattern_means(void **state)
{
	struct fixture *f = *state;
	cJSON *said = answer(f->kit, "POST", "/validate", "{\"cron\":\"0 25 * * *\"}", 200);
	assert_false(cJSON_IsTrue(cJSON_GetObjectItem(said, "valid")));
	assert_string_equal(text_of(said, "option"), "cron");
	assert_string_equal(text_of(said, "error"), "hour, character 3: expected a number from 0 to 23, found '25'");
	cJSON_Delete(said);
	said = answer(f->kit, "POST", "/explain", "{\"cron\":\"0 9 * * 1-5\",\"timezone\":\"Europe/Amsterdam\"}", 200);
	assert_string_equal(text_of(said, "text"), "at 09:00 on Monday to Friday, Europe/Amsterdam");
	cJSON_Delete(said);
	said = answer(f->kit, "POST", "/next", "{\"cron\":\"0 9 * * *\",\"from\":\"2020-03-01T00:00:00\",\"n\":2}",
		      200);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(said, "next")), 2);
	cJSON_Delete(said);
	expect(f->kit, "POST", "/next", "{\"cron\":\"0 9 * * *\",\"n\":0}", 400);
	expect(f->kit, "POST", "/explain", "{\"cron\":\"x\"}", 422);
	char path[100];
	said = answer(f->kit, "GET", path_of(f, "/next?n=3", path), NULL, 200);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(said, "next")), 3);
	cJSON_Delete(said);
}

/* Of more than a page, with what people have done to them. */
static void they_are_read_again_when_the_workflow_comes_back(void **state)
{
	struct fixture *f = *state;
	char id[25], path[100];
	for (int i = 0; i < 1200; i++)
		make(f->kit, "\"at\":\"2020-06-01T00:00:00\"", id);
	expect(f->kit, "POST", path_of(f, "/pause", path), NULL, 200);
	testkit_trigger_remove(f->kit, f->open);
	testkit_run(f->kit);
	expect(f->kit, "GET", path_of(f, "", path), NULL, 404);
	testkit_open_trigger(f->kit, NULL);
	testkit_run(f->kit);
	cJSON *shown = answer(f->kit, "GET", path_of(f, "", path), NULL, 200);
	assert_string_equal(text_of(shown, "status"), "paused");
	cJSON_Delete(shown);
	snprintf(path, sizeof(path), "/schedules/%s", id);
	expect(f->kit, "GET", path, NULL, 200);
	testkit_advance(f->kit, 152 * DAY);
	/* All but the one that is paused; and the one of the definition. */
	size_t of_june = 0;
	for (size_t i = 0; i < testkit_emission_count(f->kit); i++)
		of_june += testkit_emission_at(f->kit, i)->occurred_ms == INT64_C(1590969600000);
	assert_int_equal(of_june, 1200);
}

static void what_fell_due_while_the_workflow_was_off_is_paused(void **state)
{
	struct fixture *f = *state;
	testkit_advance(f->kit, HOUR);
	testkit_trigger_remove(f->kit, f->open);
	testkit_advance(f->kit, 3 * HOUR);
	testkit_open_trigger(f->kit, NULL);
	testkit_advance(f->kit, MINUTE);
	assert_int_equal(testkit_emission_count(f->kit), 1);
	assert_account(f->kit, 0, TAPPET_ACCOUNT_PAUSED, EPOCH + 2 * HOUR, EPOCH + 4 * HOUR, 3);
	testkit_advance(f->kit, HOUR);
	assert_int_equal(testkit_emission_count(f->kit), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_is_made_fires_under_its_own_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_shown_as_it_was_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_not_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_changes_and_its_cursor_with_its_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_deleted_is_gone_with_all_that_was_kept_of_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_pause_is_kept_and_accounted_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_made_paused_is_resumed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_one_is_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_runs_now_and_its_cursor_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_range_of_the_past_is_made_up_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_a_list_that_cannot_be_stored_none_is_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_of_a_backfill_waits_for_the_end_of_the_one_before, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(lists_come_in_pages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_calendar_has_all_in_the_order_of_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_says_what_a_pattern_means, set_up, tear_down),
		cmocka_unit_test_setup_teardown(they_are_read_again_when_the_workflow_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_fell_due_while_the_workflow_was_off_is_paused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
