/* The promise "commit first, speak second", tried at every single write and sync of a small history: the power goes
 * there, or the disk fails there, and afterwards all that was acknowledged is there, nothing that was refused is,
 * and the numbers of the events have no hole. */
#include "unit/store/support_store.h"

#include <errno.h>
#include <unistd.h>
#include "unit/store/support_powercut.h"

#define ADMITS 6
#define WAVES 2
#define QUEUED 3

struct history {
	struct store_admit admits[WAVES][ADMITS];
	char keys[WAVES][ADMITS][24];
	struct store_checkpoint checkpoints[WAVES][ADMITS];
	struct store_transition begins[WAVES][ADMITS], ends[WAVES][ADMITS];
	struct store_step_change begun[WAVES][ADMITS], ended[WAVES][ADMITS];
	struct store_order order;
	bool defined;
	/* A lane: some that queue, the end of the first, a wider limit, and the turns that come of it. */
	struct store_definitions narrow, wide;
	struct store_admit queued[QUEUED];
	struct store_transition end;
	struct store_action action;
	struct store_turns turns;
};

static const struct store_lane lane = {.key = "k", .key_len = 1, .overlap = STORE_OVERLAP_QUEUE, .limit = 1};

static void run_all(struct fixture *f, struct store_op *op, size_t stride, enum store_kind kind)
{
	for (size_t i = 0; i < ADMITS; i++)
		begin_op(f, (struct store_op *)(void *)((char *)op + i * stride), kind);
	for (size_t i = 0; i < ADMITS; i++)
		end_op(f, (struct store_op *)(void *)((char *)op + i * stride));
}

static void prepare_change(struct store_transition *t, const char *id, enum status from, enum status to,
			   struct store_step_change *step)
{
	*step = (struct store_step_change){.status = to, .attempt = 1, .exit_code = -1};
	*t = (struct store_transition){.from = from, .to = to, .now_ms = NOW_MS, .steps = step, .step_count = 1};
	memcpy(t->id, id, ID_SIZE);
}

static void run_wave(struct fixture *f, struct history *h, int wave)
{
	for (int i = 0; i < ADMITS; i++) {
		struct store_admit *a = &h->admits[wave][i];
		char *key = h->keys[wave][i];
		*a = make_admit(f);
		snprintf(key, sizeof(h->keys[0][0]), "%d-%d", wave, i);
		h->checkpoints[wave][i] = (struct store_checkpoint){"cursor", 6, key, strlen(key)};
		a->order = &h->order;
		a->order_epoch = h->order.epoch;
		a->dedup_key = key;
		a->dedup_key_len = strlen(key);
		a->dedup_expires_ms = 2 * NOW_MS;
		a->checkpoints = &h->checkpoints[wave][i];
		a->checkpoint_count = 1;
	}
	run_all(f, &h->admits[wave][0].op, sizeof(h->admits[0][0]), STORE_ADMIT);
	for (int i = 0; i < ADMITS; i++) {
		const char *id = h->admits[wave][i].id;
		prepare_change(&h->begins[wave][i], id, STATUS_NOTSTARTED, STATUS_INPROGRESS, &h->begun[wave][i]);
		prepare_change(&h->ends[wave][i], id, STATUS_INPROGRESS, STATUS_COMPLETED, &h->ended[wave][i]);
	}
	run_all(f, &h->begins[wave][0].op, sizeof(h->begins[0][0]), STORE_TRANSITION);
	run_all(f, &h->ends[wave][0].op, sizeof(h->ends[0][0]), STORE_TRANSITION);
	h->order.epoch++;
}

static void define_lanes(struct fixture *f, struct store_definitions *d, uint32_t limit)
{
	char ids[2][ID_SIZE];
	struct store_definition item = {
		.slug = "demo", .hash = "aa", .canonical = "{}", .canonical_len = 2, .lane_limit = limit};
	*d = (struct store_definitions){.items = &item, .count = 1, .new_ids = ids, .from_folder = true};
	for (int i = 0; i < 2; i++)
		id_next(&f->ids, NOW_MS, 0, ids[i]);
	run_op(f, &d->op, STORE_DEFINITIONS);
	store_events_free(d->ret_events, d->ret_event_count);
	d->items = NULL;
	d->new_ids = NULL;
}

static void run_lane(struct fixture *f, struct history *h)
{
	define_lanes(f, &h->narrow, 1);
	for (int i = 0; i < QUEUED; i++) {
		h->queued[i] = make_admit(f);
		h->queued[i].trigger_id = "queued";
		h->queued[i].lane = &lane;
		begin_op(f, &h->queued[i].op, STORE_ADMIT);
	}
	for (int i = 0; i < QUEUED; i++)
		end_op(f, &h->queued[i].op);
	h->end = (struct store_transition){.from_any = true, .to = STATUS_CANCELLED, .now_ms = NOW_MS};
	memcpy(h->end.id, h->queued[0].id, ID_SIZE);
	run_op(f, &h->end.op, STORE_TRANSITION);
	define_lanes(f, &h->wide, 2);
	h->turns = (struct store_turns){.workflow_id = f->workflow_id, .limit = 10};
	run_op(f, &h->turns.op, STORE_TURNS);
	h->action = (struct store_action){.topic = "t", .data = "{}", .data_len = 2, .time_ms = NOW_MS};
	run_op(f, &h->action.op, STORE_ACTION);
}

