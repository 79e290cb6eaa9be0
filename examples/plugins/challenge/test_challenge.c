#include "../check.h"

#define VERIFY "/page?hub.mode=subscribe&hub.challenge=c%2042&hub.verify_token="
#define EVENTS "/page?hub.verify_token=V"
#define OPTIONS "{\"path\": \"/page\", \"verifyToken\": {\"env\": \"VERIFY_TOKEN\"}}"

static testkit *begin(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	setenv("VERIFY_TOKEN", "V", 1);
	testkit_begin(kit, NULL, OPTIONS);
	return kit;
}

static testkit_exchange *post(testkit *kit, const char *path, const char *body)
{
	return testkit_http(kit, "POST", path, "Idempotency-Key: d1", tappet_cstr(body));
}

static int32_t get(testkit *kit, const char *path)
{
	return testkit_http_status(testkit_http(kit, "GET", path, NULL, tappet_cstr("")));
}

static void a_handshake_is_echoed(void)
{
	testkit *kit = begin();
	testkit_exchange *exchange = testkit_http(kit, "GET", VERIFY "V", NULL, tappet_cstr(""));

	CHECK(testkit_http_status(exchange) == 200);
	CHECK(strcmp(testkit_http_body(exchange).ptr, "c 42") == 0);
	CHECK(strcmp(testkit_http_header(exchange, "Content-Type"), "text/plain") == 0);
	CHECK(testkit_emission_count(kit) == 0);
	testkit_close(kit);
}

static void a_wrong_handshake_is_not_echoed(void)
{
	testkit *kit = begin();

	CHECK(get(kit, VERIFY "W") == 403);
	CHECK(get(kit, VERIFY "VV") == 403);
	CHECK(get(kit, VERIFY) == 403);
	CHECK(testkit_refusal_last(kit)->reason == TAPPET_REASON_TOKEN);
	CHECK(get(kit, EVENTS) == 400);
	testkit_close(kit);
}

static void an_event_becomes_an_activity_once(void)
{
	testkit *kit = begin();
	testkit_exchange *exchange = post(kit, EVENTS, "{\"a\":1}");

	CHECK(testkit_http_status(exchange) == 202);
	CHECK(last_payload_is(kit, "{\"a\":1}"));
	CHECK(strstr(testkit_http_body(exchange).ptr, testkit_emission_last(kit)->activity_id) != NULL);
	CHECK(testkit_http_status(post(kit, EVENTS, "{\"a\":1}")) == 202);
	CHECK(testkit_emission_last(kit)->outcome == TAPPET_EDUP);
	CHECK(testkit_http_status(post(kit, EVENTS, "{\"a\":2}")) == 409);
	testkit_close(kit);
}

static void an_event_needs_the_token_as_well(void)
{
	testkit *kit = begin();

	CHECK(testkit_http_status(post(kit, "/page", "{}")) == 403);
	CHECK(testkit_http_status(post(kit, "/page?hub.verify_token=W", "{}")) == 403);
	CHECK(testkit_refusal_count(kit) == 2);
	CHECK(testkit_emission_count(kit) == 0);
	testkit_close(kit);
}

static void what_cannot_be_stored_is_told(void)
{
	testkit *kit = begin();
	testkit_exchange *exchange;

	CHECK(testkit_http_status(post(kit, EVENTS, "{")) == 400);
	testkit_outcome(kit, TAPPET_EBUSY, TAPPET_REASON_NONE, NULL);
	exchange = post(kit, EVENTS, "{}");
	CHECK(testkit_http_status(exchange) == 503);
	CHECK(strcmp(testkit_http_header(exchange, "Retry-After"), "1") == 0);
	testkit_outcome(kit, TAPPET_EUNKNOWN, TAPPET_REASON_NONE, NULL);
	CHECK(testkit_http_status(post(kit, EVENTS, "{}")) == 503);
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
	CHECK(testkit_http_status(post(kit, EVENTS, "{}")) == 200);
	testkit_close(kit);
}

static void nothing_is_answered_before_the_commit(void)
{
	testkit *kit = begin();
	testkit_exchange *exchange;

	testkit_hold(kit, 1);
	exchange = post(kit, EVENTS, "{}");
	CHECK(testkit_http_status(exchange) == 0);
	CHECK(!testkit_stop(kit, 5000));
	CHECK(testkit_settle(kit, 0, TAPPET_OK, TAPPET_REASON_NONE, NULL) == TAPPET_OK);
	CHECK(testkit_http_status(exchange) == 202);
	CHECK(testkit_has_stopped(kit));
	testkit_close(kit);
}

static void a_removed_trigger_takes_nothing(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	tappet_trigger *trigger = testkit_begin(kit, NULL, OPTIONS);

	testkit_hold(kit, 1);
	post(kit, EVENTS, "{}");
	testkit_trigger_remove(kit, trigger);
	CHECK(testkit_http_status(post(kit, EVENTS, "{}")) == 404);
	testkit_hold(kit, 0);
	testkit_close(kit);
}

int main(void)
{
	a_handshake_is_echoed();
	a_wrong_handshake_is_not_echoed();
	an_event_becomes_an_activity_once();
	an_event_needs_the_token_as_well();
	what_cannot_be_stored_is_told();
	nothing_is_answered_before_the_commit();
	a_removed_trigger_takes_nothing();
	return 0;
}
