/* Triggers that connect out: each message an activity, the cursor as committed, and what happens when something breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <tappet/testkit.h>

#define FEED "\"connect\": \"wss://u:p@feed.example/v1?key=secret\""
#define WITH(options) "{" FEED options "}"

static tappet_trigger *trigger;

static testkit *begin(const char *trigger_options)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	assert_int_equal(testkit_create(kit, NULL), 0);
	trigger = testkit_trigger_add(kit, "test", trigger_options);
	if (!trigger)
		fail_msg("%s", testkit_error(kit));
	assert_int_equal(testkit_start(kit), 0);
	testkit_run(kit);
	return kit;
}

static testkit_ws *feed_of(const testkit *kit)
{
	testkit_ws *feed = testkit_ws_connect_last(kit);
	assert_non_null(feed);
	return feed;
}

static bool has(tappet_str text, const char *part)
{
	return text.ptr && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void assert_text(tappet_str text, const char *expected)
{
	assert_non_null(text.ptr);
	assert_string_equal(text.ptr, expected);
}

static const char *health_of(const testkit *kit)
{
	return testkit_health_reason(kit, trigger);
}

/* ---- Messages --------------------------------------------------------------------------------------------------- */

static void each_message_becomes_an_activity(void **state)
{
	(void)state;
	testkit *kit = begin(
		WITH(", \"key\": \".id\", \"headers\": {\"Authorization\": \"Bearer x\"}, \"protocols\": \"feed.v1\""));
	testkit_ws *feed = feed_of(kit);
	const tappet_ws_connect_options *o = testkit_ws_options(feed);
	assert_string_equal(o->url, "wss://u:p@feed.example/v1?key=secret");
	assert_string_equal(testkit_ws_header(feed, "authorization"), "Bearer x");
	assert_string_equal(o->protocols[0], "feed.v1");
	assert_int_equal(o->retry_min_ms, 1000);
	assert_int_equal(o->retry_max_ms, 300000);
	testkit_ws_open(feed, "feed.v1");
	assert_int_equal(testkit_health(kit, trigger), TAPPET_HEALTH_RUNNING);
	testkit_ws_send_text(feed, "{\"id\": 9007199254740993, \"x\": [1]}");
	testkit_ws_send_text(feed, "plain \"words\"");
	assert_int_equal(testkit_emission_count(kit), 2);
	const testkit_emission *e = testkit_emission_at(kit, 0);
	assert_text(e->payload, "{\"data\":{\"id\": 9007199254740993, \"x\": [1]},\"url\":\"wss://feed.example/v1\"}");
	assert_text(e->dedup_key, "9007199254740993");
	assert_text(e->cause, "{\"url\":\"wss://feed.example/v1\"}");
	assert_text(testkit_emission_at(kit, 1)->payload,
		    "{\"data\":\"plain \\\"words\\\"\",\"url\":\"wss://feed.example/v1\"}");
	testkit_ws_send(feed, TAPPET_WS_BINARY, tappet_cstr("bytes"));
	assert_int_equal(testkit_emission_count(kit), 2);
	assert_int_equal(testkit_refusal_last(kit)->reason, TAPPET_REASON_MALFORMED);
	testkit_close(kit);
}

static void opening_messages_name_the_cursor_as_it_was_committed(void **state)
{
	static const char options[] = WITH(", \"cursor\": \".seq\", \"open\": [{\"auth\": \"s3\"}, {\"since\": "
					   "\"$(cursor)\"}, \"from $(cursor)\"]");
	(void)state;
	testkit *kit = begin(options);
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	assert_text(testkit_ws_take(feed), "{\"auth\":\"s3\"}");
	assert_text(testkit_ws_take(feed), "{\"since\":null}");
	assert_text(testkit_ws_take(feed), "from ");
	testkit_ws_send_text(feed, "{\"seq\": 41}");
	testkit_ws_send_text(feed, "{\"seq\": 42}");
	assert_text(testkit_kv(kit, "test", "cursor"), "42");
	testkit_ws_break(feed);
	testkit_advance(kit, 1000);
	testkit_ws_open(feed, NULL);
	assert_text(testkit_ws_take(feed), "{\"auth\":\"s3\"}");
	assert_text(testkit_ws_take(feed), "{\"since\":42}");
	/* And after a restart. */
	testkit *next = testkit_open(tappet_plugin_v1());
	assert_int_equal(testkit_create(next, NULL), 0);
	testkit_kv_copy(next, kit);
	testkit_close(kit);
	assert_non_null(testkit_trigger_add(next, "test", options));
	assert_int_equal(testkit_start(next), 0);
	feed = feed_of(next);
	testkit_ws_open(feed, NULL);
	(void)testkit_ws_take(feed);
	assert_text(testkit_ws_take(feed), "{\"since\":42}");
	testkit_close(next);
}

