/* What fires, what does not, and what is written down of it. */
#include "schedule_kit.h"

#define HOURLY "{\"cron\":\"0 * * * *\"}"

static void a_fire_carries_its_instant_and_its_key(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + 1,
			      "{\"cron\":\"30 9 * * *\",\"timezone\":\"Europe/Amsterdam\","
			      "\"name\":\"Ada \\\"A\\\"\",\"params\":{\"n\":1},\"labels\":{\"a\":\"b\"}}",
			      NULL);
	testkit_advance(kit, 8 * HOUR + 30 * MINUTE - 2);
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_advance(kit, 1);
	assert_fires(kit, EPOCH + 8 * HOUR + 30 * MINUTE);
	const testkit_emission *e = testkit_emission_at(kit, 0);
	assert_string_equal(e->dedup_key.ptr, "schedule/test/2020-01-01T08:30:00Z");
	assert_true(contains(e->payload, "\"scheduledAt\":\"2020-01-01T09:30:00+01:00\""));
	assert_true(contains(e->payload, "\"firedAt\":\"2020-01-01T08:30:00Z\""));
	assert_true(contains(e->payload, "\"timezone\":\"Europe/Amsterdam\",\"schedule\":\"test\""));
	assert_true(contains(e->payload, "\"name\":\"Ada \\\"A\\\"\",\"labels\":{\"a\":\"b\"}}"));
	assert_false(contains(e->payload, "late"));
	assert_string_equal(e->parameters.ptr, "{\"n\":1}");
	assert_true(contains(e->cause, "\"scheduledAt\":\"2020-01-01T09:30:00+01:00\""));
	assert_true(contains(e->checkpoints[0].value, "\"cursor\":1577867400000"));
	testkit_close(kit);
}

static void it_waits_for_the_next_one_only(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	assert_int_equal(testkit_timer_count(kit), 1);
	assert_int_equal(testkit_timer_next(kit), HOUR);
	testkit_advance(kit, 3 * HOUR + 1);
	assert_fires(kit, EPOCH + HOUR, EPOCH + 2 * HOUR, EPOCH + 3 * HOUR);
	assert_int_equal(testkit_account_count(kit), 0);
	assert_int_equal(testkit_timer_count(kit), 1);
	testkit_close(kit);
}

/* From 00:00 until 00:30 the daemon ran; it comes back at 05:20. */
static testkit *after_downtime(const char *options)
{
	testkit *kit = kit_at(EPOCH, options, NULL);
	testkit_advance(kit, 30 * MINUTE);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 5 * HOUR + 20 * MINUTE, options, kept);
	free(kept);
	return kit;
}

static void one_activity_stands_for_all_that_were_missed(void **state)
{
	(void)state;
	testkit *kit = after_downtime(HOURLY);
	assert_fires(kit, EPOCH + 5 * HOUR);
	assert_true(contains(testkit_emission_at(kit, 0)->payload, "\"late\":true,\"missedCount\":4"));
	assert_int_equal(testkit_account_count(kit), 1);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 4 * HOUR, 4);
	testkit_advance(kit, HOUR);
	assert_int_equal(testkit_emission_count(kit), 2);
	assert_false(contains(testkit_emission_at(kit, 1)->payload, "missedCount"));
	testkit_close(kit);
}

static void what_was_missed_is_skipped(void **state)
{
	(void)state;
	testkit *kit = after_downtime("{\"cron\":\"0 * * * *\",\"misfire\":\"skip\"}");
	assert_int_equal(testkit_emission_count(kit), 0);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 5 * HOUR, 5);
	testkit_close(kit);
}

static void all_that_were_missed_are_made_up_for(void **state)
{
	(void)state;
	testkit *kit = after_downtime("{\"cron\":\"0 * * * *\",\"misfire\":\"all\"}");
	assert_fires(kit, EPOCH + HOUR, EPOCH + 2 * HOUR, EPOCH + 3 * HOUR, EPOCH + 4 * HOUR, EPOCH + 5 * HOUR);
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void only_the_newest_are_made_up_for(void **state)
{
	(void)state;
	testkit *kit = after_downtime("{\"cron\":\"0 * * * *\",\"misfire\":\"all\",\"catchupMax\":2}");
	assert_fires(kit, EPOCH + 4 * HOUR, EPOCH + 5 * HOUR);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 3 * HOUR, 3);
	testkit_close(kit);
	kit = after_downtime("{\"cron\":\"0 * * * *\",\"misfire\":\"all\",\"catchupWindow\":\"90m\"}");
	assert_fires(kit, EPOCH + 4 * HOUR, EPOCH + 5 * HOUR);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 3 * HOUR, 3);
	testkit_close(kit);
}

