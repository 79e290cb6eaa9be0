/* The whole plugin on the testkit: every outcome has its answer, and tokens stay outside. */
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

static void expect_answer(const testkit_exchange *exchange, int status, const char *type)
{
	assert_int_equal(testkit_http_status(exchange), status);
	assert_string_equal(testkit_http_problem(exchange), type);
	assert_int_equal(testkit_http_header(exchange, "Retry-After") != NULL, status == 503 || status == 429);
}

static void expect_post(testkit *kit, int status, const char *type)
{
	expect_answer(webhook_post(kit, NULL, GOOD_BODY), status, type);
}

static void expect_refusal(const testkit *kit, int32_t reason)
{
	assert_non_null(testkit_refusal_last(kit));
	assert_int_equal(testkit_refusal_last(kit)->reason, reason);
	assert_true(strlen(testkit_refusal_last(kit)->detail) > 0);
}

static void expect_id(const testkit_exchange *exchange, const char *id)
{
	char json[64];
	snprintf(json, sizeof(json), "{\"activityId\":\"%s\"}", id);
	assert_int_equal(testkit_http_status(exchange), 200);
	assert_string_equal(testkit_http_body(exchange).ptr, json);
}

static void an_accepted_payload_is_answered_with_its_activity(void **state)
{
	testkit *kit = *state;
	testkit_exchange *exchange = webhook_post(kit, "Idempotency-Key: key-1", GOOD_BODY);
	const testkit_emission *emission = testkit_emission_last(kit);
	expect_id(exchange, emission->activity_id);
	assert_string_equal(emission->payload.ptr, "{\"body\":{\"properties\":{\"k\":\"v\"}}}");
	assert_string_equal(emission->parameters.ptr, "{\"k\":\"v\"}");
	assert_string_equal(emission->cause.ptr, "{\"remote\":\"192.0.2.1\"}");
	assert_string_equal(emission->dedup_key.ptr, "key-1");
}

static void a_large_payload_arrives_whole(void **state)
{
	static char body[SCRATCH_SIZE * 2];
	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, "{\"token\":\"T\",", 13);
	body[sizeof(body) - 2] = '}';
	memcpy(body + 100, "\"a\":1", 5);
	assert_int_equal(testkit_http_status(webhook_post(*state, NULL, body)), 200);
	assert_true(testkit_emission_last(*state)->payload.len > SCRATCH_SIZE);
}

static void a_duplicate_is_answered_with_the_id_that_it_has(void **state)
{
	testkit *kit = *state;
	webhook_post(kit, "Idempotency-Key: k", GOOD_BODY);
	testkit_exchange *again = webhook_post(kit, "Idempotency-Key: k", GOOD_BODY);
	assert_int_equal(testkit_emission_last(kit)->outcome, TAPPET_EDUP);
	expect_id(again, testkit_emission_at(kit, 0)->activity_id);
	expect_answer(webhook_post(kit, "Idempotency-Key: k", "{\"token\":\"T\"}"), 409, "conflict");
}

