/* Actions by WebSocket: who may send them, what becomes of them, and that nobody learns what is not theirs. */
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

#define EU "{\"type\":\"action\",\"id\":\"c1\",\"topic\":\"orders.eu.created\",\"data\":{\"n\":1}}"

/* ---- Tokens ---- */

static void a_token_is_taken_from_the_header_the_query_or_the_first_message(void **state)
{
	testkit *kit = *state;
	const testkit_ws_upgrade_options by_query = {.struct_size = sizeof(by_query), .target = "/action?token=T"};
	testkit_ws *first = connect_client(kit, "T"), *second = testkit_ws_upgrade(kit, &by_query);
	testkit_ws *third = connect_as(kit, NULL, NULL);
	testkit_ws_send_text(third, "{\"type\":\"auth\",\"token\":\"T\"}");
	expect_text(third, "{\"type\":\"authenticated\"}");
	testkit_ws *all[] = {first, second, third};
	for (size_t i = 0; i < 3; i++) {
		testkit_ws_send_text(all[i], "{\"type\":\"ping\"}");
		expect_text(all[i], "{\"type\":\"pong\"}");
	}
	testkit_advance(kit, 10000);
	assert_int_equal(testkit_ws_count(kit), 3);
}

static void a_wrong_token_is_told_and_closed(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_as(kit, NULL, "tappet.v1");
	testkit_ws_send_text(ws, "{\"type\":\"auth\",\"token\":\"X\"}");
	expect_error_code(ws, "unauthorized");
	expect_closed(ws, 4401);
	assert_int_equal(testkit_ws_status(connect_as(kit, "Authorization: Bearer X", "tappet.v1")), 401);
	assert_int_equal(testkit_refusal_last(kit)->reason, TAPPET_REASON_TOKEN);
}

static void a_first_message_without_a_token_is_told_and_closed(void **state)
{
	static const char *const messages[] = {EU, "{\"type\":\"ping\"}", "{", "{\"type\":\"subscribe\",\"id\":\"s\"}",
					       "{\"type\":\"unsubscribe\",\"id\":\"s\"}"};
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		testkit_ws *ws = connect_as(*state, NULL, "tappet.v1");
		testkit_ws_send_text(ws, messages[i]);
		expect_closed(ws, 4401);
	}
	assert_int_equal(testkit_emission_count(*state), 0);
	assert_int_equal(testkit_reader_count(*state), 0);
}

static void whoever_shows_no_token_in_time_is_closed(void **state)
{
	testkit_ws *ws = connect_as(*state, NULL, "tappet.v1");
	testkit_advance(*state, 4900);
	assert_true(testkit_ws_is_open(ws));
	testkit_advance(*state, 200);
	expect_error_code(ws, "unauthorized");
	expect_closed(ws, 4401);
}

static void strangers_are_few(void **state)
{
	testkit *kit = action_kit("{\"strangers\":2,\"connections\":4}");
	(void)state;
	connect_as(kit, NULL, NULL);
	testkit_ws *second = connect_as(kit, NULL, NULL);
	assert_int_equal(testkit_ws_status(connect_as(kit, NULL, NULL)), 503);
	testkit_ws_send_text(second, "{\"type\":\"auth\",\"token\":\"T\"}");
	assert_int_equal(testkit_ws_status(connect_as(kit, NULL, NULL)), 101);
	connect_client(kit, "T");
	assert_int_equal(testkit_ws_status(connect_as(kit, "Authorization: Bearer T", NULL)), 503);
	testkit_ws_break(second);
	connect_client(kit, "T");
	assert_true(testkit_metric(kit, "connections") == 4);
	testkit_close(kit);
}

static void a_revoked_token_ends_the_connection_at_its_next_action(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_token(kit, "T", 0, NULL);
	testkit_ws_send_text(ws, EU);
	expect_error_code(ws, "unauthorized");
	expect_closed(ws, 4401);
	assert_int_equal(testkit_emission_count(kit), 0);
}

