#include "unit/store/support_store.h"

#include <errno.h>
#include "store/sqlite/database.h"

struct seen {
	bool done;
	size_t count;
	uint64_t seqs[100];
	char texts[100][60];
};

static bool is_seen(void *arg)
{
	return ((struct seen *)arg)->done;
}

static uint64_t act(struct fixture *f, const char *topic, int64_t time_ms)
{
	char data[40];
	struct store_action a = {.topic = topic, .data = data, .by = "somebody", .time_ms = time_ms};
	a.data_len = (size_t)snprintf(data, sizeof(data), "{\"at\":%d}", (int)(time_ms - NOW_MS));
	assert_int_equal(run_op(f, &a.op, STORE_ACTION), 0);
	return a.ret_seq;
}

static void keep_actions(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	assert_true(count <= 100);
	for (size_t i = 0; i < count; i++) {
		seen->seqs[i] = rows[i].seq;
		snprintf(seen->texts[i], sizeof(seen->texts[i]), "%s %.*s %s", rows[i].topic, (int)rows[i].data_len,
			 rows[i].data, rows[i].by);
	}
	seen->count = count;
	seen->done = true;
}

static struct seen list(struct fixture *f, const char *topic, bool exact, int64_t since_ms, uint64_t after,
			size_t limit)
{
	struct seen seen = {0};
	assert_int_equal(store_list_actions(f->store, topic, exact, since_ms, after, limit, keep_actions, &seen), 0);
	wait_until(f, is_seen, &seen);
	return seen;
}

static void actions_are_found_by_topic_and_by_its_beginning_in_order(void **state)
{
	struct fixture *f = *state;
	static const char *const topics[] = {"site.b", "site", "site.a", "sitf", "sit", "site.a", "Site.a"};
	uint64_t seqs[7];

	for (int i = 0; i < 7; i++)
		seqs[i] = act(f, topics[i], NOW_MS + i);
	struct seen seen = list(f, "site.", false, 0, 0, 10);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.seqs[0], seqs[0]);
	assert_int_equal(seen.seqs[1], seqs[2]);
	assert_int_equal(seen.seqs[2], seqs[5]);
	assert_string_equal(seen.texts[2], "site.a {\"at\":5} somebody");
	seen = list(f, "site", true, 0, 0, 10);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.seqs[0], seqs[1]);
	assert_int_equal(list(f, "site", false, 0, 0, 10).count, 4);
	assert_int_equal(list(f, "", false, 0, 0, 10).count, 7);
	assert_int_equal(list(f, "site.a", true, NOW_MS + 3, 0, 10).count, 1);
}

static void keep_covers(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	struct seen *seen = arg;
	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++)
		snprintf(seen->texts[i], sizeof(seen->texts[i]), "%s", rows[i].covers ? rows[i].covers : "(all)");
	seen->count = count;
	seen->done = true;
}

static void what_an_action_covers_is_kept(void **state)
{
	struct fixture *f = *state;
	struct store_action a = {.topic = "t", .data = "{}", .data_len = 2, .time_ms = NOW_MS, .covers = "team Web"};
	struct seen seen = {0};

	act(f, "t", NOW_MS);
	assert_int_equal(run_op(f, &a.op, STORE_ACTION), 0);
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(store_list_actions(f->store, "t", true, 0, 0, 10, keep_covers, &seen), 0);
	wait_until(f, is_seen, &seen);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.texts[0], "(all)");
	assert_string_equal(seen.texts[1], "team Web");
}

static void actions_are_read_page_by_page(void **state)
{
	struct fixture *f = *state;
	uint64_t after = 0, expected = 0;
	size_t total = 0;

	for (int i = 0; i < 25; i++)
		act(f, i % 2 ? "t.odd" : "t.even", NOW_MS);
	for (struct seen seen = {.count = 1}; seen.count > 0; total += seen.count) {
		seen = list(f, "t.", false, NOW_MS, after, 10);
		for (size_t i = 0; i < seen.count; i++)
			assert_int_equal(seen.seqs[i], ++expected);
		after = expected;
	}
	assert_int_equal(total, 25);
}

static void numbers_of_actions_do_not_come_back(void **state)
{
	struct fixture *f = *state;
	struct database c;
	uint64_t last = 0;

	for (int i = 0; i < 3; i++)
		last = act(f, "t", NOW_MS);
	fixture_close(f);
	assert_int_equal(database_open(&c, f->path, NULL), 0);
	assert_int_equal(database_exec(&c, "DELETE FROM action"), 0);
	database_close(&c);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(act(f, "t", NOW_MS), last + 1);
}

struct programs_seen {
	bool done;
	size_t count;
	bool first, last;
};

static bool programs_are_seen(void *arg)
{
	return ((struct programs_seen *)arg)->done;
}

static void number_hash(size_t number, uint8_t hash[static STORE_HASH_SIZE])
{
	memset(hash, 0, STORE_HASH_SIZE);
	for (size_t i = 0; i < sizeof(number); i++)
		hash[i] = (uint8_t)(number >> (8 * i));
}

