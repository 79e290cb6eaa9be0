#include "unit/store/support_store.h"

#include <errno.h>

#define HOUR_MS 3600000

struct wanted {
	struct fixture *f;
	const char *id;
	size_t events;
};

static void open_with(struct fixture *f, int64_t activities_ms, int64_t events_ms)
{
	fixture_init(f);
	f->options.retention_activities_ms = activities_ms;
	f->options.retention_events_ms = events_ms;
	assert_int_equal(fixture_open(f), 0);
	fixture_define(f);
}

static bool is_gone(void *arg)
{
	const struct wanted *wanted = arg;
	return activity_status(wanted->f, wanted->id) == -ENOENT;
}

static void finish(struct fixture *f, const char *id, int64_t now_ms)
{
	struct store_step_change step = {.status = STATUS_COMPLETED, .attempt = 1, .exit_code = 0};
	struct store_transition t = {
		.from_any = true, .to = STATUS_COMPLETED, .now_ms = now_ms, .steps = &step, .step_count = 1};
	struct store_log l = {.stream = 'o', .text = "x", .len = 1};
	memcpy(t.id, id, ID_SIZE);
	memcpy(l.id, id, ID_SIZE);
	assert_int_equal(run_op(f, &l.op, STORE_LOG), 0);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	store_events_free(t.ret_events, t.ret_event_count);
}

static void admit_with_key(struct fixture *f, const char *key, int64_t expires_ms, char ret_id[static ID_SIZE])
{
	struct store_admit a = make_admit(f);
	a.dedup_key = key;
	a.dedup_key_len = strlen(key);
	a.dedup_expires_ms = expires_ms;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	memcpy(ret_id, a.id, ID_SIZE);
	free_admit(&a);
}

/* What ended long ago goes, with a page of others around it; what runs, what ended now and what has a live key
 * stays. */
static void old_activities_go_but_not_before_their_key(void **state)
{
	struct fixture f;
	char waiting[ID_SIZE], keyed[ID_SIZE], fresh[ID_SIZE], expired[ID_SIZE], old[300][ID_SIZE];
	(void)state;

	open_with(&f, HOUR_MS, 0);
	admit(&f, waiting);
	admit_with_key(&f, "live", clock_wall_ms() + HOUR_MS, keyed);
	admit_with_key(&f, "dead", NOW_MS + 1, expired);
	admit(&f, fresh);
	finish(&f, keyed, NOW_MS);
	finish(&f, expired, NOW_MS);
	finish(&f, fresh, clock_wall_ms());
	for (int i = 0; i < 300; i++)
		admit(&f, old[i]);
	for (int i = 0; i < 300; i++)
		assert_int_equal(transition(&f, old[i], STATUS_NOTSTARTED, STATUS_CANCELLED), 0);
	for (int i = 0; i < 300; i++)
		wait_until(&f, is_gone, &(struct wanted){.f = &f, .id = old[i]});
	wait_until(&f, is_gone, &(struct wanted){.f = &f, .id = expired});
	assert_int_equal(activity_status(&f, waiting), STATUS_NOTSTARTED);
	assert_int_equal(activity_status(&f, keyed), STATUS_COMPLETED);
	assert_int_equal(activity_status(&f, fresh), STATUS_COMPLETED);
	fixture_release(&f);
}

static bool events_are_gone(void *arg)
{
	const struct wanted *wanted = arg;
	return read_all_events(wanted->f, 0, NULL, NULL) == wanted->events;
}