static void a_refused_message_moves_the_cursor_on(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(", \"cursor\": \".seq\""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
	testkit_ws_send_text(feed, "{\"seq\": 7}");
	assert_text(testkit_kv(kit, "test", "cursor"), "7");
	testkit_close(kit);
}

static void answers_follow_the_commit(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(", \"key\": \".id\", \"reply\": {\"ack\": \"$(message.id)\", \"run\": "
				  "\"$(activity.id)\", \"was\": \"$(outcome)\"}"));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_hold(kit, 1);
	testkit_ws_send_text(feed, "{\"id\": \"a\"}");
	assert_int_equal(testkit_ws_sent_count(feed), 0);
	testkit_hold(kit, 0);
	testkit_run(kit);
	char expected[128];
	snprintf(expected, sizeof(expected), "{\"ack\":\"a\",\"run\":\"%s\",\"was\":\"accepted\"}",
		 testkit_emission_at(kit, 0)->activity_id);
	assert_text(testkit_ws_take(feed), expected);
	testkit_ws_send_text(feed, "{\"id\": \"a\"}");
	assert_true(has(testkit_ws_take(feed), "\"was\":\"duplicate\"}"));
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
	testkit_ws_send_text(feed, "{\"id\": \"b\"}");
	assert_text(testkit_ws_take(feed), "{\"ack\":\"b\",\"run\":null,\"was\":\"refused\"}");
	testkit_close(kit);
}

/* What was asked by one connection is not answered by the next. */
static void an_answer_is_for_the_connection_that_asked(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(", \"reply\": \"ok\""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_hold(kit, 1);
	testkit_ws_send_text(feed, "1");
	testkit_ws_break(feed);
	testkit_advance(kit, 1000);
	testkit_ws_open(feed, NULL);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_emission_at(kit, 0)->settled, 1);
	assert_int_equal(testkit_ws_sent_count(feed), 0);
	testkit_close(kit);
}

/* ---- What is not stored ----------------------------------------------------------------------------------------- */

static void what_was_not_stored_is_handed_over_again_in_order(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(", \"cursor\": \".\""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_outcome_always(kit, TAPPET_ECANCELED, 0, NULL);
	testkit_ws_send_text(feed, "1");
	testkit_ws_send_text(feed, "2");
	assert_int_equal(testkit_ws_is_paused(feed), 1);
	const size_t before = testkit_emission_count(kit);
	testkit_advance(kit, 999);
	assert_int_equal(testkit_emission_count(kit), before);
	testkit_outcome_always(kit, TAPPET_OK, 0, NULL);
	testkit_advance(kit, 1001);
	assert_int_equal(testkit_ws_is_paused(feed), 0);
	const size_t count = testkit_emission_count(kit);
	assert_true(has(testkit_emission_at(kit, count - 2)->payload, "\"data\":1,"));
	assert_true(has(testkit_emission_at(kit, count - 1)->payload, "\"data\":2,"));
	assert_text(testkit_kv(kit, "test", "cursor"), "2");
	testkit_close(kit);
}

static void an_unknown_outcome_is_tried_again_with_the_same_key(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_outcome(kit, TAPPET_EUNKNOWN, 0, NULL);
	testkit_ws_send_text(feed, "1");
	testkit_advance(kit, 1000);
	assert_int_equal(testkit_emission_count(kit), 2);
	assert_string_equal(testkit_emission_at(kit, 1)->dedup_key.ptr, testkit_emission_at(kit, 0)->dedup_key.ptr);
	testkit_close(kit);
}

static void without_credit_the_server_is_held_up(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_credit(kit, 1, 1 << 20);
	testkit_hold(kit, 1);
	for (int i = 0; i < 3; i++)
		testkit_ws_send_text(feed, "1");
	assert_int_equal(testkit_ws_is_paused(feed), 1);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_emission_count(kit), 3);
	assert_int_equal(testkit_ws_is_paused(feed), 0);
	testkit_close(kit);
}

static void what_can_never_be_taken_is_refused_and_recorded(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_outcome(kit, TAPPET_ETOOBIG, 0, NULL);
	testkit_ws_send_text(feed, "1");
	assert_int_equal(testkit_refusal_last(kit)->reason, TAPPET_REASON_TOO_LARGE);
	testkit_ws_send_text(feed, "2");
	assert_int_equal(testkit_emission_count(kit), 1);
	testkit_close(kit);
}

/* ---- The connection --------------------------------------------------------------------------------------------- */

static void health_says_why_it_is_not_connected(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(""));
	testkit_ws *feed = feed_of(kit);
	assert_int_equal(testkit_health(kit, trigger), TAPPET_HEALTH_BACKING_OFF);
	testkit_ws_fail(feed, TAPPET_EDENIED, "the server answered 401");
	assert_int_equal(testkit_health(kit, trigger), TAPPET_HEALTH_BACKING_OFF);
	assert_string_equal(health_of(kit), "the server answered 401");
	testkit_advance(kit, 1000);
	testkit_ws_open(feed, NULL);
	assert_int_equal(testkit_health(kit, trigger), TAPPET_HEALTH_RUNNING);
	testkit_ws_close(feed, 4003, "go away");
	assert_string_equal(health_of(kit), "closed by the server: 4003 go away");
	testkit_advance(kit, 2000);
	testkit_ws_fail(feed, TAPPET_EINVAL, "ca.pem cannot be read");
	assert_int_equal(testkit_health(kit, trigger), TAPPET_HEALTH_DEAD);
	assert_string_equal(health_of(kit), "ca.pem cannot be read");
	testkit_advance(kit, 3600000);
	assert_int_equal(testkit_ws_connect_count(kit), 1);
	testkit_close(kit);
}

