#include "unit/store/support_store.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unit/store/support_powercut.h"

#define ALWAYS UINT64_MAX
#define BIG_LEN 65536
#define BIG_COUNT 2500
#define IN_FLIGHT 300

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	assert_non_null(f);
	fixture_init(f);
	powercut_install();
	f->options.vfs = "powercut";
	assert_int_equal(fixture_open(f), 0);
	fixture_define(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	powercut_disarm();
	fixture_teardown(state);
	powercut_restore(KEPT_ALL, 0);
	return 0;
}

static bool is_well(void *arg)
{
	const struct fixture *f = arg;
	return !store_is_full(f->store) && health_worst(f->health) == HEALTH_OK;
}

static bool is_degraded(void *arg)
{
	const struct fixture *f = arg;
	return health_worst(f->health) == HEALTH_DEGRADED;
}

static bool ballast_is_there(const struct fixture *f)
{
	char name[100];
	snprintf(name, sizeof(name), "%s.ballast", f->path);
	return access(name, F_OK) == 0;
}

static bool is_back(void *arg)
{
	return !((const struct store_op *)arg)->done;
}

static void a_full_disk_refuses_what_is_new_and_delays_what_must_be_kept(void **state)
{
	struct fixture *f = *state;
	struct store_transition t = {.from = STATUS_NOTSTARTED, .to = STATUS_INPROGRESS, .now_ms = NOW_MS};
	struct store_kv kv = {.scope = "plugin/x", .key = "k", .key_len = 1, .value = "v", .value_len = 1};
	char id[ID_SIZE];

	admit(f, id);
	assert_true(ballast_is_there(f));
	powercut_arm(FAULT_FULL, 1, ALWAYS);
	struct store_admit a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -ENOSPC);
	assert_true(store_is_full(f->store));
	assert_false(ballast_is_there(f));
	wait_until(f, is_degraded, f);
	memcpy(t.id, id, ID_SIZE);
	begin_op(f, &t.op, STORE_TRANSITION);
	a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -ENOSPC);
	assert_int_equal(run_op(f, &kv.op, STORE_KV), -ENOSPC);
	assert_false(is_back(&t.op));

	powercut_disarm();
	end_op(f, &t.op);
	assert_int_equal(t.op.status, 0);
	assert_int_equal(t.ret_event_count, 1);
	assert_int_equal(t.ret_events[0].seq, 3);
	store_events_free(t.ret_events, t.ret_event_count);
	wait_until(f, is_well, f);
	assert_true(ballast_is_there(f));
	assert_int_equal(activity_status(f, id), STATUS_INPROGRESS);
	admit(f, id);
}

static void define_by_interface(struct fixture *f, char ret_id[static ID_SIZE])
{
	char ids[2][ID_SIZE];
	struct store_definition item = {.slug = "made", .hash = "a", .canonical = "{}", .canonical_len = 2};
	struct store_definitions d = {.items = &item, .count = 1, .new_ids = ids, .now_ms = NOW_MS, .by = "me"};
	for (int i = 0; i < 2; i++)
		id_next(&f->ids, NOW_MS, 0, ids[i]);
	assert_int_equal(run_op(f, &d.op, STORE_DEFINITIONS), 0);
	memcpy(ret_id, item.ret_id, ID_SIZE);
	store_events_free(d.ret_events, d.ret_event_count);
}

