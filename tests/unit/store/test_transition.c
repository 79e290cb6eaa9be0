#include "unit/store/support_store.h"

#include <errno.h>

static void prepare(struct store_transition *t, const char *id, enum status from, enum status to,
		    const struct store_step_change *steps, size_t count)
{
	*t = (struct store_transition){
		.from = from, .to = to, .now_ms = NOW_MS + 1, .steps = steps, .step_count = count};
	memcpy(t->id, id, ID_SIZE);
}

static void a_run_makes_its_events_in_order(void **state)
{
	struct fixture *f = *state;
	struct store_step_change begin = {
		.status = STATUS_INPROGRESS, .attempt = 1, .started_ms = NOW_MS, .exit_code = -1};
	struct store_step_change end = {
		.status = STATUS_COMPLETED, .attempt = 1, .ended_ms = NOW_MS + 5, .exit_code = 0};
	struct store_transition t;
	char id[ID_SIZE];

	admit(f, id);
	prepare(&t, id, STATUS_NOTSTARTED, STATUS_INPROGRESS, &begin, 1);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	assert_int_equal(t.ret_event_count, 2);
	assert_int_equal(t.ret_events[0].type, EVENT_ACTIVITY_STARTED);
	assert_string_equal(t.ret_events[0].data, "{\"status\":\"inProgress\"}");
	assert_int_equal(t.ret_events[1].type, EVENT_STEP_STARTED);
	assert_string_equal(t.ret_events[1].data, "{\"order\":1,\"attempt\":1,\"status\":\"inProgress\"}");
	uint64_t seq = t.ret_events[1].seq;
	store_events_free(t.ret_events, t.ret_event_count);

	prepare(&t, id, STATUS_INPROGRESS, STATUS_COMPLETED, &end, 1);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	assert_int_equal(t.ret_event_count, 2);
	assert_int_equal(t.ret_events[0].type, EVENT_STEP_ENDED);
	assert_int_equal(t.ret_events[0].seq, seq + 1);
	assert_int_equal(t.ret_events[1].type, EVENT_ACTIVITY_COMPLETED);
	assert_string_equal(t.ret_events[1].activity_id, id);
	assert_string_equal(t.ret_events[1].workflow_id, f->workflow_id);
	store_events_free(t.ret_events, t.ret_event_count);
}

static void a_stale_change_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_step_change step = {.status = STATUS_INPROGRESS, .attempt = 1, .exit_code = -1};
	struct store_transition t;
	char id[ID_SIZE];

	admit(f, id);
	size_t events = read_all_events(f, 0, NULL, NULL);
	prepare(&t, id, STATUS_INPROGRESS, STATUS_COMPLETED, &step, 1);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), -ESTALE);
	assert_null(t.ret_events);
	assert_int_equal(activity_status(f, id), STATUS_NOTSTARTED);
	assert_int_equal(read_all_events(f, 0, NULL, NULL), events);
	assert_int_equal(transition(f, "00000000000000000000000f", STATUS_NOTSTARTED, STATUS_INPROGRESS), -ENOENT);
}

static void from_any_means_every_status_that_is_not_final(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	for (int running = 0; running < 2; running++) {
		admit(f, id);
		if (running)
			assert_int_equal(transition(f, id, STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
		struct store_transition t = {
			.from_any = true, .to = STATUS_CANCELLED, .now_ms = NOW_MS, .message = "by hand"};
		memcpy(t.id, id, ID_SIZE);
		assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
		assert_int_equal(t.ret_event_count, 1);
		assert_int_equal(t.ret_events[0].type, EVENT_ACTIVITY_CANCELLED);
		store_events_free(t.ret_events, t.ret_event_count);
		assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), -ESTALE);
	}
}

struct seen_activity {
	bool done;
	struct store_step_row steps[4];
	char outputs[60], message[60], activity_message[60], cause[20], payload[20];
	size_t step_count;
	int64_t started_ms, ended_ms;
	uint32_t revision;
};

static void keep_activity(void *arg, int status, const struct store_activity_row *row)
{
	struct seen_activity *seen = arg;
	assert_int_equal(status, 0);
	seen->step_count = row->step_count;
	for (size_t i = 0; i < row->step_count && i < 4; i++)
		seen->steps[i] = row->steps[i];
	if (row->step_count > 0) {
		snprintf(seen->outputs, sizeof(seen->outputs), "%s",
			 row->steps[0].outputs ? row->steps[0].outputs : "(none)");
		snprintf(seen->message, sizeof(seen->message), "%s",
			 row->steps[0].message ? row->steps[0].message : "(none)");
	}
	snprintf(seen->activity_message, sizeof(seen->activity_message), "%s", row->message ? row->message : "(none)");
	snprintf(seen->payload, sizeof(seen->payload), "%.*s", (int)row->payload_len, row->payload);
	assert_null(row->cause);
	assert_string_equal(row->params, "{}");
	assert_string_equal(row->trigger, "webhook");
	assert_string_equal(row->trigger_id, "hook");
	seen->started_ms = row->started_ms;
	seen->ended_ms = row->ended_ms;
	seen->revision = row->revision;
	seen->done = true;
}