static void a_revoked_token_ends_a_quiet_connection_within_30_seconds(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T"), *other = connect_client(kit, "ONE");
	testkit_token(kit, "T", 0, NULL);
	testkit_advance(kit, 30000);
	expect_error_code(ws, "unauthorized");
	expect_closed(ws, 4401);
	assert_true(testkit_ws_is_open(other));
}

static void a_connection_may_change_its_token(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "READ");
	testkit_ws_send_text(ws, EU);
	expect_error_code(ws, "forbidden");
	testkit_ws_send_text(ws, "{\"type\":\"auth\",\"token\":\"T\",\"id\":\"a\"}");
	expect_text(ws, "{\"type\":\"authenticated\",\"id\":\"a\"}");
	testkit_ws_send_text(ws, EU);
	expect_part(ws, "\"matched\":2");
}

static void pages_of_other_sites_connect_where_they_are_named(void **state)
{
	testkit *kit = action_kit("{\"origins\":[\"https://app.example\"]}");
	testkit_ws_upgrade_options o = {
		.struct_size = sizeof(o), .target = "/action?token=T", .origin = "https://app.example"};
	assert_int_equal(testkit_ws_status(testkit_ws_upgrade(kit, &o)), 101);
	assert_int_equal(testkit_ws_status(testkit_ws_upgrade(*state, &o)), 403);
	o.origin = "https://other.example";
	assert_int_equal(testkit_ws_status(testkit_ws_upgrade(kit, &o)), 403);
	testkit_close(kit);
}

/* ---- What becomes of them ---- */

static void an_action_starts_what_matches_and_is_acknowledged(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_ws_send_text(ws, EU);
	assert_int_equal(testkit_emission_count(kit), 2);
	const testkit_emission *e = testkit_emission_at(kit, 0);
	assert_string_equal(e->payload.ptr,
			    "{\"topic\":\"orders.eu.created\",\"words\":[\"orders\",\"eu\",\"created\"],"
			    "\"data\":{\"n\":1}}");
	assert_non_null(strstr(e->cause.ptr, "\"remote\":\"192.0.2.1\""));
	const char *ack = expect_part(ws, "{\"type\":\"ack\",\"id\":\"c1\",\"matched\":2,\"activities\":[{");
	assert_non_null(strstr(ack, "\"workflow\":\"orders\",\"trigger\":\"created\",\"activityId\":\""));
	assert_non_null(strstr(ack, "\"workflow\":\"stock\",\"trigger\":\"all\",\"activityId\":\""));
	assert_non_null(strstr(ack, e->activity_id));
	assert_non_null(strstr(ack, "\"refused\":[]"));
	assert_null(strstr(ack, "released"));
	assert_int_equal(testkit_action_count(kit), 1);
	assert_string_equal(testkit_action_at(kit, 0)->topic, "orders.eu.created");
	assert_string_equal(testkit_action_at(kit, 0)->data.ptr, "{\"n\":1}");
	assert_true(strlen(testkit_action_at(kit, 0)->token_id) == 24);
}

static void an_action_that_nobody_listens_to_is_recorded(void **state)
{
	testkit_ws *ws = connect_client(*state, "T");
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c\",\"topic\":\"nobody.cares\"}");
	expect_text(ws, "{\"type\":\"ack\",\"id\":\"c\",\"matched\":0,\"activities\":[],\"refused\":[]}");
	assert_int_equal(testkit_action_count(*state), 1);
}

static void steps_that_go_on_are_counted(void **state)
{
	testkit_ws *ws = connect_client(*state, "T");
	testkit_action_outcome(*state, TAPPET_OK, 3);
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c\",\"topic\":\"nobody.cares\"}");
	expect_part(ws, "\"refused\":[],\"released\":3}");
}

