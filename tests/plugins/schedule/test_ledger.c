/* Each instant ends once and only once, whatever comes in between. */
#include <cjson/cJSON.h>
#include "schedule_kit.h"

#define HOURLY "{\"cron\":\"0 * * * *\"}"
#define API "/api/v1/plugins/schedule/schedules"

static testkit *begin(int64_t wall_ms, const testkit *before)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	testkit_wall_set(kit, wall_ms);
	if (before)
		testkit_kv_copy(kit, before);
	assert_int_equal(testkit_create(kit, NULL), 0);
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static testkit_exchange *send_to(testkit *kit, const char *method, const char *id, const char *rest, const char *body)
{
	char target[200];
	snprintf(target, sizeof(target), API "%s%s%s", id[0] ? "/" : "", id, rest);
	return testkit_http(kit, method, target, NULL, tappet_cstr(body));
}

static void call(testkit *kit, const char *method, const char *id, const char *rest, const char *body, int status)
{
	testkit_exchange *exchange = send_to(kit, method, id, rest, body);
	testkit_run(kit);
	if (testkit_http_status(exchange) != status)
		fail_msg("%s %s: %d %s", method, rest, testkit_http_status(exchange), testkit_http_body(exchange).ptr);
}

static void make(testkit *kit, const char *options, char id[static 25])
{
	char body[300];
	snprintf(body, sizeof(body), "{\"workflow\":\"%s\",%s}", TESTKIT_WORKFLOW, options);
	testkit_exchange *exchange = send_to(kit, "POST", "", "", body);
	testkit_run(kit);
	assert_int_equal(testkit_http_status(exchange), 201);
	cJSON *made = cJSON_Parse(testkit_http_body(exchange).ptr);
	snprintf(id, 25, "%s", cJSON_GetStringValue(cJSON_GetObjectItem(made, "id")));
	cJSON_Delete(made);
}

/* A daemon with one schedule that was made by API. */
static testkit *begin_with(const char *options, char id[static 25], tappet_trigger **ret_open)
{
	testkit *kit = begin(EPOCH, NULL);
	*ret_open = testkit_open_trigger(kit, NULL);
	testkit_run(kit);
	make(kit, options, id);
	return kit;
}

