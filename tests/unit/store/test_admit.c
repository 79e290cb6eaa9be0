#include "unit/store/support_store.h"

#include <errno.h>
#include "model/reason.h"

#define MANY 300
#define FAR_MS (2 * NOW_MS)

static void give_key(struct store_admit *a, const char *key, int64_t expires_ms)
{
	a->dedup_key = key;
	a->dedup_key_len = strlen(key);
	a->dedup_expires_ms = expires_ms;
}

static void what_is_queued_together_is_committed_together(void **state)
{
	struct fixture *f = *state;
	struct store_admit *ops = calloc(MANY, sizeof(*ops));
	assert_non_null(ops);
	double before = read_metric(f, "tappet_store_commits_total");

	for (int i = 0; i < MANY; i++)
		ops[i] = make_admit(f);
	for (int i = 0; i < MANY; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	for (int i = 0; i < MANY; i++) {
		end_op(f, &ops[i].op);
		assert_int_equal(ops[i].op.status, 0);
		assert_int_equal(ops[i].ret_event.seq, ops[0].ret_event.seq + (uint64_t)i);
		assert_string_equal(ops[i].ret_event.activity_id, ops[i].id);
	}
	/* Retention has transactions of its own, which are not counted. */
	assert_true(read_metric(f, "tappet_store_commits_total") - before < MANY / 3);
	for (int i = 0; i < MANY; i++)
		free_admit(&ops[i]);
	free(ops);
}

static void an_admission_stores_all_that_came_with_it(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = make_admit(f);
	struct store_checkpoint checkpoint = {"cursor", 6, "42", 2};
	char value[10];

	a.checkpoints = &checkpoint;
	a.checkpoint_count = 1;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_ADMITTED);
	assert_int_equal(a.ret_event.type, EVENT_ACTIVITY_ACCEPTED);
	assert_string_equal(a.ret_event.workflow_id, f->workflow_id);
	assert_string_equal(a.ret_event.data, "{\"trigger\":\"webhook\"}");
	assert_int_equal(activity_status(f, a.id), STATUS_NOTSTARTED);
	char scope[60];
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	assert_int_equal(read_key(f, scope, "cursor", value, sizeof(value)), 0);
	assert_string_equal(value, "42");
	free_admit(&a);
}

static void a_key_is_taken_once_also_within_one_batch(void **state)
{
	struct fixture *f = *state;
	struct store_admit ops[20];
	char ids[20][ID_SIZE];
	int admitted = 0;

	for (int i = 0; i < 20; i++) {
		ops[i] = make_admit(f);
		give_key(&ops[i], "delivery-1", FAR_MS);
		memcpy(ids[i], ops[i].id, ID_SIZE);
	}
	for (int i = 0; i < 20; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	for (int i = 0; i < 20; i++) {
		end_op(f, &ops[i].op);
		assert_int_equal(ops[i].op.status, 0);
		admitted += ops[i].ret_outcome == STORE_ADMITTED;
		if (i == 0)
			continue;
		assert_int_equal(ops[i].ret_outcome, STORE_DUPLICATE);
		assert_string_equal(ops[i].ret_existing, ids[0]);
		assert_int_equal(activity_status(f, ids[i]), -ENOENT);
	}
	assert_int_equal(admitted, 1);
	assert_int_equal(refusal_count(f, REASON_DUPLICATE), 19);
	free_admit(&ops[0]);
}

static void the_same_key_with_another_payload_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct store_checkpoint checkpoint = {"conflicting", 11, "1", 1};
	struct store_admit a = make_admit(f), other = make_admit(f);
	char scope[60], value[10];

	give_key(&a, "k", FAR_MS);
	give_key(&other, "k", FAR_MS);
	other.payload_hash[0] = 1;
	other.checkpoints = &checkpoint;
	other.checkpoint_count = 1;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(run_op(f, &other.op, STORE_ADMIT), 0);
	assert_int_equal(other.ret_outcome, STORE_CONFLICT);
	assert_string_equal(other.ret_existing, a.id);
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	assert_int_equal(read_key(f, scope, "conflicting", value, sizeof(value)), -ENOENT);
	free_admit(&a);
}

