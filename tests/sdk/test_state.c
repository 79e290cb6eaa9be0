/* What the testkit keeps of a plugin's state, and what comes through an open trigger. */
#include <string.h>
#include "support_plugin.h"

static int set_up(void **state)
{
	*state = told_begin();
	return 0;
}

static int tear_down(void **state)
{
	told_end(*state, NULL);
	return 0;
}

/* ---- State ---- */

static void got(void *arg, int32_t result, tappet_str value)
{
	snprintf(arg, 64, "%d %.*s", (int)result, (int)value.len, value.ptr ? value.ptr : "");
}

static void state_is_there_when_its_callback_says_so(void **state)
{
	testkit *kit = *state;
	char text[64] = "";
	int32_t result = 1;
	told.host->kv_put(told.self, NULL, tappet_cstr("k"), tappet_cstr("v"), told_done, &result);
	assert_null(testkit_kv(kit, NULL, "k").ptr);
	told.host->kv_get(told.self, NULL, tappet_cstr("k"), got, text);
	testkit_run(kit);
	assert_int_equal(result, 0);
	assert_string_equal(text, "0 v");
	told.host->kv_get(told.self, told.trigger, tappet_cstr("k"), got, text);
	testkit_run(kit);
	assert_string_equal(text, "-5 ");
	told.host->kv_put(told.self, NULL, tappet_cstr("k"), tappet_cstr(""), told_done, &result);
	testkit_run(kit);
	assert_null(testkit_kv(kit, NULL, "k").ptr);
}

static void put(tappet_trigger *trigger, const char *key, const char *value)
{
	int32_t result = 1;
	assert_int_equal(
		told.host->kv_put(told.self, trigger, tappet_cstr(key), tappet_cstr(value), told_done, &result), 0);
	testkit_run(told.self);
	assert_int_equal(result, 0);
}

struct page {
	int32_t result;
	char text[200]; /* "key=value key=value" */
	size_t count;
};

static void listed(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct page *page = arg;
	size_t len = 0;
	*page = (struct page){.result = result, .count = count};
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(page->text + len, sizeof(page->text) - len, "%s%.*s=%.*s", i ? " " : "",
					(int)rows[i].key.len, rows[i].key.ptr, (int)rows[i].value.len,
					rows[i].value.ptr);
}

static struct page list_page(testkit *kit, tappet_trigger *trigger, const char *after, size_t limit)
{
	struct page page = {.result = 1};
	assert_int_equal(told.host->kv_list(told.self, trigger, tappet_cstr(after), limit, listed, &page), 0);
	assert_int_equal(page.result, 1);
	testkit_run(kit);
	assert_int_equal(page.result, 0);
	return page;
}

static void state_is_listed_in_pages_by_the_bytes_of_its_keys(void **state)
{
	testkit *kit = *state;
	struct page page = {0};
	put(told.trigger, "b", "2");
	put(told.trigger, "\xc3\xa4", "5");
	put(told.trigger, "ba", "3");
	put(told.trigger, "B", "1");
	put(told.trigger, "c", "4");
	put(NULL, "a", "0");
	assert_string_equal(list_page(kit, told.trigger, "", 3).text, "B=1 b=2 ba=3");
	assert_string_equal(list_page(kit, told.trigger, "ba", 3).text, "c=4 \xc3\xa4=5");
	assert_int_equal(list_page(kit, told.trigger, "\xc3\xa4", 3).count, 0);
	assert_string_equal(list_page(kit, NULL, NULL, 1000).text, "a=0");
	put(told.trigger, "c", "");
	put(told.trigger, "b", "7");
	assert_string_equal(list_page(kit, told.trigger, "b", 1000).text, "ba=3 \xc3\xa4=5");
	assert_string_equal(list_page(kit, told.trigger, "a", 1).text, "b=7");
	assert_int_equal(told.host->kv_list(told.self, NULL, tappet_cstr(""), 0, listed, &page), TAPPET_EINVAL);
	assert_int_equal(told.host->kv_list(told.self, NULL, tappet_cstr(""), 1001, listed, &page), TAPPET_EINVAL);
}

/* ---- Checkpoints that are listed ---- */

/* As it was handed over when the trigger was added a second time. */
static void assert_handed_over(uint32_t abi_minor, const char *checkpoint)
{
	testkit *kit = testkit_open(told_listing_plugin(abi_minor));
	testkit_begin(kit, NULL, NULL);
	put(told.trigger, "at", "7");
	testkit_trigger_remove(kit, told.trigger);
	assert_non_null(testkit_trigger_add(kit, "test", NULL));
	assert_string_equal(told.checkpoint, checkpoint);
	assert_string_equal(list_page(kit, told.trigger, "", 10).text, "at=7");
	testkit_close(kit);
}

static void checkpoints_that_are_listed_are_not_handed_over(void **state)
{
	(void)state;
	assert_handed_over(4, "");
	/* It has padding there. */
	assert_handed_over(3, "7");
}

/* ---- Open triggers ---- */

static void an_open_trigger_has_a_name_of_its_own_and_no_checkpoints(void **state)
{
	testkit *kit = *state;
	testkit_workflow(kit, "5dd74d0976df2d000110e52b", "other", NULL, NULL);
	assert_non_null(testkit_open_trigger(kit, "5dd74d0976df2d000110e52b"));
	assert_string_equal(told.slug, "other");
	tappet_trigger *open = testkit_open_trigger(kit, NULL);
	assert_ptr_equal(open, told.trigger);
	assert_string_equal(told.trigger_id, "+told");
	assert_string_equal(told.slug, "workflow");
	assert_int_equal(told.every, 60000);
	put(open, "at", "7");
	testkit_trigger_remove(kit, open);
	testkit_open_trigger(kit, NULL);
	assert_string_equal(told.checkpoint, "");
	assert_string_equal(list_page(kit, told.trigger, "", 10).text, "at=7");
}