static bool activity_is_seen(void *arg)
{
	return ((struct seen_activity *)arg)->done;
}

static struct seen_activity look(struct fixture *f, const char *id)
{
	struct seen_activity seen = {0};
	assert_int_equal(store_get_activity(f->store, id, keep_activity, &seen), 0);
	wait_until(f, activity_is_seen, &seen);
	return seen;
}

static void what_is_left_out_of_a_change_stays(void **state)
{
	struct fixture *f = *state;
	struct store_step_change first = {.index = 2,
					  .status = STATUS_WAITING,
					  .attempt = 1,
					  .started_ms = NOW_MS + 3,
					  .wake_ms = NOW_MS + 1000,
					  .outputs = "{\"a\":\"1\"}",
					  .message = "backing off",
					  .exit_code = 3};
	struct store_step_change second = {.index = 2,
					   .status = STATUS_COMPLETED,
					   .attempt = 2,
					   .retries = 1,
					   .ended_ms = NOW_MS + 9,
					   .exit_code = 0};
	struct store_transition t;
	char id[ID_SIZE];

	admit(f, id);
	prepare(&t, id, STATUS_NOTSTARTED, STATUS_WAITING, &first, 1);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	assert_int_equal(t.ret_event_count, 1);
	assert_int_equal(t.ret_events[0].type, EVENT_STEP_WAITING);
	store_events_free(t.ret_events, t.ret_event_count);
	struct seen_activity seen = look(f, id);
	assert_int_equal(seen.step_count, 1);
	assert_int_equal(seen.steps[0].index, 2);
	assert_int_equal(seen.steps[0].wake_ms, NOW_MS + 1000);
	assert_int_equal(seen.steps[0].exit_code, 3);

	prepare(&t, id, STATUS_WAITING, STATUS_WAITING, &second, 1);
	t.message = "nearly done";
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	store_events_free(t.ret_events, t.ret_event_count);
	seen = look(f, id);
	assert_int_equal(seen.step_count, 1);
	assert_int_equal(seen.steps[0].status, STATUS_COMPLETED);
	assert_int_equal(seen.steps[0].started_ms, NOW_MS + 3);
	assert_int_equal(seen.steps[0].ended_ms, NOW_MS + 9);
	assert_int_equal(seen.steps[0].attempt, 2);
	assert_int_equal(seen.steps[0].retries, 1);
	assert_string_equal(seen.outputs, "{\"a\":\"1\"}");
	assert_string_equal(seen.message, "backing off");
	assert_string_equal(seen.activity_message, "nearly done");
	assert_string_equal(seen.payload, "{\"a\":1}");
	assert_int_equal(seen.revision, 1);
}

static void times_of_an_activity_are_those_of_its_changes(void **state)
{
	struct fixture *f = *state;
	struct store_transition t;
	char id[ID_SIZE];

	admit(f, id);
	prepare(&t, id, STATUS_NOTSTARTED, STATUS_INPROGRESS, NULL, 0);
	run_op(f, &t.op, STORE_TRANSITION);
	store_events_free(t.ret_events, t.ret_event_count);
	assert_int_equal(look(f, id).started_ms, NOW_MS + 1);
	assert_int_equal(look(f, id).ended_ms, 0);
	prepare(&t, id, STATUS_INPROGRESS, STATUS_FAILURE, NULL, 0);
	t.now_ms = NOW_MS + 8;
	run_op(f, &t.op, STORE_TRANSITION);
	store_events_free(t.ret_events, t.ret_event_count);
	assert_int_equal(look(f, id).started_ms, NOW_MS + 1);
	assert_int_equal(look(f, id).ended_ms, NOW_MS + 8);
}

static void of_two_changes_in_one_batch_the_second_sees_the_first(void **state)
{
	struct fixture *f = *state;
	struct store_transition first, second;
	char id[ID_SIZE];

	admit(f, id);
	prepare(&first, id, STATUS_NOTSTARTED, STATUS_INPROGRESS, NULL, 0);
	prepare(&second, id, STATUS_NOTSTARTED, STATUS_CANCELLED, NULL, 0);
	begin_op(f, &first.op, STORE_TRANSITION);
	begin_op(f, &second.op, STORE_TRANSITION);
	end_op(f, &first.op);
	end_op(f, &second.op);
	assert_int_equal(first.op.status, 0);
	assert_int_equal(second.op.status, -ESTALE);
	store_events_free(first.ret_events, first.ret_event_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_run_makes_its_events_in_order, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_stale_change_changes_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(from_any_means_every_status_that_is_not_final, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_left_out_of_a_change_stays, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(times_of_an_activity_are_those_of_its_changes, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(of_two_changes_in_one_batch_the_second_sees_the_first, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
