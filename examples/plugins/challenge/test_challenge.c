#include "../check.h"

#define VERIFY "/challenge/workflow?hub.mode=subscribe&hub.challenge=c%2042&hub.verify_token="
#define EVENTS "/challenge/workflow?token=T"

/* The workflow of the testkit's triggers is called "workflow". */
static testkit *begin(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	setenv("VERIFY_TOKEN", "V", 1);
	testkit_token(kit, "T", TAPPET_SCOPE_TRIGGER, TESTKIT_WORKFLOW);
	testkit_token(kit, "S", TAPPET_SCOPE_STATUS, TESTKIT_WORKFLOW);
	testkit_begin(kit, NULL, "{\"verifyToken\": {\"env\": \"VERIFY_TOKEN\"}}");
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
	CHECK(get(kit, "/challenge/other?hub.verify_token=V") == 403);
	CHECK(get(kit, "/challenge/workflow?hub.verify_token=V&hub.challenge=c") == 400);
	CHECK(get(kit, "/challenge/workflow?hub.verify_token=V&hub.mode=subscribe") == 400);
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

static void an_event_needs_a_token_for_its_workflow(void)
{
	testkit *kit = begin();

	CHECK(testkit_http_status(post(kit, "/challenge/workflow", "{}")) == 403);
	CHECK(testkit_http_status(post(kit, "/challenge/workflow?token=S", "{}")) == 403);
	CHECK(testkit_http_status(post(kit, "/challenge/other?token=T", "{}")) == 403);
	CHECK(testkit_refusal_count(kit) == 3);
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
	CHECK(testkit_http_status(post(kit, EVENTS, "{}")) == 409);
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
	tappet_trigger *trigger;

	testkit_token(kit, "T", TAPPET_SCOPE_TRIGGER, TESTKIT_WORKFLOW);
	trigger = testkit_begin(kit, NULL, "{\"verifyToken\": {\"env\": \"VERIFY_TOKEN\"}}");
	testkit_hold(kit, 1);
	post(kit, EVENTS, "{}");
	testkit_trigger_remove(kit, trigger);
	CHECK(testkit_http_status(post(kit, EVENTS, "{}")) == 403);
	testkit_hold(kit, 0);
	testkit_close(kit);
}

int main(void)
{
	a_handshake_is_echoed();
	a_wrong_handshake_is_not_echoed();
	an_event_becomes_an_activity_once();
	an_event_needs_a_token_for_its_workflow();
	what_cannot_be_stored_is_told();
	nothing_is_answered_before_the_commit();
	a_removed_trigger_takes_nothing();
	return 0;
}
