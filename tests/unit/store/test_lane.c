#include "unit/store/support_store.h"

#include <errno.h>
#include "model/reason.h"
#include "store/sqlite/database.h"

#define FAR_MS (2 * NOW_MS)

static const struct store_lane skip = {.key = "", .overlap = STORE_OVERLAP_SKIP, .limit = 1};
static const struct store_lane queue = {.key = "", .overlap = STORE_OVERLAP_QUEUE, .limit = 1};
static const struct store_lane cancel = {.key = "", .overlap = STORE_OVERLAP_CANCEL, .limit = 1};

/* The workflow again, with a limit for its lanes. */
static bool define_limit(struct fixture *f, uint32_t limit)
{
	char ids[2][ID_SIZE];
	struct store_definition item = {
		.slug = "demo", .hash = "aa", .canonical = "{}", .canonical_len = 2, .lane_limit = limit};
	struct store_definitions d = {.items = &item, .count = 1, .new_ids = ids, .from_folder = true, .by = "folder"};
	id_next(&f->ids, NOW_MS, 0, ids[0]);
	id_next(&f->ids, NOW_MS, 0, ids[1]);
	assert_int_equal(run_op(f, &d.op, STORE_DEFINITIONS), 0);
	assert_false(item.ret_changed);
	store_events_free(d.ret_events, d.ret_event_count);
	return item.ret_turns;
}

static int setup(void **state)
{
	int r = fixture_setup(state);
	if (r == 0)
		assert_false(define_limit(*state, 1));
	return r;
}

static struct store_admit in_lane(struct fixture *f, const struct store_lane *lane)
{
	struct store_admit a = make_admit(f);
	a.lane = lane;
	return a;
}

static void drop(struct store_admit *a)
{
	free_admit(a);
	free(a->ret_give_way);
	a->ret_give_way = NULL;
}

/* Admits; whether it got its turn at once. */
static bool enter(struct fixture *f, const struct store_lane *lane, char ret_id[static ID_SIZE])
{
	struct store_admit a = in_lane(f, lane);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_ADMITTED);
	memcpy(ret_id, a.id, ID_SIZE);
	drop(&a);
	return a.ret_turn;
}

static enum store_outcome outcome(struct fixture *f, struct store_admit *a)
{
	assert_int_equal(run_op(f, &a->op, STORE_ADMIT), 0);
	drop(a);
	return a->ret_outcome;
}

/* How many got their turn by that end. */
static size_t end(struct fixture *f, const char *id)
{
	struct store_transition t = {.from_any = true, .to = STATUS_CANCELLED, .now_ms = NOW_MS};
	memcpy(t.id, id, ID_SIZE);
	assert_int_equal(run_op(f, &t.op, STORE_TRANSITION), 0);
	store_events_free(t.ret_events, t.ret_event_count);
	return t.ret_turns;
}

struct list_seen {
	bool done;
	size_t count;
	char ids[50][ID_SIZE];
	bool give_way[50], turn[50];
	char lane[50][20];
};

static bool is_seen(void *arg)
{
	return *(bool *)arg;
}

static void keep_list(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct list_seen *seen = arg;
	assert_int_equal(status, 0);
	assert_true(count <= 50);
	for (size_t i = 0; i < count; i++) {
		memcpy(seen->ids[i], rows[i].id, ID_SIZE);
		seen->give_way[i] = rows[i].give_way;
		seen->turn[i] = rows[i].turn;
		if (rows[i].lane)
			snprintf(seen->lane[i], sizeof(seen->lane[i]), "<%.*s>", (int)rows[i].lane_len, rows[i].lane);
	}
	seen->count = count;
	seen->done = true;
}

static struct list_seen runnable(struct fixture *f)
{
	struct list_seen seen = {0};
	assert_int_equal(store_list_runnable(f->store, f->workflow_id, NULL, 50, keep_list, &seen), 0);
	wait_until(f, is_seen, &seen.done);
	return seen;
}