static void an_expired_key_counts_as_absent(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = make_admit(f), again = make_admit(f), third = make_admit(f);

	give_key(&a, "soon", FAR_MS);
	give_key(&again, "soon", FAR_MS + 10);
	give_key(&third, "soon", FAR_MS + 10);
	again.created_ms = FAR_MS;
	third.created_ms = FAR_MS + 9;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(run_op(f, &again.op, STORE_ADMIT), 0);
	assert_int_equal(again.ret_outcome, STORE_ADMITTED);
	assert_int_equal(run_op(f, &third.op, STORE_ADMIT), 0);
	assert_int_equal(third.ret_outcome, STORE_DUPLICATE);
	assert_string_equal(third.ret_existing, again.id);
	free_admit(&a);
	free_admit(&again);
}

static void keys_belong_to_the_trigger_not_to_its_plugin(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = make_admit(f), same_trigger = make_admit(f), other_trigger = make_admit(f);

	give_key(&a, "x", FAR_MS);
	give_key(&same_trigger, "x", FAR_MS);
	give_key(&other_trigger, "x", FAR_MS);
	same_trigger.trigger = "action";
	other_trigger.trigger_id = "another";
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(run_op(f, &same_trigger.op, STORE_ADMIT), 0);
	assert_int_equal(same_trigger.ret_outcome, STORE_DUPLICATE);
	assert_int_equal(run_op(f, &other_trigger.op, STORE_ADMIT), 0);
	assert_int_equal(other_trigger.ret_outcome, STORE_ADMITTED);
	free_admit(&a);
	free_admit(&other_trigger);
}

struct about {
	bool done;
	char trigger_id[20];
};

static void keep_trigger(void *arg, int status, const struct store_activity_row *row)
{
	struct about *about = arg;
	assert_int_equal(status, 0);
	snprintf(about->trigger_id, sizeof(about->trigger_id), "%s", row->trigger_id);
	about->done = true;
}

static void keep_refused(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct about *about = arg;
	assert_int_equal(status, 0);
	assert_int_equal(count, 1);
	snprintf(about->trigger_id, sizeof(about->trigger_id), "%s", rows[0].trigger_id);
	about->done = true;
}

static bool is_told(void *arg)
{
	return ((struct about *)arg)->done;
}

static void assert_trigger(struct fixture *f, const char *activity_id, const char *trigger_id)
{
	struct about about = {0};
	assert_int_equal(store_get_activity(f->store, activity_id, keep_trigger, &about), 0);
	wait_until(f, is_told, &about);
	assert_string_equal(about.trigger_id, trigger_id);
}

static struct store_admit admit_for(struct fixture *f, const char *subject)
{
	struct store_admit a = make_admit(f);
	a.trigger_id = "+schedule";
	a.subject = subject;
	a.checkpoint_scope = "open/w/schedule";
	give_key(&a, "x", FAR_MS);
	return a;
}

static void a_subject_stands_for_its_trigger_but_for_the_checkpoints(void **state)
{
	struct fixture *f = *state;
	struct store_checkpoint checkpoint = {"cursor", 6, "1", 1};
	struct store_admit one = admit_for(f, "one"), again = admit_for(f, "one"), other = admit_for(f, "other");
	struct store_admit none = admit_for(f, NULL), refused = admit_for(f, "refused");
	struct about about = {0};
	char value[10];

	one.checkpoints = &checkpoint;
	one.checkpoint_count = 1;
	assert_int_equal(run_op(f, &one.op, STORE_ADMIT), 0);
	assert_int_equal(one.ret_outcome, STORE_ADMITTED);
	assert_int_equal(run_op(f, &again.op, STORE_ADMIT), 0);
	assert_int_equal(again.ret_outcome, STORE_DUPLICATE);
	assert_string_equal(again.ret_existing, one.id);
	assert_int_equal(run_op(f, &other.op, STORE_ADMIT), 0);
	assert_int_equal(other.ret_outcome, STORE_ADMITTED);
	assert_int_equal(run_op(f, &none.op, STORE_ADMIT), 0);
	assert_int_equal(none.ret_outcome, STORE_ADMITTED);
	assert_trigger(f, one.id, "one");
	assert_trigger(f, none.id, "+schedule");
	assert_int_equal(read_key(f, "open/w/schedule", "cursor", value, sizeof(value)), 0);
	refused.refuse_reason = REASON_DISABLED;
	refused.created_ms = FAR_MS;
	assert_int_equal(run_op(f, &refused.op, STORE_ADMIT), 0);
	assert_int_equal(store_list_refusals(f->store, NULL, FAR_MS - 60000, 0, 10, keep_refused, &about), 0);
	wait_until(f, is_told, &about);
	assert_string_equal(about.trigger_id, "refused");
	free_admit(&one);
	free_admit(&other);
	free_admit(&none);
}

