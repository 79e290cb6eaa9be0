/* Connections that the plugin makes: attempts that the test lets succeed or fail, on the virtual clock. */
#include <strings.h>
#include "gateway/chars.h"
#include "socket.h"

#define HEADERS_MAX 64
#define CONNECT_MS 20000

/* ---- Options ---- */

static bool begins(const char *text, const char *with)
{
	return text && strncasecmp(text, with, strlen(with)) == 0 && text[strlen(with)] != '\0';
}

/* Those of the handshake and of the framing. */
static bool is_hosts_header(tappet_str name)
{
	static const char *const reserved[] = {"connection", "upgrade", "host", "content-length", "transfer-encoding"};
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == name.len && strncasecmp(reserved[i], name.ptr, name.len) == 0)
			return true;
	return name.len >= 14 && strncasecmp(name.ptr, "sec-websocket-", 14) == 0;
}

static bool header_valid(const tappet_http_header *h)
{
	if (h->name.len == 0 || is_hosts_header(h->name))
		return false;
	for (size_t i = 0; i < h->name.len; i++)
		if (!chars_is_token(h->name.ptr[i]))
			return false;
	for (size_t i = 0; i < h->value.len; i++)
		if (!chars_is_field(h->value.ptr[i]))
			return false;
	return true;
}

static bool options_valid(const tappet_ws_connect_options *o)
{
	if ((!begins(o->url, "ws://") && !begins(o->url, "wss://")) || (o->proxy && !begins(o->proxy, "http://")))
		return false;
	if (o->header_count > HEADERS_MAX || (o->header_count && !o->headers))
		return false;
	if (o->connect_timeout_ms < 0 || o->ping_ms < 0 || o->timeout_ms < 0 || o->retry_min_ms < 0 ||
	    o->retry_max_ms < 0)
		return false;
	for (size_t i = 0; i < o->header_count; i++)
		if (!header_valid(&o->headers[i]))
			return false;
	return true;
}

static const char *keep_or_null(testkit *kit, const char *text)
{
	return text ? kit_keep(kit, tappet_cstr(text)).ptr : NULL;
}

static void keep_options(testkit *kit, tappet_ws_connect_options *o)
{
	tappet_http_header *headers = kit_alloc(o->header_count * sizeof(*headers));
	records_add(&kit->texts, headers);
	for (size_t i = 0; i < o->header_count; i++)
		headers[i] =
			(tappet_http_header){kit_keep(kit, o->headers[i].name), kit_keep(kit, o->headers[i].value)};
	o->headers = headers;
	o->url = keep_or_null(kit, o->url);
	o->protocols = texts_copy(kit, o->protocols);
	o->ca_file = keep_or_null(kit, o->ca_file);
	o->proxy = keep_or_null(kit, o->proxy);
}

/* host:port */
static char *remote_of(const char *url)
{
	struct buf text;
	const bool tls = begins(url, "wss://");
	const char *host = strstr(url, "://") + 3;
	const size_t len = strcspn(host, "/?#");
	const size_t name = *host == '[' ? strcspn(host, "]") : 0;
	buf_init(&text, 64 * 1024);
	buf_append(&text, host, len);
	if (!memchr(host + name, ':', len > name ? len - name : 0))
		buf_str(&text, tls ? ":443" : ":80");
	char *copy = kit_text(buf_cstr(&text));
	buf_release(&text);
	return copy;
}

/* ---- Attempts ---- */

static void on_timeout(void *arg)
{
	struct tappet_ws *ws = arg;
	ws->timer = NULL;
	socket_comes(ws, INCOMING_END, TAPPET_WS_BROKEN, tappet_cstr(NULL), TAPPET_EIO, "The attempt took too long.");
}

static void attempt(struct tappet_ws *ws)
{
	const int64_t timeout_ms = ws->connecting->options.connect_timeout_ms;
	ws->state = SOCKET_CONNECTING;
	ws->connecting->attempts++;
	ws->timer = own_timer(ws->handle.kit, timeout_ms ? timeout_ms : CONNECT_MS, on_timeout, ws);
}

static void on_pause_over(void *arg)
{
	struct tappet_ws *ws = arg;
	ws->timer = NULL;
	attempt(ws);
}

void connecting_opened(struct tappet_ws *ws)
{
	socket_stop_timer(ws);
	ws->connecting->opened_ms = ws->handle.kit->mono_ms;
}

