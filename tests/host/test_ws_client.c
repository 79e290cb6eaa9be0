/* tappet.ws/1: a plugin connects to an endpoint of the same host. */
#include "host/support_host.h"
#include <errno.h>
#include <tappet/ws.h>

static struct fixture f;
static const tappet_host *host;
static tappet_instance *self;
static const tappet_http1 *http;
static const tappet_ws1 *ws;

/* Of one side. */
struct side {
	tappet_ws *socket;
	int opened, messages, ends;
	char text[64], detail[200];
	int32_t code, error;
	int64_t retry_ms;
};

static struct side in, out;
static char authorization[64];

static void on_open(void *arg, tappet_ws *socket)
{
	struct side *side = arg;
	assert_ptr_equal(socket, side->socket);
	side->opened++;
}

static void on_message(void *arg, tappet_ws *socket, int32_t kind, tappet_str bytes)
{
	struct side *side = arg;
	assert_ptr_equal(socket, side->socket);
	assert_int_equal(kind, TAPPET_WS_TEXT);
	snprintf(side->text, sizeof(side->text), "%.*s", (int)bytes.len, bytes.ptr);
	side->messages++;
}

static void on_closed(void *arg, tappet_ws *socket, const tappet_ws_end *end)
{
	struct side *side = arg;
	assert_ptr_equal(socket, side->socket);
	assert_int_equal(end->struct_size, sizeof(*end));
	side->ends++;
	side->code = end->code;
	side->error = end->error;
	side->retry_ms = end->retry_ms;
	snprintf(side->detail, sizeof(side->detail), "%.*s", (int)end->detail.len, end->detail.ptr);
	if (end->retry_ms == 0)
		side->socket = NULL;
}

static const tappet_ws_handler handler = {
	.struct_size = sizeof(tappet_ws_handler), .open = on_open, .message = on_message, .closed = on_closed};

static void take_upgrade(void *arg, tappet_request *request)
{
	(void)arg;
	tappet_str value = http->header(request, "Authorization");
	snprintf(authorization, sizeof(authorization), "%.*s", (int)value.len, value.ptr ? value.ptr : "");
	assert_int_equal(ws->accept(request, &handler, &in, &in.socket), 0);
}

static void refuse_upgrade(void *arg, tappet_request *request)
{
	(void)arg;
	assert_int_equal(http->problem(request, 401, "unauthorized", "Who is it?", 0), 0);
}

static tappet_ws_endpoint *serve(tappet_http_cb cb)
{
	static const char *const protocols[] = {"one", NULL};
	tappet_ws_endpoint *endpoint = NULL;
	const tappet_ws_endpoint_options options = {.struct_size = sizeof(options),
						    .pattern = "/feed",
						    .surface = TAPPET_SURFACE_ACTION,
						    .protocols = protocols};
	assert_int_equal(ws->endpoint_add(self, &options, cb, NULL, &endpoint), 0);
	return endpoint;
}