static void a_change_that_keeps_the_rules_keeps_the_cursor(void **state)
{
	tappet_trigger *open;
	char id[25];
	(void)state;
	testkit *kit = begin_with("\"cron\":\"0 * * * *\"", id, &open);
	testkit_advance(kit, 5 * HOUR + MINUTE);
	call(kit, "PATCH", id, "", "{\"name\":\"x\"}", 200);
	testkit_advance(kit, MINUTE);
	assert_int_equal(testkit_emission_count(kit), 5);
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void rules_that_come_back_begin_anew(void **state)
{
	tappet_trigger *open;
	char id[25];
	(void)state;
	testkit *kit = begin_with("\"cron\":\"0 * * * *\"", id, &open), *next;
	testkit_advance(kit, 2 * HOUR);
	call(kit, "PUT", id, "", "{\"cron\":\"0 0 1 7 *\"}", 200);
	testkit_advance(kit, 5 * HOUR + MINUTE);
	call(kit, "PUT", id, "", HOURLY, 200);
	next = begin(testkit_wall_ms(kit), kit);
	testkit_close(kit);
	testkit_open_trigger(next, NULL);
	testkit_advance(next, MINUTE);
	assert_int_equal(testkit_emission_count(next) + testkit_account_count(next), 0);
	testkit_close(next);
}

/* One that is deleted while something of it is on its way leaves its state behind. */
static void the_state_of_a_deleted_one_is_not_taken_for_another_s(void **state)
{
	tappet_trigger *open;
	char first[25], second[25], key[40];
	(void)state;
	testkit *kit = begin_with("\"cron\":\"0 * * * *\"", first, &open), *next;
	testkit_advance(kit, 2 * SECOND);
	make(kit, "\"every\":\"1s\"", second);
	testkit_hold(kit, 1);
	testkit_advance(kit, SECOND);
	call(kit, "DELETE", second, "", NULL, 204);
	testkit_hold(kit, 0);
	testkit_run(kit);
	snprintf(key, sizeof(key), "%s+", second);
	assert_non_null(testkit_kv(kit, "+schedule", key).ptr);
	next = begin(testkit_wall_ms(kit), kit);
	testkit_close(kit);
	testkit_open_trigger(next, NULL);
	testkit_advance(next, HOUR);
	assert_int_equal(testkit_emission_count(next), 1);
	assert_int_equal(testkit_account_count(next), 0);
	assert_null(testkit_kv(next, "+schedule", key).ptr);
	testkit_close(next);
}

static void one_that_is_deleted_while_it_is_tried_again_is_gone(void **state)
{
	tappet_trigger *open;
	char id[25];
	(void)state;
	testkit *kit = begin_with("\"cron\":\"0 * * * *\"", id, &open);
	testkit_outcome(kit, TAPPET_ECANCELED, TAPPET_REASON_STORE, NULL);
	testkit_advance(kit, HOUR);
	testkit_exchange *pause = send_to(kit, "POST", id, "/pause", NULL),
			 *gone = send_to(kit, "DELETE", id, "", NULL);
	testkit_run(kit);
	assert_int_not_equal(testkit_http_status(pause), 0);
	assert_int_equal(testkit_http_status(gone), 204);
	testkit_advance(kit, 3 * HOUR);
	assert_int_equal(testkit_emission_count(kit), 1);
	testkit_close(kit);
}

static void a_reload_of_the_workflow_pauses_nothing(void **state)
{
	tappet_trigger *open;
	char id[25];
	(void)state;
	testkit *kit = begin_with("\"cron\":\"0 * * * *\"", id, &open);
	testkit_advance(kit, HOUR - 1);
	testkit_trigger_remove(kit, open);
	testkit_advance(kit, 2);
	testkit_open_trigger(kit, NULL);
	testkit_advance(kit, MINUTE);
	assert_fires(kit, EPOCH + HOUR);
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void a_restart_while_a_fire_is_spread_does_not_lose_it(void **state)
{
	static const char options[] = "{\"cron\":\"0 * * * *\",\"jitter\":\"30m\",\"misfire\":\"skip\"}";
	(void)state;
	testkit *kit = kit_at(EPOCH, options, NULL);
	testkit_advance(kit, HOUR + 2 * SECOND);
	assert_int_equal(testkit_emission_count(kit), 0);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + HOUR + 3 * SECOND, options, kept);
	free(kept);
	testkit_advance(kit, 31 * MINUTE);
	assert_fires(kit, EPOCH + HOUR);
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void a_trigger_that_is_switched_off_in_the_middle_of_a_fire_is_off(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	tappet_trigger *trigger = testkit_begin(kit, NULL, HOURLY);
	testkit_run(kit);
	testkit_hold(kit, 1);
	testkit_advance(kit, HOUR);
	testkit_trigger_remove(kit, trigger);
	testkit_hold(kit, 0);
	testkit_advance(kit, 5 * HOUR + MINUTE);
	testkit_trigger_add(kit, "test", HOURLY);
	testkit_advance(kit, MINUTE);
	assert_fires(kit, EPOCH + HOUR);
	assert_account(kit, 0, TAPPET_ACCOUNT_PAUSED, EPOCH + 2 * HOUR, EPOCH + 6 * HOUR, 5);
	testkit_close(kit);
}

static void a_clock_that_is_set_back_in_the_middle_of_a_fire_is_accepted(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + 10 * DAY, HOURLY, NULL);
	testkit_hold(kit, 1);
	testkit_advance(kit, HOUR);
	testkit_wall_set(kit, EPOCH + 30 * MINUTE);
	testkit_run(kit);
	testkit_hold(kit, 0);
	testkit_advance(kit, 2 * HOUR);
	assert_fires(kit, EPOCH + 10 * DAY + HOUR, EPOCH + HOUR, EPOCH + 2 * HOUR);
	testkit_close(kit);
}

static void long_exclusions_end(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + 23 * HOUR, "{\"every\":\"1s\",\"exclude\":[\"* 0-7 * * *\"]}", NULL);
	testkit_advance(kit, 2 * HOUR);
	assert_int_equal(testkit_emission_count(kit), 3599);
	testkit_advance(kit, 7 * HOUR + SECOND);
	assert_int_equal(testkit_emission_count(kit), 3599 + 2);
	testkit_close(kit);
}

