#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/testkit.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

/* A plugin that connects out; the test is the server. */
static testkit *begin(tappet_trigger **ret_trigger, testkit_ws **ret_server)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	*ret_trigger = testkit_begin(kit, NULL, "{\"url\": \"wss://feed.example/v1\"}");
	*ret_server = testkit_ws_connect_last(kit);
	CHECK(*ret_server != NULL);
	return kit;
}

static void each_message_becomes_an_activity(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	CHECK(strcmp(testkit_ws_options(server)->url, "wss://feed.example/v1") == 0);
	testkit_ws_open(server, NULL);
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_RUNNING);
	testkit_ws_send_text(server, "{\"a\": {\"id\": 1}, \"b\": \"id\"}");
	CHECK(testkit_emission_count(kit) == 1);
	CHECK(strcmp(testkit_emission_last(kit)->payload.ptr, "{\"a\": {\"id\": 1}, \"b\": \"id\"}") == 0);
	testkit_close(kit); /* says so when something is left behind */
}

static void a_message_that_comes_twice_starts_one(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	testkit_ws_open(server, NULL);
	testkit_ws_send_text(server, "{\"x\": [\"id\"], \"id\": \"m-7\"}");
	CHECK(testkit_emission_last(kit)->outcome == TAPPET_OK);
	CHECK(strcmp(testkit_emission_last(kit)->dedup_key.ptr, "\"m-7\"") == 0);
	testkit_ws_send_text(server, "{\"x\": [\"id\"], \"id\": \"m-7\"}");
	CHECK(testkit_emission_last(kit)->outcome == TAPPET_EDUP);
	testkit_close(kit);
}

static void what_is_no_json_text_is_refused(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	testkit_ws_open(server, NULL);
	testkit_ws_send_text(server, "{\"id\":\"");
	testkit_ws_send(server, TAPPET_WS_BINARY, tappet_cstr("{}"));
	CHECK(testkit_emission_count(kit) == 0);
	CHECK(testkit_refusal_count(kit) == 2);
	testkit_close(kit);
}

static void a_connection_that_breaks_is_made_again(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	testkit_ws_fail(server, TAPPET_EIO, "no such host");
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_BACKING_OFF);
	CHECK(strcmp(testkit_health_reason(kit, trigger), "no such host") == 0);
	CHECK(testkit_health_until(kit, trigger) == testkit_wall_ms(kit) + testkit_ws_retry_ms(server));
	testkit_advance(kit, testkit_ws_retry_ms(server));
	testkit_ws_open(server, NULL);
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_RUNNING);
	testkit_ws_send_text(server, "1");
	CHECK(testkit_emission_count(kit) == 1);
	testkit_ws_break(server);
	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_BACKING_OFF);
	testkit_close(kit);
}

static void without_credit_messages_wait(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	testkit_ws_open(server, NULL);
	testkit_credit(kit, 4, 1000000);
	testkit_hold(kit, 1);
	testkit_ws_send_text(server, "1");
	testkit_ws_send_text(server, "2");
	testkit_ws_send_text(server, "3");
	testkit_ws_send_text(server, "4");
	CHECK(testkit_emission_count(kit) == 2);
	CHECK(testkit_ws_is_paused(server));
	testkit_hold(kit, 0);
	testkit_run(kit);
	CHECK(testkit_emission_count(kit) == 4);
	CHECK(!testkit_ws_is_paused(server));
	CHECK(strcmp(testkit_emission_at(kit, 2)->payload.ptr, "3") == 0);
	testkit_close(kit);
}

static void what_is_not_stored_is_recorded(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	testkit_ws_open(server, NULL);
	testkit_outcome(kit, TAPPET_ECANCELED, TAPPET_REASON_NONE, NULL);
	testkit_ws_send_text(server, "1");
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_STORE);
	testkit_credit(kit, 4, 1000000);
	testkit_hold(kit, 1);
	testkit_ws_send_text(server, "2");
	testkit_ws_send_text(server, "3");
	testkit_ws_send_text(server, "4");
	testkit_trigger_remove(kit, trigger);
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_PLUGIN_DOWN);
	testkit_hold(kit, 0);
	testkit_close(kit);
}

static void a_trigger_that_goes_takes_its_connection_along(void)
{
	tappet_trigger *trigger;
	testkit_ws *server;
	testkit *kit = begin(&trigger, &server);

	testkit_ws_open(server, NULL);
	testkit_trigger_remove(kit, trigger);
	testkit_run(kit);
	CHECK(testkit_ws_code(server) == TAPPET_WS_NORMAL);
	CHECK(testkit_ws_count(kit) == 0);
	CHECK(testkit_trigger_add(kit, "second", "{\"url\": \"ws://second.example\"}") != NULL);
	CHECK(testkit_ws_connect_count(kit) == 2);
	testkit_close(kit);
}

static void what_is_no_address_is_told(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	tappet_trigger *trigger = testkit_begin(kit, NULL, "{\"url\": \"http://feed.example\"}");

	CHECK(testkit_health(kit, trigger) == TAPPET_HEALTH_DEAD);
	testkit_close(kit);
}

int main(void)
{
	each_message_becomes_an_activity();
	a_message_that_comes_twice_starts_one();
	what_is_no_json_text_is_refused();
	a_connection_that_breaks_is_made_again();
	without_credit_messages_wait();
	what_is_not_stored_is_recorded();
	a_trigger_that_goes_takes_its_connection_along();
	what_is_no_address_is_told();
	return 0;
}
