/* The testkit's tappet.events/1: batches that the test makes, at the reader's pace. */
#include "support_plugin.h"

struct reading {
	tappet_reader *reader;
	uint64_t seqs[300];
	char type[64], data[64];
	size_t count, batches;
	uint64_t last_seq, gap_from;
	bool goes_on, closes;
};

static void on_events(void *arg, const tappet_event *events, size_t count, size_t event_size, uint64_t last_seq,
		      uint64_t gap_from)
{
	struct reading *r = arg;
	for (size_t i = 0; i < count; i++) {
		const tappet_event *e = (const tappet_event *)(const void *)((const char *)events + i * event_size);
		r->seqs[r->count++] = e->seq;
		snprintf(r->type, sizeof(r->type), "%s", e->type);
		snprintf(r->data, sizeof(r->data), "%.*s", (int)e->data.len, e->data.ptr);
	}
	r->batches++;
	r->last_seq = last_seq;
	r->gap_from = gap_from;
	if (r->goes_on)
		told.events->more(r->reader);
	if (r->closes)
		told.events->close(r->reader);
}

static void open_reader(struct reading *r, uint64_t since, const tappet_events_filter *filter)
{
	assert_int_equal(told.events->open(told.self, since, filter, on_events, r, &r->reader), 0);
}

static void commit(testkit *kit, size_t count, const char *type)
{
	for (size_t i = 0; i < count; i++)
		testkit_event(kit, type, TESTKIT_WORKFLOW, NULL, NULL);
}

static int begin(void **state)
{
	*state = told_begin();
	return 0;
}

static int end(void **state)
{
	told_end(*state, NULL);
	return 0;
}

static void the_first_batch_comes_by_itself_and_the_next_when_asked_for(void **state)
{
	struct reading r = {0};
	testkit_events_batch(*state, 2);
	commit(*state, 3, "activity.accepted");
	open_reader(&r, 0, NULL);
	assert_int_equal(r.batches, 0);
	testkit_run(*state);
	assert_int_equal(r.batches, 1);
	assert_int_equal(r.last_seq, 2);
	testkit_run(*state);
	assert_int_equal(r.batches, 1);
	told.events->more(r.reader);
	testkit_run(*state);
	assert_int_equal(r.batches, 2);
	assert_int_equal(r.seqs[2], 3);
	told.events->close(r.reader);
}

static void who_has_seen_all_waits_for_the_next(void **state)
{
	struct reading r = {.goes_on = true};
	commit(*state, 2, "activity.accepted");
	open_reader(&r, UINT64_MAX, NULL);
	testkit_run(*state);
	assert_int_equal(r.batches, 0);
	assert_int_equal(told.events->newest(told.self), 2);
	assert_int_equal(testkit_event(*state, "step.started", NULL, NULL, "{\"a\":1}"), 3);
	testkit_run(*state);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.seqs[0], 3);
	assert_string_equal(r.type, "step.started");
	assert_string_equal(r.data, "{\"a\":1}");
	told.events->close(r.reader);
}

static void a_filter_leaves_out_and_the_position_moves_on(void **state)
{
	struct reading r = {.goes_on = true};
	const tappet_events_filter filter = {
		.struct_size = sizeof(filter), .workflow_id = TESTKIT_WORKFLOW, .type = "step.*"};
	commit(*state, 1, "step.started");
	open_reader(&r, 0, &filter);
	commit(*state, 1, "activity.accepted");
	testkit_run(*state);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.last_seq, 2);
	commit(*state, 1000, "activity.accepted");
	testkit_run(*state);
	assert_int_equal(r.batches, 2);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.last_seq, 1002);
	told.events->close(r.reader);
}

static void what_is_not_kept_is_a_gap_unless_the_oldest_was_asked_for(void **state)
{
	struct reading late = {0}, oldest = {0};
	commit(*state, 5, "activity.accepted");
	testkit_events_oldest(*state, 4);
	open_reader(&late, 1, NULL);
	open_reader(&oldest, 0, NULL);
	testkit_run(*state);
	assert_int_equal(late.gap_from, 2);
	assert_int_equal(late.seqs[0], 4);
	assert_int_equal(oldest.gap_from, 0);
	assert_int_equal(oldest.seqs[0], 4);
	told.events->close(late.reader);
	told.events->close(oldest.reader);
}

static void a_reader_is_closed_from_inside(void **state)
{
	struct reading r = {.closes = true};
	commit(*state, 1, "activity.accepted");
	open_reader(&r, 0, NULL);
	testkit_run(*state);
	assert_int_equal(testkit_reader_count(*state), 0);
	commit(*state, 1, "activity.accepted");
	testkit_run(*state);
	assert_int_equal(r.batches, 1);
}

static void open_fails_when_the_test_wants_it(void **state)
{
	struct reading r = {0};
	testkit_fail(*state, 1, TAPPET_ENOMEM);
	assert_int_equal(told.events->open(told.self, 0, NULL, on_events, &r, &r.reader), TAPPET_ENOMEM);
	assert_true(testkit_has_failed(*state));
}

