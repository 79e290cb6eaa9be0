/* What becomes of fires while the store does not take them, and what a crash leaves behind. */
#include "schedule_kit.h"

#define HOURLY "{\"cron\":\"0 * * * *\"}"

static size_t accepted(const testkit *kit)
{
	size_t count = 0;
	for (size_t i = 0; i < testkit_emission_count(kit); i++)
		count += testkit_emission_at(kit, i)->outcome == TAPPET_OK && testkit_emission_at(kit, i)->settled;
	return count;
}

static int64_t cursor_of(const testkit *kit)
{
	const tappet_str state = testkit_kv(kit, "test", "state");
	const char *at = state.ptr ? strstr(state.ptr, "\"cursor\":") : NULL;
	return at ? strtoll(at + 9, NULL, 10) : 0;
}

static void a_new_schedule_is_known_after_a_crash(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH + 5, HOURLY, NULL);
	assert_int_equal(cursor_of(kit), EPOCH + 5);
	testkit_close(kit);
}

static void what_is_not_stored_is_tried_again(void **state)
{
	static const int32_t outcomes[] = {TAPPET_ECANCELED, TAPPET_EUNKNOWN};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		testkit *kit = kit_at(EPOCH, HOURLY, NULL);
		testkit_outcome(kit, outcomes[i], TAPPET_REASON_STORE, NULL);
		testkit_outcome(kit, outcomes[i], TAPPET_REASON_STORE, NULL);
		testkit_advance(kit, HOUR);
		assert_int_equal(cursor_of(kit), EPOCH);
		testkit_advance(kit, 5 * SECOND);
		assert_int_equal(testkit_emission_count(kit), 3);
		for (size_t k = 0; k < 3; k++)
			assert_string_equal(testkit_emission_at(kit, k)->dedup_key.ptr,
					    "schedule/test/2020-01-01T01:00:00Z");
		assert_int_equal(accepted(kit), 1);
		assert_int_equal(cursor_of(kit), EPOCH + HOUR);
		testkit_close(kit);
	}
}

static void a_full_queue_holds_the_cursor(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"cron\":\"0 * * * *\",\"grace\":\"10m\"}", NULL);
	testkit_outcome_always(kit, TAPPET_EREFUSED, TAPPET_REASON_QUEUE_FULL, NULL);
	testkit_advance(kit, HOUR + 10 * SECOND);
	assert_int_equal(cursor_of(kit), EPOCH);
	testkit_outcome_always(kit, TAPPET_OK, 0, NULL);
	testkit_advance(kit, 2 * SECOND);
	assert_int_equal(accepted(kit), 1);
	assert_int_equal(cursor_of(kit), EPOCH + HOUR);
	testkit_close(kit);
}

static void what_the_store_held_up_is_not_skipped(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"cron\":\"0 * * * *\",\"misfire\":\"skip\"}", NULL);
	testkit_outcome_always(kit, TAPPET_EREFUSED, TAPPET_REASON_QUEUE_FULL, NULL);
	testkit_advance(kit, HOUR + 10 * SECOND);
	testkit_outcome_always(kit, TAPPET_OK, 0, NULL);
	testkit_advance(kit, 2 * SECOND);
	assert_int_equal(accepted(kit), 1);
	assert_true(contains(testkit_emission_last(kit)->payload, "\"late\":true"));
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

static void a_refusal_settles_the_instant(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_OVERLAP, NULL);
	testkit_advance(kit, HOUR + 30 * MINUTE);
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_int_equal(cursor_of(kit), EPOCH + HOUR);
	testkit_close(kit);
}

static void without_credit_it_waits_for_resume(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	testkit_outcome(kit, TAPPET_EBUSY, 0, NULL);
	testkit_advance(kit, HOUR);
	testkit_advance(kit, SECOND);
	assert_fires(kit, EPOCH + HOUR);
	assert_int_equal(accepted(kit), 1);
	testkit_close(kit);
}

