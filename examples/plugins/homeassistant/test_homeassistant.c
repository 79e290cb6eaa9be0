#include "../check.h"

#define EVENT(data) "{\"id\":1,\"type\":\"event\",\"event\":{\"data\":" data "}}"

struct home {
	testkit *kit;
	tappet_trigger *trigger;
	testkit_ws *server;
};

static int says(struct home *h, const char *text)
{
	tappet_str said = testkit_ws_take(h->server);

	return said.ptr && strcmp(said.ptr, text) == 0;
}

static struct home begin(void)
{
	struct home h = {.kit = testkit_open(tappet_plugin_v1())};

	setenv("TOKEN", "se\"cret", 1);
	h.trigger = testkit_begin(h.kit, NULL,
				  "{\"url\": \"wss://home.example/api/websocket\", \"token\": {\"env\": \"TOKEN\"},"
				  " \"event\": \"state_changed\", \"caFile\": \"/etc/home.pem\"}");
	h.server = testkit_ws_connect_last(h.kit);
	CHECK(h.server != NULL);
	return h;
}

static void log_in(struct home *h)
{
	testkit_ws_open(h->server, NULL);
	testkit_ws_send_text(h->server, "{\"type\":\"auth_required\",\"ha_version\":\"2024.1\"}");
	CHECK(says(h, "{\"type\":\"auth\",\"access_token\":\"se\\\"cret\"}"));
	testkit_ws_send_text(h->server, "{\"type\":\"auth_ok\"}");
	CHECK(says(h, "{\"id\":1,\"type\":\"subscribe_events\",\"event_type\":\"state_changed\"}"));
	testkit_ws_send_text(h->server, "{\"id\":1,\"type\":\"result\",\"success\":true,\"result\":null}");
	CHECK(testkit_health(h->kit, h->trigger) == TAPPET_HEALTH_RUNNING);
}

static void it_logs_in_and_each_event_is_an_activity(void)
{
	struct home h = begin();

	CHECK(strcmp(testkit_ws_options(h.server)->url, "wss://home.example/api/websocket") == 0);
	CHECK(strcmp(testkit_ws_options(h.server)->ca_file, "/etc/home.pem") == 0);
	log_in(&h);
	testkit_ws_send_text(h.server, EVENT("12345678901234567890"));
	CHECK(testkit_emission_count(h.kit) == 1);
	CHECK(last_payload_is(h.kit, EVENT("12345678901234567890")));
	testkit_ws_send_text(h.server, "[]");
	CHECK(testkit_refusal_count(h.kit) == 1);
	testkit_close(h.kit); /* says so when something is left behind */
}

static void a_token_that_is_turned_down_is_not_tried_again(void)
{
	struct home h = begin();

	testkit_ws_open(h.server, NULL);
	testkit_ws_send_text(h.server, "{\"type\":\"auth_required\"}");
	testkit_ws_send_text(h.server, "{\"type\":\"auth_invalid\",\"message\":\"Invalid password\"}");
	CHECK(testkit_health(h.kit, h.trigger) == TAPPET_HEALTH_DEAD);
	CHECK(testkit_ws_count(h.kit) == 0);
	testkit_advance(h.kit, 1000000);
	CHECK(testkit_ws_attempt_count(h.server) == 1 && testkit_ws_connect_count(h.kit) == 1);
	testkit_close(h.kit);
}

static void after_a_break_it_logs_in_again(void)
{
	struct home h = begin();

	testkit_ws_fail(h.server, TAPPET_EIO, "no route to host");
	CHECK(testkit_health(h.kit, h.trigger) == TAPPET_HEALTH_BACKING_OFF);
	CHECK(strcmp(testkit_health_reason(h.kit, h.trigger), "no route to host") == 0);
	testkit_advance(h.kit, testkit_ws_retry_ms(h.server));
	log_in(&h);
	testkit_ws_break(h.server);
	CHECK(testkit_health(h.kit, h.trigger) == TAPPET_HEALTH_BACKING_OFF);
	testkit_advance(h.kit, testkit_ws_retry_ms(h.server));
	log_in(&h);
	testkit_close(h.kit);
}

static void one_event_is_taken_at_a_time_until_it_is_stored(void)
{
	struct home h = begin();
	const char *key;

	log_in(&h);
	testkit_hold(h.kit, 1);
	testkit_ws_send_text(h.server, EVENT("1"));
	testkit_ws_send_text(h.server, EVENT("2"));
	CHECK(testkit_emission_count(h.kit) == 1 && testkit_ws_is_paused(h.server));
	testkit_settle(h.kit, 0, TAPPET_EUNKNOWN, 0, NULL);
	key = testkit_emission_last(h.kit)->dedup_key.ptr;
	testkit_hold(h.kit, 0);
	testkit_advance(h.kit, 1000);
	CHECK(testkit_emission_count(h.kit) == 3);
	CHECK(strcmp(testkit_emission_at(h.kit, 1)->payload.ptr, EVENT("1")) == 0);
	CHECK(strcmp(testkit_emission_at(h.kit, 1)->dedup_key.ptr, key) == 0);
	CHECK(last_payload_is(h.kit, EVENT("2")) && !testkit_ws_is_paused(h.server));
	testkit_close(h.kit);
}

static void the_trigger_may_go_before_its_connection(void)
{
	struct home h = begin();

	log_in(&h);
	testkit_ws_hold(h.server, 1);
	testkit_trigger_remove(h.kit, h.trigger);
	testkit_run(h.kit);
	CHECK(testkit_ws_count(h.kit) == 1);
	testkit_ws_hold(h.server, 0);
	CHECK(testkit_ws_code(h.server) == TAPPET_WS_NORMAL && testkit_ws_count(h.kit) == 0);
	testkit_close(h.kit);
}

int main(void)
{
	it_logs_in_and_each_event_is_an_activity();
	a_token_that_is_turned_down_is_not_tried_again();
	after_a_break_it_logs_in_again();
	one_event_is_taken_at_a_time_until_it_is_stored();
	the_trigger_may_go_before_its_connection();
	return 0;
}
