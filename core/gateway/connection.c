#include "gateway/internal.h"

#include <errno.h>
#include "gateway/ws_server.h"

/*  OPEN --last answer out--> LINGER --client closed, or time is up--> CLOSED --stream gone--> (freed)
 *    \------------------ broken, cut, idle ---------------------------^                                */

static void connection_free(struct connection *c)
{
	struct gateway *g = c->gateway;
	if (c->ws)
		ws_server_free(c->ws);
	buf_release(&c->in);
	gateway_give_buffer(g, &c->out);
	gateway_give_buffer(g, &c->sending);
	gateway_count_memory(g, c->memory, 0);
	gateway_forget(g, c);
	free(c);
}

/* The handlers of all requests in the queue are told; those that no handler has are freed. */
static void leave_requests(struct connection *c)
{
	struct list left;
	list_init(&left);
	list_splice(&left, &c->requests);
	c->incoming = NULL;
	c->request_count = 0;
	list_each (at, &left)
		list_entry(at, struct http_request, link)->connection = NULL;
	/* A handler that is told may answer any of them, which frees them. */
	for (struct list *first = list_first(&left); first; first = list_first(&left)) {
		struct http_request *r = list_entry(first, struct http_request, link);
		list_remove(&r->link);
		if (r->state == REQUEST_HANDLED || r->state == REQUEST_STREAMING)
			request_tell_gone(r);
		else
			request_free(r);
	}
}

void connection_drop(struct connection *c)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	c->state = CONNECTION_CLOSED;
	list_remove(&c->dirty);
	list_remove(&c->later);
	c->stream->ops->close(c->stream);
	leave_requests(c);
	connection_measure(c);
}

/* All answers are out. The client is told so and may still read them; closing at once would answer what it is
 * still sending with a reset, which takes the answers away (RFC 9112 section 9.6). */
void connection_finish(struct connection *c)
{
	leave_requests(c);
	buf_release(&c->in);
	if (c->stream->ops->shutdown(c->stream) < 0 || c->ended) {
		connection_drop(c);
		return;
	}
	c->state = CONNECTION_LINGER;
	c->wait_until = uv_now(c->gateway->loop) + LINGER_MS;
	if (!c->reading && c->stream->ops->start(c->stream) < 0)
		connection_drop(c);
	c->reading = true;
}

static bool is_idle(const struct connection *c)
{
	return list_empty(&c->requests) && c->in.len == 0 && connection_unsent(c) == 0;
}

bool connection_busy(const struct connection *c)
{
	return c->state == CONNECTION_OPEN && (c->ws ? connection_unsent(c) > 0 : !is_idle(c));
}

/* ---- times ----------------------------------------------------------------------------------------------------- */

static enum waiting what_for(const struct connection *c)
{
	if (c->state != CONNECTION_OPEN || c->ended)
		return WAITING_NOT;
	if (c->stream->opening)
		return WAITING_HANDSHAKE;
	if (c->incoming)
		return c->incoming->want_continue ? WAITING_NOT : WAITING_BODY;
	if (!connection_may_take(c))
		return WAITING_NOT;
	if (c->in.len > 0)
		return WAITING_HEAD;
	return is_idle(c) ? WAITING_IDLE : WAITING_NOT;
}

/* Starts the time-out of what the client owes now, unless it runs already. */
static void watch(struct connection *c)
{
	const struct gateway_options *o = &c->gateway->options;
	const int64_t times[] = {0, o->idle_timeout_ms, o->head_timeout_ms, o->body_timeout_ms, o->head_timeout_ms};
	enum waiting waiting = what_for(c);
	if (waiting == c->waiting)
		return;
	c->waiting = waiting;
	c->wait_until = uv_now(c->gateway->loop) + (uint64_t)times[waiting];
}

static void too_late(struct connection *c)
{
	metric_add(c->gateway->metric_timeouts, c->waiting != WAITING_IDLE);
	if (c->waiting == WAITING_IDLE)
		(void)c->stream->ops->shutdown(c->stream); /* a client of TLS can tell this from a cut */
	if (c->waiting == WAITING_IDLE || c->waiting == WAITING_HANDSHAKE)
		connection_drop(c);
	else if (c->waiting == WAITING_HEAD)
		connection_refuse(c, 408, "timeout", "The head of the request did not arrive in time.");
	else
		connection_refuse(c, 408, "timeout", "The body of the request did not arrive in time.");
}

/* A client that takes nothing of what it asked for, for as long as the time-out, is cut. */
static void sweep_output(struct connection *c, uint64_t now)
{
	size_t unsent = c->stream->ops->unsent(c->stream);
	if (unsent == 0 || unsent != c->unsent_seen) {
		c->unsent_seen = unsent;
		c->write_until = now + (uint64_t)c->gateway->options.write_timeout_ms;
	} else if (now >= c->write_until) {
		metric_add(c->gateway->metric_timeouts, 1);
		connection_drop(c);
	}
}

void connection_sweep(struct connection *c, uint64_t now)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	if (c->state == CONNECTION_LINGER) {
		if (now >= c->wait_until)
			connection_drop(c);
		return;
	}
	sweep_output(c, now);
	if (c->ws) {
		if (c->state == CONNECTION_OPEN)
			ws_server_sweep(c->ws, now);
		return;
	}
	/* Nobody tells of the end of a handshake. */
	if (c->waiting == WAITING_HANDSHAKE)
		watch(c);
	if (c->state == CONNECTION_OPEN && c->waiting != WAITING_NOT && now >= c->wait_until)
		too_late(c);
}

/* ---- what the stream tells ------------------------------------------------------------------------------------- */

