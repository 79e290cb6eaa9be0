#include "support_ws_owner.h"

struct peer peers[SOCKETS_MAX];
size_t peer_count;
struct websocket_limits limits;
const char *const *protocols;

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
	struct peer *p = arg;
	struct websocket_part part = {bytes, len};
	uint64_t until = uv_hrtime() + 1000000;
	p->messages++;
	while (p->slow && uv_hrtime() < until)
		continue;
	p->last_is_text = is_text;
	p->last_len = len;
	memcpy(p->last, bytes, len < sizeof(p->last) ? len : sizeof(p->last));
	if (p->echo)
		assert_int_equal(websocket_send(p->socket, is_text, &part, 1), 0);
	if (len == 5 && memcmp(bytes, "close", 5) == 0)
		websocket_close(p->socket, 3001, "as you wish", 11);
	if (len == 4 && memcmp(bytes, "drop", 4) == 0)
		websocket_drop(p->socket);
	if (len == 5 && memcmp(bytes, "pause", 5) == 0)
		websocket_pause(p->socket, true);
}

static void on_drained(void *arg)
{
	struct peer *p = arg;
	p->drained++;
}

static void on_closed(void *arg, const struct websocket_end *end)
{
	struct peer *p = arg;
	p->closed++;
	p->end = *end;
	p->socket = NULL;
}

static void serve(void *arg, struct http_request *r)
{
	static const struct websocket_handler handler = {
		.message = on_message, .drained = on_drained, .closed = on_closed};
	struct peer *p = &peers[peer_count++];
	const char *protocol, *detail;
	int status;
	(void)arg;
	assert_true(peer_count < SOCKETS_MAX);
	*p = (struct peer){.echo = true};
	if (!websocket_is_upgrade(r, &status, &detail)) {
		websocket_refuse(r, status, detail);
		return;
	}
	if (!websocket_choose_protocol(r, protocols, &protocol)) {
		http_problem(r, 400, "unknown-subprotocol", "None of these.", 0);
		return;
	}
	assert_int_equal(websocket_accept(r, protocol, &limits, &handler, p, &p->socket), 0);
}

void open_fixture(struct fixture *f, void (*change)(struct gateway_options *options))
{
	struct gateway_options options;
	fixture_options(f, &options);
	if (change)
		change(&options);
	fixture_open(f, &options);
	fixture_route(f, "GET", "/ws", serve);
	peer_count = 0;
	protocols = NULL;
	limits = (struct websocket_limits){.message_max = 1 << 20,
					   .queue_max = 1 << 20,
					   .ping_ms = 60000,
					   .timeout_ms = 60000,
					   .compression = true};
}

void send_script(struct client *c, const struct buf *script, size_t piece)
{
	client_send(c, script->data, script->len, piece ? piece : script->len);
}
