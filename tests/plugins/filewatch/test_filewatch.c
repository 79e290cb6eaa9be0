/* Changes of a real folder, told once each: as they happen, after downtime, and while the host takes nothing. */
#include "filewatch_kit.h"

#define TREE "{\"path\":\"tree\"}"

static void a_file_is_told_as_created_changed_and_removed(void **state)
{
	(void)state;
	testkit *kit = kit_new(TREE);
	put("tree/a", "1");
	quiet(kit);
	put("tree/a", "22");
	quiet(kit);
	unlink("tree/a");
	quiet(kit);
	assert_string_equal(told(kit), "created a|changed a|removed a|");
	testkit_close(kit);
}

static void a_rename_is_told_as_moved(void **state)
{
	(void)state;
	testkit *kit = kit_new(TREE);
	put("tree/a", "1");
	quiet(kit);
	mkdir("tree/d", 0700);
	rename("tree/a", "tree/d/b");
	quiet(kit);
	assert_string_equal(told(kit), "created a|moved d/b<a|");
	testkit_close(kit);
}

static void a_renamed_folder_moves_what_is_in_it(void **state)
{
	(void)state;
	testkit *kit = kit_new(TREE);
	mkdir("tree/d", 0700);
	mkdir("tree/d/e", 0700);
	put("tree/d/e/a", "1");
	quiet(kit);
	rename("tree/d", "tree/f");
	quiet(kit);
	put("tree/f/e/a", "22");
	quiet(kit);
	assert_string_equal(told(kit), "created d/e/a|moved f/e/a<d/e/a|changed f/e/a|");
	testkit_close(kit);
}

static void an_inode_that_is_given_out_again_is_no_move(void **state)
{
	(void)state;
	testkit *kit = kit_new(TREE);
	put("tree/a", "1");
	quiet(kit);
	unlink("tree/a");
	put("tree/b", "other");
	quiet(kit);
	assert_true(strstr(told(kit), "removed a|") && strstr(told(kit), "created b|"));
	assert_null(strstr(told(kit), "moved b"));
	testkit_close(kit);
}

static void many_writes_are_one_change_when_it_is_quiet(void **state)
{
	(void)state;
	testkit *kit = kit_new(TREE);
	for (int i = 0; i < 20; i++) {
		put("tree/a", "text");
		testkit_poll(kit, 0);
		testkit_advance(kit, SETTLE - 1);
		assert_int_equal(testkit_emission_count(kit), 0);
	}
	testkit_advance(kit, 2);
	assert_string_equal(told(kit), "created a|");
	testkit_close(kit);
}

static void what_is_not_there_any_more_when_it_is_quiet_is_nothing(void **state)
{
	(void)state;
	testkit *kit = kit_new(TREE);
	put("tree/a", "1");
	testkit_poll(kit, 0);
	unlink("tree/a");
	quiet(kit);
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_close(kit);
}