static void a_search_that_is_given_up_goes_on(void **state)
{
	(void)state;
	/* Nothing but exclusions of single seconds: 59 minutes of every hour are looked at second by second. */
	testkit *kit = kit_at(EPOCH, "{\"every\":\"1s\",\"exclude\":[\"1-59 * * * * *\",\"* 1-59 * * * *\"]}", NULL);
	testkit_advance(kit, 10 * HOUR);
	assert_int_equal(testkit_emission_count(kit), 10);
	testkit_close(kit);
}

static void the_fire_of_a_start_is_not_doubled(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_STORE, NULL);
	testkit_begin(kit, NULL, "{\"cron\":\"@reboot\"}");
	testkit_advance(kit, 3 * SECOND);
	assert_int_equal(testkit_emission_count(kit), 2);
	assert_string_equal(testkit_emission_at(kit, 0)->dedup_key.ptr, testkit_emission_at(kit, 1)->dedup_key.ptr);
	testkit_close(kit);
}

static void of_very_many_that_were_missed_the_newest_are_made_up_for(void **state)
{
	static const char options[] = "{\"every\":\"1s\",\"misfire\":\"all\",\"exclude\":[\"2019-01-01\"]}";
	(void)state;
	testkit *kit = kit_at(EPOCH, options, NULL);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 5500 * SECOND, options, kept);
	free(kept);
	/* A hundred late ones, and those that are on time. */
	assert_in_range(testkit_emission_count(kit), 100, 103);
	int64_t missed = 0;
	for (size_t i = 0; i < testkit_account_count(kit); i++)
		missed += testkit_account_at(kit, i)->count;
	assert_int_equal(missed + (int64_t)testkit_emission_count(kit), 5500);
	testkit_close(kit);
}

static void a_fire_under_way_does_not_keep_the_plugin_from_its_end(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	testkit_hold(kit, 1);
	testkit_advance(kit, HOUR);
	assert_int_equal(testkit_stop(kit, 10000), 0);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_has_stopped(kit), 1);
	testkit_close(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_that_keeps_the_rules_keeps_the_cursor),
		cmocka_unit_test(rules_that_come_back_begin_anew),
		cmocka_unit_test(the_state_of_a_deleted_one_is_not_taken_for_another_s),
		cmocka_unit_test(one_that_is_deleted_while_it_is_tried_again_is_gone),
		cmocka_unit_test(a_reload_of_the_workflow_pauses_nothing),
		cmocka_unit_test(a_restart_while_a_fire_is_spread_does_not_lose_it),
		cmocka_unit_test(a_trigger_that_is_switched_off_in_the_middle_of_a_fire_is_off),
		cmocka_unit_test(a_clock_that_is_set_back_in_the_middle_of_a_fire_is_accepted),
		cmocka_unit_test(long_exclusions_end),
		cmocka_unit_test(a_search_that_is_given_up_goes_on),
		cmocka_unit_test(the_fire_of_a_start_is_not_doubled),
		cmocka_unit_test(of_very_many_that_were_missed_the_newest_are_made_up_for),
		cmocka_unit_test(a_fire_under_way_does_not_keep_the_plugin_from_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
