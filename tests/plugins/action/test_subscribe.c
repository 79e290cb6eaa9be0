/* Subscriptions: from a number on and then live, without gap or double, and at no cost when a client reads slowly. */
#include "action_kit.h"

static int set_up(void **state)
{
	*state = action_kit(NULL);
	return 0;
}

static int tear_down(void **state)
{
	testkit_close(*state);
	return 0;
}

static uint64_t add_event(testkit *kit, const char *type, const char *workflow_id)
{
	return testkit_event(kit, type, workflow_id, ACTIVITY_ID, "{\"a\":1}");
}

/* Both workflows have a trigger, and so the testkit knows them. */
static testkit_ws *subscribe(testkit *kit, const char *token, const char *members)
{
	char message[512];
	testkit_ws *ws = connect_client(kit, token);
	snprintf(message, sizeof(message), "{\"type\":\"subscribe\",\"id\":\"s1\"%s}", members);
	testkit_ws_send_text(ws, message);
	return ws;
}

/* Takes events until there are none, of both kinds of messages. Returns how many; they follow *last without gap or double. */
static size_t take_events(testkit_ws *ws, uint64_t *last)
{
	size_t count = 0;
	tappet_str got;
	while ((got = testkit_ws_take(ws)).ptr) {
		cJSON *tree = cJSON_ParseWithLength(got.ptr, got.len);
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "events"), *item;
		cJSON *one = cJSON_CreateArray();
		assert_non_null(tree);
		if (!list) {
			cJSON_AddItemReferenceToArray(one, tree);
			list = one;
		}
		cJSON_ArrayForEach(item, list)
		{
			const cJSON *seq = cJSON_GetObjectItemCaseSensitive(item, "seq");
			assert_true(cJSON_IsNumber(seq));
			assert_true((uint64_t)seq->valuedouble == *last + 1);
			(*last)++;
			count++;
		}
		cJSON_Delete(one);
		cJSON_Delete(tree);
	}
	return count;
}

