/* The two sides of the stream that fuzz_tls.c is about: a socket without a kernel, which takes and gives what it is told to,
 * and an owner who keeps the rules of gateway/stream.h and has them kept. And who is at the other end of the socket. */
#ifndef FUZZ_TLS_SIDES_H
#define FUZZ_TLS_SIDES_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "gateway/stream.h"

#define TEXT_SIZE ((size_t)200000)

struct wire {
	struct stream base;
	size_t window;
	struct buf out;
	const char *later;
	size_t later_len;
	bool reading, shut, closed;
};

struct owner {
	struct stream *stream;
	bool in_call; /* of the owner into the stream, in which nothing may be told */
	bool writing, ended, shut, closed;
	size_t sent; /* taken by try_write, or written */
	const char *rest;
	size_t rest_len;
	struct buf in;
};

struct world {
	struct tls *tls;
	SSL_CTX *client_ctx;
	char *text; /* what both sides send, each from its beginning */
};

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* ---- the socket ------------------------------------------------------------------------------------------------ */

static struct wire *wire_of(const struct stream *s)
{
	return (struct wire *)(uintptr_t)s;
}

static int wire_start(struct stream *s)
{
	demand(!wire_of(s)->closed, "nothing is read after the end");
	wire_of(s)->reading = true;
	return 0;
}

static void wire_stop(struct stream *s)
{
	wire_of(s)->reading = false;
}

static ssize_t wire_try_write(struct stream *s, const void *bytes, size_t len)
{
	struct wire *w = wire_of(s);
	demand(!w->shut && !w->closed, "nothing is written after the end");
	demand(w->later_len == 0, "one write at a time");
	size_t taken = len < w->window ? len : w->window;
	buf_append(&w->out, bytes, taken);
	return (ssize_t)taken;
}

static int wire_write(struct stream *s, const void *bytes, size_t len)
{
	struct wire *w = wire_of(s);
	demand(!w->shut && !w->closed && w->later_len == 0 && len > 0, "one write at a time, before the end");
	w->later = bytes;
	w->later_len = len;
	return 0;
}

static size_t wire_unsent(const struct stream *s)
{
	return wire_of(s)->later_len;
}

static int wire_shutdown(struct stream *s)
{
	demand(!wire_of(s)->shut && wire_of(s)->later_len == 0, "it is ended once, when all is written");
	wire_of(s)->shut = true;
	return 0;
}

static void wire_close(struct stream *s)
{
	demand(!wire_of(s)->closed, "it is closed once");
	wire_of(s)->closed = true;
}

static const struct stream_ops wire_ops = {
	.start = wire_start,
	.stop = wire_stop,
	.try_write = wire_try_write,
	.write = wire_write,
	.unsent = wire_unsent,
	.shutdown = wire_shutdown,
	.close = wire_close,
};

/* ---- the owner ------------------------------------------------------------------------------------------------- */

static void on_read(void *arg, const char *bytes, size_t len)
{
	struct owner *o = arg;
	demand(!o->ended && len > 0, "nothing comes after the end");
	buf_append(&o->in, bytes, len);
	/* Some of it is enough for now. */
	if (o->in.len % 3 == 0)
		o->stream->ops->stop(o->stream);
}

static void on_end(void *arg, int error)
{
	struct owner *o = arg;
	(void)error;
	demand(!o->ended, "it ends once");
	o->ended = true;
}

static void on_written(void *arg, int error)
{
	struct owner *o = arg;
	(void)error;
	demand(o->writing && !o->in_call, "the end of a write is told once, later");
	o->writing = false;
}

static void on_closed(void *arg)
{
	struct owner *o = arg;
	o->closed = true;
}

static const struct stream_callbacks owner_callbacks = {
	.on_read = on_read,
	.on_end = on_end,
	.on_written = on_written,
	.on_closed = on_closed,
};

/* As a connection does it: what try_write leaves goes to write. */
static void owner_writes(struct owner *o, const char *text, size_t len)
{
	if (o->writing || o->shut || o->sent + len > TEXT_SIZE || len == 0)
		return;
	o->in_call = true;
	ssize_t taken = o->stream->ops->try_write(o->stream, text + o->sent, len);
	if (taken >= 0 && (size_t)taken < len) {
		o->writing = true;
		o->stream->ops->write(o->stream, text + o->sent + taken, len - (size_t)taken);
		demand(o->stream->ops->unsent(o->stream) > 0, "a write under way is not sent yet");
	}
	o->in_call = false;
	o->sent += len;
}

/* ---- the client ------------------------------------------------------------------------------------------------ */

struct client {
	SSL *ssl;
	BIO *in, *out;
	size_t sent;
	struct buf got;
	bool broken;
};

static void client_open(struct world *w, struct client *c)
{
	*c = (struct client){.ssl = SSL_new(w->client_ctx), .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem())};
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
	buf_init(&c->got, 2 * TEXT_SIZE);
}

static void client_reads(struct wire *wire, struct client *c)
{
	char piece[16384];
	if (wire->out.len > 0)
		BIO_write(c->in, wire->out.data, (int)wire->out.len);
	buf_clear(&wire->out);
	ERR_clear_error();
	int len;
	while (!c->broken && (len = SSL_read(c->ssl, piece, sizeof(piece))) != 0) {
		if (len < 0) {
			c->broken = SSL_get_error(c->ssl, len) != SSL_ERROR_WANT_READ;
			return;
		}
		buf_append(&c->got, piece, (size_t)len);
	}
}

static void client_sends(struct client *c, const char *text, size_t len)
{
	if (c->broken || !SSL_is_init_finished(c->ssl) || c->sent + len > TEXT_SIZE || len == 0)
		return;
	ERR_clear_error();
	if (SSL_write(c->ssl, text + c->sent, (int)len) > 0)
		c->sent += len;
}

/* From a buffer that does not live on, as a socket does it. */
static void feed(struct wire *wire, const char *bytes, size_t len)
{
	char *copy = malloc(len);
	demand(copy != NULL, "there is memory");
	memcpy(copy, bytes, len);
	wire->base.callbacks->on_read(wire->base.owner, copy, len);
	free(copy);
}

/* Garbles: one bit, at the end of what is fed. */
static void feed_from(struct wire *wire, struct client *c, size_t piece, bool garbled)
{
	char bytes[4096];
	int len = wire->reading && !wire->closed ? BIO_read(c->out, bytes, (int)piece) : 0;
	if (len <= 0)
		return;
	if (garbled)
		bytes[len - 1] ^= 1;
	feed(wire, bytes, (size_t)len);
}

static void written(struct wire *wire)
{
	if (wire->later_len == 0 || wire->closed)
		return;
	buf_append(&wire->out, wire->later, wire->later_len);
	wire->later_len = 0;
	wire->base.callbacks->on_written(wire->base.owner, 0);
}

static void shake_hands(struct wire *wire, struct client *c, size_t piece)
{
	for (int turn = 0; turn < 4000 && !SSL_is_init_finished(c->ssl); turn++) {
		SSL_do_handshake(c->ssl);
		feed_from(wire, c, piece, false);
		written(wire);
		if (wire->out.len > 0)
			BIO_write(c->in, wire->out.data, (int)wire->out.len);
		buf_clear(&wire->out);
	}
	demand(SSL_is_init_finished(c->ssl), "a handshake comes to its end");
}

#endif