static void a_file_that_is_open_waits_until_it_is_closed(void **state)
{
	(void)state;
	testkit *kit = kit_new("{\"path\":\"tree\",\"settleMax\":\"0s\"}");
	const int fd = open("tree/a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "1", 1), 1);
	quiet(kit);
	testkit_advance(kit, 3600 * 1000);
	assert_int_equal(testkit_emission_count(kit), 0);
	close(fd);
	quiet(kit);
	assert_string_equal(told(kit), "created a|");
	testkit_close(kit);
}

static void one_that_stays_open_is_told_after_settle_max(void **state)
{
	(void)state;
	testkit *kit = kit_new("{\"path\":\"tree\",\"settleMax\":\"10s\"}");
	const int fd = open("tree/a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "1", 1), 1);
	while (testkit_poll(kit, 0))
		;
	testkit_advance(kit, 9000);
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_advance(kit, 1001);
	assert_string_equal(told(kit), "created a|");
	const tappet_str payload = testkit_emission_last(kit)->payload;
	assert_non_null(memmem(payload.ptr, payload.len, "\"open\":true", 11));
	close(fd);
	testkit_close(kit);
}

/* ---- The journal ---- */

static void downtime_is_told_exactly(void **state)
{
	(void)state;
	testkit *first = kit_new(TREE);
	put("tree/same", "1");
	put("tree/changed", "1");
	put("tree/removed", "1");
	put("tree/moved", "1");
	mkdir("tree/d", 0700);
	put("tree/d/f", "1");
	quiet(first);
	testkit_stop(first, 1000);
	put("tree/changed", "22");
	unlink("tree/removed");
	rename("tree/moved", "tree/to");
	rename("tree/d", "tree/e");
	put("tree/created", "1");
	testkit *second = kit_after(first, TREE);
	const char *text = told(second);
	assert_int_equal(testkit_emission_count(second), 5);
	assert_true(strstr(text, "changed changed|") && strstr(text, "removed removed|") &&
		    strstr(text, "created created|"));
	assert_true(strstr(text, "moved to<moved|") && strstr(text, "moved e/f<d/f|"));
	testkit_close(first);
	testkit *third = kit_after(second, TREE);
	assert_int_equal(testkit_emission_count(third), 0);
	testkit_close(second);
	testkit_close(third);
}

static void what_was_not_committed_is_told_by_who_comes_next(void **state)
{
	(void)state;
	testkit *first = kit_new(TREE);
	testkit_outcome_always(first, TAPPET_ECANCELED, TAPPET_REASON_STORE, NULL);
	mkdir("tree/d", 0700);
	put("tree/d/a", "1");
	put("tree/b", "1");
	quiet(first);
	assert_string_equal(told(first), "");
	testkit *second = kit_after(first, TREE);
	assert_int_equal(testkit_emission_count(second), 2);
	testkit_close(first);
	testkit_close(second);
}

/* A folder's entry goes into the store with what is told of it, or its files would be told twice. */
static void a_new_folder_is_kept_with_its_first_file(void **state)
{
	(void)state;
	testkit *first = kit_new(TREE);
	mkdir("tree/d", 0700);
	mkdir("tree/d/e", 0700);
	put("tree/d/e/a", "1");
	put("tree/d/b", "1");
	testkit_hold(first, 1);
	quiet(first);
	/* The first of the two is committed, and then the daemon is gone. */
	testkit_settle(first, 0, TAPPET_OK, 0, NULL);
	testkit *second = kit_after(first, TREE);
	assert_int_equal(testkit_emission_count(second), 1);
	testkit_close(first);
	testkit_close(second);
}

static void an_uncertain_outcome_is_tried_again_with_its_key(void **state)
{
	static const int32_t outcomes[] = {TAPPET_ECANCELED, TAPPET_EUNKNOWN};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		testkit *kit = kit_new(TREE);
		testkit_outcome(kit, outcomes[i], TAPPET_REASON_STORE, NULL);
		put("tree/a", i ? "333" : "1");
		quiet(kit);
		testkit_advance(kit, 60000);
		assert_int_equal(testkit_emission_count(kit), 2);
		const testkit_emission *once = testkit_emission_at(kit, 0), *again = testkit_emission_at(kit, 1);
		assert_string_equal(once->dedup_key.ptr, again->dedup_key.ptr);
		assert_memory_equal(once->payload.ptr, again->payload.ptr, once->payload.len);
		assert_int_equal(again->outcome, TAPPET_OK);
		testkit_close(kit);
	}
}

static void a_refusal_by_the_filter_is_final(void **state)
{
	(void)state;
	testkit *first = kit_new(TREE);
	testkit_outcome_always(first, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
	put("tree/a", "1");
	quiet(first);
	assert_int_equal(testkit_emission_count(first), 1);
	testkit *second = kit_after(first, TREE);
	assert_int_equal(testkit_emission_count(second), 0);
	testkit_close(first);
	testkit_close(second);
}

static void without_credit_nothing_is_lost(void **state)
{
	char path[64];
	(void)state;
	testkit *kit = kit_new(TREE);
	testkit_credit(kit, 2, 1000000);
	testkit_hold(kit, 1);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "tree/f%02d", i);
		put(path, "1");
	}
	quiet(kit);
	assert_true(testkit_emission_count(kit) <= 2);
	testkit_hold(kit, 0);
	for (int i = 0; i < 20; i++)
		testkit_advance(kit, 1000);
	assert_int_equal(testkit_emission_count(kit), 20);
	testkit_close(kit);
}

