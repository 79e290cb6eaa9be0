/* Bytes into a connection, by a stream without a socket. The first byte says in what pieces they come and how much the
 * client takes at a time; the rest is what it sends. Everything is done twice, in one piece and in several: what
 * handlers are shown and what the client gets has to be the same. A connection that neither reads, nor is over, nor
 * waits for a handler or for its client is a failure too: it would hang for ever. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/internal.h"

#define HELD_MAX 256

struct world {
	uv_loop_t loop;
	struct gateway *gateway;
	struct http_request *held[HELD_MAX];
	size_t held_count;
	struct buf log; /* what the handlers were shown */
};

struct fake {
	struct stream base;
	struct buf out;
	size_t window; /* bytes that try_write takes */
	const char *later;
	size_t later_len;
	bool reading, shut, closing, closed;
};

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* ---- the stream ------------------------------------------------------------------------------------------------ */

static struct fake *fake_of(const struct stream *s)
{
	return (struct fake *)(uintptr_t)s;
}

static int fake_start(struct stream *s)
{
	fake_of(s)->reading = true;
	return 0;
}

static void fake_stop(struct stream *s)
{
	fake_of(s)->reading = false;
}

static ssize_t fake_try_write(struct stream *s, const void *bytes, size_t len)
{
	struct fake *f = fake_of(s);
	demand(!f->shut && !f->closing, "nothing is written after the end");
	demand(f->later_len == 0, "one write at a time");
	size_t taken = len < f->window ? len : f->window;
	buf_append(&f->out, bytes, taken);
	return (ssize_t)taken;
}

static int fake_write(struct stream *s, const void *bytes, size_t len)
{
	struct fake *f = fake_of(s);
	demand(!f->shut && !f->closing && f->later_len == 0 && len > 0, "one write at a time, before the end");
	f->later = bytes;
	f->later_len = len;
	return 0;
}

static size_t fake_unsent(const struct stream *s)
{
	return fake_of(s)->later_len;
}

static int fake_shutdown(struct stream *s)
{
	struct fake *f = fake_of(s);
	demand(!f->shut && f->later_len == 0, "it is ended once, when all is written");
	f->shut = true;
	return 0;
}

static void fake_close(struct stream *s)
{
	demand(!fake_of(s)->closing, "it is closed once");
	fake_of(s)->closing = true;
}

static const struct stream_ops fake_ops = {
	.start = fake_start,
	.stop = fake_stop,
	.try_write = fake_try_write,
	.write = fake_write,
	.unsent = fake_unsent,
	.shutdown = fake_shutdown,
	.close = fake_close,
};

/* ---- handlers -------------------------------------------------------------------------------------------------- */

static void note(struct world *w, struct http_request *r)
{
	const char *name, *value;
	size_t len;
	const char *body = http_body(r, &len);
	buf_printf(&w->log, "%s %s?%s\n", http_method(r), http_path(r), http_query(r));
	for (size_t i = 0; http_header_at(r, i, &name, &value); i++)
		buf_printf(&w->log, "%s: %s\n", name, value);
	value = http_query_value(r, "a");
	buf_printf(&w->log, "a=%s\n", value ? value : "");
	buf_append(&w->log, body, len);
}

static void serve_now(void *arg, struct http_request *r)
{
	note(arg, r);
	http_respond_json(r, 200, "{}", 2);
}

static void serve_stream(void *arg, struct http_request *r)
{
	note(arg, r);
	http_stream_begin(r, 200, "text/plain");
	http_stream_write(r, "piece", 5);
	http_stream_end(r);
}

static void serve_late(void *arg, struct http_request *r)
{
	struct world *w = arg;
	note(w, r);
	buf_printf(&w->log, "%s\n", http_param(r, "rest"));
	demand(w->held_count < HELD_MAX, "requests in flight are bounded");
	w->held[w->held_count++] = r;
}

static struct world *world_open(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct route *route;
	demand(w != NULL, "there is memory");
	uv_loop_init(&w->loop);
	buf_init(&w->log, (size_t)64 << 20);
	struct gateway_options options = {.loop = &w->loop};
	gateway_defaults(&options);
	options.head_max = 512;
	options.body_max = 256;
	demand(gateway_open(&options, &w->gateway) == 0, "a gateway opens");
	gateway_route(w->gateway, 1, "GET,POST", "/", serve_now, w, &route);
	gateway_route(w->gateway, 1, "GET", "/s/{x}", serve_stream, w, &route);
	gateway_route(w->gateway, 1, "GET,PUT", "/l/{rest...}", serve_late, w, &route);
	return w;
}