static void what_is_too_long_ago_is_missed(void **state)
{
	(void)state;
	testkit *kit = after_downtime("{\"cron\":\"0 * * * *\",\"catchupWindow\":\"10m\"}");
	assert_int_equal(testkit_emission_count(kit), 0);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 5 * HOUR, 5);
	testkit_close(kit);
}

static void a_second_late_is_on_time(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 2 * HOUR + SECOND, HOURLY, kept);
	/* The first one is late, the second is not. */
	assert_fires(kit, EPOCH + HOUR, EPOCH + 2 * HOUR);
	assert_true(contains(testkit_emission_at(kit, 0)->payload, "\"late\":true"));
	assert_false(contains(testkit_emission_at(kit, 1)->payload, "\"late\":true"));
	testkit_close(kit);
	kit = kit_at(EPOCH + 2 * HOUR + SECOND + 1, HOURLY, kept);
	assert_fires(kit, EPOCH + 2 * HOUR);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + HOUR, 1);
	testkit_close(kit);
	free(kept);
}

static void other_rules_begin_anew_and_other_words_do_not(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 5 * HOUR, "{\"cron\":\"1 * * * *\"}", kept);
	assert_int_equal(testkit_emission_count(kit) + testkit_account_count(kit), 0);
	testkit_close(kit);
	kit = kit_at(EPOCH + 5 * HOUR, "{\"cron\":\"0 * * * *\",\"timezone\":\"Asia/Tokyo\"}", kept);
	assert_int_equal(testkit_emission_count(kit) + testkit_account_count(kit), 0);
	testkit_close(kit);
	kit = kit_at(EPOCH + 5 * HOUR, "{\"cron\":\"0 * * * *\",\"name\":\"x\",\"grace\":\"2s\"}", kept);
	assert_int_equal(testkit_account_at(kit, 0)->count, 3);
	testkit_close(kit);
	free(kept);
}

static void a_date_fires_once_and_is_completed(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"at\":[\"2020-01-01T01:00:00\",\"2020-01-01T03:00:00+01:00\"]}", NULL);
	testkit_advance(kit, DAY);
	assert_fires(kit, EPOCH + HOUR, EPOCH + 2 * HOUR);
	assert_int_equal(testkit_timer_count(kit), 0);
	testkit_close(kit);
}

static void a_date_that_was_past_already_does_not_fire(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"at\":\"2019-12-31T23:00:00\"}", NULL);
	testkit_advance(kit, DAY);
	assert_int_equal(testkit_emission_count(kit) + testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void a_date_that_passed_while_the_daemon_was_down_fires_late(void **state)
{
	static const char options[] = "{\"at\":\"2020-01-01T01:00:00\"}";
	(void)state;
	testkit *kit = kit_at(EPOCH, options, NULL);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 2 * HOUR, options, kept);
	assert_fires(kit, EPOCH + HOUR);
	free(kept);
	kept = kit_end(kit);
	kit = kit_at(EPOCH + 3 * HOUR, options, kept);
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_close(kit);
	free(kept);
}

/* From the whole second. */
static void an_interval_counts_from_when_it_was_made(void **state)
{
	static const char options[] = "{\"every\":\"90s\"}";
	(void)state;
	testkit *kit = kit_at(EPOCH + 7, options, NULL);
	testkit_advance(kit, 100 * SECOND);
	assert_fires(kit, EPOCH + 90 * SECOND);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 110 * SECOND, options, kept);
	testkit_advance(kit, 100 * SECOND);
	assert_fires(kit, EPOCH + 180 * SECOND);
	testkit_close(kit);
	free(kept);
}

static void reboot_fires_with_the_daemon_and_not_with_a_reload(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"cron\":\"@reboot\"}", NULL);
	assert_fires(kit, EPOCH);
	testkit_trigger_add(kit, "later", "{\"cron\":\"@reboot\"}");
	testkit_advance(kit, DAY);
	assert_int_equal(testkit_emission_count(kit), 1);
	testkit_close(kit);
}

