/* tappet.ws/1 over the real gateway: who may come in, messages there and back, and how it ends. */
#include "host/support_host.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <tappet/ws.h>
#include <unistd.h>

#define UPGRADE                                                                                                        \
	"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                                   \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
/* "hello" with a mask of zeros. */
#define HELLO "\x81\x85\0\0\0\0hello"

static struct fixture f;
static const tappet_host *host;
static tappet_instance *self;
static const tappet_http1 *http;
static const tappet_ws1 *ws;

/* ---- a client --------------------------------------------------------------------------------------------------- */

struct client {
	int fd;
	char in[8192];
	size_t len;
	bool ended;
};

static void client_say(const struct client *c, const char *bytes, size_t len)
{
	assert_int_equal(send(c->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void client_open(struct client *c, const char *path, const char *headers)
{
	char request[2048];
	struct sockaddr_in address = {.sin_family = AF_INET};
	address.sin_port = htons((uint16_t)strtol(strrchr(f.address, ':') + 1, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
	int len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: here:80\r\n" UPGRADE "%s\r\n", path,
			   headers);
	client_say(c, request, (size_t)len);
}

/* Whether what has come holds the bytes. */
static bool client_has(struct client *c, const char *bytes, size_t len)
{
	ssize_t n = read(c->fd, c->in + c->len, sizeof(c->in) - c->len);
	c->len += n > 0 ? (size_t)n : 0;
	c->ended = n == 0 || (n < 0 && errno != EAGAIN);
	return memmem(c->in, c->len, bytes, len) != NULL;
}

static bool client_has_text(struct client *c, const char *text)
{
	return client_has(c, text, strlen(text));
}

static bool client_ended(struct client *c)
{
	(void)client_has_text(c, "");
	return c->ended;
}

/* ---- the plugin ------------------------------------------------------------------------------------------------- */

static struct seen {
	tappet_request *request;
	tappet_ws *socket;
	int upgrades, messages, closed, code;
	char text[64], path[64], origin[64];
	int32_t error;
	int64_t retry_ms;
} seen;

static void on_message(void *arg, tappet_ws *socket, int32_t kind, tappet_str bytes)
{
	assert_ptr_equal(arg, &seen);
	assert_ptr_equal(socket, seen.socket);
	assert_int_equal(kind, TAPPET_WS_TEXT);
	snprintf(seen.text, sizeof(seen.text), "%.*s", (int)bytes.len, bytes.ptr);
	seen.messages++;
}

static void on_closed(void *arg, tappet_ws *socket, const tappet_ws_end *end)
{
	(void)arg;
	assert_ptr_equal(socket, seen.socket);
	seen.closed++;
	seen.code = end->code;
	seen.error = end->error;
	seen.retry_ms = end->retry_ms;
	seen.socket = NULL;
}

static const tappet_ws_handler handler = {
	.struct_size = sizeof(tappet_ws_handler), .message = on_message, .closed = on_closed};

static void keep_upgrade(void *arg, tappet_request *request)
{
	(void)arg;
	tappet_str path = http->path(request), origin = http->header(request, "Origin");
	snprintf(seen.path, sizeof(seen.path), "%.*s", (int)path.len, path.ptr);
	snprintf(seen.origin, sizeof(seen.origin), "%.*s", (int)origin.len, origin.ptr ? origin.ptr : "");
	seen.upgrades++;
	seen.request = request;
}

static void take_upgrade(void *arg, tappet_request *request)
{
	keep_upgrade(arg, request);
	seen.request = NULL;
	assert_int_equal(ws->accept(request, &handler, &seen, &seen.socket), 0);
}

static void refuse_upgrade(void *arg, tappet_request *request)
{
	keep_upgrade(arg, request);
	seen.request = NULL;
	assert_int_equal(http->problem(request, 401, "unauthorized", "Who is it?", 0), 0);
}

static tappet_ws_endpoint *serve(const char *pattern, tappet_http_cb cb, const char *const *protocols,
				 const char *const *origins)
{
	tappet_ws_endpoint *endpoint = NULL;
	const tappet_ws_endpoint_options options = {
		.struct_size = sizeof(options),
		.pattern = pattern,
		.surface = TAPPET_SURFACE_ACTION,
		.protocols = protocols,
		.origins = origins,
	};
	assert_int_equal(ws->endpoint_add(self, &options, cb, NULL, &endpoint), 0);
	return endpoint;
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
	assert_non_null(ws);
	seen = (struct seen){0};
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
	static const char *const protocols[] = {"two", "one", NULL};
	struct client c;
	(void)state;
	tappet_ws_endpoint *endpoint = serve("/feed/{name}", take_upgrade, protocols, NULL);
	client_open(&c, "/feed/x", "Sec-WebSocket-Protocol: one\r\n");
	until(&f, client_has_text(&c, "Sec-WebSocket-Protocol: one\r\n"));
	assert_string_equal(seen.path, "/feed/x");
	assert_int_equal(ws->protocol(seen.socket).len, 3);
	assert_memory_equal(ws->remote(seen.socket).ptr, "127.0.0.1", 9);
	client_say(&c, HELLO, 11);
	until(&f, seen.messages == 1);
	assert_string_equal(seen.text, "hello");
	const tappet_str parts[] = {tappet_cstr("go"), tappet_strn(NULL, 0), tappet_cstr("od")};
	assert_int_equal(ws->send(seen.socket, TAPPET_WS_TEXT, parts, 3), 0);
	assert_int_equal(ws->send(seen.socket, 3, parts, 3), TAPPET_EINVAL);
	until(&f, client_has(&c, "\x81\x04good", 6));
	close(c.fd);
	until(&f, seen.closed == 1);
	assert_int_equal(seen.code, TAPPET_WS_BROKEN);
	assert_int_equal(seen.retry_ms, 0);
	ws->endpoint_remove(endpoint);
}

static void the_plugin_turns_down_or_closes(void **state)
{
	struct client c, other;
	(void)state;
	tappet_ws_endpoint *no = serve("/no", refuse_upgrade, NULL, NULL);
	tappet_ws_endpoint *yes = serve("/yes", take_upgrade, NULL, NULL);
	client_open(&c, "/no", "");
	until(&f, client_has_text(&c, "HTTP/1.1 401 "));
	client_open(&other, "/yes", "");
	until(&f, client_has_text(&other, "HTTP/1.1 101 "));
	const tappet_str no_text = tappet_cstr("\xff");
	assert_int_equal(ws->close(seen.socket, 4001, tappet_cstr("enough")), 0);
	assert_int_equal(ws->close(seen.socket, 4001, no_text), TAPPET_EINVAL);
	assert_int_equal(ws->send(seen.socket, TAPPET_WS_TEXT, NULL, 0), TAPPET_EGONE);
	until(&f, client_has(&other,
			     "\x88\x08\x0f\xa1"
			     "enough",
			     10));
	client_say(&other, "\x88\x82\0\0\0\0\x0f\xa1", 8);
	until(&f, seen.closed == 1 && client_ended(&other));
	assert_int_equal(seen.code, 4001);
	close(c.fd);
	close(other.fd);
	ws->endpoint_remove(no);
	ws->endpoint_remove(yes);
}

static void foreign_origins_may_not_come(void **state)
{
	static const char *const some[] = {"https://a.example", NULL}, *const any[] = {"*", NULL};
	static const struct {
		const char *path, *origin;
		const char *status;
	} cases[] = {
		{"/own", "", "101"},
		{"/own", "Origin: http://here:80\r\n", "101"},
		{"/own", "Origin: https://here:80\r\n", "403"},
		{"/own", "Origin: http://here\r\n", "403"},
		{"/own", "Origin: http://here:80.evil.example\r\n", "403"},
		{"/own", "Origin: null\r\n", "403"},
		{"/some", "Origin: https://A.example\r\n", "101"},
		{"/some", "Origin: http://here:80\r\n", "403"},
		{"/any", "Origin: null\r\n", "101"},
	};
	(void)state;
	tappet_ws_endpoint *endpoints[] = {
		serve("/own", take_upgrade, NULL, NULL),
		serve("/some", take_upgrade, NULL, some),
		serve("/any", take_upgrade, NULL, any),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c;
		char line[32];
		int closed = seen.closed;
		client_open(&c, cases[i].path, cases[i].origin);
		snprintf(line, sizeof(line), "HTTP/1.1 %s ", cases[i].status);
		until(&f, client_has_text(&c, "\r\n\r\n"));
		if (!client_has_text(&c, line))
			fail_msg("%s %s: %.20s", cases[i].path, cases[i].origin, c.in);
		close(c.fd);
		until(&f, seen.closed == closed + (strcmp(cases[i].status, "101") == 0));
	}
	for (size_t i = 0; i < 3; i++)
		ws->endpoint_remove(endpoints[i]);
}

static void a_client_that_left_before_the_answer_is_gone(void **state)
{
	struct client c;
	tappet_ws *socket = NULL;
	(void)state;
	tappet_ws_endpoint *endpoint = serve("/late", keep_upgrade, NULL, NULL);
	client_open(&c, "/late", "");
	until(&f, seen.request != NULL);
	/* The endpoint may go in between. */
	ws->endpoint_remove(endpoint);
	close(c.fd);
	for (int i = 0; i < 10; i++)
		uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_int_equal(ws->accept(seen.request, &(tappet_ws_handler){.struct_size = 8}, NULL, &socket),
			 TAPPET_EINVAL);
	assert_int_equal(ws->accept(seen.request, &handler, &seen, &socket), TAPPET_EGONE);
	assert_null(socket);
}

static void wrong_options_are_refused(void **state)
{
	tappet_ws_endpoint *endpoint = NULL, *second = NULL;
	tappet_ws_endpoint_options o = {.struct_size = sizeof(o), .pattern = "/x", .surface = 3};
	(void)state;
	assert_int_equal(ws->endpoint_add(self, &o, take_upgrade, NULL, &endpoint), TAPPET_EINVAL);
	o.surface = TAPPET_SURFACE_HOOKS;
	o.ping_ms = -1;
	assert_int_equal(ws->endpoint_add(self, &o, take_upgrade, NULL, &endpoint), TAPPET_EINVAL);
	o.ping_ms = 0;
	o.message_max = UINT64_MAX;
	assert_int_equal(ws->endpoint_add(self, &o, take_upgrade, NULL, &endpoint), TAPPET_EINVAL);
	o.message_max = 10;
	o.struct_size = 8;
	assert_int_equal(ws->endpoint_add(self, &o, take_upgrade, NULL, &endpoint), TAPPET_EINVAL);
	o.struct_size = sizeof(o);
	assert_int_equal(ws->endpoint_add(self, &o, take_upgrade, NULL, &endpoint), 0);
	assert_int_equal(ws->endpoint_add(self, &o, take_upgrade, NULL, &second), TAPPET_EEXIST);
	ws->endpoint_remove(endpoint);
	ws->endpoint_remove(NULL);
}

static void what_a_plugin_leaves_behind_is_cut_and_named(void **state)
{
	struct client c, waiting;
	(void)state;
	(void)serve("/left", take_upgrade, NULL, NULL);
	(void)serve("/held", keep_upgrade, NULL, NULL);
	client_open(&c, "/left", "");
	until(&f, client_has_text(&c, "HTTP/1.1 101 "));
	client_open(&waiting, "/held", "");
	until(&f, seen.request != NULL);
	capture_begin();
	fixture_stop(&f, 5000);
	char *log = capture_end();
	assert_non_null(strstr(log, "WebSocket endpoints"));
	assert_non_null(strstr(log, "WebSocket connections"));
	free(log);
	until(&f, client_ended(&c));
	until(&f, client_has_text(&waiting, "HTTP/1.1 503 "));
	assert_int_equal(seen.closed, 0);
	close(c.fd);
	close(waiting.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(messages_go_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_plugin_turns_down_or_closes, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_origins_may_not_come, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_that_left_before_the_answer_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_options_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_plugin_leaves_behind_is_cut_and_named, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