static bool may_start(struct fixture *f, const char *id)
{
	struct list_seen seen = runnable(f);
	for (size_t i = 0; i < seen.count; i++)
		if (strcmp(seen.ids[i], id) == 0)
			return true;
	return false;
}

static void skip_refuses_while_one_has_not_ended(void **state)
{
	struct fixture *f = *state;
	struct store_checkpoint checkpoint = {"cursor", 6, "1", 1};
	char first[ID_SIZE], scope[60], value[10];

	assert_true(enter(f, &skip, first));
	struct store_admit a = in_lane(f, &skip);
	a.checkpoints = &checkpoint;
	a.checkpoint_count = 1;
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	assert_string_equal(a.ret_existing, first);
	assert_int_equal(activity_status(f, a.id), -ENOENT);
	assert_int_equal(refusal_count(f, REASON_OVERLAP), 1);
	snprintf(scope, sizeof(scope), "trigger/%s/hook", f->workflow_id);
	assert_int_equal(read_key(f, scope, "cursor", value, sizeof(value)), 0);

	assert_int_equal(transition(f, first, STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
	a = in_lane(f, &skip);
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	end(f, first);
	assert_true(enter(f, &skip, first));
}

static void a_refusal_names_the_one_that_holds_the_lane(void **state)
{
	struct fixture *f = *state;
	char holder[ID_SIZE], expected[60], sample[60] = "";
	struct database c;
	sqlite3_stmt *st;

	enter(f, &skip, holder);
	struct store_admit a = in_lane(f, &skip);
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	snprintf(expected, sizeof(expected), "%s has not ended", holder);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(sqlite3_prepare_v2(c.db, "SELECT sample FROM refusal", -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	snprintf(sample, sizeof(sample), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	database_close(&c);
	assert_string_equal(sample, expected);
}

static void skip_counts_what_came_earlier_in_the_same_batch(void **state)
{
	struct fixture *f = *state;
	struct store_admit ops[5];

	for (int i = 0; i < 5; i++)
		ops[i] = in_lane(f, &skip);
	for (int i = 0; i < 5; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	for (int i = 0; i < 5; i++) {
		end_op(f, &ops[i].op);
		assert_int_equal(ops[i].op.status, 0);
		assert_int_equal(ops[i].ret_outcome, i == 0 ? STORE_ADMITTED : STORE_OVERLAP);
		assert_true(i == 0 || strcmp(ops[i].ret_existing, ops[0].id) == 0);
		drop(&ops[i]);
	}
}

static void skip_lets_as_many_in_as_the_limit_says(void **state)
{
	struct fixture *f = *state;
	struct store_lane three = skip;
	char ids[3][ID_SIZE];

	three.limit = 3;
	assert_true(define_limit(f, 3));
	for (int i = 0; i < 3; i++)
		assert_true(enter(f, &three, ids[i]));
	struct store_admit a = in_lane(f, &three);
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	assert_string_equal(a.ret_existing, ids[0]);
	end(f, ids[1]);
	assert_true(enter(f, &three, ids[1]));
}

static void lanes_with_other_keys_do_not_see_each_other(void **state)
{
	struct fixture *f = *state;
	struct store_lane main = {"main", 4, STORE_OVERLAP_SKIP, 1, 0}, next = {"main\0x", 6, STORE_OVERLAP_SKIP, 1, 0};
	char id[ID_SIZE];

	assert_true(enter(f, &skip, id));
	assert_true(enter(f, &main, id));
	assert_true(enter(f, &next, id));
	struct store_admit a = in_lane(f, &next);
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	assert_string_equal(a.ret_existing, id);
	/* And what is in no lane is nobody's concern. */
	assert_true(enter(f, NULL, id));
	assert_true(enter(f, NULL, id));
}

static void give_key(struct store_admit *a, const char *key)
{
	a->dedup_key = key;
	a->dedup_key_len = strlen(key);
	a->dedup_expires_ms = FAR_MS;
}

static void a_duplicate_is_told_so_although_its_lane_is_taken(void **state)
{
	struct fixture *f = *state;
	struct store_admit a = in_lane(f, &skip), again = in_lane(f, &skip), other = in_lane(f, &skip);

	give_key(&a, "k");
	give_key(&again, "k");
	give_key(&other, "k");
	other.payload_hash[0] = 1;
	assert_int_equal(outcome(f, &a), STORE_ADMITTED);
	assert_int_equal(outcome(f, &again), STORE_DUPLICATE);
	assert_string_equal(again.ret_existing, a.id);
	assert_int_equal(outcome(f, &other), STORE_CONFLICT);
}

static void what_was_refused_leaves_no_key_behind(void **state)
{
	struct fixture *f = *state;
	struct store_lane short_queue = queue;
	char holder[ID_SIZE], waiting[ID_SIZE];

	enter(f, &skip, holder);
	struct store_admit a = in_lane(f, &skip), again = in_lane(f, &skip);
	give_key(&a, "k");
	give_key(&again, "k");
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	assert_int_equal(outcome(f, &again), STORE_OVERLAP);

	short_queue.queue_max = 1;
	enter(f, &short_queue, waiting);
	struct store_admit full = in_lane(f, &short_queue), once_more = in_lane(f, &short_queue);
	give_key(&full, "q");
	give_key(&once_more, "q");
	assert_int_equal(outcome(f, &full), STORE_QUEUE_FULL);
	assert_int_equal(end(f, holder), 1);
	assert_int_equal(outcome(f, &once_more), STORE_ADMITTED);
	end(f, waiting);
	end(f, once_more.id);
	again = in_lane(f, &skip);
	give_key(&again, "k");
	assert_int_equal(outcome(f, &again), STORE_ADMITTED);
}

static void of_one_key_in_one_batch_the_first_is_admitted(void **state)
{
	struct fixture *f = *state;
	struct store_admit ops[4];

	for (int i = 0; i < 4; i++) {
		ops[i] = in_lane(f, i == 3 ? &skip : &queue);
		give_key(&ops[i], "same");
	}
	for (int i = 0; i < 4; i++)
		begin_op(f, &ops[i].op, STORE_ADMIT);
	for (int i = 0; i < 4; i++) {
		end_op(f, &ops[i].op);
		assert_int_equal(ops[i].ret_outcome, i == 0 ? STORE_ADMITTED : STORE_DUPLICATE);
		drop(&ops[i]);
	}
}

static void queued_ones_get_their_turn_in_order_as_others_end(void **state)
{
	struct fixture *f = *state;
	char ids[4][ID_SIZE];

	for (int i = 0; i < 4; i++)
		assert_int_equal(enter(f, &queue, ids[i]), i == 0);
	struct list_seen seen = runnable(f);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.ids[0], ids[0]);
	assert_string_equal(seen.lane[0], "<>");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(transition(f, ids[i], STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
		assert_false(may_start(f, ids[i + 1]));
		assert_int_equal(end(f, ids[i]), 1);
		assert_true(may_start(f, ids[i + 1]));
	}
	assert_int_equal(end(f, ids[3]), 0);
}

static void one_that_ends_while_it_waits_makes_no_room(void **state)
{
	struct fixture *f = *state;
	char ids[3][ID_SIZE];

	for (int i = 0; i < 3; i++)
		enter(f, &queue, ids[i]);
	assert_int_equal(end(f, ids[1]), 0);
	assert_false(may_start(f, ids[2]));
	assert_int_equal(end(f, ids[0]), 1);
	assert_true(may_start(f, ids[2]));
}

static void turns_survive_a_restart(void **state)
{
	struct fixture *f = *state;
	char ids[3][ID_SIZE];

	for (int i = 0; i < 3; i++)
		enter(f, &queue, ids[i]);
	end(f, ids[0]);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	struct list_seen seen = runnable(f);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.ids[0], ids[1]);
	char id[ID_SIZE];
	assert_false(enter(f, &queue, id));
	assert_int_equal(end(f, ids[1]), 1);
	assert_true(may_start(f, ids[2]));
}

static void a_lanes_queue_is_full_at_its_own_bound(void **state)
{
	struct fixture *f = *state;
	struct store_lane two = queue;
	char ids[3][ID_SIZE];

	two.queue_max = 2;
	for (int i = 0; i < 3; i++)
		enter(f, &two, ids[i]);
	struct store_admit a = in_lane(f, &two);
	assert_int_equal(outcome(f, &a), STORE_QUEUE_FULL);
	assert_int_equal(refusal_count(f, REASON_QUEUE_FULL), 1);
	end(f, ids[0]);
	enter(f, &two, ids[0]);
}

static void cancel_marks_the_older_ones_and_waits_for_their_end(void **state)
{
	struct fixture *f = *state;
	char first[ID_SIZE], second[ID_SIZE];

	assert_true(enter(f, &cancel, first));
	assert_int_equal(transition(f, first, STATUS_NOTSTARTED, STATUS_INPROGRESS), 0);
	struct store_admit a = in_lane(f, &cancel);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_outcome, STORE_ADMITTED);
	assert_false(a.ret_turn);
	assert_int_equal(a.ret_give_way_count, 1);
	assert_string_equal(a.ret_give_way[0], first);
	memcpy(second, a.id, ID_SIZE);
	drop(&a);
	assert_false(may_start(f, second));

	/* The third displaces the second, which had no turn yet: it comes up only to be cancelled. */
	a = in_lane(f, &cancel);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_give_way_count, 1);
	assert_string_equal(a.ret_give_way[0], second);
	struct list_seen seen = runnable(f);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.ids[0], second);
	assert_true(seen.give_way[0]);
	assert_true(seen.turn[0]);
	/* Its end makes no room, that of the first does. */
	assert_int_equal(end(f, second), 0);
	assert_false(may_start(f, a.id));
	assert_int_equal(end(f, first), 1);
	assert_true(may_start(f, a.id));
	drop(&a);
}

static void a_wider_lane_cancels_only_what_is_too_many(void **state)
{
	struct fixture *f = *state;
	struct store_lane two = cancel;
	char ids[2][ID_SIZE];

	two.limit = 2;
	assert_true(define_limit(f, 2));
	for (int i = 0; i < 2; i++)
		assert_true(enter(f, &two, ids[i]));
	struct store_admit a = in_lane(f, &two);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_give_way_count, 1);
	assert_string_equal(a.ret_give_way[0], ids[0]);
	drop(&a);
}

static void who_is_to_give_way_is_known_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct list_seen seen = {0};
	char first[ID_SIZE], id[ID_SIZE];

	enter(f, &cancel, first);
	transition(f, first, STATUS_NOTSTARTED, STATUS_INPROGRESS);
	enter(f, &cancel, id);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(store_list_interrupted(f->store, NULL, 10, keep_list, &seen), 0);
	wait_until(f, is_seen, &seen.done);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.ids[0], first);
	assert_true(seen.give_way[0]);
	/* And it is not named again. */
	struct store_admit a = in_lane(f, &cancel);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_give_way_count, 1);
	assert_string_equal(a.ret_give_way[0], id);
	drop(&a);
}