static void run_history(struct fixture *f, struct history *h)
{
	*h = (struct history){0};
	store_order_init(&h->order);
	fixture_define(f);
	h->defined = f->workflow_id[0];
	for (int wave = 0; wave < WAVES && h->defined; wave++)
		run_wave(f, h, wave);
}

static void run_history_of_lane(struct fixture *f, struct history *h)
{
	h->defined = true;
	run_lane(f, h);
}

static void free_history(struct history *h)
{
	for (int wave = 0; wave < WAVES && h->defined; wave++) {
		for (int i = 0; i < ADMITS; i++) {
			free_admit(&h->admits[wave][i]);
			store_events_free(h->begins[wave][i].ret_events, h->begins[wave][i].ret_event_count);
			store_events_free(h->ends[wave][i].ret_events, h->ends[wave][i].ret_event_count);
		}
	}
}

static void free_lane(struct history *h)
{
	for (int i = 0; i < QUEUED && h->defined; i++)
		free_admit(&h->queued[i]);
	store_events_free(h->end.ret_events, h->end.ret_event_count);
}

static bool is_unknown(const struct store_op *op)
{
	return op->status == -EINPROGRESS;
}

/* What may have become of one activity, given what was said about it. */
static void check_activity(struct fixture *f, struct history *h, int wave, int i)
{
	const struct store_op *admitted = &h->admits[wave][i].op;
	const struct store_op *begun = &h->begins[wave][i].op, *ended = &h->ends[wave][i].op;
	int status = activity_status(f, h->admits[wave][i].id);

	if (status == -ENOENT) {
		assert_int_not_equal(admitted->status, 0);
		assert_true(begun->status < 0 && ended->status < 0);
		return;
	}
	assert_true(status >= 0);
	assert_true(admitted->status == 0 || is_unknown(admitted));
	if (ended->status == 0)
		assert_int_equal(status, STATUS_COMPLETED);
	else if (begun->status == 0)
		assert_true(status == STATUS_INPROGRESS || (status == STATUS_COMPLETED && is_unknown(ended)));
	else
		assert_true(status == STATUS_NOTSTARTED || is_unknown(begun));
}

static void check_event(const struct event *events, size_t count, const struct event *said)
{
	assert_true(said->seq >= 1 && said->seq <= count);
	const struct event *kept = &events[said->seq - 1];
	assert_int_equal(kept->type, said->type);
	assert_string_equal(kept->activity_id, said->activity_id);
	assert_string_equal(kept->data, said->data);
}

static void check_events(struct fixture *f, struct history *h)
{
	struct event *events;
	size_t count = read_all_events(f, 0, &events, NULL);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(events[i].seq, i + 1);
	assert_int_equal(store_newest_event(f->store), count);
	for (int wave = 0; wave < WAVES; wave++) {
		for (int i = 0; i < ADMITS; i++) {
			if (h->admits[wave][i].op.status == 0)
				check_event(events, count, &h->admits[wave][i].ret_event);
			for (size_t k = 0; k < h->ends[wave][i].ret_event_count; k++)
				check_event(events, count, &h->ends[wave][i].ret_events[k]);
		}
	}
	store_events_free(events, count);
}

/* The checkpoint is that of the newest emission that is there: neither ahead nor behind. */
static void check_checkpoint(struct fixture *f, struct history *h)
{
	char scope[60], value[24] = "", expected[24] = "";
	for (int wave = 0; wave < WAVES; wave++)
		for (int i = 0; i < ADMITS; i++)
			if (activity_status(f, h->admits[wave][i].id) >= 0)
				memcpy(expected, h->keys[wave][i], sizeof(h->keys[0][0]));
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	read_key(f, scope, "cursor", value, sizeof(value));
	assert_string_equal(value, expected);
}

struct row_seen {
	bool done;
	int status;
	bool turn;
};

static bool row_is_seen(void *arg)
{
	return ((struct row_seen *)arg)->done;
}

static void keep_row(void *arg, int status, const struct store_activity_row *row)
{
	struct row_seen *seen = arg;
	seen->status = status;
	seen->turn = row && row->turn;
	seen->done = true;
}

static void keep_actions(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	struct row_seen *seen = arg;
	(void)rows;
	seen->status = status;
	seen->turn = count == 1;
	seen->done = true;
}

/* By the end of the first, or by the wider limit. */
static bool must_have_turn(const struct history *h, int i)
{
	if (i == 0 || h->queued[0].op.status != 0 || h->queued[1].op.status != 0 || h->end.op.status != 0)
		return false;
	return i == 1 || (h->wide.op.status == 0 && h->turns.op.status == 0);
}