static void a_refused_emission_is_counted_and_moves_its_checkpoint(void **state)
{
	struct fixture *f = *state;
	struct store_checkpoint checkpoint = {"cursor", 6, "refused", 7};
	struct store_admit a = make_admit(f);
	char scope[60], value[10];

	a.refuse_reason = REASON_FILTER;
	a.refuse_detail = "the filter said no";
	a.checkpoints = &checkpoint;
	a.checkpoint_count = 1;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_REFUSED);
	assert_int_equal(activity_status(f, a.id), -ENOENT);
	assert_int_equal(refusal_count(f, REASON_FILTER), 1);
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	assert_int_equal(read_key(f, scope, "cursor", value, sizeof(value)), 0);
	assert_string_equal(value, "refused");
}

static void what_the_store_does_not_know_is_not_admitted(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = make_admit(f), twice = make_admit(f);

	a.revision_id = "00000000000000000000000f";
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -ENOENT);
	a = make_admit(f);
	a.workflow_id = "00000000000000000000000f";
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -ENOENT);
	assert_int_equal(run_op(f, &twice.op, STORE_ADMIT), 0);
	a = make_admit(f);
	memcpy(a.id, twice.id, ID_SIZE);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -EEXIST);
	free_admit(&twice);
}

static void one_bad_operation_does_not_hurt_the_others_of_its_batch(void **state)
{
	struct fixture *f = *state;
	struct store_admit ops[40];
	char taken[ID_SIZE];
	struct event *events;

	admit(f, taken);
	for (int i = 0; i < 40; i++)
		ops[i] = make_admit(f);
	memcpy(ops[20].id, taken, ID_SIZE);
	for (int i = 0; i < 40; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	for (int i = 0; i < 40; i++) {
		end_op(f, &ops[i].op);
		assert_int_equal(ops[i].op.status, i == 20 ? -EEXIST : 0);
	}
	size_t count = read_all_events(f, 0, &events, NULL);
	assert_int_equal(count, 1 + 1 + 39);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(events[i].seq, i + 1);
	store_events_free(events, count);
	for (int i = 0; i < 40; i++)
		if (i != 20)
			free_admit(&ops[i]);
}

static int setup_small_queue(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	assert_non_null(f);
	fixture_init(f);
	f->options.queue_max = 3;
	assert_int_equal(fixture_open(f), 0);
	fixture_define(f);
	*state = f;
	return 0;
}

static void a_full_queue_refuses_until_something_starts(void **state)
{
	struct fixture *f = *state;
	struct store_checkpoint checkpoint = {"late", 4, "1", 1};
	char ids[3][ID_SIZE], scope[60], value[10];

	for (int i = 0; i < 3; i++)
		admit(f, ids[i]);
	struct store_admit a = make_admit(f);
	a.checkpoints = &checkpoint;
	a.checkpoint_count = 1;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_QUEUE_FULL);
	assert_int_equal(refusal_count(f, REASON_QUEUE_FULL), 1);
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	assert_int_equal(read_key(f, scope, "late", value, sizeof(value)), -ENOENT);

	/* The count of those that wait is taken anew at open. */
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_QUEUE_FULL);
	assert_int_equal(transition(f, ids[0], STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
	admit(f, ids[0]);
}

static void a_duplicate_is_told_so_although_the_queue_is_full(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = make_admit(f), again = make_admit(f);
	char id[ID_SIZE];

	give_key(&a, "k", FAR_MS);
	give_key(&again, "k", FAR_MS);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	admit(f, id);
	admit(f, id);
	assert_int_equal(run_op(f, &again.op, STORE_ADMIT), 0);
	assert_int_equal(again.ret_outcome, STORE_DUPLICATE);
	free_admit(&a);
}

static void nothing_of_one_order_overtakes_what_had_no_final_outcome(void **state)
{
	struct fixture *f = *state;
	struct store_admit ops[6];
	struct store_account account = {.workflow_id = f->workflow_id, .trigger_id = "hook", .outcome = 1, .count = 1};
	struct store_order order, other;

	store_order_init(&order);
	store_order_init(&other);
	for (int i = 0; i < 6; i++) {
		ops[i] = make_admit(f);
		ops[i].order = i == 4 ? &other : &order;
		ops[i].order_epoch = ops[i].order->epoch;
	}
	account.order = &order;
	for (int i = 0; i < 6; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	begin_op(f, &account.op, STORE_ACCOUNT);
	for (int i = 0; i < 6; i++)
		end_op(f, &ops[i].op);
	end_op(f, &account.op);
	/* Room for three: the fourth is told that the queue is full, its successors are cancelled, another order is
	 * not. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(ops[i].ret_outcome, STORE_ADMITTED);
	assert_int_equal(ops[3].op.status, 0);
	assert_int_equal(ops[3].ret_outcome, STORE_QUEUE_FULL);
	assert_int_equal(ops[4].op.status, 0);
	assert_int_equal(ops[5].op.status, -ECANCELED);
	assert_int_equal(account.op.status, -ECANCELED);

	/* The next epoch goes on. */
	assert_int_equal(transition(f, ops[0].id, STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
	order.epoch++;
	struct store_admit next = make_admit(f);
	next.order = &order;
	next.order_epoch = order.epoch;
	assert_int_equal(run_op(f, &next.op, STORE_ADMIT), 0);
	assert_int_equal(next.ret_outcome, STORE_ADMITTED);
	for (int i = 0; i < 3; i++)
		free_admit(&ops[i]);
	free_admit(&next);
}

/* Keeps the writer busy, so that what is submitted next becomes one batch. */
static void begin_something_long(struct fixture *f, struct store_kv *kv, char *value, size_t len)
{
	memset(value, 'x', len);
	*kv = (struct store_kv){.scope = "plugin/x", .key = "k", .key_len = 1, .value = value, .value_len = len};
	begin_op(f, &kv->op, STORE_KV);
}

static void a_batch_that_was_rolled_back_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	static char value[2000000];
	char clash[4][ID_SIZE];
	struct store_definition items[2] = {{.slug = "a", .hash = "a", .canonical = ""},
					    {.slug = "b", .hash = "b", .canonical = ""}};
	struct store_definitions bad = {.items = items, .count = 2, .new_ids = clash, .now_ms = NOW_MS};
	struct store_admit ops[4];
	struct store_order order;
	struct store_kv kv;

	/* The first try fills the queue, which voids the order, and makes a new trigger known; then the last operation
	 * fails. */
	items[0].imported_id = items[1].imported_id = "5dd74d0976df2d000110e52a";
	store_order_init(&order);
	for (int i = 0; i < 4; i++) {
		id_next(&f->ids, NOW_MS, 0, clash[i]);
		ops[i] = make_admit(f);
		ops[i].trigger_id = "fresh";
		ops[i].order = &order;
	}
	begin_something_long(f, &kv, value, sizeof(value));
	for (int i = 0; i < 4; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	begin_op(f, &bad.op, STORE_DEFINITIONS);
	for (int i = 0; i < 4; i++)
		end_op(f, &ops[i].op);
	end_op(f, &bad.op);
	end_op(f, &kv.op);
	assert_int_equal(bad.op.status, -EEXIST);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ops[i].op.status, 0);
		assert_int_equal(ops[i].ret_outcome, STORE_ADMITTED);
		assert_int_equal(ops[i].ret_event.seq, 2 + i);
		assert_int_equal(activity_status(f, ops[i].id), STATUS_NOTSTARTED);
		free_admit(&ops[i]);
	}
	assert_int_equal(ops[3].ret_outcome, STORE_QUEUE_FULL);
	assert_int_equal(refusal_count(f, REASON_QUEUE_FULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_queued_together_is_committed_together, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(an_admission_stores_all_that_came_with_it, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_key_is_taken_once_also_within_one_batch, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(the_same_key_with_another_payload_is_a_conflict, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(an_expired_key_counts_as_absent, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(keys_belong_to_the_trigger_not_to_its_plugin, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_subject_stands_for_its_trigger_but_for_the_checkpoints, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_refused_emission_is_counted_and_moves_its_checkpoint, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(what_the_store_does_not_know_is_not_admitted, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(one_bad_operation_does_not_hurt_the_others_of_its_batch, fixture_setup,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_full_queue_refuses_until_something_starts, setup_small_queue,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_duplicate_is_told_so_although_the_queue_is_full, setup_small_queue,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(a_batch_that_was_rolled_back_leaves_nothing_behind, setup_small_queue,
						fixture_teardown),
		cmocka_unit_test_setup_teardown(nothing_of_one_order_overtakes_what_had_no_final_outcome,
						setup_small_queue, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
