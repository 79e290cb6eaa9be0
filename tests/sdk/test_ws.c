/* The testkit's tappet.ws/1: clients and servers without a network. */
#include <string.h>
#include "support_plugin.h"

#define FULL (1024 * 1024)

/* What the plugin does, and what it is told. */
struct peer {
	tappet_ws *ws;
	tappet_request *request;
	bool later;
	int32_t refused;
	int opened, drained, closed, messages;
	int32_t kind, code, error;
	int64_t retry_ms;
	char text[128], reason[128], detail[64];
};

static void on_open(void *arg, tappet_ws *ws)
{
	struct peer *p = arg;
	assert_ptr_equal(ws, p->ws);
	p->opened++;
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	struct peer *p = arg;
	assert_ptr_equal(ws, p->ws);
	p->messages++;
	p->kind = kind;
	snprintf(p->text, sizeof(p->text), "%.*s", (int)bytes.len, bytes.ptr);
}

static void on_drained(void *arg, tappet_ws *ws)
{
	struct peer *p = arg;
	assert_ptr_equal(ws, p->ws);
	p->drained++;
}

static void on_closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	struct peer *p = arg;
	assert_ptr_equal(ws, p->ws);
	p->closed++;
	p->code = end->code;
	p->error = end->error;
	p->retry_ms = end->retry_ms;
	snprintf(p->reason, sizeof(p->reason), "%.*s", (int)end->reason.len, end->reason.ptr);
	snprintf(p->detail, sizeof(p->detail), "%.*s", (int)end->detail.len, end->detail.ptr);
}

static const tappet_ws_handler handler = {sizeof(handler), on_open, on_message, on_drained, on_closed};
static const char *const protocols[] = {"best", "good", NULL};

static const tappet_ws1 *ws1(void)
{
	return told.host->capability(told.self, TAPPET_WS_1);
}

static void on_upgrade(void *arg, tappet_request *request)
{
	struct peer *p = arg;
	p->request = request;
	if (p->refused)
		told.http->problem(request, p->refused, "forbidden", "Not you.", 0);
	else if (!p->later)
		assert_int_equal(ws1()->accept(request, &handler, p, &p->ws), 0);
}

static tappet_ws_endpoint *serve(struct peer *p)
{
	const tappet_ws_endpoint_options options = {
		.struct_size = sizeof(options),
		.pattern = "/feed/{name}",
		.surface = TAPPET_SURFACE_ACTION,
		.protocols = protocols,
	};
	tappet_ws_endpoint *endpoint = NULL;
	assert_int_equal(ws1()->endpoint_add(told.self, &options, on_upgrade, p, &endpoint), 0);
	return endpoint;
}

static testkit_ws *come(testkit *kit, const char *names, const char *origin)
{
	const testkit_ws_upgrade_options options = {
		.struct_size = sizeof(options), .target = "/feed/a%20b?x=1", .protocols = names, .origin = origin};
	return testkit_ws_upgrade(kit, &options);
}

static int32_t say(tappet_ws *ws, const char *text)
{
	const tappet_str part = tappet_cstr(text);
	return ws1()->send(ws, TAPPET_WS_TEXT, &part, 1);
}

static int32_t send_zeros(tappet_ws *ws, size_t len)
{
	char *zeros = calloc(1, len);
	const tappet_str part = tappet_strn(zeros, len);
	int32_t r = ws1()->send(ws, TAPPET_WS_BINARY, &part, 1);
	free(zeros);
	return r;
}

static testkit_ws *connect_out(struct peer *p, int64_t retry_min_ms, int64_t retry_max_ms)
{
	const tappet_http_header header = {tappet_cstr("Authorization"), tappet_cstr("Bearer t")};
	const tappet_ws_connect_options options = {
		.struct_size = sizeof(options),
		.url = "wss://feed.example/v1?a=b",
		.protocols = protocols,
		.headers = &header,
		.header_count = 1,
		.ca_file = "/etc/ca.pem",
		.proxy = "http://proxy.example:3128",
		.retry_min_ms = retry_min_ms,
		.retry_max_ms = retry_max_ms,
	};
	assert_int_equal(ws1()->connect(told.self, &options, &handler, p, &p->ws), 0);
	return testkit_ws_connect_last(told.self);
}

static int begin(void **state)
{
	*state = told_begin();
	return 0;
}