/* ---- What 1.3 has added to the filter ---- */

#define OTHER "5dd74d0976df2d000110e52b"

static size_t count_of(testkit *kit, const tappet_events_filter *filter)
{
	struct reading r = {.goes_on = true};
	open_reader(&r, 0, filter);
	testkit_run(kit);
	told.events->close(r.reader);
	return r.count;
}

static size_t count_of_types(testkit *kit, const char *types)
{
	const tappet_events_filter filter = {.struct_size = sizeof(filter), .types = types};
	return count_of(kit, &filter);
}

static void a_filter_has_several_types_and_some_only_in_full(void **state)
{
	commit(*state, 1, "activity.accepted");
	commit(*state, 1, "activity.completed");
	commit(*state, 1, "step.ended");
	commit(*state, 1, "step.log");
	commit(*state, 1, "trigger.refused");
	assert_int_equal(count_of(*state, NULL), 3);
	assert_int_equal(count_of_types(*state, "activity.*,step.ended"), 3);
	assert_int_equal(count_of_types(*state, "step.*"), 1);
	assert_int_equal(count_of_types(*state, "step.log,trigger.refused"), 2);
	assert_int_equal(count_of_types(*state, "*"), 3);
}

static void a_filter_names_types_that_there_are(void **state)
{
	static const char *const wrong[] = {"", "activity", "activity.accepted,", "nothing.*", "step.logs"};
	struct reading r = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const tappet_events_filter filter = {.struct_size = sizeof(filter), .types = wrong[i]};
		assert_int_equal(told.events->open(told.self, 0, &filter, on_events, &r, &r.reader), TAPPET_EINVAL);
	}
}

static void a_filter_has_a_team_and_a_token(void **state)
{
	const tappet_auth1 *auth = told.host->capability(told.self, TAPPET_AUTH_1);
	tappet_grant grant = {.struct_size = sizeof(grant)};
	testkit_workflow(*state, OTHER, "other", NULL, "red");
	testkit_event(*state, "activity.accepted", OTHER, NULL, NULL);
	testkit_event(*state, "activity.started", OTHER, NULL, NULL);
	commit(*state, 1, "activity.accepted");
	testkit_token(*state, "t", TAPPET_SCOPE_SUBSCRIBE, TESTKIT_WORKFLOW);
	assert_int_equal(auth->check(told.self, tappet_cstr("t"), &grant), 0);
	const tappet_events_filter team = {.struct_size = sizeof(team), .team = "red"};
	const tappet_events_filter token = {.struct_size = sizeof(token), .token_id = grant.token_id};
	assert_int_equal(count_of(*state, &team), 2);
	assert_int_equal(count_of(*state, &token), 1);
	testkit_token(*state, "t", 0, NULL);
	assert_int_equal(count_of(*state, &token), 0);
}

static void a_filter_of_an_older_plugin_is_taken(void **state)
{
	tappet_events_filter filter = {.struct_size = offsetof(tappet_events_filter, team), .team = "never read"};
	commit(*state, 1, "activity.accepted");
	assert_int_equal(count_of(*state, &filter), 1);
}

static void a_workflow_is_found_by_id_and_slug(void **state)
{
	tappet_workflow_info info = {.struct_size = sizeof(info)};
	assert_int_equal(told.events->workflow(told.self, tappet_cstr(TESTKIT_WORKFLOW), &info), 0);
	assert_string_equal(info.workflow_slug, "workflow");
	testkit_workflow(*state, OTHER, "other", "Other", "red");
	assert_int_equal(told.events->workflow(told.self, tappet_cstr("other"), &info), 0);
	assert_string_equal(info.workflow_id, OTHER);
	assert_string_equal(info.workflow_name, "Other");
	assert_string_equal(info.team, "red");
	testkit_workflow(*state, OTHER, "renamed", NULL, NULL);
	assert_int_equal(told.events->workflow(told.self, tappet_cstr("other"), &info), TAPPET_ENOTFOUND);
	info.struct_size = 0;
	assert_int_equal(told.events->workflow(told.self, tappet_cstr("renamed"), &info), TAPPET_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_batch_comes_by_itself_and_the_next_when_asked_for),
		TEST(who_has_seen_all_waits_for_the_next),
		TEST(a_filter_leaves_out_and_the_position_moves_on),
		TEST(what_is_not_kept_is_a_gap_unless_the_oldest_was_asked_for),
		TEST(a_reader_is_closed_from_inside),
		TEST(open_fails_when_the_test_wants_it),
		TEST(a_filter_has_several_types_and_some_only_in_full),
		TEST(a_filter_names_types_that_there_are),
		TEST(a_filter_has_a_team_and_a_token),
		TEST(a_filter_of_an_older_plugin_is_taken),
		TEST(a_workflow_is_found_by_id_and_slug),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