static int32_t emit_for(const char *subject, const char *key, const char *checkpoint)
{
	const tappet_checkpoint at = {tappet_cstr("at"), tappet_cstr(checkpoint)};
	const tappet_emission emission = {.struct_size = sizeof(emission),
					  .payload = tappet_cstr("1"),
					  .dedup_key = tappet_cstr(key),
					  .checkpoints = &at,
					  .checkpoint_count = 1,
					  .checkpoint_size = sizeof(at),
					  .subject = tappet_cstr(subject)};
	return told.host->emit(told.trigger, &emission, told_settled, &told);
}

static void a_subject_stands_for_the_trigger_but_for_its_state(void **state)
{
	testkit *kit = *state;
	static const char long_one[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0";
	assert_int_equal(emit_for("one", "k", "1"), TAPPET_EINVAL);
	testkit_open_trigger(kit, NULL);
	assert_int_equal(emit_for(long_one + 1, "k", "1"), 0);
	testkit_run(kit);
	assert_string_equal(testkit_emission_last(kit)->subject, long_one + 1);
	assert_string_equal(testkit_emission_last(kit)->trigger_id, "+told");
	assert_string_equal(testkit_kv(kit, "+told", "at").ptr, "1");
	assert_int_equal(emit_for("one_-9", "k", "2"), 0);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_OK);
	assert_int_equal(emit_for("one_-9", "k", "3"), 0);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_EDUP);
	assert_int_equal(emit_for("", "k", "4"), 0);
	testkit_run(kit);
	assert_int_equal(told.last.outcome, TAPPET_OK);
	assert_string_equal(testkit_emission_last(kit)->subject, "");
	assert_int_equal(emit_for(long_one, "k", "5"), TAPPET_EINVAL);
	assert_int_equal(emit_for("One", "k", "5"), TAPPET_EINVAL);
	assert_int_equal(emit_for("a/b", "k", "5"), TAPPET_EINVAL);
}

static void an_account_carries_its_subject(void **state)
{
	testkit *kit = *state;
	int32_t result = 1;
	tappet_account account = {.struct_size = sizeof(account),
				  .count = 1,
				  .outcome = TAPPET_ACCOUNT_MISSED,
				  .subject = tappet_cstr("one")};
	assert_int_equal(told.host->account(told.trigger, &account, told_done, &result), TAPPET_EINVAL);
	testkit_open_trigger(kit, NULL);
	assert_int_equal(told.host->account(told.trigger, &account, told_done, &result), 0);
	/* As a plugin has it that was built before there were subjects. */
	account.struct_size = offsetof(tappet_account, subject);
	assert_int_equal(told.host->account(told.trigger, &account, told_done, &result), 0);
	testkit_run(kit);
	assert_string_equal(testkit_account_at(kit, 0)->subject, "one");
	assert_string_equal(testkit_account_at(kit, 1)->subject, "");
}

static void puts_when_removed(struct told *t, tappet_trigger *trigger)
{
	static int32_t result;
	t->removed_put = t->host->kv_put(t->self, trigger, tappet_cstr("last"), tappet_cstr("9"), told_done, &result);
	t->removed_list = t->host->kv_list(t->self, trigger, tappet_cstr(""), 1, listed, NULL);
}

static void a_trigger_may_leave_something_for_its_successor(void **state)
{
	testkit *kit = *state;
	told.on_remove = puts_when_removed;
	tappet_trigger *first = told.trigger;
	testkit_trigger_remove(kit, first);
	assert_int_equal(told.removed_put, 0);
	assert_int_equal(told.removed_list, TAPPET_ESTATE);
	assert_int_equal(told.frees, 0);
	assert_int_equal(told.host->kv_put(told.self, first, tappet_cstr("late"), tappet_cstr("9"), told_done, NULL),
			 TAPPET_ESTATE);
	testkit_run(kit);
	assert_int_equal(told.frees, 1);
	testkit_trigger_add(kit, "test", NULL);
	assert_string_equal(told.checkpoint, "9");
	testkit_stop(kit, 1000);
	testkit_trigger_remove(kit, told.trigger);
	assert_int_equal(told.removed_put, TAPPET_ESTATE);
	told.on_remove = NULL;
}

static void state_goes_over_into_another_kit(void **state)
{
	testkit *kit = *state, *next = testkit_open(told_plugin());
	put(told.trigger, "at", "7");
	put(NULL, "k", "v");
	testkit_kv_copy(next, kit);
	assert_string_equal(testkit_kv(next, "test", "at").ptr, "7");
	assert_string_equal(testkit_kv(next, NULL, "k").ptr, "v");
	testkit_close(next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(state_is_there_when_its_callback_says_so),
		TEST(state_is_listed_in_pages_by_the_bytes_of_its_keys),
		cmocka_unit_test(checkpoints_that_are_listed_are_not_handed_over),
		TEST(an_open_trigger_has_a_name_of_its_own_and_no_checkpoints),
		TEST(a_subject_stands_for_the_trigger_but_for_its_state),
		TEST(an_account_carries_its_subject),
		TEST(a_trigger_may_leave_something_for_its_successor),
		TEST(state_goes_over_into_another_kit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