static void nobody_gives_way_to_one_that_is_refused(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	assert_int_equal(define_limit(f, 1), 0);
	enter(f, &cancel, id);
	fixture_close(f);
	f->options.queue_max = 1;
	assert_int_equal(fixture_open(f), 0);
	struct store_admit a = in_lane(f, &cancel);
	assert_int_equal(outcome(f, &a), STORE_QUEUE_FULL);
	assert_int_equal(a.ret_give_way_count, 0);
	struct list_seen seen = runnable(f);
	assert_int_equal(seen.count, 1);
	assert_false(seen.give_way[0]);
}

/* Until there is no more; how many got their turn. */
static size_t give_turns(struct fixture *f, size_t slice, size_t *ret_slices)
{
	struct store_turns t = {.workflow_id = f->workflow_id, .limit = slice};
	size_t turns = 0, slices = 0;
	do {
		assert_int_equal(run_op(f, &t.op, STORE_TURNS), 0);
		assert_true(t.ret_turns <= slice);
		turns += t.ret_turns;
		slices++;
	} while (t.ret_more);
	*ret_slices = slices;
	return turns;
}

static void a_raised_limit_gives_turns_in_every_lane_slice_by_slice(void **state)
{
	struct fixture *f = *state;
	char keys[20][4], id[ID_SIZE];
	size_t slices = 0;

	for (int i = 0; i < 60; i++) {
		struct store_lane lane = {keys[i % 20], 0, STORE_OVERLAP_QUEUE, 1, 0};
		lane.key_len = (size_t)snprintf(keys[i % 20], 4, "k%d", i % 20);
		enter(f, &lane, id);
	}
	assert_int_equal(runnable(f).count, 20);
	assert_true(define_limit(f, 2));
	/* It stays due over a restart, until the turns were given. */
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_true(define_limit(f, 2));
	assert_int_equal(give_turns(f, 7, &slices), 20);
	assert_true(slices >= 3);
	assert_int_equal(runnable(f).count, 40);
	assert_false(define_limit(f, 2));
}