static void the_acknowledgement_waits_for_every_commit(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	testkit_settle(kit, 0, TAPPET_OK, 0, NULL);
	testkit_run(kit);
	expect_nothing(ws);
	testkit_settle(kit, 1, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
	testkit_hold(kit, 0);
	testkit_run(kit);
	const char *ack = expect_part(ws, "\"type\":\"ack\"");
	assert_non_null(strstr(ack, "\"reason\":\"filter\"}"));
}

static void answers_come_in_any_order_each_with_its_id(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "ONE");
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c2\",\"topic\":\"x\"}");
	expect_part(ws, "\"id\":\"c2\"");
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_part(ws, "\"id\":\"c1\"");
	expect_nothing(ws);
}

static void refusals_are_named_with_their_reason(void **state)
{
	testkit_ws *ws = connect_client(*state, "ONE");
	testkit_outcome(*state, TAPPET_EREFUSED, TAPPET_REASON_PARAMETERS, "unknown parameter \"k\"");
	testkit_ws_send_text(ws, EU);
	expect_text(
		ws,
		"{\"type\":\"ack\",\"id\":\"c1\",\"matched\":1,\"activities\":[],\"refused\":[{\"workflow\":\"orders\","
		"\"trigger\":\"created\",\"reason\":\"parameters\",\"detail\":\"unknown parameter \\\"k\\\"\"}]}");
}

static void a_full_queue_is_not_the_last_word(void **state)
{
	static const int32_t reasons[] = {TAPPET_REASON_QUEUE_FULL, TAPPET_REASON_STORE, TAPPET_REASON_PLUGIN_DOWN};
	testkit_ws *ws = connect_client(*state, "ONE");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		testkit_outcome(*state, TAPPET_EREFUSED, reasons[i], NULL);
		testkit_ws_send_text(ws, EU);
		assert_non_null(strstr(expect_error_code(ws, "busy"), "\"retryAfterMs\":"));
	}
}

#define KEYED "{\"type\":\"action\",\"id\":\"c1\",\"topic\":\"orders.eu.created\",\"data\":{\"n\":1},\"key\":\"k\"}"

static void the_same_key_starts_nothing_again(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "ONE");
	testkit_ws_send_text(ws, KEYED);
	assert_string_equal(testkit_emission_last(kit)->dedup_key.ptr, "k");
	assert_null(strstr(expect_part(ws, "ack"), "duplicate"));
	testkit_ws_send_text(ws, KEYED);
	const char *again = expect_part(ws, "\"duplicate\":true");
	assert_non_null(strstr(again, testkit_emission_at(kit, 0)->activity_id));
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c1\",\"topic\":\"orders.eu.created\",\"key\":\"k\"}");
	assert_non_null(strstr(expect_part(ws, "\"reason\":\"conflict\""), testkit_emission_at(kit, 0)->activity_id));
}

static void what_a_token_does_not_cover_is_neither_started_nor_counted_nor_named(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "ONE");
	testkit_ws_send_text(ws, EU);
	assert_int_equal(testkit_emission_count(kit), 1);
	const char *ack = expect_part(ws, "\"matched\":1,");
	assert_null(strstr(ack, "stock"));
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c\",\"topic\":\"orders.eu.deleted\"}");
	expect_part(ws, "\"matched\":0,");
}

/* ---- When it does not go well ---- */

static void when_there_is_no_credit_actions_wait_in_their_order(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "ONE"), *other = connect_client(kit, "ONE");
	testkit_credit(kit, 1, 1 << 20);
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	assert_int_equal(testkit_emission_count(kit), 1);
	testkit_ws_send_text(other, "{\"type\":\"action\",\"id\":\"c2\",\"topic\":\"orders.us.created\",\"data\":[2]}");
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_int_equal(testkit_action_count(kit), 1);
	assert_true(testkit_ws_is_paused(other));
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_part(ws, "\"id\":\"c1\",\"matched\":1");
	expect_part(other, "\"id\":\"c2\",\"matched\":1");
	assert_string_equal(testkit_action_at(kit, 1)->topic, "orders.us.created");
	assert_string_equal(testkit_action_at(kit, 1)->data.ptr, "[2]");
	assert_false(testkit_ws_is_paused(other));
}

