/* Actions by HTTP: POST /action/{topic}, that of administrators, and CloudEvents at POST /event. */
#include "action_kit.h"

static int set_up(void **state)
{
	*state = action_kit(NULL);
	return 0;
}

static int tear_down(void **state)
{
	testkit_close(*state);
	return 0;
}

#define AS_T "Authorization: Bearer T"
#define TARGET "/action/orders.eu.created"
#define ADMIN "/api/v1/plugins/action/actions/"

static testkit_exchange *post(testkit *kit, const char *target, const char *headers, const char *body)
{
	testkit_exchange *exchange = testkit_http(kit, "POST", target, headers, tappet_cstr(body));
	testkit_run(kit);
	return exchange;
}

static void expect_status(const testkit_exchange *exchange, int status)
{
	if (testkit_http_status(exchange) != status)
		fail_msg("%d %s, not %d", (int)testkit_http_status(exchange), testkit_http_body(exchange).ptr, status);
	assert_int_equal(testkit_http_header(exchange, "Retry-After") != NULL, status == 503 || status == 429);
}

static void expect_body(const testkit_exchange *exchange, const char *part)
{
	const tappet_str body = testkit_http_body(exchange);
	cJSON *tree = cJSON_ParseWithLength(body.ptr, body.len);
	if (!tree || !strstr(body.ptr, part))
		fail_msg("%s, and not %s", body.ptr, part);
	cJSON_Delete(tree);
}

static void an_action_is_answered_after_the_commit(void **state)
{
	testkit *kit = *state;
	testkit_hold(kit, 1);
	testkit_exchange *e = post(kit, TARGET, AS_T, "{\"n\":1}");
	assert_int_equal(testkit_http_status(e), 0);
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_status(e, 200);
	expect_body(e, "{\"matched\":2,\"activities\":[{");
	expect_body(e, testkit_emission_at(kit, 1)->activity_id);
	assert_non_null(strstr(testkit_emission_last(kit)->payload.ptr, "\"data\":{\"n\":1}"));
}

static void any_json_is_data_and_no_body_is_an_empty_object(void **state)
{
	static const char *const bodies[] = {"7", "null", "\"a\"", " [1, 2] ", "true"};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		expect_status(post(*state, TARGET "?token=T", NULL, bodies[i]), 200);
		assert_non_null(strstr(testkit_emission_last(*state)->payload.ptr, bodies[i]));
	}
	expect_status(post(*state, TARGET "?token=T", NULL, ""), 200);
	assert_non_null(strstr(testkit_emission_last(*state)->payload.ptr, "\"data\":{}}"));
}

static void the_idempotency_key_is_the_key(void **state)
{
	testkit *kit = *state;
	post(kit, TARGET, AS_T "\nIdempotency-Key: k", "{}");
	testkit_exchange *again = post(kit, TARGET, AS_T "\nIdempotency-Key: k", "{}");
	expect_status(again, 200);
	expect_body(again, "\"duplicate\":true");
	expect_body(again, testkit_emission_at(kit, 0)->activity_id);
}

static void whoever_may_not_is_turned_away(void **state)
{
	testkit *kit = *state;
	expect_status(post(kit, TARGET, NULL, "{}"), 401);
	expect_status(post(kit, TARGET, "Authorization: Bearer X", "{}"), 401);
	expect_status(post(kit, TARGET "?token=T", "Authorization: Bearer ONE", "{}"), 400);
	expect_status(post(kit, TARGET, "Authorization: Bearer READ", "{}"), 403);
	assert_int_equal(testkit_refusal_last(kit)->reason, TAPPET_REASON_SCOPE);
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_exchange *one = post(kit, TARGET, "Authorization: Bearer ONE", "{}");
	expect_body(one, "\"matched\":1,");
	assert_null(strstr(testkit_http_body(one).ptr, "stock"));
}

static void what_is_wrong_is_told(void **state)
{
	testkit *kit = *state;
	expect_status(post(kit, "/action/orders..created", AS_T, "{}"), 422);
	expect_status(post(kit, "/action/orders.*", AS_T, "{}"), 422);
	expect_status(post(kit, TARGET, AS_T, "{"), 422);
	expect_status(post(kit, TARGET, AS_T, "{}}"), 422);
	assert_int_equal(testkit_refusal_last(kit)->reason, TAPPET_REASON_MALFORMED);
	assert_int_equal(testkit_emission_count(kit) + testkit_action_count(kit), 0);
}