static void a_lane_that_is_gone_lets_everybody_go(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];
	size_t slices = 0;

	for (int i = 0; i < 30; i++)
		enter(f, &queue, id);
	assert_true(define_limit(f, 0));
	assert_int_equal(give_turns(f, 10, &slices), 29);
	assert_int_equal(runnable(f).count, 30);
}

static void a_lowered_limit_lets_the_lane_drain(void **state)
{
	struct fixture *f = *state;
	struct store_lane three = queue;
	char ids[5][ID_SIZE];

	assert_true(define_limit(f, 3));
	three.limit = 3;
	for (int i = 0; i < 5; i++)
		assert_int_equal(enter(f, &three, ids[i]), i < 3);
	assert_true(define_limit(f, 1));
	assert_int_equal(end(f, ids[0]), 0);
	assert_int_equal(end(f, ids[1]), 0);
	assert_int_equal(end(f, ids[2]), 1);
	assert_true(may_start(f, ids[3]));
	assert_false(may_start(f, ids[4]));
}

static void a_newcomer_does_not_overtake_those_that_wait(void **state)
{
	struct fixture *f = *state;
	struct store_lane three = queue;
	char ids[2][ID_SIZE], id[ID_SIZE];

	for (int i = 0; i < 2; i++)
		enter(f, &queue, ids[i]);
	three.limit = 3;
	assert_true(define_limit(f, 3));
	assert_false(enter(f, &three, id));
	assert_int_equal(end(f, ids[0]), 2);
}