static void jitter_is_the_trigger_s_own_and_always_the_same(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"cron\":\"0 * * * *\",\"jitter\":\"30m\"}", NULL);
	testkit_advance(kit, HOUR);
	const int64_t wait = testkit_timer_next(kit);
	assert_true(wait > 0 && wait < 30 * MINUTE);
	testkit_advance(kit, wait - 1);
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_advance(kit, 1);
	assert_fires(kit, EPOCH + HOUR);
	assert_false(contains(testkit_emission_at(kit, 0)->payload, "late"));
	testkit_advance(kit, HOUR - 1);
	assert_int_equal(testkit_emission_count(kit), 1);
	testkit_advance(kit, 1);
	assert_fires(kit, EPOCH + HOUR, EPOCH + 2 * HOUR);
	testkit_close(kit);
}

static void the_clocks_changes_are_heeded(void **state)
{
	(void)state;
	/* 2020-03-29 in Amsterdam: 02:30 does not exist. */
	const int64_t sunday = INT64_C(1585440000000);
	testkit *kit = kit_at(sunday, "{\"cron\":\"30 2 * * *\",\"timezone\":\"Europe/Amsterdam\"}", NULL);
	testkit_advance(kit, 2 * DAY);
	assert_fires(kit, sunday + HOUR, sunday + DAY + 30 * MINUTE);
	assert_true(contains(testkit_emission_at(kit, 0)->payload, "\"scheduledAt\":\"2020-03-29T03:00:00+02:00\""));
	testkit_close(kit);
}

static void what_is_excluded_does_not_fire(void **state)
{
	(void)state;
	testkit *kit =
		kit_at(EPOCH, "{\"cron\":\"0 12 * * *\",\"exclude\":[\"2020-01-02\",\"2020-01-04/2020-01-05\"]}", NULL);
	testkit_advance(kit, 6 * DAY);
	assert_fires(kit, EPOCH + 12 * HOUR, EPOCH + 2 * DAY + 12 * HOUR, EPOCH + 5 * DAY + 12 * HOUR);
	testkit_close(kit);
}

static void options_that_are_wrong_name_themselves(void **state)
{
	(void)state;
	static const char *const wrong[][2] = {
		{"{\"cron\":\"61 * * * *\"}", "minute"},
		{"{\"cron\":\"* * * * *\",\"every\":\"1m\"}", "one of \"cron\", \"every\" and \"at\""},
		{"{}", "one of \"cron\", \"every\" and \"at\""},
		{"{\"cron\":\"* * * * *\",\"timezone\":\"Mars/Base\"}", "Mars/Base"},
		{"{\"every\":\"10s\",\"jitter\":\"1m\"}", "less than"},
		{"{\"every\":\"1000d\",\"jitter\":\"31d\"}", "at most 30d"},
		{"{\"every\":\"10s\",\"misfire\":\"some\"}", "skip, once or all"},
		{"{\"every\":\"10s\",\"catchupMax\":0}", "from 1 to"},
		{"{\"every\":\"10s\",\"labels\":{\"a\":1}}", "a text for \"a\""},
		{"{\"at\":\"2020-13-01\"}", "2020-13-01"},
	};
	testkit *kit = testkit_open(tappet_plugin_v1());
	assert_int_equal(testkit_create(kit, NULL), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(testkit_trigger_add(kit, "t", wrong[i][0]));
		if (!strstr(testkit_error(kit), wrong[i][1]))
			fail_msg("%s: %s", wrong[i][0], testkit_error(kit));
	}
	testkit_close(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fire_carries_its_instant_and_its_key),
		cmocka_unit_test(it_waits_for_the_next_one_only),
		cmocka_unit_test(one_activity_stands_for_all_that_were_missed),
		cmocka_unit_test(what_was_missed_is_skipped),
		cmocka_unit_test(all_that_were_missed_are_made_up_for),
		cmocka_unit_test(only_the_newest_are_made_up_for),
		cmocka_unit_test(what_is_too_long_ago_is_missed),
		cmocka_unit_test(a_second_late_is_on_time),
		cmocka_unit_test(other_rules_begin_anew_and_other_words_do_not),
		cmocka_unit_test(a_date_fires_once_and_is_completed),
		cmocka_unit_test(a_date_that_was_past_already_does_not_fire),
		cmocka_unit_test(a_date_that_passed_while_the_daemon_was_down_fires_late),
		cmocka_unit_test(an_interval_counts_from_when_it_was_made),
		cmocka_unit_test(reboot_fires_with_the_daemon_and_not_with_a_reload),
		cmocka_unit_test(jitter_is_the_trigger_s_own_and_always_the_same),
		cmocka_unit_test(the_clocks_changes_are_heeded),
		cmocka_unit_test(what_is_excluded_does_not_fire),
		cmocka_unit_test(options_that_are_wrong_name_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