/* ---- one run --------------------------------------------------------------------------------------------------- */

static void answer_held(struct world *w)
{
	while (w->held_count > 0)
		http_respond(w->held[--w->held_count], 200, NULL, 0, "late", 4);
}

/* Until nothing happens any more. */
static void pump(struct world *w, struct fake *f)
{
	bool busy = true;
	while (busy) {
		gateway_flush(w->gateway);
		busy = w->held_count > 0;
		answer_held(w);
		gateway_flush(w->gateway);
		/* Requests beyond those of one turn. */
		if (!list_empty(&w->gateway->later)) {
			uv_run(&w->loop, UV_RUN_NOWAIT);
			busy = true;
		}
		if (f->later_len > 0 && !f->closing) {
			buf_append(&f->out, f->later, f->later_len);
			f->later_len = 0;
			f->base.callbacks->on_written(f->base.owner, 0);
			busy = true;
		}
	}
	if (f->closing && !f->closed) {
		f->closed = true;
		f->base.callbacks->on_closed(f->base.owner);
	}
	demand(f->closed || f->reading, "it reads, or it is over");
}

static void feed(struct world *w, struct fake *f, const char *bytes, size_t len, size_t piece)
{
	pump(w, f);
	while (len > 0 && !f->closed) {
		size_t part = len < piece ? len : piece;
		/* As a socket does: what is read lies in a buffer that does not live on. */
		char *copy = malloc(part);
		demand(copy != NULL, "there is memory");
		memcpy(copy, bytes, part);
		f->base.callbacks->on_read(f->base.owner, copy, part);
		free(copy);
		pump(w, f);
		bytes += part;
		len -= part;
	}
	if (f->closed)
		return;
	f->reading = false;
	f->base.callbacks->on_end(f->base.owner, 0);
	gateway_flush(w->gateway);
	f->reading = true; /* it ended: pump has nothing to demand */
	pump(w, f);
	demand(f->closed, "it ends when the client has ended");
}

/* Dates differ between runs, and 100 is left out where the body is there already. */
static void normalise(struct buf *out)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char *at;
	if (out->len == 0)
		return;
	while ((at = strstr(out->data, go_on))) {
		memmove(at, at + sizeof(go_on) - 1, strlen(at + sizeof(go_on) - 1) + 1);
		out->len -= sizeof(go_on) - 1;
	}
	for (at = strstr(out->data, "\r\nDate: "); at; at = strstr(at + 8, "\r\nDate: "))
		memset(at + 8, '-', 29);
}

static void run(struct world *w, const char *bytes, size_t len, size_t piece, size_t window, struct buf *ret_out,
		struct buf *ret_log)
{
	struct peer peer = {.text = "unix", .loopback = true};
	struct fake f = {.base.ops = &fake_ops, .window = window};
	buf_init(&f.out, (size_t)64 << 20);
	buf_clear(&w->log);
	gateway_admit(w->gateway, &peer, false);
	demand(connection_open(w->gateway, &f.base, &peer, 1, false, NULL) == 0, "a connection opens");
	feed(w, &f, bytes, len, piece);
	demand(w->gateway->connection_count == 0 && w->gateway->handled_count == 0, "nothing is left");
	normalise(&f.out);
	*ret_out = f.out;
	*ret_log = w->log;
	buf_init(&w->log, w->log.max);
}

static void demand_equal(const struct buf *a, const struct buf *b, const char *what)
{
	if (a->len != b->len || (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
		fprintf(stderr, "in one piece:\n%s\nin several:\n%s\n", buf_cstr(a), buf_cstr(b));
	demand(a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0), what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world *world;
	struct buf out[2], log[2];
	if (!world)
		world = world_open();
	if (size < 1)
		return 0;
	const char *bytes = (const char *)data + 1;
	run(world, bytes, size - 1, SIZE_MAX, SIZE_MAX, &out[0], &log[0]);
	run(world, bytes, size - 1, 1 + data[0] % 32, data[0] < 128 ? SIZE_MAX : 10, &out[1], &log[1]);
	demand_equal(&log[0], &log[1], "handlers see the same");
	demand_equal(&out[0], &out[1], "the client gets the same");
	for (int i = 0; i < 2; i++) {
		buf_release(&out[i]);
		buf_release(&log[i]);
	}
	return 0;
}