/* Filtered before the definition changed, or of an older revision that is started once more. */
static void older_terms_widen_no_lane(void **state)
{
	struct fixture *f = *state;
	struct store_lane three = queue;
	char ids[3][ID_SIZE];

	three.limit = 3;
	assert_true(enter(f, &three, ids[0]));
	assert_false(enter(f, &three, ids[1]));
	assert_true(define_limit(f, 0));
	assert_int_equal(end(f, ids[0]), 1);
	/* Of a workflow that has no lanes any more they are all that is known. */
	assert_true(enter(f, &three, ids[0]));
	assert_true(enter(f, &three, ids[2]));
	assert_false(enter(f, &three, ids[2]));
}

static void a_lane_without_a_limit_or_with_too_long_a_key_is_refused(void **state)
{
	struct fixture *f = *state;
	static char key[STORE_LANE_KEY_MAX + 1];
	struct store_lane none = queue, lane = {key, sizeof(key), STORE_OVERLAP_QUEUE, 1, 0};
	char id[ID_SIZE];

	none.limit = 0;
	struct store_admit a = in_lane(f, &none), b = in_lane(f, &lane);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), -EINVAL);
	assert_int_equal(run_op(f, &b.op, STORE_ADMIT), -EINVAL);
	lane.key_len = STORE_LANE_KEY_MAX;
	assert_true(enter(f, &lane, id));
	assert_false(enter(f, &lane, id));
	struct store_turns t = {.workflow_id = "00000000000000000000000f", .limit = 1};
	assert_int_equal(run_op(f, &t.op, STORE_TURNS), -ENOENT);
	size_t slices = 0;
	assert_true(define_limit(f, 2));
	assert_int_equal(give_turns(f, 5, &slices), 1);
}