static void every_outcome_has_its_answer(void **state)
{
	static const struct {
		int32_t outcome;
		int status;
		const char *part;
	} cases[] = {
		{TAPPET_EBUSY, 503, "tappet:busy"},
		{TAPPET_ETOOBIG, 413, "tappet:too-large"},
		{TAPPET_EINVAL, 422, "tappet:invalid-value"},
		{TAPPET_ENOMEM, 503, "tappet:busy"},
		{TAPPET_ECANCELED, 503, "\"reason\":\"not-stored\""},
		{TAPPET_EUNKNOWN, 500, "tappet:outcome-unknown"},
		{TAPPET_EREFUSED, 200, "\"reason\":\"overlap\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		testkit_outcome(*state, cases[i].outcome,
				cases[i].outcome == TAPPET_EREFUSED ? TAPPET_REASON_OVERLAP : 0, NULL);
		testkit_exchange *e = post(*state, TARGET, AS_T, "{}");
		expect_status(e, cases[i].status);
		if (testkit_http_body(e).len > 0 && strncmp(cases[i].part, "tappet:", 7) != 0)
			expect_body(e, cases[i].part);
	}
	testkit_exchange *many = NULL;
	testkit *kit = action_kit("{\"matches\":1}");
	many = post(kit, TARGET, AS_T, "{}");
	expect_status(many, 429);
	testkit_close(kit);
}

static void administrators_need_no_token_and_start_everything(void **state)
{
	testkit *kit = *state;
	testkit_exchange *e = post(kit, ADMIN "orders.eu.created", NULL, "{\"n\":1}");
	expect_status(e, 200);
	expect_body(e, "\"matched\":2");
	assert_string_equal(testkit_action_at(kit, 0)->token_id, "");
	assert_non_null(strstr(testkit_action_at(kit, 0)->by, "administrator"));
}

/* ---- CloudEvents ---- */

#define CE_JSON AS_T "\nContent-Type: application/cloudevents+json"
#define CE_BATCH AS_T "\nContent-Type: application/cloudevents-batch+json"
#define EVENT(id, type)                                                                                                \
	"{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/shop\",\"type\":\"" type                             \
	"\",\"subject\":\"s\",\"data\":{\"n\":1}}"

static void a_structured_event_is_an_action_on_its_type(void **state)
{
	testkit *kit = *state;
	testkit_exchange *e = post(kit, "/event", CE_JSON, EVENT("1", "orders.eu.created"));
	expect_status(e, 200);
	expect_body(e, "{\"matched\":2,");
	const testkit_emission *emission = testkit_emission_last(kit);
	assert_string_equal(emission->dedup_key.ptr, "/shop 1");
	assert_non_null(strstr(emission->payload.ptr, "\"topic\":\"orders.eu.created\""));
	assert_non_null(
		strstr(emission->payload.ptr, "\"data\":{\"n\":1},\"key\":\"/shop 1\",\"event\":{\"specversion\""));
	assert_non_null(strstr(emission->payload.ptr, "\"subject\":\"s\""));
	expect_body(post(kit, "/event", CE_JSON, EVENT("1", "orders.eu.created")), "\"duplicate\":true");
}

