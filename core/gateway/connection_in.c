/* The reading half of a connection: heads and bodies out of the bytes, whatever pieces they come in. */
#include "gateway/internal.h"

#include <errno.h>
#include "gateway/chars.h"
#include "gateway/forwarded.h"
#include "gateway/head.h"
#include "gateway/ws_handshake.h"

/* What stands behind a request for an upgrade is no request of HTTP, if it is granted. */
static bool waits_for_upgrade(const struct connection *c)
{
	return !list_empty(&c->requests) && list_entry(c->requests.prev, struct http_request, link)->upgrade;
}

bool connection_may_take(const struct connection *c)
{
	return c->state == CONNECTION_OPEN && !c->last && list_empty(&c->later) &&
	       c->request_count < REQUESTS_PER_CONNECTION_MAX && !waits_for_upgrade(c) &&
	       connection_unsent(c) < (gateway_is_full(c->gateway) ? OUTPUT_LOW : OUTPUT_HIGH);
}

void connection_refuse(struct connection *c, int status, const char *type, const char *detail)
{
	struct http_request *r = c->incoming ? c->incoming : request_new(c);
	c->incoming = NULL;
	c->last = true;
	if (!r) {
		connection_drop(c);
		return;
	}
	r->keep_alive = false;
	r->want_continue = false;
	response_problem(r, status, type, detail, NULL);
}

static void refuse_large(struct connection *c)
{
	connection_refuse(c, 413, "body-too-large", "The body is larger than this server takes.");
}

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

static void end_body(struct connection *c)
{
	struct http_request *r = c->incoming;
	c->incoming = NULL;
	request_dispatch(r);
}

/* What no handler will read is counted and thrown away. */
static bool keep_body(struct connection *c, const char *bytes, size_t len)
{
	struct http_request *r = c->incoming;
	c->body_seen += len;
	if (!r->route || len == 0)
		return true;
	if (c->body_seen > BODY_LOW && gateway_is_full(c->gateway)) {
		connection_refuse(c, 503, "busy",
				  "The requests and answers under way take all the memory that they may.");
		return false;
	}
	size_t before = r->body.cap;
	if (buf_append(&r->body, bytes, len) < 0) {
		connection_refuse(c, 503, "out-of-memory", "The server has no memory left.");
		return false;
	}
	/* At once: a great many may come in one turn of the loop. */
	gateway_count_memory(c->gateway, before, r->body.cap);
	c->memory = c->memory - before + r->body.cap;
	return true;
}

static size_t take_chunked(struct connection *c, const char *bytes, size_t len)
{
	const char *data;
	size_t used, data_len, max = c->gateway->options.body_max;
	int r = chunk_read(&c->chunk, bytes, len, &used, &data, &data_len);
	if (r < 0) {
		if (r == -E2BIG)
			connection_refuse(c, 431, "head-too-large", "The trailers are too long.");
		else
			connection_refuse(c, 400, "bad-request", "The chunked body is malformed.");
		return len;
	}
	uint64_t room = max - c->body_seen;
	if (data_len > room || chunk_missing(&c->chunk) > room - data_len) {
		refuse_large(c);
		return len;
	}
	if (keep_body(c, data, data_len) && r == 1)
		end_body(c);
	return used;
}

static size_t take_counted(struct connection *c, const char *bytes, size_t len)
{
	uint64_t left = c->incoming->body_len - c->body_seen;
	size_t used = len < left ? len : (size_t)left;
	if (keep_body(c, bytes, used) && c->body_seen == c->incoming->body_len)
		end_body(c);
	return used;
}

static size_t take_body(struct connection *c, const char *bytes, size_t len)
{
	c->waiting = WAITING_NOT;
	/* The client did not wait for it. */
	c->incoming->want_continue = false;
	return c->incoming->chunked ? take_chunked(c, bytes, len) : take_counted(c, bytes, len);
}

static void begin_body(struct connection *c)
{
	struct http_request *r = c->incoming;
	char *room;
	c->body_seen = 0;
	if (r->chunked)
		chunk_init(&c->chunk, c->gateway->options.head_max);
	else if (r->route)
		/* More is allocated as it comes, not as it is promised. A failure shows itself then. */
		(void)buf_reserve(&r->body, r->body_len < BODY_LOW ? (size_t)r->body_len : BODY_LOW, &room);
	if (r->want_continue)
		connection_advance(c);
}