static void a_trigger_that_goes_while_an_action_waits_keeps_it_from_no_other(void **state)
{
	testkit *kit = *state;
	tappet_trigger *gone = testkit_trigger_add(kit, "gone", "{\"topic\":\"x\"}");
	assert_non_null(testkit_trigger_add(kit, "stays", "{\"topic\":\"x\"}"));
	testkit_ws *ws = connect_client(kit, "ONE"), *other = connect_client(kit, "ONE");
	testkit_credit(kit, 1, 1 << 20);
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	testkit_ws_send_text(other, "{\"type\":\"action\",\"id\":\"c2\",\"topic\":\"x\"}");
	testkit_trigger_remove(kit, gone);
	testkit_credit(kit, 100, 1 << 20);
	testkit_hold(kit, 0);
	testkit_run(kit);
	const char *error = expect_error_code(other, "busy");
	assert_non_null(strstr(error, "\"trigger\":\"stays\",\"activityId\""));
	assert_non_null(strstr(error, "\"trigger\":\"gone\",\"reason\":\"not-stored\""));
}

/* 32 MiB of them. */
static void beyond_what_may_wait_clients_are_told_to_try_again(void **state)
{
	const size_t size = 15 << 20;
	testkit *kit = action_kit("{\"message\":\"16MiB\"}");
	char *text = malloc(size + 200);
	testkit_ws *all[4];
	(void)state;
	size_t len =
		(size_t)sprintf(text, "{\"type\":\"action\",\"id\":\"c\",\"topic\":\"orders.eu.created\",\"data\":\"");
	memset(text + len, 'x', size);
	sprintf(text + len + size, "\"}");
	for (size_t i = 0; i < 4; i++)
		all[i] = connect_client(kit, "ONE");
	testkit_hold(kit, 1);
	testkit_credit(kit, 1, 64 << 20);
	for (size_t i = 0; i < 4; i++)
		testkit_ws_send_text(all[i], text);
	assert_non_null(strstr(expect_error_code(all[3], "busy"), "\"retryAfterMs\":"));
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_int_equal(testkit_action_count(kit), 1);
	testkit_hold(kit, 0);
	testkit_run(kit);
	for (size_t i = 0; i < 3; i++)
		expect_part(all[i], "\"matched\":1");
	free(text);
	testkit_close(kit);
}

static void what_waits_when_the_daemon_stops_was_not_begun(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "ONE"), *other = connect_client(kit, "ONE");
	testkit_credit(kit, 1, 1 << 20);
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	testkit_ws_send_text(other, EU);
	testkit_stop(kit, 10000);
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_part(ws, "ack");
	assert_null(strstr(expect_error_code(other, "busy"), "matched"));
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_true(testkit_has_stopped(kit));
}

static void when_credit_ends_halfway_the_rest_follows(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_outcome(kit, TAPPET_OK, 0, NULL);
	testkit_outcome(kit, TAPPET_EBUSY, 0, NULL);
	testkit_ws_send_text(ws, EU);
	testkit_run(kit);
	assert_int_equal(testkit_emission_count(kit), 2);
	assert_int_equal(testkit_action_count(kit), 1);
	expect_part(ws, "\"matched\":2");
	expect_nothing(ws);
}

static void what_is_not_stored_is_told_with_what_was_started(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_outcome(kit, TAPPET_OK, 0, NULL);
	testkit_outcome(kit, TAPPET_ECANCELED, TAPPET_REASON_STORE, NULL);
	testkit_ws_send_text(ws, EU);
	const char *error = expect_error_code(ws, "busy");
	assert_non_null(strstr(error, testkit_emission_at(kit, 0)->activity_id));
	assert_non_null(strstr(error, "\"reason\":\"not-stored\""));
	assert_non_null(strstr(error, "\"retryAfterMs\":"));
}