static void close_all(testkit *kit, tappet_ws *ws, tappet_ws_endpoint *endpoint)
{
	if (ws)
		ws1()->close(ws, TAPPET_WS_NORMAL, tappet_cstr(NULL));
	ws1()->endpoint_remove(endpoint);
	testkit_run(kit);
	told_end(kit, NULL);
}

/* ---- Endpoints ---- */

static void a_client_is_taken_and_both_sides_talk(void **state)
{
	struct peer p = {0};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws *client = come(*state, "good, best", NULL);
	assert_int_equal(testkit_ws_status(client), 101);
	assert_true(testkit_ws_is_open(client));
	assert_string_equal(testkit_ws_protocol(client), "best");
	assert_string_equal(ws1()->protocol(p.ws).ptr, "best");
	assert_string_equal(ws1()->remote(p.ws).ptr, "192.0.2.1");
	testkit_ws_send_text(client, "hello");
	assert_string_equal(p.text, "hello");
	assert_int_equal(p.kind, TAPPET_WS_TEXT);
	testkit_ws_send(client, TAPPET_WS_BINARY, tappet_strn("\xff", 1));
	assert_int_equal(p.kind, TAPPET_WS_BINARY);
	const tappet_str parts[] = {tappet_cstr("one"), tappet_cstr(" two")};
	assert_int_equal(ws1()->send(p.ws, TAPPET_WS_TEXT, parts, 2), 0);
	assert_int_equal(say(p.ws, "three"), 0);
	assert_int_equal(testkit_ws_sent_count(client), 2);
	assert_string_equal(testkit_ws_sent(client, 1).ptr, "three");
	assert_int_equal(testkit_ws_sent_kind(client, 1), TAPPET_WS_TEXT);
	assert_string_equal(testkit_ws_take(client).ptr, "one two");
	assert_string_equal(testkit_ws_take(client).ptr, "three");
	assert_null(testkit_ws_take(client).ptr);
	assert_int_equal(p.opened, 0);
	close_all(*state, p.ws, endpoint);
}

static void the_request_is_read_before_it_is_answered(void **state)
{
	struct peer p = {.later = true};
	tappet_ws_endpoint *endpoint = serve(&p);
	const testkit_ws_upgrade_options options = {.struct_size = sizeof(options),
						    .target = "/feed/a%20b?x=1",
						    .headers = "Authorization: Bearer t",
						    .remote = "198.51.100.7"};
	testkit_ws *client = testkit_ws_upgrade(*state, &options);
	assert_int_equal(testkit_ws_status(client), 0);
	assert_string_equal(told.http->param(p.request, "name").ptr, "a b");
	assert_string_equal(told.http->query_value(p.request, "x").ptr, "1");
	assert_string_equal(told.http->header(p.request, "authorization").ptr, "Bearer t");
	assert_string_equal(told.http->remote(p.request).ptr, "198.51.100.7");
	assert_int_equal(ws1()->accept(p.request, &handler, &p, &p.ws), 0);
	assert_int_equal(testkit_ws_status(client), 101);
	close_all(*state, p.ws, endpoint);
}

static void a_client_is_turned_down(void **state)
{
	struct peer p = {.refused = 401};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws *client = come(*state, NULL, NULL);
	assert_int_equal(testkit_ws_status(client), 401);
	assert_string_equal(testkit_http_problem(testkit_ws_exchange(client)), "forbidden");
	assert_false(testkit_ws_is_open(client));
	close_all(*state, NULL, endpoint);
}

static void the_host_answers_what_is_no_upgrade_for_the_endpoint(void **state)
{
	struct peer p = {0};
	tappet_ws_endpoint *endpoint = serve(&p);
	assert_int_equal(testkit_http_status(testkit_http(*state, "GET", "/feed/x", NULL, tappet_cstr(NULL))), 426);
	assert_int_equal(testkit_ws_status(come(*state, "other", NULL)), 400);
	assert_int_equal(testkit_ws_status(come(*state, NULL, "http://elsewhere.example")), 403);
	assert_int_equal(testkit_ws_status(come(*state, NULL, "https://localhost")), 403);
	testkit_http_public_url(*state, "https://tappet.example/base");
	assert_null(p.request);
	assert_int_equal(testkit_ws_status(come(*state, NULL, "https://tappet.example")), 101);
	ws1()->close(p.ws, TAPPET_WS_NORMAL, tappet_cstr(NULL));
	testkit_run(*state);
	assert_int_equal(testkit_ws_status(come(*state, NULL, "http://localhost")), 101);
	assert_int_equal(testkit_ws_endpoint_count(*state), 1);
	ws1()->endpoint_remove(endpoint);
	assert_int_equal(testkit_ws_status(come(*state, NULL, NULL)), 404);
	assert_true(testkit_ws_is_open(p.ws));
	close_all(*state, p.ws, NULL);
}