static void old_events_go_and_their_numbers_do_not_come_back(void **state)
{
	struct fixture f;
	char id[ID_SIZE];
	uint64_t oldest;
	(void)state;

	open_with(&f, 0, HOUR_MS);
	for (int i = 0; i < 250; i++)
		admit(&f, id);
	wait_until(&f, events_are_gone, &(struct wanted){.f = &f});
	read_all_events(&f, 0, NULL, &oldest);
	assert_int_equal(oldest, 252);
	fixture_close(&f);
	assert_int_equal(fixture_open(&f), 0);
	assert_int_equal(store_newest_event(f.store), 251);
	struct store_admit a = make_admit(&f);
	a.created_ms = clock_wall_ms();
	assert_int_equal(run_op(&f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_event.seq, 252);
	assert_int_equal(activity_status(&f, id), STATUS_NOTSTARTED);
	free_admit(&a);
	fixture_release(&f);
}

static bool refusals_are_gone(void *arg)
{
	const struct wanted *wanted = arg;
	return refusal_count(wanted->f, 1) == 0;
}

static void old_refusals_go(void **state)
{
	struct fixture f;
	(void)state;

	open_with(&f, HOUR_MS, 0);
	struct store_admit a = make_admit(&f), now = make_admit(&f);
	a.refuse_reason = 1;
	now.refuse_reason = 2;
	now.created_ms = clock_wall_ms();
	assert_int_equal(run_op(&f, &now.op, STORE_ADMIT), 0);
	assert_int_equal(run_op(&f, &a.op, STORE_ADMIT), 0);
	wait_until(&f, refusals_are_gone, &(struct wanted){.f = &f});
	assert_int_equal(refusal_count(&f, 2), 1);
	fixture_release(&f);
}

static void admit_ended(struct fixture *f, char ret_id[static ID_SIZE])
{
	admit(f, ret_id);
	assert_int_equal(transition(f, ret_id, STATUS_NOTSTARTED, STATUS_COMPLETED), 0);
}

/* What is under way or has a live key stays, and counts. */
static void the_newest_activities_are_kept(void **state)
{
	struct fixture f;
	char waiting[ID_SIZE], keyed[ID_SIZE], id[ID_SIZE], ids[216][ID_SIZE];
	(void)state;

	fixture_init(&f);
	assert_int_equal(fixture_open(&f), 0);
	fixture_define(&f);
	admit(&f, waiting);
	admit_with_key(&f, "live", clock_wall_ms() + HOUR_MS, keyed);
	finish(&f, keyed, NOW_MS);
	for (int i = 0; i < 216; i++)
		admit_ended(&f, ids[i]);
	/* How many there are is known at open. */
	fixture_close(&f);
	f.options.retention_activities_max = 20;
	assert_int_equal(fixture_open(&f), 0);
	wait_until(&f, is_gone, &(struct wanted){.f = &f, .id = ids[197]});
	for (int i = 0; i < 216; i++)
		assert_int_equal(activity_status(&f, ids[i]), i < 198 ? -ENOENT : STATUS_COMPLETED);
	assert_int_equal(activity_status(&f, waiting), STATUS_NOTSTARTED);
	assert_int_equal(activity_status(&f, keyed), STATUS_COMPLETED);
	/* One more, and the oldest that may go is next, though it was passed over before. */
	finish(&f, waiting, NOW_MS);
	admit_ended(&f, id);
	wait_until(&f, is_gone, &(struct wanted){.f = &f, .id = waiting});
	assert_int_equal(activity_status(&f, ids[198]), STATUS_COMPLETED);
	fixture_release(&f);
}

static void the_newest_events_are_kept(void **state)
{
	struct fixture f;
	struct event *kept;
	char id[ID_SIZE];
	(void)state;

	fixture_init(&f);
	f.options.retention_events_max = 30;
	assert_int_equal(fixture_open(&f), 0);
	fixture_define(&f);
	for (int i = 0; i < 500; i++)
		admit(&f, id);
	wait_until(&f, events_are_gone, &(struct wanted){.f = &f, .events = 30});
	assert_int_equal(read_all_events(&f, 0, &kept, NULL), 30);
	assert_int_equal(kept[0].seq, 472);
	store_events_free(kept, 30);
	fixture_release(&f);
}

struct actions_wanted {
	struct fixture *f;
	size_t count;
	bool done;
};

static void count_actions(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	struct actions_wanted *w = arg;
	(void)rows;
	assert_int_equal(status, 0);
	w->count = count;
	w->done = true;
}

static bool answered(void *arg)
{
	return ((struct actions_wanted *)arg)->done;
}

static bool one_action_is_left(void *arg)
{
	struct actions_wanted *w = arg;
	w->done = false;
	assert_int_equal(store_list_actions(w->f->store, "t", true, 0, 0, 1000, count_actions, w), 0);
	wait_until(w->f, answered, w);
	return w->count == 1;
}

static void old_actions_go_with_the_activities(void **state)
{
	struct fixture f;
	struct actions_wanted wanted = {.f = &f};
	(void)state;

	open_with(&f, HOUR_MS, 0);
	for (int i = 0; i < 250; i++) {
		struct store_action a = {.topic = "t", .data = "1", .data_len = 1, .time_ms = NOW_MS};
		a.time_ms = i < 249 ? NOW_MS : clock_wall_ms();
		assert_int_equal(run_op(&f, &a.op, STORE_ACTION), 0);
	}
	wait_until(&f, one_action_is_left, &wanted);
	fixture_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_activities_go_but_not_before_their_key),
		cmocka_unit_test(old_events_go_and_their_numbers_do_not_come_back),
		cmocka_unit_test(old_refusals_go),
		cmocka_unit_test(the_newest_activities_are_kept),
		cmocka_unit_test(the_newest_events_are_kept),
		cmocka_unit_test(old_actions_go_with_the_activities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