static void check_lane(struct fixture *f, struct history *h)
{
	for (int i = 0; i < QUEUED; i++) {
		struct row_seen seen = {0};
		const struct store_op *op = &h->queued[i].op;
		assert_int_equal(store_get_activity(f->store, h->queued[i].id, keep_row, &seen), 0);
		wait_until(f, row_is_seen, &seen);
		if (op->status == 0)
			assert_int_equal(seen.status, 0);
		else
			assert_true(seen.status == -ENOENT || is_unknown(op));
		/* What was said to have its turn has it. */
		if (op->status == 0 && (h->queued[i].ret_turn || must_have_turn(h, i)))
			assert_true(seen.turn);
	}
	struct row_seen seen = {0};
	assert_int_equal(store_list_actions(f->store, "t", true, 0, 0, 10, keep_actions, &seen), 0);
	wait_until(f, row_is_seen, &seen);
	assert_true(seen.turn || h->action.op.status != 0);
	assert_true(!seen.turn || h->action.op.status == 0 || is_unknown(&h->action.op));
}

static void no_fault(void *arg, const char *text)
{
	(void)arg;
	print_message("%s\n", text);
}

static void check_history(struct fixture *f, struct history *h)
{
	if (!h->defined)
		return;
	for (int wave = 0; wave < WAVES; wave++)
		for (int i = 0; i < ADMITS; i++)
			check_activity(f, h, wave, i);
	check_events(f, h);
	check_checkpoint(f, h);
}

static void check_history_of_lane(struct fixture *f, struct history *h)
{
	check_lane(f, h);
	assert_int_equal(store_check(f->path, no_fault, NULL), 0);
}

/* Two histories, since a sweep costs the square of its length. */
struct play {
	bool on_new_store; /* its making is part of the history */
	void (*run)(struct fixture *f, struct history *h);
	void (*check)(struct fixture *f, struct history *h);
	void (*free)(struct history *h);
};
static const struct play waves = {true, run_history, check_history, free_history};
static const struct play lanes = {false, run_history_of_lane, check_history_of_lane, free_lane};

/* One history with a fault at one place. Whether the fault struck. */
static bool try_at(const struct play *play, enum fault fault, uint64_t at, enum kept kept)
{
	struct fixture f;
	static struct history h;

	h = (struct history){0};
	fixture_init(&f);
	f.options.vfs = "powercut";
	f.options.ballast = 4096;
	if (!play->on_new_store) {
		assert_int_equal(fixture_open(&f), 0);
		fixture_define(&f);
	}
	powercut_arm(fault, at, 1);
	if (f.store || fixture_open(&f) == 0) {
		play->run(&f, &h);
		fixture_close(&f);
	}
	bool struck = powercut_struck();
	powercut_restore(kept, (uint32_t)at);
	assert_int_equal(fixture_open(&f), 0);
	play->check(&f, &h);
	play->free(&h);
	fixture_release(&f);
	powercut_restore(KEPT_ALL, 0);
	return struck;
}

/* TAPPET_SWEEP_STRIDE=N: only every Nth place, for slow sanitizers; each sweep begins elsewhere. */
static uint64_t stride(void)
{
	const char *text = getenv("TAPPET_SWEEP_STRIDE");
	uint64_t n = text ? strtoull(text, NULL, 10) : 1;
	return n > 0 ? n : 1;
}

static void sweep_one(const struct play *play, enum fault fault, enum kept kept)
{
	const uint64_t step = stride();
	uint64_t at = 1 + ((uint64_t)fault + (uint64_t)kept) % step;
	while (try_at(play, fault, at, kept))
		at += step;
	/* The history is more than a few writes, or the sweep has swept nothing. */
	assert_true(at > 25);
}

static void sweep(enum fault fault, enum kept kept)
{
	powercut_install();
	log_setup(LOG_ERROR + 1, false);
	sweep_one(&waves, fault, kept);
	sweep_one(&lanes, fault, kept);
}

static void the_power_goes_at_any_write_and_nothing_unsynced_stays(void **state)
{
	(void)state;
	sweep(FAULT_CUT, KEPT_NONE);
}

static void the_power_goes_at_any_write_and_some_of_it_stays(void **state)
{
	(void)state;
	sweep(FAULT_CUT, KEPT_SOME);
}

static void the_daemon_is_killed_at_any_write(void **state)
{
	(void)state;
	sweep(FAULT_CUT, KEPT_ALL);
}

static void the_disk_is_full_at_any_write(void **state)
{
	(void)state;
	sweep(FAULT_FULL, KEPT_NONE);
}

static void the_disk_fails_at_any_write(void **state)
{
	(void)state;
	sweep(FAULT_IO, KEPT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_power_goes_at_any_write_and_nothing_unsynced_stays),
		cmocka_unit_test(the_power_goes_at_any_write_and_some_of_it_stays),
		cmocka_unit_test(the_daemon_is_killed_at_any_write),
		cmocka_unit_test(the_disk_is_full_at_any_write),
		cmocka_unit_test(the_disk_fails_at_any_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