struct ids_seen {
	bool done;
	size_t count;
	char ids[10][ID_SIZE];
};

static void keep_ids(void *arg, int status, const char (*ids)[ID_SIZE], size_t count)
{
	struct ids_seen *seen = arg;
	assert_int_equal(status, 0);
	assert_true(count <= 10);
	for (size_t i = 0; i < count; i++)
		memcpy(seen->ids[i], ids[i], ID_SIZE);
	seen->count = count;
	seen->done = true;
}

static void only_workflows_with_something_to_start_are_named(void **state)
{
	struct fixture *f = *state;
	struct ids_seen none = {0}, one = {0};
	char id[ID_SIZE];

	assert_int_equal(store_list_runnable_workflows(f->store, keep_ids, &none), 0);
	wait_until(f, is_seen, &none.done);
	assert_int_equal(none.count, 0);
	enter(f, &queue, id);
	assert_int_equal(store_list_runnable_workflows(f->store, keep_ids, &one), 0);
	wait_until(f, is_seen, &one.done);
	assert_int_equal(one.count, 1);
	assert_string_equal(one.ids[0], f->workflow_id);
}

/* ---- What a long queue costs ---------------------------------------------------------------------------------- */

#define WAITING 100000
/* Of SQLite's virtual machine, for one statement: far fewer than rows that wait. */
#define STEPS_MAX 20000
#define GIVE_WAY_MAX 256

/* Two have their turn, all others wait. They borrow what the first activity came with. */
static void fill_lane(struct fixture *f)
{
	struct database c;
	char text[600];

	snprintf(text, sizeof(text),
		 "INSERT INTO activity (id, workflow, revision, source, input, status, created_ms, started_ms, "
		 "ended_ms, keep_ms, turn, lane) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
		 "i < %d) SELECT CAST(printf('%%012d', i) AS BLOB), workflow, revision, source, input, 0, 0, 0, 0, 0, "
		 "i < 3, x'' FROM n, activity",
		 WAITING);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(database_exec(&c, text), 0);
	database_close(&c);
}

static void assert_cheap(struct database *c, sqlite3_stmt *st)
{
	int r;
	sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
	while ((r = sql_step(c, st)) > 0)
		;
	assert_int_equal(r, 0);
	assert_in_range(sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0), 1, STEPS_MAX);
}