static void keep_programs(void *arg, int status, const uint8_t (*hashes)[STORE_HASH_SIZE], size_t count)
{
	struct programs_seen *seen = arg;
	uint8_t first[STORE_HASH_SIZE], last[STORE_HASH_SIZE];
	assert_int_equal(status, 0);
	number_hash(0, first);
	number_hash(STORE_PROGRAMS_MAX + 9, last);
	for (size_t i = 0; i < count; i++) {
		seen->first |= memcmp(hashes[i], first, STORE_HASH_SIZE) == 0;
		seen->last |= memcmp(hashes[i], last, STORE_HASH_SIZE) == 0;
	}
	seen->count = count;
	seen->done = true;
}

static struct programs_seen programs(struct fixture *f)
{
	struct programs_seen seen = {0};
	assert_int_equal(store_list_programs(f->store, keep_programs, &seen), 0);
	wait_until(f, programs_are_seen, &seen);
	return seen;
}

static void the_newest_programs_are_kept(void **state)
{
	struct fixture *f = *state;
	uint8_t(*hashes)[STORE_HASH_SIZE] = calloc(STORE_PROGRAMS_MAX + 10, sizeof(*hashes));
	struct store_programs p = {.hashes = (const uint8_t(*)[STORE_HASH_SIZE])hashes, .count = 10, .now_ms = NOW_MS};

	assert_non_null(hashes);
	for (size_t i = 0; i < STORE_PROGRAMS_MAX + 10; i++)
		number_hash(i, hashes[i]);
	assert_int_equal(run_op(f, &p.op, STORE_PROGRAMS), 0);
	assert_int_equal(run_op(f, &p.op, STORE_PROGRAMS), 0);
	assert_int_equal(programs(f).count, 10);
	assert_true(programs(f).first);
	/* How many there are is counted anew at open. */
	fixture_close(f);
	assert_int_equal(fixture_open(f), 0);
	p.hashes += 10;
	p.count = STORE_PROGRAMS_MAX;
	p.now_ms = NOW_MS + 1;
	assert_int_equal(run_op(f, &p.op, STORE_PROGRAMS), 0);
	struct programs_seen seen = programs(f);
	assert_int_equal(seen.count, STORE_PROGRAMS_MAX);
	assert_false(seen.first);
	assert_true(seen.last);
	free(hashes);
}

struct accounts_seen {
	bool done;
	size_t count;
};

static bool accounts_are_seen(void *arg)
{
	return ((struct accounts_seen *)arg)->done;
}

static void keep_accounts(void *arg, int status, const struct store_account_row *rows, size_t count)
{
	struct accounts_seen *seen = arg;
	(void)rows;
	assert_int_equal(status, 0);
	seen->count = count;
	seen->done = true;
}

static void keep_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct accounts_seen *seen = arg;
	(void)rows;
	assert_int_equal(status, 0);
	seen->count = count;
	seen->done = true;
}

static size_t accounts(struct fixture *f, int64_t since_ms, int64_t until_ms)
{
	struct accounts_seen seen = {0};
	assert_int_equal(store_list_accounts(f->store, NULL, since_ms, until_ms, 10, keep_accounts, &seen), 0);
	wait_until(f, accounts_are_seen, &seen);
	return seen.count;
}

static size_t refusals(struct fixture *f, int64_t since_ms, int64_t until_ms)
{
	struct accounts_seen seen = {0};
	assert_int_equal(store_list_refusals(f->store, NULL, since_ms, until_ms, 10, keep_refusals, &seen), 0);
	wait_until(f, accounts_are_seen, &seen);
	return seen.count;
}

static void what_was_counted_is_listed_from_one_time_to_another(void **state)
{
	struct fixture *f = *state;

	for (int64_t i = 1; i <= 3; i++) {
		struct store_refusal item = {.trigger = "x", .reason = 1, .minute_ms = i * 60000, .count = 1};
		struct store_refusals r = {.items = &item, .count = 1};
		struct store_account a = {.workflow_id = f->workflow_id,
					  .trigger_id = "hook",
					  .first_ms = i * 1000,
					  .last_ms = i * 1000 + 500,
					  .outcome = 1,
					  .count = 1};
		assert_int_equal(run_op(f, &r.op, STORE_REFUSALS), 0);
		store_events_free(r.ret_events, r.ret_event_count);
		assert_int_equal(run_op(f, &a.op, STORE_ACCOUNT), 0);
	}
	assert_int_equal(refusals(f, 0, 0), 3);
	assert_int_equal(refusals(f, 0, 120000), 1);
	assert_int_equal(refusals(f, 120000, 180000), 1);
	assert_int_equal(refusals(f, 60001, 0), 2);
	assert_int_equal(accounts(f, 0, 0), 3);
	assert_int_equal(accounts(f, 0, 2000), 1);
	assert_int_equal(accounts(f, 0, 2001), 2);
	assert_int_equal(accounts(f, 1500, 1501), 1);
	assert_int_equal(accounts(f, 1501, 2000), 0);
}