/* It was stored at the first try, whose outcome nobody knew; the second one says another time of its firing. */
static void a_fire_whose_outcome_was_unknown_is_not_doubled(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_STORE, NULL);
	testkit_outcome(kit, TAPPET_ECONFLICT, 0, NULL);
	testkit_advance(kit, HOUR + 10 * SECOND);
	assert_int_equal(testkit_emission_count(kit), 2);
	assert_int_equal(cursor_of(kit), EPOCH + HOUR);
	testkit_advance(kit, HOUR);
	assert_int_equal(testkit_emission_count(kit), 3);
	testkit_close(kit);
}

static void what_fell_due_while_nothing_could_be_stored_comes_in_order(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, "{\"every\":\"1s\",\"grace\":\"1h\"}", NULL);
	testkit_hold(kit, 1);
	testkit_advance(kit, 5 * SECOND);
	assert_int_equal(testkit_emission_count(kit), 1);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_fires(kit, EPOCH + SECOND, EPOCH + 2 * SECOND, EPOCH + 3 * SECOND, EPOCH + 4 * SECOND,
		     EPOCH + 5 * SECOND);
	testkit_close(kit);
}

static void a_crash_between_the_missed_and_the_late_keeps_their_number(void **state)
{
	(void)state;
	testkit *kit = kit_at(EPOCH, HOURLY, NULL);
	char *kept = kit_end(kit);
	kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	testkit_wall_set(kit, EPOCH + 5 * HOUR + MINUTE);
	testkit_kv_set(kit, "test", "state", kept);
	free(kept);
	testkit_outcome_always(kit, TAPPET_ECANCELED, TAPPET_REASON_STORE, NULL);
	testkit_begin(kit, NULL, HOURLY);
	testkit_run(kit);
	assert_account(kit, 0, TAPPET_ACCOUNT_MISSED, EPOCH + HOUR, EPOCH + 4 * HOUR, 4);
	kept = kit_end(kit);
	assert_non_null(strstr(kept, "\"missed\":4"));
	kit = kit_at(EPOCH + 5 * HOUR + 2 * MINUTE, HOURLY, kept);
	free(kept);
	assert_fires(kit, EPOCH + 5 * HOUR);
	assert_true(contains(testkit_emission_at(kit, 0)->payload, "\"missedCount\":4"));
	assert_int_equal(testkit_account_count(kit), 0);
	testkit_close(kit);
}

/* Whatever call of the host fails, and whenever: each instant is accounted for in the end. */
static void no_instant_is_lost_whichever_call_fails(void **state)
{
	static const int32_t errors[] = {TAPPET_ENOMEM, TAPPET_EBUSY};
	(void)state;
	for (size_t e = 0; e < 2; e++)
		for (size_t nth = 1; nth < 40; nth++) {
			testkit *kit = testkit_open(tappet_plugin_v1());
			testkit_slow(kit, 0);
			assert_int_equal(testkit_create(kit, NULL), 0);
			assert_non_null(
				testkit_trigger_add(kit, "test", "{\"cron\":\"0 * * * *\",\"misfire\":\"all\"}"));
			assert_int_equal(testkit_start(kit), 0);
			testkit_fail(kit, nth, errors[e]);
			testkit_advance(kit, 4 * HOUR + MINUTE);
			if (accepted(kit) != 4)
				fail_msg("call %zu fails with %d: %zu", nth, (int)errors[e], accepted(kit));
			assert_int_equal(cursor_of(kit), EPOCH + 4 * HOUR);
			testkit_close(kit);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_schedule_is_known_after_a_crash),
		cmocka_unit_test(what_is_not_stored_is_tried_again),
		cmocka_unit_test(a_full_queue_holds_the_cursor),
		cmocka_unit_test(what_the_store_held_up_is_not_skipped),
		cmocka_unit_test(a_refusal_settles_the_instant),
		cmocka_unit_test(without_credit_it_waits_for_resume),
		cmocka_unit_test(a_fire_whose_outcome_was_unknown_is_not_doubled),
		cmocka_unit_test(what_fell_due_while_nothing_could_be_stored_comes_in_order),
		cmocka_unit_test(a_crash_between_the_missed_and_the_late_keeps_their_number),
		cmocka_unit_test(no_instant_is_lost_whichever_call_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