static int64_t longest(const tappet_ws_connect_options *o)
{
	return o->retry_max_ms > o->retry_min_ms ? o->retry_max_ms : o->retry_min_ms;
}

int64_t connecting_again(struct tappet_ws *ws, int32_t error)
{
	struct connecting *c = ws->connecting;
	if (!c || c->options.retry_min_ms == 0 || error == TAPPET_EINVAL)
		return 0;
	const int64_t now_ms = ws->handle.kit->mono_ms, max_ms = longest(&c->options);
	if (ws->state == SOCKET_OPEN && now_ms - c->opened_ms >= c->pause_ms)
		c->pause_ms = c->options.retry_min_ms;
	const int64_t pause_ms = c->pause_ms;
	c->pause_ms = pause_ms > max_ms / 2 ? max_ms : pause_ms * 2;
	c->due_ms = now_ms + pause_ms;
	ws->timer = own_timer(ws->handle.kit, pause_ms, on_pause_over, ws);
	return pause_ms;
}

int32_t table_connect(tappet_instance *self, const tappet_ws_connect_options *options, const tappet_ws_handler *handler,
		      void *arg, tappet_ws **ret)
{
	tappet_ws_connect_options o;
	tappet_ws_handler h;
	if (!self || !options || !ret || !copy_sized(&o, sizeof(o), options, sizeof(o)) || !options_valid(&o) ||
	    !handler_read(handler, &h))
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "connect");
	if (error)
		return error;
	if (self->phase != CREATED && self->phase != STARTED)
		return TAPPET_ESTATE;
	struct tappet_ws *ws = socket_new(self);
	ws->handler = h;
	ws->arg = arg;
	ws->remote = remote_of(o.url);
	socket_limits(ws, o.message_max, o.queue_max);
	keep_options(self, &o);
	ws->connecting = kit_alloc(sizeof(*ws->connecting));
	ws->connecting->options = o;
	ws->connecting->pause_ms = o.retry_min_ms;
	attempt(ws);
	list_append(&self->sockets, &ws->node);
	records_add(&self->connects, ws);
	*ret = ws;
	return TAPPET_OK;
}

/* ---- For the test ---- */

size_t testkit_ws_connect_count(const testkit *kit)
{
	return kit->connects.count;
}

testkit_ws *testkit_ws_connect_at(const testkit *kit, size_t index)
{
	return index < kit->connects.count ? kit->connects.items[index] : NULL;
}

testkit_ws *testkit_ws_connect_last(const testkit *kit)
{
	return kit->connects.count ? kit->connects.items[kit->connects.count - 1] : NULL;
}

const tappet_ws_connect_options *testkit_ws_options(const testkit_ws *ws)
{
	return ws->connecting ? &ws->connecting->options : NULL;
}

const char *testkit_ws_header(const testkit_ws *ws, const char *name)
{
	const tappet_ws_connect_options *o = testkit_ws_options(ws);
	for (size_t i = 0; o && i < o->header_count; i++)
		if (o->headers[i].name.len == strlen(name) &&
		    strncasecmp(o->headers[i].name.ptr, name, strlen(name)) == 0)
			return o->headers[i].value.ptr;
	return NULL;
}

size_t testkit_ws_attempt_count(const testkit_ws *ws)
{
	return ws->connecting ? ws->connecting->attempts : 0;
}

int testkit_ws_is_connecting(const testkit_ws *ws)
{
	return ws->state == SOCKET_CONNECTING;
}

int64_t testkit_ws_retry_ms(const testkit_ws *ws)
{
	return ws->state == SOCKET_WAITING ? ws->connecting->due_ms - ws->handle.kit->mono_ms : -1;
}

void testkit_ws_open(testkit_ws *ws, const char *protocol)
{
	if (ws->state != SOCKET_CONNECTING)
		misuse("testkit_ws_open: no attempt to connect is under way");
	socket_comes(ws, INCOMING_OPEN, 0, tappet_cstr(protocol), 0, NULL);
	testkit_run(ws->handle.kit);
}

void testkit_ws_fail(testkit_ws *ws, int32_t error, const char *detail)
{
	if (!ws->connecting || (ws->state != SOCKET_CONNECTING && ws->state != SOCKET_OPEN))
		misuse("testkit_ws_fail: no attempt to connect is under way, and no connection there");
	socket_comes(ws, INCOMING_END, TAPPET_WS_BROKEN, tappet_cstr(NULL), error, detail);
	testkit_run(ws->handle.kit);
}
