/* Events that are made of what was refused, and those that stand for themselves. */
#include "unit/store/support_store.h"

#include "model/reason.h"

static struct store_refusal refusal(const char *workflow_id, const char *trigger_id, uint64_t count, const char *sample)
{
	return (struct store_refusal){
		.workflow_id = workflow_id,
		.trigger_id = trigger_id,
		.trigger = "webhook",
		.reason = REASON_SIGNATURE,
		.minute_ms = NOW_MS - NOW_MS % 60000,
		.last_ms = NOW_MS,
		.count = count,
		.sample = sample,
	};
}

static void refusals_are_told_with_their_count_and_a_sample(void **state)
{
	struct fixture *f = *state;
	struct store_refusal items[] = {refusal(f->workflow_id, "hook", 3, "a\nsample"), refusal("", "", 2, NULL)};
	struct store_refusals op = {.items = items, .count = 2};
	struct event *events;
	uint64_t before = read_all_events(f, 0, NULL, NULL);

	items[0].known = 4;
	assert_int_equal(run_op(f, &op.op, STORE_REFUSALS), 0);
	assert_int_equal(op.ret_event_count, 2);
	assert_string_equal(op.ret_events[0].workflow_id, f->workflow_id);
	assert_string_equal(op.ret_events[0].data,
			    "{\"trigger\":\"hook\",\"plugin\":\"webhook\",\"reason\":\"signature\","
			    "\"count\":7,\"sample\":\"a sample\"}");
	assert_string_equal(op.ret_events[1].workflow_id, "");
	assert_string_equal(op.ret_events[1].data, "{\"plugin\":\"webhook\",\"reason\":\"signature\",\"count\":2}");
	/* Only what was not known is counted. */
	assert_int_equal(refusal_count(f, REASON_SIGNATURE), 3);
	assert_int_equal(read_all_events(f, before, &events, NULL), 2);
	assert_int_equal(events[0].type, EVENT_TRIGGER_REFUSED);
	assert_int_equal(events[0].seq, op.ret_events[0].seq);
	assert_string_equal(events[0].data, op.ret_events[0].data);
	store_events_free(events, 2);
	store_events_free(op.ret_events, op.ret_event_count);
}

static void what_is_known_already_is_only_told(void **state)
{
	struct fixture *f = *state;
	struct store_refusal item = refusal(f->workflow_id, "hook", 0, NULL);
	struct store_refusals op = {.items = &item, .count = 1};

	item.known = 5;
	assert_int_equal(run_op(f, &op.op, STORE_REFUSALS), 0);
	assert_int_equal(op.ret_event_count, 1);
	assert_int_equal(refusal_count(f, REASON_SIGNATURE), 0);
	store_events_free(op.ret_events, op.ret_event_count);
}

static void a_flood_of_kinds_of_refusals_is_told_up_to_a_bound(void **state)
{
	enum { KINDS = STORE_REFUSED_EVENTS_MAX + 50 };
	struct fixture *f = *state;
	static struct store_refusal items[KINDS];
	static char ids[KINDS][20];
	struct store_refusals op = {.items = items, .count = KINDS};

	for (int i = 0; i < KINDS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "hook-%d", i);
		items[i] = refusal(f->workflow_id, ids[i], 1, NULL);
	}
	assert_int_equal(run_op(f, &op.op, STORE_REFUSALS), 0);
	assert_int_equal(op.ret_event_count, STORE_REFUSED_EVENTS_MAX);
	store_events_free(op.ret_events, op.ret_event_count);
}

static void an_event_may_stand_for_itself(void **state)
{
	struct fixture *f = *state;
	char data[] = "{\"state\":\"dead\"}";
	struct store_event op = {.event = {.type = EVENT_TRIGGER_HEALTH, .time_ms = NOW_MS, .data = data}};
	uint64_t before = read_all_events(f, 0, NULL, NULL);
	struct event *events;

	memcpy(op.event.workflow_id, f->workflow_id, ID_SIZE);
	assert_int_equal(run_op(f, &op.op, STORE_EVENT), 0);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(read_all_events(f, before, &events, NULL), 1);
	assert_int_equal(events[0].seq, op.event.seq);
	assert_int_equal(events[0].time_ms, NOW_MS);
	assert_string_equal(events[0].workflow_id, op.event.workflow_id);
	assert_string_equal(events[0].data, data);
	assert_string_equal(event_type_name(events[0].type), "trigger.health");
	store_events_free(events, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

static int setup(void **state)
{
	int r = fixture_setup(state);
	if (r == 0)
		fixture_define(*state);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refusals_are_told_with_their_count_and_a_sample),
		TEST(what_is_known_already_is_only_told),
		TEST(a_flood_of_kinds_of_refusals_is_told_up_to_a_bound),
		TEST(an_event_may_stand_for_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