static tappet_ws_connect_options to_feed(void)
{
	static char url[64];
	snprintf(url, sizeof(url), "ws://%s/feed", f.address);
	return (tappet_ws_connect_options){.struct_size = sizeof(tappet_ws_connect_options), .url = url};
}

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "probe", "probe", NULL), 0);
	fixture_start(&f);
	host = f.probe->host;
	self = f.probe->self;
	http = host->capability(self, TAPPET_HTTP_1);
	ws = host->capability(self, TAPPET_WS_1);
	in = out = (struct side){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void messages_go_there_and_back(void **state)
{
	static const char *const protocols[] = {"zero", "one", NULL};
	/* Names and values end where their lengths say. */
	const tappet_http_header header = {tappet_strn("Authorization: no", 13), tappet_strn("Bearer abc...", 10)};
	(void)state;
	tappet_ws_endpoint *endpoint = serve(take_upgrade);
	tappet_ws_connect_options o = to_feed();
	o.protocols = protocols;
	o.headers = &header;
	o.header_count = 1;
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), 0);
	assert_int_equal(ws->send(out.socket, TAPPET_WS_TEXT, NULL, 0), TAPPET_EGONE);
	until(&f, out.opened == 1);
	assert_string_equal(authorization, "Bearer abc");
	assert_int_equal(ws->protocol(out.socket).len, 3);
	assert_memory_equal(ws->protocol(out.socket).ptr, "one", 3);
	assert_int_equal(ws->remote(out.socket).len, strlen(f.address));
	assert_memory_equal(ws->remote(out.socket).ptr, f.address, strlen(f.address));
	const tappet_str parts[] = {tappet_cstr("go"), tappet_cstr("od")};
	assert_int_equal(ws->send(out.socket, TAPPET_WS_TEXT, parts, 2), 0);
	until(&f, in.messages == 1);
	assert_string_equal(in.text, "good");
	assert_int_equal(ws->send(in.socket, TAPPET_WS_TEXT, parts, 1), 0);
	until(&f, out.messages == 1);
	assert_string_equal(out.text, "go");
	assert_int_equal(ws->close(out.socket, 4000, tappet_cstr("done")), 0);
	until(&f, in.ends == 1 && out.ends == 1);
	assert_int_equal(in.code, 4000);
	assert_int_equal(out.code, 4000);
	assert_int_equal(out.error, 0);
	ws->endpoint_remove(endpoint);
}

static void who_is_not_let_in_is_told_and_tries_again(void **state)
{
	(void)state;
	tappet_ws_endpoint *endpoint = serve(refuse_upgrade);
	tappet_ws_connect_options o = to_feed();
	o.retry_min_ms = 10;
	o.retry_max_ms = 20;
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), 0);
	until(&f, out.ends == 2);
	assert_int_equal(out.error, TAPPET_EDENIED);
	assert_non_null(strstr(out.detail, "401"));
	assert_in_range(out.retry_ms, 5, 20);
	ws->endpoint_remove(endpoint);
	until(&f, out.error == TAPPET_EREFUSED);
	assert_non_null(strstr(out.detail, "404"));
	endpoint = serve(take_upgrade);
	until(&f, out.opened == 1);
	assert_int_equal(ws->close(out.socket, TAPPET_WS_NORMAL, tappet_cstr("")), 0);
	until(&f, out.socket == NULL && in.ends == 1);
	ws->endpoint_remove(endpoint);
}

static void wrong_options_are_refused(void **state)
{
	const tappet_http_header host_header = {tappet_cstr("Host"), tappet_cstr("x")};
	(void)state;
	tappet_ws_connect_options good = to_feed(), o = good;
	assert_int_equal(ws->connect(self, NULL, &handler, &out, &out.socket), TAPPET_EINVAL);
	o.struct_size = 8;
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), TAPPET_EINVAL);
	o = good;
	o.url = "http://h/";
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), TAPPET_EINVAL);
	o = good;
	o.proxy = "socks://p";
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), TAPPET_EINVAL);
	o = good;
	o.headers = &host_header;
	o.header_count = 1;
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), TAPPET_EINVAL);
	o = good;
	o.retry_max_ms = -1;
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), TAPPET_EINVAL);
	assert_int_equal(ws->connect(self, &good, NULL, &out, &out.socket), TAPPET_EINVAL);
	assert_null(out.socket);
}

static void what_a_plugin_leaves_behind_is_cut(void **state)
{
	(void)state;
	(void)serve(take_upgrade);
	tappet_ws_connect_options o = to_feed();
	o.retry_min_ms = o.retry_max_ms = 5;
	assert_int_equal(ws->connect(self, &o, &handler, &out, &out.socket), 0);
	until(&f, out.opened == 1);
	fixture_stop(&f, 5000);
	assert_int_equal(out.ends, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_go_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_not_let_in_is_told_and_tries_again, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_options_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_plugin_leaves_behind_is_cut, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