static void an_unknown_outcome_is_told_with_what_is_known(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_outcome(kit, TAPPET_OK, 0, NULL);
	testkit_outcome(kit, TAPPET_EUNKNOWN, 0, NULL);
	testkit_ws_send_text(ws, EU);
	const char *error = expect_error_code(ws, "outcome-unknown");
	assert_non_null(strstr(error, testkit_emission_at(kit, 0)->activity_id));
	assert_non_null(strstr(error, "\"reason\":\"outcome-unknown\""));
	testkit_action_outcome(kit, TAPPET_EUNKNOWN, 0);
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c\",\"topic\":\"x\"}");
	expect_error_code(ws, "outcome-unknown");
	testkit_action_outcome(kit, TAPPET_ECANCELED, 0);
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c\",\"topic\":\"x\"}");
	expect_error_code(ws, "busy");
}

static void data_that_the_host_does_not_take_are_an_invalid_value(void **state)
{
	testkit_ws *ws = connect_client(*state, "T");
	testkit_outcome(*state, TAPPET_EINVAL, 0, NULL);
	testkit_ws_send_text(ws, EU);
	expect_error_code(ws, "invalid-value");
	testkit_outcome(*state, TAPPET_ETOOBIG, 0, NULL);
	testkit_ws_send_text(ws, EU);
	expect_error_code(ws, "invalid-value");
	assert_true(testkit_ws_is_open(ws));
}

static void an_action_that_would_start_too_much_starts_nothing(void **state)
{
	testkit *kit = action_kit("{\"matches\":1}");
	testkit_ws *ws = connect_client(kit, "T"), *one = connect_client(kit, "ONE");
	(void)state;
	testkit_ws_send_text(ws, EU);
	expect_error_code(ws, "too-many");
	assert_int_equal(testkit_emission_count(kit), 0);
	testkit_ws_send_text(one, EU);
	expect_part(one, "\"matched\":1");
	testkit_close(kit);
}

static void a_client_with_much_under_way_is_not_read(void **state)
{
	testkit *kit = action_kit("{\"inFlight\":2}");
	testkit_ws *ws = connect_client(kit, "ONE");
	(void)state;
	testkit_hold(kit, 1);
	for (int i = 0; i < 3; i++)
		testkit_ws_send_text(ws, EU);
	assert_true(testkit_ws_is_paused(ws));
	assert_int_equal(testkit_emission_count(kit), 2);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_emission_count(kit), 3);
	for (int i = 0; i < 3; i++)
		expect_part(ws, "ack");
	assert_false(testkit_ws_is_paused(ws));
	testkit_close(kit);
}

static void senders_are_not_read_while_there_is_hardly_any_credit(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "ONE"), *reader = connect_client(kit, "T");
	testkit_credit(kit, 8, 1 << 20);
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	assert_true(testkit_ws_is_paused(ws));
	assert_false(testkit_ws_is_paused(reader));
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_part(ws, "ack");
	assert_false(testkit_ws_is_paused(ws));
}

static void nobody_is_held_up_when_nothing_is_under_way(void **state)
{
	testkit *kit = action_kit("{\"matches\":1}");
	testkit_ws *ws = connect_client(kit, "ONE"), *other = connect_client(kit, "T");
	(void)state;
	testkit_credit(kit, 8, 1 << 20);
	testkit_ws_send_text(ws, EU);
	expect_part(ws, "ack");
	testkit_ws_send_text(other, EU);
	expect_error_code(other, "too-many");
	assert_false(testkit_ws_is_paused(ws));
	assert_false(testkit_ws_is_paused(other));
	testkit_close(kit);
}

