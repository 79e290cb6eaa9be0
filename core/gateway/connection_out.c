/* The writing half of a connection: answers in the order of the requests, all that are ready in one write. */
#include "gateway/internal.h"

#include "gateway/ws_server.h"

size_t connection_unsent(const struct connection *c)
{
	return c->out.len + (c->writing ? c->stream->ops->unsent(c->stream) : 0);
}

void connection_measure(struct connection *c)
{
	size_t memory = c->in.cap + c->out.cap + c->sending.cap + (c->ws ? ws_server_memory(c->ws) : 0);
	list_each (at, &c->requests) {
		const struct http_request *r = list_entry(at, struct http_request, link);
		memory += r->body.cap + r->out.cap;
	}
	gateway_count_memory(c->gateway, c->memory, memory);
	c->memory = memory;
}

struct buf *connection_output(struct connection *c, struct http_request *r)
{
	if (c->requests.next != &r->link || r->out.len > 0 || c->done)
		return &r->out;
	if (!c->out.data)
		c->out = gateway_take_buffer(c->gateway);
	return &c->out;
}

/* `from` is empty afterwards. */
static void move_bytes(struct buf *to, struct buf *from)
{
	if (to->len == 0) {
		struct buf swap = *to;
		*to = *from;
		*from = swap;
		buf_clear(from);
		return;
	}
	buf_append(to, from->data, from->len);
	buf_clear(from);
}

static void tell_continue(struct connection *c, struct http_request *r)
{
	r->want_continue = false;
	buf_str(connection_output(c, r), "HTTP/1.1 100 Continue\r\n\r\n");
}

void connection_advance(struct connection *c)
{
	while (!c->done && !list_empty(&c->requests)) {
		struct http_request *r = list_entry(c->requests.next, struct http_request, link);
		if (buf_error(&r->out))
			c->broken = true;
		if (r->out.len > 0)
			move_bytes(&c->out, &r->out);
		if (r->want_continue && r->state == REQUEST_RECEIVING)
			tell_continue(c, r);
		if (r->state != REQUEST_ANSWERED)
			break;
		c->done = !r->keep_alive;
		c->request_count--;
		request_free(r);
	}
	if (buf_error(&c->out))
		c->broken = true;
	gateway_mark(c->gateway, c);
}

void connection_send(struct connection *c)
{
	if (c->writing || c->out.len == 0)
		return;
	const struct stream_ops *ops = c->stream->ops;
	ssize_t written = ops->try_write(c->stream, c->out.data, c->out.len);
	if (written < 0) {
		connection_drop(c);
		return;
	}
	if ((size_t)written == c->out.len) {
		gateway_give_buffer(c->gateway, &c->out);
		return;
	}
	/* The rest stays where it is until the client has taken it; further answers are gathered in a new buffer. */
	c->sending = c->out;
	c->out = gateway_take_buffer(c->gateway);
	c->writing = true;
	if (ops->write(c->stream, c->sending.data + written, c->sending.len - (size_t)written) < 0)
		connection_drop(c);
}

void connection_written(struct connection *c, int error)
{
	c->writing = false;
	gateway_give_buffer(c->gateway, &c->sending);
	if (error < 0)
		connection_drop(c);
	else
		gateway_mark(c->gateway, c);
}