struct switches_seen {
	bool done;
	size_t count;
	enum event_type types[8];
	int64_t newest_ms;
};

static bool switches_are_seen(void *arg)
{
	return ((struct switches_seen *)arg)->done;
}

static void keep_switches(void *arg, int status, const struct event *events, size_t count)
{
	struct switches_seen *seen = arg;
	assert_int_equal(status, 0);
	seen->count = count;
	for (size_t i = 0; i < count && i < 8; i++)
		seen->types[i] = events[i].type;
	seen->newest_ms = count ? events[0].time_ms : 0;
	seen->done = true;
}

static struct switches_seen switches(struct fixture *f, const char *workflow_id, int64_t since_ms, int64_t until_ms,
				     size_t limit)
{
	struct switches_seen seen = {0};
	assert_int_equal(store_list_switches(f->store, workflow_id, since_ms, until_ms, limit, keep_switches, &seen),
			 0);
	wait_until(f, switches_are_seen, &seen);
	return seen;
}

static void what_happened_to_a_workflow_is_told_apart_from_its_activities(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];

	for (int i = 0; i < 3; i++) {
		struct store_enable e = {.workflow_id = f->workflow_id, .enabled = i == 1, .now_ms = NOW_MS + 1000 * i};
		assert_int_equal(run_op(f, &e.op, STORE_ENABLE), 0);
		store_events_free(e.ret_events, e.ret_event_count);
		admit(f, id);
	}
	struct switches_seen seen = switches(f, f->workflow_id, NOW_MS, 0, 10);
	assert_true(seen.count >= 3);
	assert_int_equal(seen.types[0], EVENT_WORKFLOW_DISABLED);
	assert_int_equal(seen.types[1], EVENT_WORKFLOW_ENABLED);
	assert_int_equal(seen.types[2], EVENT_WORKFLOW_DISABLED);
	assert_int_equal(switches(f, f->workflow_id, NOW_MS + 1000, NOW_MS + 2000, 10).count, 1);
	assert_int_equal(switches(f, f->workflow_id, NOW_MS + 1000, NOW_MS + 2000, 10).newest_ms, NOW_MS + 1000);
	assert_int_equal(switches(f, f->workflow_id, 0, 0, 2).count, 2);
	assert_int_equal(switches(f, "000000000000000000000000", 0, 0, 10).count, 0);
}

struct causes_seen {
	bool done;
	char causes[2][64];
};

static bool causes_are_seen(void *arg)
{
	return ((struct causes_seen *)arg)->done;
}

static void keep_causes(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct causes_seen *seen = arg;
	assert_int_equal(status, 0);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < 2; i++)
		snprintf(seen->causes[i], sizeof(seen->causes[i]), "%s", rows[i].cause ? rows[i].cause : "none");
	seen->done = true;
}

static void causes_are_listed_when_asked_for_unless_they_are_long(void **state)
{
	struct fixture *f = *state;
	char longer[STORE_CAUSE_LISTED_MAX + 16];

	memset(longer, ' ', sizeof(longer));
	memcpy(longer, "{}", 2);
	longer[sizeof(longer) - 1] = '\0';
	const char *const causes[] = {longer, "{\"by\":\"me\"}"};
	for (size_t i = 0; i < 2; i++) {
		struct store_admit a = make_admit(f);
		a.cause = causes[i];
		a.cause_len = strlen(causes[i]);
		assert_int_equal(run_op(f, &a.op, STORE_ADMIT), 0);
		free_admit(&a);
	}
	struct store_activity_filter filter = {.workflow_id = f->workflow_id, .limit = 10, .causes = true};
	struct causes_seen seen = {0};
	assert_int_equal(store_list_activities(f->store, &filter, keep_causes, &seen), 0);
	wait_until(f, causes_are_seen, &seen);
	assert_string_equal(seen.causes[0], "{\"by\":\"me\"}");
	assert_string_equal(seen.causes[1], "none");
	filter.causes = false;
	seen = (struct causes_seen){0};
	assert_int_equal(store_list_activities(f->store, &filter, keep_causes, &seen), 0);
	wait_until(f, causes_are_seen, &seen);
	assert_string_equal(seen.causes[0], "none");
}

#define ACTION_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ACTION_TEST(actions_are_found_by_topic_and_by_its_beginning_in_order),
		ACTION_TEST(what_an_action_covers_is_kept),
		ACTION_TEST(actions_are_read_page_by_page),
		ACTION_TEST(numbers_of_actions_do_not_come_back),
		ACTION_TEST(the_newest_programs_are_kept),
		ACTION_TEST(what_happened_to_a_workflow_is_told_apart_from_its_activities),
		ACTION_TEST(causes_are_listed_when_asked_for_unless_they_are_long),
		ACTION_TEST(what_was_counted_is_listed_from_one_time_to_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