static void answers_wait_for_a_client_that_does_not_read_and_it_is_not_read_either(void **state)
{
	static char padding[8000];
	char message[8200];
	testkit *kit = action_kit("{\"queue\":\"16KiB\"}");
	testkit_ws *ws = connect_client(kit, "ONE");
	int sent = 0, got = 0;
	(void)state;
	memset(padding, 'x', sizeof(padding) - 1);
	testkit_ws_hold(ws, 1);
	testkit_outcome_always(kit, TAPPET_EREFUSED, TAPPET_REASON_OTHER, padding);
	while (!testkit_ws_is_paused(ws) && sent < 100) {
		snprintf(message, sizeof(message),
			 "{\"type\":\"action\",\"id\":\"%d\",\"topic\":\"orders.eu.created\"}", sent++);
		testkit_ws_send_text(ws, message);
	}
	assert_true(sent < 10);
	testkit_ws_hold(ws, 0);
	testkit_run(kit);
	for (; testkit_ws_take(ws).ptr; got++)
		;
	assert_int_equal(got, sent);
	assert_false(testkit_ws_is_paused(ws));
	testkit_close(kit);
}

static void a_client_that_leaves_changes_nothing_of_what_is_under_way(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	testkit_ws_break(ws);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_emission_at(kit, 1)->settled, 1);
	assert_int_equal(testkit_ws_count(kit), 0);
}

static void a_trigger_that_goes_meanwhile_is_still_named(void **state)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	(void)state;
	testkit_token(kit, "T", ALL_SCOPES, NULL);
	tappet_trigger *trigger = testkit_begin(kit, NULL, "{\"topic\":\">\"}");
	testkit_ws *ws = connect_client(kit, "T");
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	testkit_trigger_remove(kit, trigger);
	testkit_ws_send_text(ws, "{\"type\":\"action\",\"id\":\"c2\",\"topic\":\"x\"}");
	expect_part(ws, "\"id\":\"c2\",\"matched\":0");
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_part(ws, "\"trigger\":\"test\"");
	testkit_close(kit);
}

static void hostile_messages_are_errors_and_the_connection_stays(void **state)
{
	static const char *const messages[] = {"",
					       "[]",
					       "{\"type\":\"action\",\"id\":7,\"topic\":\"a\"}",
					       "{\"type\":\"action\",\"type\":\"ping\"}",
					       "{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a\",\"data\":{\"a\":1,}}",
					       "{\"type\":\"no\"}",
					       "{\"type\":\"action\",\"id\":\"a\",\"topic\":\"a b\"}"};
	testkit_ws *ws = connect_client(*state, "T");
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		testkit_ws_send_text(ws, messages[i]);
		expect_part(ws, "\"type\":\"error\"");
	}
	testkit_ws_send(ws, TAPPET_WS_TEXT, tappet_strn("{\"type\":\"ping\",\"id\":\"a\0b\"}", 27));
	expect_error_code(ws, "bad-message");
	testkit_ws_send_text(ws, "{\"type\":\"ping\",\"id\":\"\\\"\\u0000\"}");
	expect_text(ws, "{\"type\":\"pong\",\"id\":\"\\\"\\u0000\"}");
	testkit_ws_send(ws, TAPPET_WS_BINARY, tappet_cstr("{\"type\":\"ping\"}"));
	expect_closed(ws, 1003);
}

/* ---- The end ---- */

static void at_the_end_what_is_under_way_is_answered_first(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T"), *idle = connect_client(kit, "T");
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	assert_false(testkit_stop(kit, 10000));
	expect_closed(idle, 1001);
	assert_true(testkit_ws_is_open(ws));
	testkit_hold(kit, 0);
	testkit_run(kit);
	expect_part(ws, "ack");
	expect_closed(ws, 1001);
	testkit_run(kit);
	assert_true(testkit_has_stopped(kit));
}

static void at_the_end_an_action_that_is_halfway_tells_how_far_it_came(void **state)
{
	testkit *kit = *state;
	testkit_ws *ws = connect_client(kit, "T");
	testkit_credit(kit, 1, 1 << 20);
	testkit_hold(kit, 1);
	testkit_ws_send_text(ws, EU);
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_false(testkit_stop(kit, 10000));
	testkit_hold(kit, 0);
	testkit_run(kit);
	const char *error = expect_error_code(ws, "busy");
	assert_non_null(strstr(error, testkit_emission_at(kit, 0)->activity_id));
	assert_non_null(strstr(error, "\"reason\":\"not-stored\""));
	assert_true(testkit_has_stopped(kit));
}