static void who_leaves_before_the_answer_is_gone(void **state)
{
	struct peer p = {.later = true};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws_break(come(*state, NULL, NULL));
	assert_int_equal(ws1()->accept(p.request, &handler, &p, &p.ws), TAPPET_EGONE);
	assert_int_equal(testkit_ws_count(*state), 0);
	close_all(*state, NULL, endpoint);
}

static void accept_wants_an_upgrade_and_a_whole_handler(void **state)
{
	struct peer p = {.later = true};
	const tappet_ws_handler half = {sizeof(half), NULL, on_message, NULL, NULL};
	tappet_ws_endpoint *endpoint = serve(&p);
	come(*state, NULL, NULL);
	assert_int_equal(ws1()->accept(p.request, &half, &p, &p.ws), TAPPET_EINVAL);
	assert_int_equal(told.http->respond(p.request, 503, NULL, 0, tappet_cstr(NULL)), 0);
	tappet_route *route = NULL;
	assert_int_equal(told.http->surface_route_add(told.self, TAPPET_SURFACE_ACTION, "POST", "/feed/{name}",
						      on_upgrade, &p, &route),
			 0);
	testkit_exchange *plain = testkit_http(*state, "POST", "/feed/x", NULL, tappet_cstr(NULL));
	assert_int_equal(ws1()->accept(p.request, &handler, &p, &p.ws), TAPPET_EINVAL);
	assert_int_equal(told.http->respond(p.request, 200, NULL, 0, tappet_cstr(NULL)), 0);
	assert_int_equal(testkit_http_status(plain), 200);
	assert_int_equal(told.http->surface_route_add(told.self, 3, "POST", "/x", on_upgrade, &p, &route),
			 TAPPET_EINVAL);
	told.http->route_remove(route);
	close_all(*state, NULL, endpoint);
}

/* ---- Queue and pause ---- */

static void a_slow_reader_fills_the_queue_and_drains_it(void **state)
{
	struct peer p = {0};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws *client = come(*state, NULL, NULL);
	assert_int_equal(send_zeros(p.ws, FULL + 1), TAPPET_ETOOBIG);
	testkit_ws_hold(client, 1);
	assert_int_equal(send_zeros(p.ws, FULL), 0);
	assert_int_equal(ws1()->queued(p.ws), FULL);
	assert_int_equal(say(p.ws, "x"), TAPPET_EBUSY);
	testkit_run(*state);
	assert_int_equal(p.drained, 0);
	assert_int_equal(testkit_ws_sent_count(client), 0);
	testkit_ws_hold(client, 0);
	assert_int_equal(p.drained, 1);
	assert_int_equal(testkit_ws_sent_count(client), 1);
	assert_int_equal(ws1()->queued(p.ws), 0);
	testkit_fail(*state, 1, TAPPET_EBUSY);
	assert_int_equal(say(p.ws, "x"), TAPPET_EBUSY);
	testkit_run(*state);
	assert_int_equal(p.drained, 2);
	close_all(*state, p.ws, endpoint);
}

static void what_comes_while_it_is_paused_waits_in_its_order(void **state)
{
	struct peer p = {0};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws *client = come(*state, NULL, NULL);
	ws1()->pause(p.ws, 1);
	assert_true(testkit_ws_is_paused(client));
	testkit_ws_send_text(client, "one");
	testkit_ws_send_text(client, "two");
	testkit_ws_close(client, 0, NULL);
	assert_int_equal(p.messages + p.closed, 0);
	ws1()->pause(p.ws, 0);
	assert_int_equal(p.messages, 0);
	testkit_run(*state);
	assert_int_equal(p.messages, 2);
	assert_string_equal(p.text, "two");
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.code, TAPPET_WS_NO_CODE);
	close_all(*state, NULL, endpoint);
}

/* ---- Ends ---- */

