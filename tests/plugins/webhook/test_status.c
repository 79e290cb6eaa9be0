/* Status and cancellation on the testkit, and what happens to any request when calls of the host fail. */
#include "webhook_kit.h"

static int set_up(void **state)
{
	*state = webhook_begin_kit();
	return 0;
}

static int tear_down(void **state)
{
	testkit_close(*state);
	return 0;
}

static testkit_exchange *query_of(testkit *kit, const char *method, const char *id, const char *body)
{
	char target[100];
	snprintf(target, sizeof(target), "/webhook/status/%s", id);
	return testkit_http(kit, method, target, NULL, tappet_cstr(body));
}

static void expect(testkit *kit, const char *method, int status)
{
	assert_int_equal(testkit_http_status(query_of(kit, method, ACTIVITY_ID, "{\"token\":\"T\"}")), status);
}

static void the_status_is_told_to_whom_the_token_covers(void **state)
{
	testkit *kit = *state;
	testkit_exchange *exchange = query_of(kit, "GET", ACTIVITY_ID, "{\"token\":\"T\"}");
	assert_int_equal(testkit_http_status(exchange), 200);
	assert_non_null(strstr(testkit_http_body(exchange).ptr, "\"id\":\"a\""));
	assert_int_equal(testkit_http_status(query_of(kit, "GET", OTHER_WORKFLOW, "{\"token\":\"T\"}")), 404);
	assert_int_equal(testkit_http_status(query_of(kit, "GET", "..%2Fetc%2Fpasswd", "{\"token\":\"T\"}")), 404);
	assert_int_equal(testkit_http_status(query_of(kit, "GET", ACTIVITY_ID, "{\"token\":\"T\",\"x\":[}")), 400);
	testkit_token(kit, "T", ALL_SCOPES, OTHER_WORKFLOW);
	expect(kit, "GET", 404);
	testkit_token(kit, "T", TAPPET_SCOPE_TRIGGER, TESTKIT_WORKFLOW);
	expect(kit, "GET", 403);
}

static void delete_cancels_and_answers_with_the_status(void **state)
{
	testkit *kit = *state;
	expect(kit, "DELETE", 200);
	expect(kit, "DELETE", 409);
	testkit_activity(kit, ACTIVITY_ID, TESTKIT_WORKFLOW, "inProgress", NULL);
	testkit_cancel_result(kit, TAPPET_EUNKNOWN);
	expect(kit, "DELETE", 500);
	testkit_token(kit, "T", ALL_SCOPES, OTHER_WORKFLOW);
	expect(kit, "DELETE", 404);
	testkit_token(kit, "T", TAPPET_SCOPE_STATUS, TESTKIT_WORKFLOW);
	expect(kit, "DELETE", 403);
}

/* Whichever call of the host has no memory: an answer that says so, and nothing left behind. */
static void every_request_is_answered_when_a_call_fails(void **state)
{
	testkit *kit = *state;
	for (size_t nth = 1, more = 1; more; nth++) {
		testkit_activity(kit, ACTIVITY_ID, TESTKIT_WORKFLOW, "inProgress", NULL);
		testkit_fail(kit, nth, TAPPET_ENOMEM);
		testkit_exchange *post = webhook_post(kit, NULL, GOOD_BODY);
		testkit_exchange *cancel = query_of(kit, "DELETE", ACTIVITY_ID, "{\"token\":\"T\"}");
		more = (size_t)testkit_has_failed(kit);
		testkit_fail(kit, 0, TAPPET_OK);
		assert_int_equal((testkit_http_status(post) == 503) + (testkit_http_status(cancel) == 503), more);
		assert_true(testkit_http_status(post) == 200 || testkit_http_status(post) == 503);
		assert_true(nth < 100);
	}
}

static void a_start_that_fails_leaves_no_route(void **state)
{
	(void)state;
	for (size_t nth = 1; nth <= 2; nth++) {
		testkit *kit = testkit_open(tappet_plugin_v1());
		assert_int_equal(testkit_create(kit, NULL), 0);
		testkit_fail(kit, nth, TAPPET_EEXIST);
		assert_int_equal(testkit_start(kit), TAPPET_EEXIST);
		assert_string_equal(testkit_error(kit), "start: exists already");
		assert_int_equal(testkit_route_count(kit), 0);
		testkit_close(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_status_is_told_to_whom_the_token_covers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(delete_cancels_and_answers_with_the_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_request_is_answered_when_a_call_fails, set_up, tear_down),
		cmocka_unit_test(a_start_that_fails_leaves_no_route),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