void connection_pause(struct connection *c)
{
	if (c->reading)
		c->stream->ops->stop(c->stream);
	c->reading = false;
}

void connection_resume(struct connection *c)
{
	if (c->reading || c->ended)
		return;
	c->reading = true;
	if (c->stream->ops->start(c->stream) < 0)
		c->broken = true;
}

static void on_read(void *owner, const char *bytes, size_t len)
{
	struct connection *c = owner;
	if (c->state != CONNECTION_OPEN)
		return;
	if (c->ws) {
		ws_server_read(c->ws, bytes, len);
		return;
	}
	size_t used;
	if (c->in.len == 0) {
		used = connection_take(c, bytes, len);
		bytes += used;
		len -= used;
	}
	if (c->state == CONNECTION_OPEN && len > 0 && buf_append(&c->in, bytes, len) < 0)
		c->broken = true;
	if (c->state == CONNECTION_OPEN && c->in.len > 0) {
		used = connection_take(c, c->in.data, c->in.len);
		buf_consume(&c->in, used);
	}
	if (c->state != CONNECTION_OPEN)
		return;
	if (c->in.len == 0)
		buf_release(&c->in);
	else if (!connection_may_take(c))
		connection_pause(c);
	gateway_mark(c->gateway, c);
}

static struct http_request *next_to_tell(struct connection *c)
{
	list_each (at, &c->requests) {
		struct http_request *r = list_entry(at, struct http_request, link);
		if (r->gone && !r->told_gone && (r->state == REQUEST_HANDLED || r->state == REQUEST_STREAMING))
			return r;
	}
	return NULL;
}

static void on_end(void *owner, int error)
{
	struct connection *c = owner;
	if (c->state == CONNECTION_CLOSED)
		return;
	if (error < 0 || c->state == CONNECTION_LINGER) {
		connection_drop(c);
		return;
	}
	c->ended = true;
	c->reading = false;
	if (c->ws) {
		ws_server_ended(c->ws);
		return;
	}
	/* It may have left, or only said all that it has to say. Those who asked are told; answers are still sent. */
	for (struct http_request *r = next_to_tell(c); r; r = next_to_tell(c))
		request_tell_gone(r);
	gateway_mark(c->gateway, c);
}

static void on_written(void *owner, int error)
{
	connection_written(owner, error);
}

static void on_closed(void *owner)
{
	connection_free(owner);
}

static const struct stream_callbacks callbacks = {
	.on_read = on_read,
	.on_end = on_end,
	.on_written = on_written,
	.on_closed = on_closed,
};

/* ---- the end of a turn ----------------------------------------------------------------------------------------- */

/* The client has said all. When the rest of it is no whole request, nothing more can come of it. */
static void end_input(struct connection *c)
{
	if (!c->incoming && !connection_may_take(c))
		return; /* there may be whole requests that are held back, or nothing is wanted any more */
	if (c->incoming) {
		c->request_count--;
		request_free(c->incoming);
		c->incoming = NULL;
	}
	c->last = true;
	buf_release(&c->in);
}

/* Goes on with what came before and could not be taken. */
static void resume(struct connection *c)
{
	if (c->in.len > 0 && (c->incoming || connection_may_take(c))) {
		size_t used = connection_take(c, c->in.data, c->in.len);
		if (c->state != CONNECTION_OPEN)
			return;
		buf_consume(&c->in, used);
		if (c->in.len == 0)
			buf_release(&c->in);
	}
	if (c->ended)
		end_input(c);
	bool room = c->in.len == 0 || connection_may_take(c);
	if (room)
		connection_resume(c);
}

static bool is_over(const struct connection *c)
{
	if (c->done)
		return true;
	bool no_more = c->last || (c->gateway->draining && c->in.len == 0);
	return no_more && !c->incoming && list_empty(&c->requests);
}

/* Each step may end the connection. */
static void go_on(struct connection *c)
{
	connection_send(c);
	if (c->state == CONNECTION_OPEN && !list_empty(&c->requests))
		request_tell_drained(list_entry(c->requests.next, struct http_request, link));
	if (c->state == CONNECTION_OPEN)
		resume(c);
	if (c->state != CONNECTION_OPEN || c->ws)
		return;
	if (c->broken) {
		connection_drop(c);
		return;
	}
	if (is_over(c) && connection_unsent(c) == 0)
		connection_finish(c);
	else
		watch(c);
}

void connection_flush(struct connection *c)
{
	if (c->state != CONNECTION_OPEN)
		return;
	if (c->ws)
		ws_server_flush(c->ws);
	else
		go_on(c);
	if (c->state != CONNECTION_CLOSED)
		connection_measure(c);
}

void connection_drain(struct connection *c)
{
	if (c->state == CONNECTION_OPEN && c->ws)
		ws_server_drain(c->ws);
	else if (c->state == CONNECTION_OPEN && is_idle(c))
		connection_finish(c);
}

int connection_open(struct gateway *g, struct stream *stream, const struct peer *peer, unsigned surfaces, bool control,
		    const char *problem)
{
	struct connection *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->gateway = g;
	c->stream = stream;
	c->peer = *peer;
	c->surfaces = surfaces;
	c->control = control;
	c->refused = problem != NULL;
	buf_init(&c->in, READ_SIZE + g->options.head_max);
	buf_init(&c->out, OUTPUT_MAX);
	buf_init(&c->sending, OUTPUT_MAX);
	list_init(&c->requests);
	list_init(&c->dirty);
	list_init(&c->later);
	gateway_enter(g, c);
	stream->callbacks = &callbacks;
	stream->owner = c;
	if (problem)
		connection_refuse(c, 503, "too-many-connections", problem);
	gateway_mark(g, c);
	return 0;
}