static void each_side_closes_and_the_other_is_told(void **state)
{
	struct peer p = {0};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws *client = come(*state, NULL, NULL);
	testkit_ws_close(client, 4000, "enough");
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.code, 4000);
	assert_string_equal(p.reason, "enough");
	assert_int_equal(p.error, 0);
	assert_int_equal(testkit_ws_count(*state), 0);
	client = come(*state, NULL, NULL);
	testkit_ws_hold(client, 1);
	assert_int_equal(say(p.ws, "last words"), 0);
	assert_int_equal(ws1()->close(p.ws, 4408, tappet_cstr("last 4711")), 0);
	assert_int_equal(say(p.ws, "more"), TAPPET_EGONE);
	testkit_run(*state);
	assert_int_equal(p.closed, 1);
	testkit_ws_hold(client, 0);
	assert_string_equal(testkit_ws_sent(client, 0).ptr, "last words");
	assert_int_equal(testkit_ws_code(client), 4408);
	assert_string_equal(testkit_ws_reason(client), "last 4711");
	assert_int_equal(p.closed, 2);
	assert_int_equal(p.code, 4408);
	close_all(*state, NULL, endpoint);
}

static void who_does_not_answer_a_close_is_cut(void **state)
{
	struct peer p = {0};
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws *client = come(*state, NULL, NULL);
	testkit_ws_hold(client, 1);
	assert_int_equal(ws1()->close(p.ws, TAPPET_WS_NORMAL, tappet_cstr(NULL)), 0);
	testkit_advance(*state, 60000);
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.code, TAPPET_WS_NORMAL);
	assert_int_equal(testkit_ws_code(client), TAPPET_WS_BROKEN);
	assert_int_equal(testkit_timer_count(*state), 0);
	close_all(*state, NULL, endpoint);
}

static void a_cut_a_large_message_and_bad_text_end_it(void **state)
{
	struct peer p = {0};
	char *large = calloc(1, FULL + 1);
	tappet_ws_endpoint *endpoint = serve(&p);
	testkit_ws_break(come(*state, NULL, NULL));
	assert_int_equal(p.code, TAPPET_WS_BROKEN);
	testkit_ws *client = come(*state, NULL, NULL);
	testkit_ws_send(client, TAPPET_WS_BINARY, tappet_strn(large, FULL + 1));
	assert_int_equal(p.code, TAPPET_WS_TOO_BIG);
	assert_int_equal(testkit_ws_code(client), TAPPET_WS_TOO_BIG);
	client = come(*state, NULL, NULL);
	testkit_ws_send_text(client, "\xff");
	assert_int_equal(testkit_ws_code(client), TAPPET_WS_BAD_TEXT);
	assert_int_equal(p.messages, 0);
	assert_int_equal(p.closed, 3);
	free(large);
	close_all(*state, NULL, endpoint);
}

/* ---- Connecting ---- */

static void an_attempt_succeeds_and_what_was_asked_for_is_seen(void **state)
{
	struct peer p = {0};
	testkit_ws *server = connect_out(&p, 0, 0);
	const tappet_ws_connect_options *asked = testkit_ws_options(server);
	assert_string_equal(asked->url, "wss://feed.example/v1?a=b");
	assert_string_equal(asked->protocols[1], "good");
	assert_string_equal(asked->ca_file, "/etc/ca.pem");
	assert_string_equal(asked->proxy, "http://proxy.example:3128");
	assert_string_equal(testkit_ws_header(server, "authorization"), "Bearer t");
	assert_string_equal(ws1()->remote(p.ws).ptr, "feed.example:443");
	assert_true(testkit_ws_is_connecting(server));
	assert_int_equal(say(p.ws, "too early"), TAPPET_EGONE);
	testkit_ws_open(server, "good");
	assert_int_equal(p.opened, 1);
	assert_string_equal(ws1()->protocol(p.ws).ptr, "good");
	testkit_ws_send_text(server, "event");
	assert_string_equal(p.text, "event");
	assert_int_equal(say(p.ws, "ack"), 0);
	assert_string_equal(testkit_ws_take(server).ptr, "ack");
	testkit_ws_close(server, TAPPET_WS_GOING_AWAY, NULL);
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.code, TAPPET_WS_GOING_AWAY);
	assert_int_equal(p.retry_ms, 0);
	assert_int_equal(testkit_ws_count(*state), 0);
	close_all(*state, NULL, NULL);
}

