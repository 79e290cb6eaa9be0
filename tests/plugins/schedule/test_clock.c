/* The wall clock is set, the machine sleeps, schedules are paused and switched off. */
#include "schedule_kit.h"

#define HOURLY "{\"cron\":\"0 * * * *\"}"

static void a_clock_that_is_set_forward_is_a_misfire(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + MINUTE, HOURLY, NULL);
	testkit_wall_set(kit, EPOCH + 3 * HOUR + MINUTE);
	testkit_run(kit);
	assert_fires(kit, EPOCH + 3 * HOUR);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 2 * HOUR, 2);
	testkit_advance(kit, 59 * MINUTE);
	assert_int_equal(testkit_emission_count(kit), 2);
	testkit_close(kit);
}

static void a_clock_that_is_set_back_fires_nothing_again(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	testkit_advance(kit, 3 * HOUR);
	assert_int_equal(testkit_emission_count(kit), 3);
	testkit_wall_set(kit, EPOCH + 30 * MINUTE);
	testkit_advance(kit, 2 * HOUR + 30 * MINUTE);
	assert_int_equal(testkit_emission_count(kit), 3);
	testkit_advance(kit, HOUR);
	assert_fires(kit, EPOCH + HOUR, EPOCH + 2 * HOUR, EPOCH + 3 * HOUR, EPOCH + 4 * HOUR);
	testkit_close(kit);
}

static void a_clock_that_is_set_back_far_is_accepted_and_said(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + 10 * DAY, HOURLY, NULL);
	testkit_advance(kit, HOUR);
	testkit_wall_set(kit, EPOCH + 30 * MINUTE);
	testkit_advance(kit, 30 * MINUTE);
	assert_fires(kit, EPOCH + 10 * DAY + HOUR, EPOCH + HOUR);
	assert_int_equal(testkit_log_find(kit, "the clock was set back"), 1);
	testkit_close(kit);
}

static void a_clock_that_was_wrong_while_the_daemon_was_down_is_found_out(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + 10 * DAY, HOURLY, NULL);
	testkit_advance(kit, HOUR);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 30 * MINUTE, HOURLY, kept);
	free(kept);
	testkit_advance(kit, HOUR);
	assert_fires(kit, EPOCH + HOUR);
	testkit_close(kit);
}

static void an_interval_keeps_its_beat_when_the_clock_is_set(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"every\":\"10m\",\"misfire\":\"skip\"}", NULL);
	testkit_wall_set(kit, EPOCH + 2 * HOUR + 3 * MINUTE);
	testkit_advance(kit, 10 * MINUTE);
	assert_fires(kit, EPOCH + 2 * HOUR + 10 * MINUTE);
	testkit_close(kit);
}

static void what_falls_into_a_pause_of_the_definition_is_paused(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"cron\":\"0 * * * *\",\"paused\":true}", NULL);
	testkit_advance(kit, 3 * HOUR);
	assert_int_equal(testkit_emission_count(kit), 0);
	assert_int_equal(testkit_timer_count(kit), 0);
	char *kept = kit_end(kit);
	kit = kit_at(EPOCH + 3 * HOUR + MINUTE, HOURLY, kept);
	free(kept);
	assert_int_equal(testkit_emission_count(kit), 0);
	assert_account(kit, 0, TAPPET_ACCOUNT_PAUSED, EPOCH + HOUR, EPOCH + 3 * HOUR, 3);
	testkit_advance(kit, HOUR);
	assert_fires(kit, EPOCH + 4 * HOUR);
	testkit_close(kit);
}

static void what_falls_into_the_time_of_a_switched_off_trigger_is_paused(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	tappet_trigger *trigger = testkit_begin(kit, NULL, HOURLY);
	testkit_advance(kit, HOUR);
	testkit_trigger_remove(kit, trigger);
	testkit_advance(kit, 3 * HOUR);
	testkit_trigger_add(kit, "test", HOURLY);
	testkit_advance(kit, MINUTE);
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_account(kit, 0, TAPPET_ACCOUNT_PAUSED, EPOCH + 2 * HOUR, EPOCH + 4 * HOUR, 3);
	testkit_advance(kit, HOUR);
	assert_fires(kit, EPOCH + HOUR, EPOCH + 5 * HOUR);
	testkit_close(kit);
}

static void a_reload_at_the_very_instant_loses_nothing(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	tappet_trigger *trigger = testkit_begin(kit, NULL, HOURLY);
	testkit_advance(kit, HOUR - 1);
	testkit_trigger_remove(kit, trigger);
	testkit_advance(kit, 2);
	testkit_trigger_add(kit, "test", "{\"cron\":\"0 * * * *\",\"name\":\"other\"}");
	testkit_advance(kit, MINUTE);
	assert_fires(kit, EPOCH + HOUR);
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void nothing_wakes_up_without_a_schedule(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	assert_int_equal(testkit_create(kit, NULL), 0);
	assert_int_equal(testkit_start(kit), 0);
	testkit_open_trigger(kit, NULL);
	testkit_run(kit);
	assert_int_equal(testkit_timer_count(kit), 0);
	testkit_close(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_is_set_forward_is_a_misfire),
		cmocka_unit_test(a_clock_that_is_set_back_fires_nothing_again),
		cmocka_unit_test(a_clock_that_is_set_back_far_is_accepted_and_said),
		cmocka_unit_test(a_clock_that_was_wrong_while_the_daemon_was_down_is_found_out),
		cmocka_unit_test(an_interval_keeps_its_beat_when_the_clock_is_set),
		cmocka_unit_test(what_falls_into_a_pause_of_the_definition_is_paused),
		cmocka_unit_test(what_falls_into_the_time_of_a_switched_off_trigger_is_paused),
		cmocka_unit_test(a_reload_at_the_very_instant_loses_nothing),
		cmocka_unit_test(nothing_wakes_up_without_a_schedule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
