/* WebSocket on a connection that came by a listener. The connection stays what it was for the gateway: it is counted, its
 * stream and its output are used, its end is the stream's.
 *
 *   OPEN --close, or a violation--> OVER --all is out--> (the connection lingers, and goes)
 *     \--websocket_close--> CLOSING --the client's close, or time is up--^
 *
 * `closed` is told when it is OVER, or when the stream is gone, whichever comes first. */
#include "gateway/ws_server.h"

#include <errno.h>
#include "gateway/internal.h"
#include "gateway/ws_framing.h"
#include "gateway/ws_handshake.h"

/* For the client's answer to a close. */
#define CLOSE_WAIT_MS 3000
/* Messages of one connection between two looks at the clock. */
#define MESSAGES_PER_LOOK 16

enum ws_state { WS_OPEN, WS_CLOSING, WS_OVER };

struct ws_server {
	struct websocket base;
	struct connection *connection;
	struct websocket_handler handler;
	void *arg;
	struct websocket_limits limits;
	struct ws_framing framing;
	enum ws_state state;
	bool paused;
	bool refused; /* a message was: `drained` is owed */
	bool stopped; /* there may be more in what has been read */
	bool dropped, told;
	bool pinged;
	uint64_t heard;      /* the last sign of life, */
	uint64_t wait_until; /* and when the next one, or the answer to a close, has to be there */
	int error;
	int code; /* of the end */
	size_t reason_len;
	char reason[WEBSOCKET_REASON_MAX + 1];
	char remote[REMOTE_SIZE];
	char protocol[]; /* "": none */
};

static struct ws_server *from_base(const struct websocket *w)
{
	return (struct ws_server *)(uintptr_t)w;
}

static uint64_t now_of(const struct ws_server *w)
{
	return uv_now(w->connection->gateway->loop);
}