static void an_attempt_fails_or_takes_too_long(void **state)
{
	struct peer p = {0};
	testkit_ws_fail(connect_out(&p, 0, 0), TAPPET_EDENIED, "401");
	assert_int_equal(p.error, TAPPET_EDENIED);
	assert_string_equal(p.detail, "401");
	assert_int_equal(p.code, TAPPET_WS_BROKEN);
	connect_out(&p, 0, 0);
	testkit_advance(*state, 19999);
	assert_int_equal(p.closed, 1);
	testkit_advance(*state, 1);
	assert_int_equal(p.closed, 2);
	assert_int_equal(p.error, TAPPET_EIO);
	assert_int_equal(testkit_ws_connect_count(*state), 2);
	close_all(*state, NULL, NULL);
}

static void pauses_double_and_begin_anew_when_a_connection_held(void **state)
{
	static const int64_t pauses[] = {1000, 2000, 4000, 5000, 5000};
	struct peer p = {0};
	testkit_ws *server = connect_out(&p, 1000, 5000);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		testkit_ws_fail(server, TAPPET_EREFUSED, "502");
		assert_int_equal(p.retry_ms, pauses[i]);
		assert_int_equal(testkit_ws_retry_ms(server), pauses[i]);
		assert_false(testkit_ws_is_connecting(server));
		testkit_advance(*state, pauses[i]);
		assert_true(testkit_ws_is_connecting(server));
		assert_int_equal(testkit_ws_attempt_count(server), i + 2);
	}
	testkit_ws_open(server, NULL);
	testkit_advance(*state, 4999);
	testkit_ws_break(server);
	assert_int_equal(p.error, TAPPET_EIO);
	assert_int_equal(p.retry_ms, 5000);
	testkit_advance(*state, 5000);
	testkit_ws_open(server, NULL);
	testkit_advance(*state, 5000);
	testkit_ws_close(server, TAPPET_WS_NORMAL, NULL);
	assert_int_equal(p.retry_ms, 1000);
	assert_int_equal(testkit_timer_count(*state), 0);
	close_all(*state, p.ws, NULL);
	assert_int_equal(p.retry_ms, 0);
}

static void what_can_never_work_is_not_tried_again(void **state)
{
	struct peer p = {0};
	testkit_ws_fail(connect_out(&p, 1000, 5000), TAPPET_EINVAL, "no such file");
	assert_int_equal(p.retry_ms, 0);
	assert_int_equal(testkit_ws_count(*state), 0);
	close_all(*state, NULL, NULL);
}

static void connect_wants_an_address_and_leaves_the_handshake_alone(void **state)
{
	struct peer p = {0};
	const tappet_http_header header = {tappet_cstr("sec-websocket-key"), tappet_cstr("x")};
	tappet_ws_connect_options options = {.struct_size = sizeof(options), .url = "http://x"};
	assert_int_equal(ws1()->connect(told.self, &options, &handler, &p, &p.ws), TAPPET_EINVAL);
	options.url = "ws://x";
	options.proxy = "socks5://x";
	assert_int_equal(ws1()->connect(told.self, &options, &handler, &p, &p.ws), TAPPET_EINVAL);
	options.proxy = NULL;
	options.headers = &header;
	options.header_count = 1;
	assert_int_equal(ws1()->connect(told.self, &options, &handler, &p, &p.ws), TAPPET_EINVAL);
	testkit_fail(*state, 1, TAPPET_ENOMEM);
	options.header_count = 0;
	assert_int_equal(ws1()->connect(told.self, &options, &handler, &p, &p.ws), TAPPET_ENOMEM);
	close_all(*state, NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_is_taken_and_both_sides_talk),
		TEST(the_request_is_read_before_it_is_answered),
		TEST(a_client_is_turned_down),
		TEST(the_host_answers_what_is_no_upgrade_for_the_endpoint),
		TEST(who_leaves_before_the_answer_is_gone),
		TEST(accept_wants_an_upgrade_and_a_whole_handler),
		TEST(a_slow_reader_fills_the_queue_and_drains_it),
		TEST(what_comes_while_it_is_paused_waits_in_its_order),
		TEST(each_side_closes_and_the_other_is_told),
		TEST(who_does_not_answer_a_close_is_cut),
		TEST(a_cut_a_large_message_and_bad_text_end_it),
		TEST(an_attempt_succeeds_and_what_was_asked_for_is_seen),
		TEST(an_attempt_fails_or_takes_too_long),
		TEST(pauses_double_and_begin_anew_when_a_connection_held),
		TEST(what_can_never_work_is_not_tried_again),
		TEST(connect_wants_an_address_and_leaves_the_handshake_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