static void what_happens_from_now_on_is_sent(void **state)
{
	testkit *kit = *state;
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_ws *ws = subscribe(kit, "T", "");
	expect_text(ws, "{\"type\":\"subscribed\",\"id\":\"s1\",\"seq\":1}");
	expect_nothing(ws);
	add_event(kit, "activity.started", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_text(ws, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":2,\"event\":\"activity.started\",\"time\":"
			"\"2020-01-01T00:00:00.000Z\",\"workflow\":\"orders\",\"activityId\":\"" ACTIVITY_ID
			"\",\"data\":{\"a\":1}}");
	testkit_event(kit, "workflow.changed", NULL, NULL, NULL);
	testkit_run(kit);
	expect_text(ws, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":3,\"event\":\"workflow.changed\",\"time\":"
			"\"2020-01-01T00:00:00.000Z\",\"data\":{}}");
}

static void since_replays_and_goes_over_to_live(void **state)
{
	testkit *kit = *state;
	uint64_t last = 2;
	for (int i = 0; i < 5; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_ws *ws = subscribe(kit, "T", ",\"since\":2");
	expect_text(ws, "{\"type\":\"subscribed\",\"id\":\"s1\",\"seq\":2}");
	for (int i = 0; i < 300; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	assert_int_equal(take_events(ws, &last), 303);
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	assert_int_equal(take_events(ws, &last), 1);
	assert_true(testkit_metric(kit, "deliveries_total") == 304);
}

static void a_number_from_the_future_is_told_to_be_none(void **state)
{
	testkit_ws *ws;
	add_event(*state, "activity.accepted", TESTKIT_WORKFLOW);
	ws = subscribe(*state, "T", ",\"since\":99");
	expect_text(ws, "{\"type\":\"subscribed\",\"id\":\"s1\",\"seq\":1}");
	add_event(*state, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(*state);
	expect_part(ws, "\"seq\":2");
}

static void what_is_no_longer_kept_is_told_as_a_gap(void **state)
{
	testkit *kit = *state;
	uint64_t last = 4;
	for (int i = 0; i < 6; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_events_oldest(kit, 5);
	testkit_ws *ws = subscribe(kit, "T", ",\"since\":1");
	expect_part(ws, "subscribed");
	expect_text(ws, "{\"type\":\"gap\",\"sub\":\"s1\",\"from\":2,\"to\":4}");
	assert_int_equal(take_events(ws, &last), 2);
}

static void a_filter_chooses_workflow_and_types(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws =
		subscribe(kit, "T", ",\"filter\":{\"workflow\":\"orders\",\"types\":[\"activity.*\",\"step.ended\"]}");
	expect_part(ws, "subscribed");
	add_event(kit, "activity.accepted", OTHER_WORKFLOW);
	add_event(kit, "step.started", TESTKIT_WORKFLOW);
	add_event(kit, "step.ended", TESTKIT_WORKFLOW);
	add_event(kit, "activity.completed", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_part(ws, "\"seq\":3");
	expect_part(ws, "\"seq\":4");
	expect_nothing(ws);
}

static void the_cursor_of_a_filtered_subscriber_moves_on(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = subscribe(kit, "T", ",\"filter\":{\"types\":[\"step.ended\"]}");
	expect_part(ws, "subscribed");
	for (int i = 0; i < 1000; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_text(ws, "{\"type\":\"position\",\"sub\":\"s1\",\"seq\":1000}");
}

static void nobody_sees_what_the_token_does_not_cover(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = subscribe(kit, "ONE", "");
	expect_part(ws, "subscribed");
	add_event(kit, "activity.accepted", OTHER_WORKFLOW);
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_part(ws, "\"seq\":2");
	expect_nothing(ws);
}

static void a_workflow_that_is_not_covered_is_as_one_that_does_not_exist(void **state)
{
	static const char *const names[] = {"stock", OTHER_WORKFLOW, "nobody", "000000000000000000000000"};
	char first[256] = "";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char members[128];
		snprintf(members, sizeof(members), ",\"filter\":{\"workflow\":\"%s\"}", names[i]);
		const char *got = expect_error_code(subscribe(*state, "ONE", members), "not-found");
		if (!i)
			snprintf(first, sizeof(first), "%s", got);
		assert_string_equal(got, first);
	}
	assert_int_equal(testkit_reader_count(*state), 0);
}

static void a_token_without_the_scope_sees_nothing(void **state)
{
	expect_error_code(subscribe(*state, "SEND", ""), "forbidden");
	assert_int_equal(testkit_reader_count(*state), 0);
}

static void a_subscription_ends_when_it_is_asked_to(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = subscribe(kit, "T", "");
	expect_part(ws, "subscribed");
	testkit_ws_send_text(ws, "{\"type\":\"unsubscribe\",\"id\":\"s2\"}");
	expect_error_code(ws, "not-found");
	testkit_ws_send_text(ws, "{\"type\":\"unsubscribe\",\"id\":\"s1\"}");
	expect_text(ws, "{\"type\":\"unsubscribed\",\"id\":\"s1\"}");
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_nothing(ws);
	assert_int_equal(testkit_reader_count(kit), 0);
	assert_true(testkit_metric(kit, "subscriptions") == 0);
}

static void ids_are_taken_once_and_subscriptions_are_bounded(void **state)
{
	testkit *kit = action_kit("{\"subscriptions\":2}");
	testkit_ws *ws = subscribe(kit, "T", "");
	(void)state;
	expect_part(ws, "subscribed");
	testkit_ws_send_text(ws, "{\"type\":\"subscribe\",\"id\":\"s1\"}");
	expect_error_code(ws, "invalid-value");
	testkit_ws_send_text(ws, "{\"type\":\"subscribe\",\"id\":\"s2\"}");
	expect_part(ws, "subscribed");
	testkit_ws_send_text(ws, "{\"type\":\"subscribe\",\"id\":\"s3\"}");
	expect_error_code(ws, "too-many");
	assert_int_equal(testkit_reader_count(kit), 2);
	testkit_ws_break(ws);
	assert_int_equal(testkit_reader_count(kit), 0);
	testkit_close(kit);
}

/* ---- Batches ---- */

static void several_events_travel_together_for_those_who_ask_for_it(void **state)
{
	testkit *kit = *state;
	uint64_t last = 0;
	for (int i = 0; i < 3; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_ws *ws = subscribe(kit, "T", ",\"since\":0,\"batch\":true");
	expect_part(ws, "subscribed");
	const char *got = expect_part(ws, "{\"type\":\"events\",\"sub\":\"s1\",\"events\":[{\"seq\":1,");
	assert_non_null(strstr(got, "{\"seq\":3,"));
	last = 3;
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_part(ws, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":4,");
	last = 4;
	for (int i = 0; i < 300; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	assert_int_equal(take_events(ws, &last), 300);
}

static void a_frame_with_several_events_has_a_bound(void **state)
{
	static char data[20000];
	testkit *kit = *state;
	uint64_t last = 0;
	snprintf(data, sizeof(data), "{\"a\":\"%0*d\"}", 15000, 0);
	for (int i = 0; i < 20; i++)
		testkit_event(kit, "activity.accepted", TESTKIT_WORKFLOW, ACTIVITY_ID, data);
	testkit_ws *ws = subscribe(kit, "T", ",\"since\":0,\"batch\":true");
	expect_part(ws, "subscribed");
	for (size_t i = 1; i < testkit_ws_sent_count(ws); i++)
		assert_true(testkit_ws_sent(ws, i).len <= 64 * 1024);
	assert_int_equal(take_events(ws, &last), 20);
}

/* ---- Slow readers ---- */

static void a_slow_reader_is_read_on_where_it_stopped(bool batch)
{
	testkit *kit = action_kit("{\"queue\":\"16KiB\"}");
	uint64_t last = 0;
	testkit_ws *ws = subscribe(kit, "T", batch ? ",\"since\":0,\"batch\":true" : ",\"since\":0");
	expect_part(ws, "subscribed");
	testkit_ws_hold(ws, 1);
	for (int i = 0; i < 1000; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	assert_int_equal(testkit_reader_count(kit), 0);
	size_t got = 0;
	for (int i = 0; i < 100 && got < 1000; i++) {
		testkit_ws_hold(ws, 0);
		testkit_run(kit);
		got += take_events(ws, &last);
		testkit_ws_hold(ws, 1);
		testkit_run(kit);
	}
	testkit_ws_hold(ws, 0);
	testkit_run(kit);
	got += take_events(ws, &last);
	assert_int_equal(got, 1000);
	assert_int_equal(testkit_reader_count(kit), 1);
	testkit_close(kit);
}

static void a_slow_reader_gets_everything_once(void **state)
{
	(void)state;
	a_slow_reader_is_read_on_where_it_stopped(false);
	a_slow_reader_is_read_on_where_it_stopped(true);
}

static void a_reader_that_is_too_slow_is_told_its_last_number_and_cut(void **state)
{
	testkit *kit = action_kit("{\"queue\":\"16KiB\"}");
	char reason[64];
	uint64_t last = 0;
	testkit_ws *ws = subscribe(kit, "T", ""), *other = subscribe(kit, "T", "");
	(void)state;
	expect_part(ws, "subscribed");
	expect_part(other, "subscribed");
	testkit_ws_hold(ws, 1);
	for (int i = 0; i < 1000; i++)
		add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_advance(kit, 25000);
	assert_true(testkit_ws_is_open(ws));
	testkit_advance(kit, 7000);
	testkit_ws_hold(ws, 0);
	testkit_run(kit);
	expect_closed(ws, 4408);
	for (size_t i = testkit_ws_sent_count(ws); i > 0 && !last; i--) {
		const char *text = strstr(testkit_ws_sent(ws, i - 1).ptr, "\"sub\":\"s1\",\"seq\":");
		last = text ? strtoull(text + 17, NULL, 10) : 0;
	}
	assert_true(last > 0 && last < 1000);
	snprintf(reason, sizeof(reason), "last %llu", (unsigned long long)last);
	assert_string_equal(testkit_ws_reason(ws), reason);
	last = 0;
	assert_int_equal(take_events(other, &last), 1000);
	assert_true(testkit_metric(kit, "slow_total") == 1);
	testkit_close(kit);
}

static void an_event_larger_than_the_queue_is_told_by_its_number(void **state)
{
	static char data[40000];
	testkit *kit = action_kit("{\"queue\":\"16KiB\"}");
	testkit_ws *ws = subscribe(kit, "T", "");
	(void)state;
	snprintf(data, sizeof(data), "{\"a\":\"%0*d\"}", 30000, 0);
	expect_part(ws, "subscribed");
	testkit_event(kit, "activity.accepted", TESTKIT_WORKFLOW, ACTIVITY_ID, data);
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_part(ws, "\"tooLarge\":true");
	expect_part(ws, "\"seq\":2");
	testkit_close(kit);
}

/* ---- Tokens ---- */

static void another_token_sees_what_it_covers_from_where_the_first_stood(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = subscribe(kit, "T", "");
	expect_part(ws, "subscribed");
	add_event(kit, "activity.accepted", OTHER_WORKFLOW);
	testkit_run(kit);
	expect_part(ws, "\"seq\":1");
	testkit_ws_send_text(ws, "{\"type\":\"auth\",\"token\":\"ONE\"}");
	expect_part(ws, "authenticated");
	add_event(kit, "activity.accepted", OTHER_WORKFLOW);
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_part(ws, "\"seq\":3");
	expect_nothing(ws);
}

static void another_token_that_is_not_for_events_ends_them(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = subscribe(kit, "T", "");
	expect_part(ws, "subscribed");
	testkit_ws_send_text(ws, "{\"type\":\"auth\",\"token\":\"SEND\"}");
	expect_error_code(ws, "forbidden");
	expect_part(ws, "authenticated");
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_nothing(ws);
	assert_int_equal(testkit_reader_count(kit), 0);
}

static void a_revoked_token_sees_nothing_more(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = subscribe(kit, "T", "");
	expect_part(ws, "subscribed");
	testkit_token(kit, "T", 0, NULL);
	add_event(kit, "activity.accepted", TESTKIT_WORKFLOW);
	testkit_run(kit);
	expect_nothing(ws);
	testkit_advance(kit, 30000);
	expect_error_code(ws, "unauthorized");
	expect_closed(ws, 4401);
	assert_int_equal(testkit_reader_count(kit), 0);
}

static void many_subscribers_get_the_same(void **state)
{
	testkit *kit = *state;
	static testkit_ws *all[100];
	for (size_t i = 0; i < 100; i++) {
		all[i] = subscribe(kit, "T", i % 2 ? ",\"batch\":true" : "");
		expect_part(all[i], "subscribed");
	}
	for (int i = 0; i < 600; i++)
		add_event(kit, i % 2 ? "activity.accepted" : "step.ended", TESTKIT_WORKFLOW);
	testkit_run(kit);
	for (size_t i = 0; i < 100; i++) {
		uint64_t last = 0;
		assert_int_equal(take_events(all[i], &last), 600);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_happens_from_now_on_is_sent),
		TEST(since_replays_and_goes_over_to_live),
		TEST(a_number_from_the_future_is_told_to_be_none),
		TEST(what_is_no_longer_kept_is_told_as_a_gap),
		TEST(a_filter_chooses_workflow_and_types),
		TEST(the_cursor_of_a_filtered_subscriber_moves_on),
		TEST(nobody_sees_what_the_token_does_not_cover),
		TEST(a_workflow_that_is_not_covered_is_as_one_that_does_not_exist),
		TEST(a_token_without_the_scope_sees_nothing),
		TEST(a_subscription_ends_when_it_is_asked_to),
		cmocka_unit_test(ids_are_taken_once_and_subscriptions_are_bounded),
		TEST(several_events_travel_together_for_those_who_ask_for_it),
		TEST(a_frame_with_several_events_has_a_bound),
		cmocka_unit_test(a_slow_reader_gets_everything_once),
		cmocka_unit_test(a_reader_that_is_too_slow_is_told_its_last_number_and_cut),
		cmocka_unit_test(an_event_larger_than_the_queue_is_told_by_its_number),
		TEST(another_token_sees_what_it_covers_from_where_the_first_stood),
		TEST(another_token_that_is_not_for_events_ends_them),
		TEST(a_revoked_token_sees_nothing_more),
		TEST(many_subscribers_get_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