static void what_a_lane_costs_does_not_grow_with_its_queue(void **state)
{
	static const enum sql of_lane[] = {
		SQL_COUNT_IN_LANE,  SQL_COUNT_TURNS,     SQL_COUNT_QUEUED,
		SQL_COUNT_UNMARKED, SQL_OLDEST_UNMARKED, SQL_OLDEST_QUEUED,
	};
	static const uint8_t first[ID_BLOB];
	struct fixture *f = *state;
	char id[ID_SIZE];
	uint8_t workflow[ID_BLOB];
	sqlite3_stmt *st = NULL;
	struct database c;

	admit(f, id);
	fill_lane(f);
	assert_int_equal(id_to_blob(f->workflow_id, workflow), 0);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	for (size_t i = 0; i < sizeof(of_lane) / sizeof(of_lane[0]); i++) {
		assert_int_equal(sql_bind(&c, of_lane[i], &st, "ibi", INT64_C(1), "", (size_t)0, INT64_C(256)), 0);
		assert_cheap(&c, st);
	}
	assert_int_equal(sql_bind(&c, SQL_OLDEST_IN_LANE, &st, "ib", INT64_C(1), "", (size_t)0), 0);
	assert_cheap(&c, st);
	/* Behind the only lane. */
	assert_int_equal(sql_bind(&c, SQL_NEXT_LANE, &st, "ib", INT64_C(1), "x", (size_t)1), 0);
	assert_cheap(&c, st);
	assert_int_equal(sql_bind(&c, SQL_LIST_RUNNABLE, &st, "did", first, INT64_C(50), workflow), 0);
	assert_cheap(&c, st);
	assert_int_equal(sql_bind(&c, SQL_LIST_RUNNABLE_WORKFLOWS, &st, ""), 0);
	assert_cheap(&c, st);
	database_close(&c);
}

static void a_long_queue_that_another_policy_left_goes_piece_by_piece(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE], oldest[ID_SIZE];

	admit(f, id);
	fill_lane(f);
	id_from_blob("000000000001", oldest);
	struct store_admit a = in_lane(f, &skip);
	assert_int_equal(outcome(f, &a), STORE_OVERLAP);
	assert_string_equal(a.ret_existing, oldest);
	a = in_lane(f, &cancel);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_give_way_count, GIVE_WAY_MAX);
	assert_string_equal(a.ret_give_way[0], oldest);
	drop(&a);
	a = in_lane(f, &cancel);
	assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
	assert_int_equal(a.ret_give_way_count, GIVE_WAY_MAX);
	/* The ids that were filled in lie behind those of today: the first emission is the very oldest now. */
	id_from_blob("000000000257", oldest);
	assert_string_equal(a.ret_give_way[1], oldest);
	drop(&a);
}

#define LANE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(skip_refuses_while_one_has_not_ended),
		LANE_TEST(a_refusal_names_the_one_that_holds_the_lane),
		LANE_TEST(skip_counts_what_came_earlier_in_the_same_batch),
		LANE_TEST(skip_lets_as_many_in_as_the_limit_says),
		LANE_TEST(lanes_with_other_keys_do_not_see_each_other),
		LANE_TEST(a_duplicate_is_told_so_although_its_lane_is_taken),
		LANE_TEST(what_was_refused_leaves_no_key_behind),
		LANE_TEST(of_one_key_in_one_batch_the_first_is_admitted),
		LANE_TEST(queued_ones_get_their_turn_in_order_as_others_end),
		LANE_TEST(one_that_ends_while_it_waits_makes_no_room),
		LANE_TEST(turns_survive_a_restart),
		LANE_TEST(a_lanes_queue_is_full_at_its_own_bound),
		LANE_TEST(cancel_marks_the_older_ones_and_waits_for_their_end),
		LANE_TEST(a_wider_lane_cancels_only_what_is_too_many),
		LANE_TEST(who_is_to_give_way_is_known_after_a_crash),
		LANE_TEST(nobody_gives_way_to_one_that_is_refused),
		LANE_TEST(a_raised_limit_gives_turns_in_every_lane_slice_by_slice),
		LANE_TEST(a_lane_that_is_gone_lets_everybody_go),
		LANE_TEST(a_lowered_limit_lets_the_lane_drain),
		LANE_TEST(a_newcomer_does_not_overtake_those_that_wait),
		LANE_TEST(older_terms_widen_no_lane),
		LANE_TEST(a_lane_without_a_limit_or_with_too_long_a_key_is_refused),
		LANE_TEST(only_workflows_with_something_to_start_are_named),
		LANE_TEST(what_a_lane_costs_does_not_grow_with_its_queue),
		LANE_TEST(a_long_queue_that_another_policy_left_goes_piece_by_piece),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