/* The end of one that holds a lane, what it gives the next, and a removal are accounts of what is there already. */
static void a_full_disk_refuses_actions_and_programs_and_delays_turns_and_removals(void **state)
{
	static const struct store_lane lane = {.key = "", .overlap = STORE_OVERLAP_QUEUE, .limit = 1};
	static const uint8_t hashes[1][STORE_HASH_SIZE];
	struct fixture *f = *state;
	char made[ID_SIZE];
	struct store_admit first = make_admit(f), second = make_admit(f);
	struct store_action action = {.topic = "t", .data = "{}", .data_len = 2, .time_ms = NOW_MS};
	struct store_programs programs = {.hashes = hashes, .count = 1, .now_ms = NOW_MS};
	struct store_transition end = {.from_any = true, .to = STATUS_CANCELLED, .now_ms = NOW_MS};
	struct store_remove removal = {.workflow_id = made, .by = "me", .now_ms = NOW_MS};

	define_by_interface(f, made);
	first.lane = second.lane = &lane;
	assert_int_equal(run_op(f, &first.op, STORE_ADMIT), 0);
	assert_int_equal(run_op(f, &second.op, STORE_ADMIT), 0);
	assert_false(second.ret_turn);
	memcpy(end.id, first.id, ID_SIZE);

	powercut_arm(FAULT_FULL, 1, ALWAYS);
	assert_int_equal(run_op(f, &action.op, STORE_ACTION), -ENOSPC);
	assert_int_equal(run_op(f, &programs.op, STORE_PROGRAMS), -ENOSPC);
	begin_op(f, &end.op, STORE_TRANSITION);
	begin_op(f, &removal.op, STORE_REMOVE);
	assert_int_equal(run_op(f, &action.op, STORE_ACTION), -ENOSPC);
	assert_false(is_back(&end.op));
	assert_false(is_back(&removal.op));

	powercut_disarm();
	end_op(f, &end.op);
	end_op(f, &removal.op);
	assert_int_equal(end.op.status, 0);
	/* Counted once, however often it was tried. */
	assert_int_equal(end.ret_turns, 1);
	assert_int_equal(removal.op.status, 0);
	assert_int_equal(removal.ret_event_count, 1);
	wait_until(f, is_well, f);
	assert_int_equal(run_op(f, &action.op, STORE_ACTION), 0);
	store_events_free(end.ret_events, end.ret_event_count);
	store_events_free(removal.ret_events, removal.ret_event_count);
	free_admit(&first);
	free_admit(&second);
}

/* One that is rolled back names nobody, and has marked nobody. */
static void a_cancelling_emission_that_failed_leaves_no_mark(void **state)
{
	static const struct store_lane lane = {.key = "", .overlap = STORE_OVERLAP_CANCEL, .limit = 1};
	struct fixture *f = *state;
	struct store_admit first = make_admit(f), second = make_admit(f), third = make_admit(f);

	first.lane = second.lane = third.lane = &lane;
	assert_int_equal(run_op(f, &first.op, STORE_ADMIT), 0);
	powercut_arm(FAULT_IO, 1, 1);
	assert_int_equal(run_op(f, &second.op, STORE_ADMIT), -EIO);
	assert_int_equal(second.ret_give_way_count, 0);
	assert_null(second.ret_give_way);
	powercut_disarm();
	assert_int_equal(run_op(f, &third.op, STORE_ADMIT), 0);
	assert_int_equal(third.ret_give_way_count, 1);
	assert_string_equal(third.ret_give_way[0], first.id);
	free(third.ret_give_way);
	free(first.ret_give_way);
	free_admit(&first);
	free_admit(&third);
}

static void the_ballast_makes_room_for_one_more_try_at_once(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	admit(f, id);
	powercut_arm(FAULT_FULL, 1, 1);
	int64_t since_ms = clock_mono_ms();
	assert_int_equal(transition(f, id, STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
	assert_true(clock_mono_ms() - since_ms < 400);
	wait_until(f, is_well, f);
}

static void closing_does_not_wait_for_a_full_disk(void **state)
{
	struct fixture *f = *state;
	struct store_transition t = {.from = STATUS_NOTSTARTED, .to = STATUS_INPROGRESS, .now_ms = NOW_MS};
	char id[ID_SIZE];

	admit(f, id);
	powercut_arm(FAULT_FULL, 1, ALWAYS);
	memcpy(t.id, id, ID_SIZE);
	begin_op(f, &t.op, STORE_TRANSITION);
	fixture_close(f);
	assert_true(is_back(&t.op));
	assert_int_equal(t.op.status, -ECANCELED);
	powercut_disarm();
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(activity_status(f, id), STATUS_NOTSTARTED);
}

static void a_failed_sync_leaves_the_outcome_unknown_and_the_store_usable(void **state)
{
	struct fixture *f = *state;
	struct store_order order;
	struct event *events;
	char id[ID_SIZE];

	store_order_init(&order);
	admit(f, id);
	powercut_arm_syncs(FAULT_IO, 1, 1);
	struct store_admit a = make_admit(f), behind = make_admit(f);
	a.order = behind.order = &order;
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -EINPROGRESS);
	assert_true(powercut_struck());
	assert_int_equal(run_op(f, &behind.op, STORE_ADMIT), -ECANCELED);
	/* Settled by now, whichever way it went. */
	int status = activity_status(f, a.id);
	assert_true(status == -ENOENT || status == STATUS_NOTSTARTED);
	admit(f, id);
	wait_until(f, is_well, f);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(activity_status(f, a.id), status);
	assert_int_equal(activity_status(f, behind.id), -ENOENT);
	size_t count = read_all_events(f, 0, &events, NULL);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(events[i].seq, i + 1);
	store_events_free(events, count);
}

static void a_failed_write_is_surely_rolled_back(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	powercut_arm(FAULT_IO, 1, 1);
	struct store_admit a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -EIO);
	wait_until(f, is_degraded, f);
	assert_int_equal(activity_status(f, a.id), -ENOENT);
	admit(f, id);
	wait_until(f, is_well, f);
	assert_int_equal(read_all_events(f, 0, NULL, NULL), 2);
}