static void silence_ends_a_connection_that_should_speak(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(", \"stall\": \"10s\""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_advance(kit, 9000);
	testkit_ws_send_text(feed, "1");
	testkit_advance(kit, 9000);
	assert_int_equal(testkit_ws_is_open(feed), 1);
	testkit_advance(kit, 1000);
	assert_int_equal(testkit_ws_code(feed), 4000);
	testkit_advance(kit, 10000);
	assert_int_equal(testkit_ws_connect_count(kit), 2);
	testkit_close(kit);
}

static void the_heart_beats_while_it_is_connected(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(", \"heartbeat\": {\"every\": \"20s\", \"send\": {\"op\": \"ping\"}}"));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_advance(kit, 60000);
	assert_int_equal(testkit_ws_sent_count(feed), 3);
	assert_text(testkit_ws_sent(feed, 0), "{\"op\":\"ping\"}");
	testkit_ws_break(feed);
	testkit_advance(kit, 60000);
	assert_int_equal(testkit_ws_sent_count(feed), 3);
	testkit_close(kit);
}

static void a_stop_closes_and_loses_nothing_unnamed(void **state)
{
	(void)state;
	testkit *kit = begin(WITH(""));
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_outcome(kit, TAPPET_ECANCELED, 0, NULL);
	testkit_ws_send_text(feed, "1");
	(void)testkit_stop(kit, 5000);
	assert_int_equal(testkit_refusal_last(kit)->reason, TAPPET_REASON_PLUGIN_DOWN);
	assert_int_equal(testkit_ws_code(feed), 1001);
	testkit_run(kit);
	assert_int_equal(testkit_has_stopped(kit), 1);
	testkit_close(kit);
}

static void a_removed_trigger_leaves_its_server(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	assert_int_equal(testkit_create(kit, NULL), 0);
	assert_int_equal(testkit_start(kit), 0);
	trigger = testkit_trigger_add(kit, "test", WITH(""));
	assert_non_null(trigger);
	testkit_ws *feed = feed_of(kit);
	testkit_ws_open(feed, NULL);
	testkit_hold(kit, 1);
	testkit_ws_send_text(feed, "1");
	testkit_trigger_remove(kit, trigger);
	assert_int_equal(testkit_ws_code(feed), 1001);
	testkit_hold(kit, 0);
	testkit_run(kit);
	assert_int_equal(testkit_emission_count(kit), 1);
	assert_int_equal(testkit_ws_count(kit), 0);
	testkit_close(kit);
}

/* ---- Options ---------------------------------------------------------------------------------------------------- */

static void topic_or_connect_and_not_both(void **state)
{
	(void)state;
	testkit *kit = testkit_open(tappet_plugin_v1());
	assert_int_equal(testkit_create(kit, NULL), 0);
	assert_null(testkit_trigger_add(kit, "a", "{}"));
	assert_non_null(strstr(testkit_error(kit), "connect"));
	assert_null(testkit_trigger_add(kit, "b", "{\"topic\": \"a\", " FEED "}"));
	assert_null(testkit_trigger_add(kit, "c", "{\"connect\": \"http://x\"}"));
	assert_non_null(strstr(testkit_error(kit), "ws://"));
	assert_null(testkit_trigger_add(kit, "d", WITH(", \"cursor\": \"seq\"")));
	assert_null(testkit_trigger_add(kit, "e", "{\"topic\": \"a\", \"cursor\": \".seq\"}"));
	assert_non_null(strstr(testkit_error(kit), "connect"));
	testkit_close(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_becomes_an_activity),
		cmocka_unit_test(opening_messages_name_the_cursor_as_it_was_committed),
		cmocka_unit_test(a_refused_message_moves_the_cursor_on),
		cmocka_unit_test(answers_follow_the_commit),
		cmocka_unit_test(an_answer_is_for_the_connection_that_asked),
		cmocka_unit_test(what_was_not_stored_is_handed_over_again_in_order),
		cmocka_unit_test(an_unknown_outcome_is_tried_again_with_the_same_key),
		cmocka_unit_test(without_credit_the_server_is_held_up),
		cmocka_unit_test(what_can_never_be_taken_is_refused_and_recorded),
		cmocka_unit_test(health_says_why_it_is_not_connected),
		cmocka_unit_test(silence_ends_a_connection_that_should_speak),
		cmocka_unit_test(the_heart_beats_while_it_is_connected),
		cmocka_unit_test(a_stop_closes_and_loses_nothing_unnamed),
		cmocka_unit_test(a_removed_trigger_leaves_its_server),
		cmocka_unit_test(topic_or_connect_and_not_both),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