static void other_options_tell_nothing_falsely(void **state)
{
	(void)state;
	testkit *first = kit_new("{\"path\":\"tree\",\"include\":\"*.c\"}");
	put("tree/a.c", "1");
	put("tree/b.h", "1");
	quiet(first);
	assert_string_equal(told(first), "created a.c|");
	testkit *second = kit_after(first, "{\"path\":\"tree\",\"include\":\"*.h\"}");
	assert_string_equal(told(second), "");
	put("tree/b.h", "22");
	put("tree/a.c", "22");
	quiet(second);
	assert_string_equal(told(second), "changed b.h|");
	testkit_close(first);
	testkit_close(second);
}

static void another_path_begins_anew(void **state)
{
	(void)state;
	mkdir("other", 0700);
	put("other/x", "1");
	testkit *first = kit_new(TREE);
	put("tree/a", "1");
	quiet(first);
	testkit *second = kit_after(first, "{\"path\":\"other\"}");
	assert_string_equal(told(second), "");
	put("other/y", "1");
	quiet(second);
	assert_string_equal(told(second), "created y|");
	testkit_close(first);
	testkit_close(second);
}

/* ---- Faults of the host ---- */

static void steps_of_a_day(testkit *kit)
{
	put("tree/a", "1");
	mkdir("tree/d", 0700);
	put("tree/d/b", "1");
	quiet(kit);
	put("tree/a", "22");
	rename("tree/d/b", "tree/c");
	quiet(kit);
}

/* Whichever call fails: when it works again, and something happens, all of it is told. */
static void a_call_that_fails_loses_nothing(void **state)
{
	static const int32_t errors[] = {TAPPET_EBUSY, TAPPET_ENOMEM};
	(void)state;
	for (size_t e = 0; e < 2; e++) {
		int failed = 1;
		for (size_t nth = 1; failed && nth < 400; nth++) {
			testkit *kit = kit_new(TREE);
			testkit_fail(kit, nth, errors[e]);
			steps_of_a_day(kit);
			failed = testkit_has_failed(kit);
			testkit_fail(kit, 0, 0);
			put("tree/last", "1");
			quiet(kit);
			quiet(kit);
			const char *text = told(kit);
			assert_non_null(strstr(text, "a|"));
			assert_true(strstr(text, "moved c<d/b|") || strstr(text, "created c|"));
			assert_non_null(strstr(text, "created last|"));
			testkit *next = kit_after(kit, TREE);
			assert_string_equal(told(next), "");
			testkit_close(next);
			testkit_close(kit);
			unlink("tree/a");
			unlink("tree/c");
			unlink("tree/last");
			rmdir("tree/d");
		}
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_told_as_created_changed_and_removed),
		TEST(a_rename_is_told_as_moved),
		TEST(a_renamed_folder_moves_what_is_in_it),
		TEST(an_inode_that_is_given_out_again_is_no_move),
		TEST(many_writes_are_one_change_when_it_is_quiet),
		TEST(what_is_not_there_any_more_when_it_is_quiet_is_nothing),
		TEST(a_file_that_is_open_waits_until_it_is_closed),
		TEST(one_that_stays_open_is_told_after_settle_max),
		TEST(downtime_is_told_exactly),
		TEST(what_was_not_committed_is_told_by_who_comes_next),
		TEST(a_new_folder_is_kept_with_its_first_file),
		TEST(an_uncertain_outcome_is_tried_again_with_its_key),
		TEST(a_refusal_by_the_filter_is_final),
		TEST(without_credit_nothing_is_lost),
		TEST(other_options_tell_nothing_falsely),
		TEST(another_path_begins_anew),
		TEST(a_call_that_fails_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