static void a_disk_that_works_again_is_noticed_without_any_work(void **state)
{
	struct fixture *f = *state;

	powercut_arm(FAULT_IO, 1, 1);
	struct store_admit a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -EIO);
	wait_until(f, is_degraded, f);
	wait_until(f, is_well, f);
}

struct watch {
	struct fixture *f;
	int64_t end_ms;
};

static bool is_degraded_all_the_time(void *arg)
{
	const struct watch *w = arg;
	assert_true(is_degraded(w->f));
	return clock_mono_ms() >= w->end_ms;
}

/* Deleting what is past its time comes every second and mostly writes nothing. */
static void a_disk_that_goes_on_failing_is_not_said_to_be_well(void **state)
{
	struct fixture *f = *state;
	struct watch watch = {.f = f};

	powercut_arm(FAULT_IO, 1, ALWAYS);
	struct store_admit a = make_admit(f);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -EIO);
	wait_until(f, is_degraded, f);
	watch.end_ms = clock_mono_ms() + 2500;
	wait_until(f, is_degraded_all_the_time, &watch);
	powercut_disarm();
	wait_until(f, is_well, f);
}

struct load {
	struct fixture *f;
	struct store_admit *ops;
	char *payload;
	int begun, ended;
	off_t largest;
};

static void feed(struct load *load)
{
	while (load->begun < BIG_COUNT && load->begun - load->ended < IN_FLIGHT) {
		struct store_admit *a = &load->ops[load->begun++];
		*a = make_admit(load->f);
		a->payload = load->payload;
		a->payload_len = BIG_LEN;
		begin_op(load->f, &a->op, STORE_ADMIT);
	}
}

static bool is_loaded(void *arg)
{
	struct load *load = arg;
	char name[100];
	struct stat about;

	while (load->ended < load->begun && is_back(&load->ops[load->ended].op)) {
		assert_int_equal(load->ops[load->ended].op.status, 0);
		free_admit(&load->ops[load->ended++]);
	}
	snprintf(name, sizeof(name), "%s-wal", load->f->path);
	if (stat(name, &about) == 0 && about.st_size > load->largest)
		load->largest = about.st_size;
	feed(load);
	return load->ended == BIG_COUNT;
}

static void the_journal_stays_in_bounds_under_load(void **state)
{
	struct fixture *f = *state;
	struct load load = {.f = f, .ops = calloc(BIG_COUNT, sizeof(*load.ops)), .payload = malloc(BIG_LEN)};

	assert_non_null(load.ops);
	assert_non_null(load.payload);
	memset(load.payload, '1', BIG_LEN);
	wait_until(f, is_loaded, &load);
	/* The bound, one batch that was let in just before it, and what that takes beside its payload. */
	assert_true(load.largest < (64 + 16) << 20);
	free(load.payload);
	free(load.ops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_disk_refuses_what_is_new_and_delays_what_must_be_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_refuses_actions_and_programs_and_delays_turns_and_removals,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelling_emission_that_failed_leaves_no_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(the_ballast_makes_room_for_one_more_try_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_does_not_wait_for_a_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_sync_leaves_the_outcome_unknown_and_the_store_usable, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_failed_write_is_surely_rolled_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_works_again_is_noticed_without_any_work, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_goes_on_failing_is_not_said_to_be_well, setup, teardown),
		cmocka_unit_test_setup_teardown(the_journal_stays_in_bounds_under_load, fixture_setup,
						fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
