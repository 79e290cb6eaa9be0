/* Each rule of tappet.ws/1 is broken by a plugin that breaks nothing else, and is named. */
#include "support_plugin.h"

static tappet_ws *socket_kept;
static tappet_ws_endpoint *endpoint_kept;

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	(void)arg;
	(void)ws;
	(void)kind;
	(void)bytes;
}

static void on_closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	(void)arg;
	(void)ws;
	(void)end;
}

static const tappet_ws_handler handler = {.struct_size = sizeof(handler), .message = on_message, .closed = on_closed};

static const tappet_ws1 *ws1(void)
{
	return told.host->capability(told.self, TAPPET_WS_1);
}

static void on_upgrade(void *arg, tappet_request *request)
{
	((struct told *)arg)->on_request(arg, request);
}

static void takes(struct told *t, tappet_request *request)
{
	assert_int_equal(ws1()->accept(request, &handler, t, &socket_kept), 0);
}

static testkit_ws *upgrade(testkit *kit, void (*answer)(struct told *told, tappet_request *request))
{
	const tappet_ws_endpoint_options options = {
		.struct_size = sizeof(options), .pattern = "/ws", .surface = TAPPET_SURFACE_ACTION};
	const testkit_ws_upgrade_options client = {.struct_size = sizeof(client), .target = "/ws"};
	told.on_request = answer;
	assert_int_equal(ws1()->endpoint_add(told.self, &options, on_upgrade, &told, &endpoint_kept), 0);
	return testkit_ws_upgrade(kit, &client);
}

static void close_both(testkit *kit)
{
	ws1()->endpoint_remove(endpoint_kept);
	ws1()->close(socket_kept, TAPPET_WS_NORMAL, tappet_cstr(NULL));
	testkit_run(kit);
}

static void never_answers(struct told *t, tappet_request *request)
{
	(void)t;
	(void)request;
}

static void ws_1_unanswered(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, never_answers);
	ws1()->endpoint_remove(endpoint_kept);
	told_end(kit, "WS-1");
}

static void takes_and_answers(struct told *t, tappet_request *request)
{
	takes(t, request);
	assert_int_equal(t->http->respond(request, 200, NULL, 0, tappet_cstr(NULL)), TAPPET_EINVAL);
}

static void ws_1_twice(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, takes_and_answers);
	close_both(kit);
	told_end(kit, "WS-1");
}

static void ws_2_connection(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, takes);
	ws1()->endpoint_remove(endpoint_kept);
	told_end(kit, "WS-2");
}

static void ws_2_endpoint(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, takes);
	testkit_ws_break(socket_kept);
	told_end(kit, "WS-2");
}

static void ws_3(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	testkit_ws *client = upgrade(kit, takes);
	ws1()->endpoint_remove(endpoint_kept);
	assert_int_equal(ws1()->close(socket_kept, TAPPET_WS_BROKEN, tappet_cstr("why")), TAPPET_EINVAL);
	testkit_run(kit);
	assert_int_equal(testkit_ws_code(client), TAPPET_WS_NORMAL);
	told_end(kit, "WS-3");
}

static void ws_4(void **state)
{
	const tappet_str part = tappet_cstr("\xc3(");
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, takes);
	assert_int_equal(ws1()->send(socket_kept, TAPPET_WS_TEXT, &part, 1), 0);
	close_both(kit);
	told_end(kit, "WS-4");
}

static void mem_1_connection(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, takes);
	close_both(kit);
	assert_int_equal(ws1()->queued(socket_kept), 0);
	told_end(kit, "MEM-1");
}

static void mem_1_endpoint(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	upgrade(kit, takes);
	close_both(kit);
	ws1()->endpoint_remove(endpoint_kept);
	told_end(kit, "MEM-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ws_1_unanswered),  cmocka_unit_test(ws_1_twice),     cmocka_unit_test(ws_2_connection),
		cmocka_unit_test(ws_2_endpoint),    cmocka_unit_test(ws_3),           cmocka_unit_test(ws_4),
		cmocka_unit_test(mem_1_connection), cmocka_unit_test(mem_1_endpoint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