static void every_outcome_has_its_answer(void **state)
{
	static const struct {
		int32_t outcome, reason;
		int status;
		const char *type;
	} cases[] = {
		{TAPPET_ECONFLICT, 0, 409, "conflict"},
		{TAPPET_EREFUSED, TAPPET_REASON_FILTER, 409, "filter"},
		{TAPPET_EREFUSED, TAPPET_REASON_OVERLAP, 409, "overlap"},
		{TAPPET_EREFUSED, TAPPET_REASON_DISABLED, 409, "disabled"},
		{TAPPET_EREFUSED, TAPPET_REASON_RATE, 429, "rate"},
		{TAPPET_EREFUSED, TAPPET_REASON_QUEUE_FULL, 503, "queue-full"},
		{TAPPET_EREFUSED, TAPPET_REASON_PARAMETERS, 422, "parameters"},
		{TAPPET_EREFUSED, TAPPET_REASON_STORE, 503, "store"},
		{TAPPET_ECANCELED, TAPPET_REASON_STORE, 503, "store"},
		{TAPPET_ECANCELED, TAPPET_REASON_NONE, 503, "not-stored"},
		{TAPPET_EUNKNOWN, 0, 500, "outcome-unknown"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		testkit_outcome(*state, cases[i].outcome, cases[i].reason, NULL);
		expect_post(*state, cases[i].status, cases[i].type);
	}
}

static void what_emit_does_not_take_is_answered_and_recorded(void **state)
{
	static const struct {
		int32_t error;
		int status;
		const char *type;
		int reason;
	} cases[] = {
		{TAPPET_EBUSY, 503, "busy", TAPPET_REASON_QUEUE_FULL},
		{TAPPET_ETOOBIG, 413, "too-large", TAPPET_REASON_TOO_LARGE},
		{TAPPET_EINVAL, 400, "malformed", TAPPET_REASON_MALFORMED},
		{TAPPET_ESTATE, 503, "stopping", TAPPET_REASON_PLUGIN_DOWN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		testkit_outcome(*state, cases[i].error, TAPPET_REASON_NONE, NULL);
		expect_post(*state, cases[i].status, cases[i].type);
		expect_refusal(*state, cases[i].reason);
	}
}

static void the_wrong_parameter_is_named(void **state)
{
	testkit_outcome(*state, TAPPET_EREFUSED, TAPPET_REASON_PARAMETERS, "unknown parameter \"k\"");
	testkit_exchange *exchange = webhook_post(*state, NULL, GOOD_BODY);
	expect_answer(exchange, 422, "parameters");
	assert_string_equal(testkit_http_detail(exchange), "unknown parameter \"k\"");
}

static void without_a_good_token_nothing_starts(void **state)
{
	static const char *const bodies[] = {"{}", "", "{\"token\":\"wrong\"}", "{\"token\":7}"};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		testkit_exchange *exchange = webhook_post(*state, NULL, bodies[i]);
		assert_int_equal(testkit_http_status(exchange), 401);
		assert_int_equal(strncmp(testkit_http_header(exchange, "WWW-Authenticate"), "Bearer", 6), 0);
		expect_refusal(*state, TAPPET_REASON_TOKEN);
	}
	expect_answer(webhook_post(*state, "Authorization: Bearer U", "{\"token\":\"T\"}"), 400, "malformed");
	assert_int_equal(testkit_emission_count(*state), 0);
}

static void a_token_that_comes_twice_in_one_place_is_refused(void **state)
{
	static const char *const doubled[] = {"token=T&token=T", "token=T&a=b&token", "token=T&t%6Fken=U",
					      "token&token="};
	static const char *const single[] = {"", "token=T", "token=T&tokens=U&xtoken=U&toke=n&&=&%74",
					     "token=T&token%=U"};
	for (size_t i = 0; i < sizeof(doubled) / sizeof(doubled[0]); i++)
		assert_true(token_is_doubled(tappet_cstr(doubled[i])));
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		assert_false(token_is_doubled(tappet_cstr(single[i])));
	expect_answer(testkit_http(*state, "POST", "/webhook/payload?token=T&token=T", NULL, tappet_cstr("{}")), 400,
		      "malformed");
	expect_answer(webhook_post(*state, "Authorization: Bearer T\nauthorization: Bearer T", "{}"), 400, "malformed");
	expect_refusal(*state, TAPPET_REASON_MALFORMED);
	assert_int_equal(testkit_emission_count(*state), 0);
}

static void a_token_that_does_not_fit_is_forbidden(void **state)
{
	testkit *kit = *state;
	testkit_token(kit, "T", TAPPET_SCOPE_STATUS, TESTKIT_WORKFLOW);
	expect_post(kit, 403, "scope");
	testkit_token(kit, "T", TAPPET_SCOPE_TRIGGER, NULL);
	expect_post(kit, 403, "scope");
	testkit_token(kit, "T", TAPPET_SCOPE_TRIGGER, OTHER_WORKFLOW);
	expect_post(kit, 403, "scope");
	expect_refusal(kit, TAPPET_REASON_SCOPE);
}

static void a_trigger_that_is_not_here_is_told_apart_from_none(void **state)
{
	testkit *kit = *state;
	testkit_token(kit, "T", ALL_SCOPES, OTHER_WORKFLOW);
	testkit_trigger_enabled(kit, 0);
	expect_post(kit, 409, "disabled");
	expect_refusal(kit, TAPPET_REASON_DISABLED);
	assert_string_equal(testkit_refusal_last(kit)->workflow_id, OTHER_WORKFLOW);
	testkit_trigger_enabled(kit, 1);
	expect_post(kit, 503, "not-running");
	expect_refusal(kit, TAPPET_REASON_PLUGIN_DOWN);
}

static void an_overlong_idempotency_key_is_refused(void **state)
{
	char header[300] = "Idempotency-Key: ";
	size_t len = strlen(header);
	memset(header + len, 'k', 256);
	expect_answer(webhook_post(*state, header, GOOD_BODY), 400, "malformed");
}

static void stopping_waits_for_requests_under_way(void **state)
{
	testkit *kit = *state;
	testkit_hold(kit, 1);
	testkit_exchange *waiting = webhook_post(kit, NULL, GOOD_BODY);
	assert_int_equal(testkit_http_status(waiting), 0);
	assert_int_equal(testkit_stop(kit, 1000), 0);
	expect_post(kit, 503, "unavailable");
	assert_int_equal(testkit_settle(kit, 0, TAPPET_OK, TAPPET_REASON_NONE, NULL), 0);
	assert_int_equal(testkit_http_status(waiting), 200);
	assert_int_equal(testkit_has_stopped(kit), 1);
	assert_int_equal(testkit_route_count(kit), 0);
}

static void a_caller_that_leaves_loses_nothing(void **state)
{
	testkit *kit = *state;
	testkit_hold(kit, 1);
	testkit_exchange *waiting = webhook_post(kit, NULL, GOOD_BODY);
	testkit_http_disconnect(waiting);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_emission_last(kit)->outcome, TAPPET_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_accepted_payload_is_answered_with_its_activity),
		TEST(a_large_payload_arrives_whole),
		TEST(a_duplicate_is_answered_with_the_id_that_it_has),
		TEST(every_outcome_has_its_answer),
		TEST(what_emit_does_not_take_is_answered_and_recorded),
		TEST(the_wrong_parameter_is_named),
		TEST(without_a_good_token_nothing_starts),
		TEST(a_token_that_comes_twice_in_one_place_is_refused),
		TEST(a_token_that_does_not_fit_is_forbidden),
		TEST(a_trigger_that_is_not_here_is_told_apart_from_none),
		TEST(an_overlong_idempotency_key_is_refused),
		TEST(stopping_waits_for_requests_under_way),
		TEST(a_caller_that_leaves_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