/* ---- Options ---- */

static void mistakes_in_options_are_named(void **state)
{
	static const char *const bad[] = {"{\"queue\":\"1KiB\"}", "{\"connections\":0}", "{\"authTimeout\":\"0s\"}",
					  "{\"origins\":[\"example.org\"]}", "{\"message\":\"1GiB\"}"};
	testkit *kit = testkit_open(tappet_plugin_v1());
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(testkit_create(kit, bad[i]), TAPPET_EINVAL);
		assert_non_null(strstr(testkit_error(kit), "expected"));
	}
	assert_int_equal(testkit_create(kit, "{\"origins\":[\"https://a.example:8443\",\"null\",\"*\"]}"), TAPPET_OK);
	assert_null(testkit_trigger_add(kit, "a", "{\"topic\":[\"a.b\",\"a.>.b\"]}"));
	assert_non_null(strstr(testkit_error(kit), "'>'"));
	assert_null(testkit_trigger_add(kit, "a", "{}"));
	testkit_close(kit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_token_is_taken_from_the_header_the_query_or_the_first_message),
		TEST(a_wrong_token_is_told_and_closed),
		TEST(a_first_message_without_a_token_is_told_and_closed),
		TEST(whoever_shows_no_token_in_time_is_closed),
		cmocka_unit_test(strangers_are_few),
		TEST(a_revoked_token_ends_the_connection_at_its_next_action),
		TEST(a_revoked_token_ends_a_quiet_connection_within_30_seconds),
		TEST(a_connection_may_change_its_token),
		TEST(pages_of_other_sites_connect_where_they_are_named),
		TEST(an_action_starts_what_matches_and_is_acknowledged),
		TEST(an_action_that_nobody_listens_to_is_recorded),
		TEST(steps_that_go_on_are_counted),
		TEST(the_acknowledgement_waits_for_every_commit),
		TEST(answers_come_in_any_order_each_with_its_id),
		TEST(refusals_are_named_with_their_reason),
		TEST(a_full_queue_is_not_the_last_word),
		TEST(the_same_key_starts_nothing_again),
		TEST(what_a_token_does_not_cover_is_neither_started_nor_counted_nor_named),
		TEST(when_there_is_no_credit_actions_wait_in_their_order),
		TEST(a_trigger_that_goes_while_an_action_waits_keeps_it_from_no_other),
		cmocka_unit_test(beyond_what_may_wait_clients_are_told_to_try_again),
		TEST(what_waits_when_the_daemon_stops_was_not_begun),
		TEST(when_credit_ends_halfway_the_rest_follows),
		TEST(what_is_not_stored_is_told_with_what_was_started),
		TEST(an_unknown_outcome_is_told_with_what_is_known),
		TEST(data_that_the_host_does_not_take_are_an_invalid_value),
		cmocka_unit_test(an_action_that_would_start_too_much_starts_nothing),
		cmocka_unit_test(a_client_with_much_under_way_is_not_read),
		TEST(senders_are_not_read_while_there_is_hardly_any_credit),
		cmocka_unit_test(nobody_is_held_up_when_nothing_is_under_way),
		cmocka_unit_test(answers_wait_for_a_client_that_does_not_read_and_it_is_not_read_either),
		TEST(a_client_that_leaves_changes_nothing_of_what_is_under_way),
		cmocka_unit_test(a_trigger_that_goes_meanwhile_is_still_named),
		TEST(hostile_messages_are_errors_and_the_connection_stays),
		TEST(at_the_end_what_is_under_way_is_answered_first),
		TEST(at_the_end_an_action_that_is_halfway_tells_how_far_it_came),
		cmocka_unit_test(mistakes_in_options_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