static void a_binary_event_has_its_data_in_the_body(void **state)
{
	static const char head[] =
		AS_T "\nce-specversion: 1.0\nce-id: 2\nce-source: /shop\nce-type: orders.eu.created\n";
	static const struct {
		const char *type;
		tappet_str body;
		const char *expected;
	} cases[] = {
		{"application/json", {"{\"n\":2}", 7}, "\"data\":{\"n\":2},"},
		{"text/plain", {"a \"b\"", 5}, "\"data\":\"a \\\"b\\\"\","},
		{"application/octet-stream", {"\xff\x00\x01\x02", 4}, "\"encoding\":\"base64\",\"data\":\"/wABAg==\","},
		{"application/json", {"", 0}, "\"data\":null,"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char headers[512];
		snprintf(headers, sizeof(headers), "%sContent-Type: %s", head, cases[i].type);
		testkit_exchange *e = testkit_http(*state, "POST", "/event", headers, cases[i].body);
		testkit_run(*state);
		expect_status(e, 200);
		if (!strstr(testkit_emission_last(*state)->payload.ptr, cases[i].expected))
			fail_msg("%s", testkit_emission_last(*state)->payload.ptr);
	}
}

static void a_batch_has_an_answer_for_each(void **state)
{
	testkit *kit = *state;
	testkit_exchange *e =
		post(kit, "/event", CE_BATCH, "[" EVENT("1", "orders.eu.created") "," EVENT("2", "nobody.cares") "]");
	expect_status(e, 200);
	expect_body(e, "{\"events\":[{\"matched\":2,");
	expect_body(e, "},{\"matched\":0,");
	assert_int_equal(testkit_action_count(kit), 2);
	expect_status(post(kit, "/event", CE_BATCH, "[]"), 200);
}

static void a_batch_that_was_not_taken_whole_is_to_be_sent_again(void **state)
{
	testkit *kit = *state;
	testkit_outcome(kit, TAPPET_OK, 0, NULL);
	testkit_outcome(kit, TAPPET_OK, 0, NULL);
	testkit_outcome(kit, TAPPET_EBUSY, 0, NULL);
	testkit_exchange *e = post(kit, "/event", CE_BATCH,
				   "[" EVENT("1", "orders.eu.created") "," EVENT("2", "orders.us.created") "]");
	expect_status(e, 503);
	expect_body(e, testkit_emission_at(kit, 0)->activity_id);
	expect_body(e, "{\"code\":\"busy\"");
}

static void events_that_are_none_are_turned_down(void **state)
{
	testkit *kit = *state;
	expect_status(post(kit, "/event", AS_T, "{}"), 422);
	expect_status(post(kit, "/event", CE_JSON, "{"), 422);
	expect_status(post(kit, "/event", CE_JSON, "{}"), 422);
	expect_status(post(kit, "/event", CE_JSON, EVENT("1", "no topic")), 422);
	expect_status(post(kit, "/event", CE_BATCH, "[" EVENT("1", "a") "," EVENT("1", "b..c") "]"), 422);
	expect_status(post(kit, "/event", "Content-Type: application/cloudevents+json", EVENT("1", "a")), 401);
	assert_int_equal(testkit_emission_count(kit) + testkit_action_count(kit), 0);
}

static void senders_are_told_that_they_may(void **state)
{
	testkit_exchange *e =
		testkit_http(*state, "OPTIONS", "/event", "WebHook-Request-Origin: shop.example", tappet_cstr(""));
	expect_status(e, 200);
	assert_string_equal(testkit_http_header(e, "WebHook-Allowed-Origin"), "shop.example");
	assert_string_equal(testkit_http_header(e, "WebHook-Allowed-Rate"), "*");
	e = testkit_http(*state, "OPTIONS", "/event", NULL, tappet_cstr(""));
	expect_status(e, 204);
	assert_string_equal(testkit_http_header(e, "Allow"), "POST, OPTIONS");
}

/* ---- CloudEvents by WebSocket ---- */

static void events_by_websocket_are_answered_by_events(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_as(kit, AS_T, "cloudevents.json");
	assert_string_equal(testkit_ws_protocol(ws), "cloudevents.json");
	testkit_ws_send_text(ws, EVENT("1", "orders.eu.created"));
	const char *ack = expect_part(ws, "\"type\":\"tappet.ack\"");
	assert_non_null(strstr(ack, "\"specversion\":\"1.0\""));
	assert_non_null(strstr(ack, "\"data\":{\"event\":{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/shop\""));
	assert_non_null(strstr(ack, "\"matched\":2,"));
	testkit_outcome(kit, TAPPET_ECANCELED, 0, NULL);
	testkit_ws_send_text(ws, EVENT("2", "orders.eu.created"));
	const char *error = expect_part(ws, "\"type\":\"tappet.error\"");
	assert_non_null(strstr(error, "\"code\":\"busy\""));
	testkit_outcome(kit, TAPPET_EUNKNOWN, 0, NULL);
	testkit_ws_send_text(ws, EVENT("3", "orders.eu.created"));
	expect_error_code(ws, "outcome-unknown");
	testkit_ws_send_text(ws, EVENT("3", "no topic"));
	expect_error_code(ws, "invalid-value");
	testkit_ws_send_text(ws, "[]");
	expect_error_code(ws, "bad-message");
	assert_true(testkit_ws_is_open(ws));
}

static void a_client_of_events_shows_its_token_by_a_message_of_its_own(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_as(kit, NULL, "cloudevents.json");
	testkit_ws_send_text(ws, "{\"type\":\"auth\",\"token\":\"T\"}");
	expect_part(ws, "\"type\":\"tappet.authenticated\"");
	testkit_ws_send_text(ws, EVENT("1", "orders.eu.created"));
	expect_part(ws, "tappet.ack");
	ws = connect_as(kit, NULL, "cloudevents.json");
	testkit_ws_send_text(ws, EVENT("1", "orders.eu.created"));
	expect_part(ws, "tappet.error");
	expect_closed(ws, 4401);
	ws = connect_as(kit, "Authorization: Bearer READ", "cloudevents.json");
	testkit_ws_send_text(ws, EVENT("1", "orders.eu.created"));
	expect_error_code(ws, "forbidden");
}

/* ---- Faults ---- */

/* Each call of the host that may fail does so once, while everything is asked for. */
static void drive(testkit *kit)
{
	testkit_token(kit, "T", ALL_SCOPES, NULL);
	testkit_workflow(kit, TESTKIT_WORKFLOW, "orders", NULL, "Sales");
	if (testkit_create(kit, NULL) < 0)
		return;
	(void)testkit_trigger_add(kit, "created", "{\"topic\":\"orders.*.created\"}");
	if (testkit_start(kit) < 0)
		return;
	testkit_ws *first = connect_as(kit, NULL, NULL), *second = connect_as(kit, AS_T, NULL);
	if (testkit_ws_status(first) == 101)
		testkit_ws_send_text(first, "{\"type\":\"auth\",\"token\":\"T\"}");
	testkit_ws *all[] = {first, second};
	for (size_t i = 0; i < 2; i++) {
		if (testkit_ws_status(all[i]) != 101)
			continue;
		testkit_ws_send_text(all[i], "{\"type\":\"subscribe\",\"id\":\"s\",\"since\":0}");
		testkit_ws_send_text(all[i], "{\"type\":\"action\",\"id\":\"a\",\"topic\":\"orders.eu.created\"}");
	}
	testkit_event(kit, "activity.accepted", TESTKIT_WORKFLOW, ACTIVITY_ID, NULL);
	post(kit, TARGET, AS_T, "{}");
	post(kit, "/event", CE_JSON, EVENT("1", "orders.eu.created"));
	testkit_advance(kit, 30000);
}

static void whatever_fails_once_leaves_nothing_behind(void **state)
{
	static const int32_t errors[] = {TAPPET_ENOMEM, TAPPET_EBUSY};
	(void)state;
	for (size_t e = 0; e < 2; e++) {
		int failed = 1;
		for (size_t nth = 1; failed; nth++) {
			testkit *kit = testkit_open(tappet_plugin_v1());
			testkit_slow(kit, 0);
			testkit_fail(kit, nth, errors[e]);
			drive(kit);
			failed = testkit_has_failed(kit);
			testkit_fail(kit, 0, 0);
			testkit_close(kit);
			assert_true(nth < 200);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_action_is_answered_after_the_commit),
		TEST(any_json_is_data_and_no_body_is_an_empty_object),
		TEST(the_idempotency_key_is_the_key),
		TEST(whoever_may_not_is_turned_away),
		TEST(what_is_wrong_is_told),
		TEST(every_outcome_has_its_answer),
		TEST(administrators_need_no_token_and_start_everything),
		TEST(a_structured_event_is_an_action_on_its_type),
		TEST(a_binary_event_has_its_data_in_the_body),
		TEST(a_batch_has_an_answer_for_each),
		TEST(a_batch_that_was_not_taken_whole_is_to_be_sent_again),
		TEST(events_that_are_none_are_turned_down),
		TEST(senders_are_told_that_they_may),
		TEST(events_by_websocket_are_answered_by_events),
		TEST(a_client_of_events_shows_its_token_by_a_message_of_its_own),
		cmocka_unit_test(whatever_fails_once_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