static struct buf *output_of(struct ws_server *w)
{
	struct connection *c = w->connection;
	if (!c->out.data)
		c->out = gateway_take_buffer(c->gateway);
	return &c->out;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void tell_closed(struct ws_server *w)
{
	const struct websocket_end end = {
		.code = w->code,
		.reason = w->reason,
		.reason_len = w->reason_len,
		.error = w->error,
		.detail = w->error == -ETIMEDOUT ? "the client gives no sign of life" : "",
	};
	if (w->told)
		return;
	w->told = true;
	metric_add(w->connection->gateway->metric_websockets, -1);
	w->handler.closed(w->arg, &end);
}

static void note_end(struct ws_server *w, int code, const char *reason, size_t len)
{
	w->code = code;
	w->reason_len = len <= WEBSOCKET_REASON_MAX ? len : 0;
	if (w->reason_len > 0)
		memcpy(w->reason, reason, w->reason_len);
	w->reason[w->reason_len] = '\0';
}

static void over(struct ws_server *w)
{
	w->state = WS_OVER;
	buf_release(&w->connection->in);
	gateway_mark(w->connection->gateway, w->connection);
	tell_closed(w);
}

/* The client has broken the protocol, or said more than it may. */
static void fail(struct ws_server *w, int code)
{
	if (w->state == WS_OPEN) {
		note_end(w, code, "", 0);
		ws_framing_close(&w->framing, output_of(w), code, "", 0);
	}
	over(w);
}

void ws_server_ended(struct ws_server *w)
{
	/* A client that has said that it closes still reads the answer. */
	if (w->state == WS_OVER)
		gateway_mark(w->connection->gateway, w->connection);
	else
		connection_drop(w->connection);
}

void ws_server_free(struct ws_server *w)
{
	tell_closed(w);
	ws_framing_release(&w->framing);
	free(w);
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static void take_close(struct ws_server *w, const struct ws_item *item)
{
	if (w->state == WS_OPEN) {
		note_end(w, item->code, item->bytes, item->len);
		ws_framing_close(&w->framing, output_of(w), item->code, item->bytes, item->len);
	}
	over(w);
}

/* Of several pings the last has to be answered (section 5.5.3); a client that does not read is not written to for them. */
static void take_ping(struct ws_server *w, const struct ws_item *item)
{
	if (w->state == WS_OPEN && connection_unsent(w->connection) < w->limits.queue_max)
		ws_framing_control(&w->framing, output_of(w), WS_ITEM_PONG, item->bytes, item->len);
}

static void take_item(struct ws_server *w, const struct ws_item *item)
{
	switch (item->kind) {
	case WS_ITEM_TEXT:
	case WS_ITEM_BINARY:
		metric_add(w->connection->gateway->metric_messages[0], 1);
		if (w->state == WS_OPEN)
			w->handler.message(w->arg, item->kind == WS_ITEM_TEXT, item->bytes, item->len);
		break;
	case WS_ITEM_CLOSE:
		take_close(w, item);
		break;
	case WS_ITEM_PING:
		take_ping(w, item);
		break;
	case WS_ITEM_PONG:
		break;
	}
}

static bool is_held(const struct ws_server *w)
{
	return w->connection->state != CONNECTION_OPEN || w->dropped || w->state == WS_OVER ||
	       (w->paused && w->state == WS_OPEN);
}

/* Slow or large messages of many clients must not take all memory together. */
static bool is_too_much(const struct ws_server *w)
{
	return gateway_is_full(w->connection->gateway) && ws_framing_pending(&w->framing) > BODY_LOW;
}

/* Takes messages as long as they are wanted; how many bytes are used. */
static size_t take(struct ws_server *w, const char *bytes, size_t len)
{
	const char *at = bytes;
	struct ws_item item;
	unsigned count = 0;
	w->stopped = true;
	while (!is_held(w)) {
		int r = ws_framing_read(&w->framing, &at, &len, &item);
		w->stopped = r > 0;
		if (r < 0)
			fail(w, -r);
		if (r <= 0)
			break;
		take_item(w, &item);
		if (++count % MESSAGES_PER_LOOK == 0 && gateway_turn_is_long(w->connection->gateway)) {
			gateway_postpone(w->connection->gateway, w->connection);
			break;
		}
	}
	if (is_too_much(w) && !is_held(w))
		fail(w, WS_TRY_LATER);
	return (size_t)(at - bytes);
}

static void note_life(struct ws_server *w)
{
	w->heard = now_of(w);
	w->pinged = false;
}

void ws_server_read(struct ws_server *w, const char *bytes, size_t len)
{
	struct connection *c = w->connection;
	size_t used = 0;
	note_life(w);
	if (c->in.len == 0)
		used = take(w, bytes, len);
	if (c->state != CONNECTION_OPEN || w->state == WS_OVER)
		return;
	if (used < len && buf_append(&c->in, bytes + used, len - used) < 0)
		c->broken = true;
	/* The client's end is not to overtake what is held back, also where it has been taken in already. */
	if (c->in.len > 0 || w->stopped || is_held(w))
		connection_pause(c);
	gateway_mark(c->gateway, c);
}

static void go_on(struct ws_server *w)
{
	struct connection *c = w->connection;
	if (is_held(w))
		connection_pause(c);
	if (is_held(w) || !list_empty(&c->later))
		return;
	size_t used = c->in.len > 0 || w->stopped ? take(w, buf_cstr(&c->in), c->in.len) : 0;
	if (c->state != CONNECTION_OPEN || w->state == WS_OVER)
		return;
	buf_consume(&c->in, used);
	if (c->in.len > 0 || w->stopped || is_held(w) || !list_empty(&c->later))
		return;
	buf_release(&c->in);
	connection_resume(c);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static size_t queued(const struct websocket *base)
{
	return connection_unsent(from_base(base)->connection);
}

/* While all connections together hold as much as they may, none gets more than a little. */
static bool holds_too_much(const struct ws_server *w)
{
	return gateway_is_full(w->connection->gateway) && queued(&w->base) > OUTPUT_LOW;
}

static int send_message(struct websocket *base, bool is_text, const struct websocket_part *parts, size_t count)
{
	struct ws_server *w = from_base(base);
	struct connection *c = w->connection;
	size_t len;
	if (w->state != WS_OPEN || c->state != CONNECTION_OPEN || w->dropped)
		return -EPIPE;
	if (!websocket_length(parts, count, w->limits.queue_max, &len))
		return -EMSGSIZE;
	if (queued(base) > w->limits.queue_max - len || holds_too_much(w)) {
		w->refused = true;
		return -ENOBUFS;
	}
	metric_add(c->gateway->metric_messages[1], 1);
	ws_framing_message(&w->framing, output_of(w), is_text, parts, count);
	if (buf_error(&c->out))
		c->broken = true;
	gateway_mark(c->gateway, c);
	return c->broken ? -ENOMEM : 0;
}

static void tell_drained(struct ws_server *w)
{
	if (!w->refused || w->state != WS_OPEN || queued(&w->base) > w->limits.queue_max / 2 || holds_too_much(w))
		return;
	/* A client that reads as fast as it is written to must not have the loop for itself. */
	if (gateway_turn_is_long(w->connection->gateway)) {
		gateway_postpone(w->connection->gateway, w->connection);
		return;
	}
	w->refused = false;
	if (w->handler.drained)
		w->handler.drained(w->arg);
}

void ws_server_flush(struct ws_server *w)
{
	struct connection *c = w->connection;
	if (w->dropped || c->broken) {
		connection_drop(c);
		return;
	}
	go_on(w);
	if (c->state == CONNECTION_OPEN && (c->broken || buf_error(&c->out)))
		connection_drop(c);
	if (c->state == CONNECTION_OPEN)
		connection_send(c);
	if (c->state == CONNECTION_OPEN)
		tell_drained(w);
	if (c->state == CONNECTION_OPEN && w->state == WS_OVER && connection_unsent(c) == 0)
		connection_finish(c);
}

/* ---- times ----------------------------------------------------------------------------------------------------- */

static void ask_for_life(struct ws_server *w, uint64_t now)
{
	if (now < w->heard + (uint64_t)w->limits.ping_ms || w->paused)
		return;
	if (!w->pinged) {
		w->pinged = true;
		w->wait_until = now + (uint64_t)w->limits.timeout_ms;
		ws_framing_control(&w->framing, output_of(w), WS_ITEM_PING, "", 0);
		gateway_mark(w->connection->gateway, w->connection);
	} else if (now >= w->wait_until && connection_unsent(w->connection) > 0) {
		/* It may not have come to the ping yet: it reads, however slowly, or sweep_output cuts it. */
		w->wait_until = now + (uint64_t)w->limits.timeout_ms;
	} else if (now >= w->wait_until) {
		w->error = -ETIMEDOUT;
		connection_drop(w->connection);
	}
}

void ws_server_sweep(struct ws_server *w, uint64_t now)
{
	if (w->state == WS_OPEN)
		ask_for_life(w, now);
	else if (w->state == WS_CLOSING && now >= w->wait_until)
		over(w);
}

/* ---- what the owner asks for ----------------------------------------------------------------------------------- */

static void pause_messages(struct websocket *base, bool paused)
{
	struct ws_server *w = from_base(base);
	if (w->paused && !paused)
		note_life(w);
	w->paused = paused;
	gateway_mark(w->connection->gateway, w->connection);
}

static void close_socket(struct websocket *base, int code, const char *reason, size_t len)
{
	struct ws_server *w = from_base(base);
	if (w->state != WS_OPEN || w->connection->state != CONNECTION_OPEN)
		return;
	note_end(w, code, reason, len);
	ws_framing_close(&w->framing, output_of(w), code, reason, w->reason_len);
	w->state = WS_CLOSING;
	w->wait_until = now_of(w) + CLOSE_WAIT_MS;
	gateway_mark(w->connection->gateway, w->connection);
}

void ws_server_drain(struct ws_server *w)
{
	close_socket(&w->base, WS_GOING_AWAY, "", 0);
}

static void drop(struct websocket *base)
{
	struct ws_server *w = from_base(base);
	w->dropped = true;
	gateway_mark(w->connection->gateway, w->connection);
}

static const char *protocol_of(const struct websocket *base)
{
	const struct ws_server *w = from_base(base);
	return w->protocol[0] ? w->protocol : NULL;
}

static const char *remote_of(const struct websocket *base)
{
	return from_base(base)->remote;
}

static const struct websocket_ops ops = {
	.send = send_message,
	.queued = queued,
	.pause = pause_messages,
	.close = close_socket,
	.drop = drop,
	.protocol = protocol_of,
	.remote = remote_of,
};

size_t ws_server_memory(const struct ws_server *w)
{
	return ws_framing_memory(&w->framing);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static struct ws_server *make(const char *protocol, const struct websocket_limits *limits,
			      const struct websocket_handler *handler, void *arg)
{
	size_t len = protocol ? strlen(protocol) : 0;
	struct ws_server *w = calloc(1, sizeof(*w) + len + 1);
	if (!w)
		return NULL;
	w->base.ops = &ops;
	w->handler = *handler;
	w->arg = arg;
	w->limits = *limits;
	w->code = WS_BROKEN;
	if (len > 0)
		memcpy(w->protocol, protocol, len);
	return w;
}

static int begin(struct ws_server *w, struct http_request *r)
{
	struct connection *c = r->connection;
	int bits =
		ws_write_answer(r, w->protocol[0] ? w->protocol : NULL, w->limits.compression, connection_output(c, r));
	int error = bits ? gateway_deflate(c->gateway) : 0;
	if (error == 0)
		error = ws_framing_init(&w->framing, w->limits.message_max, c->gateway->deflate, bits);
	if (error < 0)
		return error;
	w->connection = c;
	w->heard = uv_now(c->gateway->loop);
	memcpy(w->remote, r->remote, sizeof(w->remote));
	r->keep_alive = true;
	return 0;
}

/* The answer is partly in the output: nothing but the end of the connection can follow. */
static void give_up(struct connection *c, struct http_request *r)
{
	c->broken = true;
	request_answered(r);
}

int websocket_accept(struct http_request *r, const char *protocol, const struct websocket_limits *limits,
		     const struct websocket_handler *handler, void *arg, struct websocket **ret)
{
	struct connection *c = r->connection;
	struct ws_server *w =
		c && c->state == CONNECTION_OPEN && !c->ended ? make(protocol, limits, handler, arg) : NULL;
	if (!w) {
		bool gone = !c || c->state != CONNECTION_OPEN || c->ended;
		if (c && c->state == CONNECTION_OPEN)
			c->broken = true;
		request_answered(r);
		return gone ? -EPIPE : -ENOMEM;
	}
	int error = begin(w, r);
	if (error < 0) {
		free(w);
		give_up(c, r);
		return error;
	}
	metric_add(c->gateway->metric_websockets, 1);
	c->ws = w;
	request_answered(r);
	*ret = &w->base;
	if (c->gateway->draining)
		ws_server_drain(w);
	return 0;
}