/* ---- heads ----------------------------------------------------------------------------------------------------- */

/* What can be said before the body. True when the body may come. */
static bool accept_head(struct connection *c)
{
	struct http_request *r = c->incoming;
	r->upgrade = ws_wants_upgrade(r);
	if (c->gateway->draining)
		r->keep_alive = false;
	c->last = !r->keep_alive;
	if (request_find_route(r) < 0) {
		connection_refuse(c, 400, "bad-request", "The path is malformed.");
		return false;
	}
	if (r->body_len > c->gateway->options.body_max) {
		refuse_large(c);
		return false;
	}
	if (r->want_continue && !r->route) {
		/* The client asks first, so it is told before it sends the body; but it may send it all the same. */
		r->keep_alive = false;
		r->want_continue = false;
		c->last = true;
		end_body(c);
		return false;
	}
	return true;
}

static void begin_request(struct connection *c, const char *bytes, size_t len)
{
	struct head_problem problem;
	struct http_request *r = request_new(c);
	if (!r) {
		connection_drop(c);
		return;
	}
	c->incoming = r;
	c->begun++;
	if (head_read(r, bytes, len, &problem) < 0) {
		connection_refuse(c, problem.status, problem.type, problem.detail);
		return;
	}
	forwarded_apply(r, &c->peer);
	if (!accept_head(c))
		return;
	if (r->chunked || r->body_len > 0)
		begin_body(c);
	else
		end_body(c);
}

static void refuse_head(struct connection *c, ssize_t error, bool in_request_line)
{
	if (error == -EBADMSG)
		connection_refuse(c, 400, "bad-request", "A line of the head does not end by CR LF.");
	else if (in_request_line)
		connection_refuse(c, 414, "target-too-long", "The target is longer than this server takes.");
	else
		connection_refuse(c, 431, "head-too-large", "The head is larger than this server takes.");
}

static size_t take_head(struct connection *c, const char *bytes, size_t len)
{
	/* One empty line before a request is read over (RFC 9112 section 2.2). */
	if (c->scanned == 0 && !c->blank && bytes[0] == '\r') {
		if (len < 2)
			return 0;
		c->blank = bytes[1] == '\n';
		if (c->blank)
			return 2;
	}
	if (!chars_is_token(bytes[0])) {
		connection_refuse(c, 400, "bad-request", "This is not HTTP.");
		return len;
	}
	ssize_t head_len = head_find(bytes, len, c->gateway->options.head_max, &c->scanned, &c->line);
	if (head_len == 0)
		return 0;
	bool in_request_line = c->line == 0;
	c->scanned = c->line = 0;
	c->blank = false;
	c->waiting = WAITING_NOT;
	if (head_len < 0) {
		refuse_head(c, head_len, in_request_line);
		return len;
	}
	begin_request(c, bytes, (size_t)head_len);
	return (size_t)head_len;
}

/* A client that has much to ask must not keep the others waiting. */
static bool is_in_turn(struct connection *c)
{
	if (c->turn != c->gateway->turn)
		c->begun = 0;
	c->turn = c->gateway->turn;
	if (c->begun == 0 || (c->begun < REQUESTS_PER_TURN && !gateway_turn_is_long(c->gateway)))
		return true;
	gateway_postpone(c->gateway, c);
	return false;
}

size_t connection_take(struct connection *c, const char *bytes, size_t len)
{
	size_t used = 0;
	/* Once an upgrade was granted, the rest is not HTTP. */
	while (used < len && c->state == CONNECTION_OPEN && !c->ws) {
		size_t taken;
		if (c->done || (c->last && !c->incoming))
			return len; /* nothing more is wanted */
		if (c->incoming)
			taken = take_body(c, bytes + used, len - used);
		else if (connection_may_take(c) && is_in_turn(c))
			taken = take_head(c, bytes + used, len - used);
		else
			break;
		if (taken == 0)
			break;
		used += taken;
	}
	return c->state == CONNECTION_OPEN ? used : len;
}
