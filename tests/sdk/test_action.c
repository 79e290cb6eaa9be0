/* The testkit's actions (tappet.activity/1), and tokens that are looked at again (tappet.auth/1). */
#include "support_plugin.h"

struct acted {
	int calls;
	int32_t result;
	uint64_t seq, released;
};

static void on_action(void *arg, int32_t result, uint64_t seq, uint64_t released)
{
	*(struct acted *)arg = (struct acted){((struct acted *)arg)->calls + 1, result, seq, released};
}

static int32_t act(struct acted *a, const char *topic, const char *data, const char *token_id)
{
	const tappet_action action = {.struct_size = sizeof(action),
				      .topic = tappet_cstr(topic),
				      .data = tappet_cstr(data),
				      .token_id = token_id,
				      .by = tappet_cstr("a test")};
	return told.activity->action(told.self, &action, on_action, a);
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

static void an_action_is_kept_and_tells_how_many_steps_went_on(void **state)
{
	struct acted a = {0};
	testkit_action_outcome(*state, TAPPET_OK, 3);
	assert_int_equal(act(&a, "orders.eu.created", "{\"a\":1}", NULL), 0);
	assert_int_equal(a.calls, 0);
	testkit_run(*state);
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.result, 0);
	assert_int_equal(a.seq, 1);
	assert_int_equal(a.released, 3);
	const testkit_action *taken = testkit_action_at(*state, 0);
	assert_string_equal(taken->topic, "orders.eu.created");
	assert_string_equal(taken->data.ptr, "{\"a\":1}");
	assert_string_equal(taken->token_id, "");
	assert_string_equal(taken->by, "a test");
	assert_int_equal(testkit_action_count(*state), 1);
	assert_null(testkit_action_at(*state, 1));
}

static void an_action_has_the_outcome_that_the_test_wants(void **state)
{
	struct acted a = {0};
	testkit_action_outcome(*state, TAPPET_EUNKNOWN, 3);
	assert_int_equal(act(&a, "x", NULL, NULL), 0);
	testkit_run(*state);
	assert_int_equal(a.result, TAPPET_EUNKNOWN);
	assert_int_equal(a.seq + a.released, 0);
	assert_string_equal(testkit_action_at(*state, 0)->data.ptr, "{}");
	testkit_fail(*state, 1, TAPPET_EBUSY);
	assert_int_equal(act(&a, "x", NULL, NULL), TAPPET_EBUSY);
}

static void an_action_wants_a_topic_json_and_a_token_that_is_there(void **state)
{
	static const char *const topics[] = {"", ".", "a.", ".a", "a..b", "a b", "a.*", "\xc3\xa4"};
	struct acted a = {0};
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		assert_int_equal(act(&a, topics[i], NULL, NULL), TAPPET_EINVAL);
	assert_int_equal(act(&a, "a", "{", NULL), TAPPET_EINVAL);
	assert_int_equal(act(&a, "a", NULL, "nobody"), TAPPET_EDENIED);
	assert_int_equal(testkit_action_count(*state), 0);
}

static void a_token_is_looked_at_again_until_it_is_taken_away(void **state)
{
	const tappet_auth1 *auth = told.host->capability(told.self, TAPPET_AUTH_1);
	tappet_grant grant = {.struct_size = sizeof(grant)}, again = {.struct_size = sizeof(again)};
	testkit_token(*state, "secret", TAPPET_SCOPE_ACTION, TESTKIT_WORKFLOW);
	assert_int_equal(auth->check(told.self, tappet_cstr("secret"), &grant), 0);
	assert_int_equal(auth->check_again(told.self, grant.token_id, &again), 0);
	assert_string_equal(again.token_id, grant.token_id);
	assert_string_equal(again.workflow_id, TESTKIT_WORKFLOW);
	assert_int_equal(again.scopes, TAPPET_SCOPE_ACTION);
	testkit_token(*state, "secret", 0, NULL);
	assert_int_equal(auth->check_again(told.self, grant.token_id, &again), TAPPET_EDENIED);
	assert_int_equal(auth->check_again(told.self, NULL, &again), TAPPET_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_is_kept_and_tells_how_many_steps_went_on),
		TEST(an_action_has_the_outcome_that_the_test_wants),
		TEST(an_action_wants_a_topic_json_and_a_token_that_is_there),
		TEST(a_token_is_looked_at_again_until_it_is_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
