/* TLS as a stream that owns another one. OpenSSL reads from and writes to a BIO of ours: what has just come, and a
 * buffer of what is to go out, so that nothing is kept for a connection that is idle.
 *
 *   opening --handshake complete--> open --close_notify, or broken--> ended
 *      \--no TLS, or none that we take--> deaf: the client has been told; what it still sends is thrown away until it
 *                                         ends or its time is up, since a reset would take from it what it was told */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "gateway/tls_internal.h"

/* Of plain text that is encrypted at once. */
#define CHUNK ((size_t)64 << 10)
/* Above a chunk with all that TLS puts around it. */
#define OUT_MAX ((size_t)256 << 10)
#define RECORD_MAX 16384
#define SUBJECT_MAX 4096

struct tls_stream {
	struct stream base;
	struct stream *inner;
	struct tls_link link;
	SSL *ssl;
	const char *in; /* what SSL is to read now */
	size_t in_len;
	struct buf held;         /* what came while the owner did not want any more */
	struct buf out, sending; /* encrypted: gathered; with `inner` */
	const char *plain;       /* of the owner's write: not encrypted yet */
	size_t plain_len;
	size_t ahead; /* of the next bytes to be written: encrypted already, while try_write could not take them */
	struct buf subject;
	bool reading, ended, deaf, closing;
	bool busy;    /* `inner` writes */
	bool writing; /* the owner waits for on_written */
	bool shutting, shut;
};

static struct tls_stream *from_base(const struct stream *s)
{
	return list_entry(s, struct tls_stream, base);
}

/* ---- the BIO --------------------------------------------------------------------------------------------------- */

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_len)
{
	struct tls_stream *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (t->in_len == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	*ret_len = size < t->in_len ? size : t->in_len;
	memcpy(to, t->in, *ret_len);
	t->in += *ret_len;
	t->in_len -= *ret_len;
	return 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len)
{
	struct tls_stream *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	*ret_len = len;
	return buf_append(&t->out, bytes, len) == 0;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_make(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (method && BIO_meth_set_read_ex(method, bio_read) == 1 && BIO_meth_set_write_ex(method, bio_write) == 1 &&
	    BIO_meth_set_ctrl(method, bio_control) == 1)
		return method;
	BIO_meth_free(method);
	return NULL;
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static void shut_when_out(struct tls_stream *t)
{
	if (!t->shutting || t->shut || t->busy || t->out.len > 0)
		return;
	t->shut = true;
	/* A failure shows itself as the end of reading. */
	(void)t->inner->ops->shutdown(t->inner);
}

/* Leaves what is gathered to `inner`, but for the first bytes that it has taken already. */
static int push(struct tls_stream *t, size_t taken)
{
	t->sending = t->out;
	buf_init(&t->out, OUT_MAX);
	t->busy = true;
	return t->inner->ops->write(t->inner, buf_cstr(&t->sending) + taken, t->sending.len - taken);
}

/* Writes what is gathered, as far as that goes at once; the rest is with `inner`. */
static int flush(struct tls_stream *t)
{
	if (buf_error(&t->out) < 0)
		return buf_error(&t->out);
	if (t->shut)
		buf_release(&t->out); /* an alert about what still comes */
	if (t->busy || t->out.len == 0)
		return 0;
	ssize_t taken = t->inner->ops->try_write(t->inner, t->out.data, t->out.len);
	if (taken < 0)
		return (int)taken;
	if ((size_t)taken < t->out.len)
		return push(t, (size_t)taken);
	buf_release(&t->out);
	shut_when_out(t);
	return 0;
}

/* How many bytes of plain text are in `out` now. */
static ssize_t encrypt(struct tls_stream *t, const char *bytes, size_t len)
{
	size_t part = len < CHUNK ? len : CHUNK;
	ERR_clear_error();
	/* Without SSL_MODE_ENABLE_PARTIAL_WRITE, and as the BIO takes all: everything or an error. */
	if (SSL_write(t->ssl, bytes, (int)part) <= 0)
		return -EPROTO;
	return (ssize_t)part;
}

/* The next part of the owner's write, by `inner`'s write, so that its end is told at a later turn. */
static int go_on(struct tls_stream *t)
{
	ssize_t part = t->plain_len > 0 ? encrypt(t, t->plain, t->plain_len) : 0;
	if (part < 0)
		return (int)part;
	t->plain += part;
	t->plain_len -= (size_t)part;
	return push(t, 0);
}

static ssize_t tls_try_write(struct stream *base, const void *bytes, size_t len)
{
	struct tls_stream *t = from_base(base);
	size_t taken = 0;
	if (base->opening)
		return 0;
	while (taken < len && !t->busy) {
		ssize_t part = t->ahead > 0 ? (ssize_t)t->ahead : encrypt(t, (const char *)bytes + taken, len - taken);
		int r = part < 0 ? (int)part : flush(t);
		if (r < 0)
			return r;
		t->ahead = t->busy ? (size_t)part : 0;
		if (!t->busy)
			taken += (size_t)part;
	}
	return (ssize_t)taken;
}

static int tls_write(struct stream *base, const void *bytes, size_t len)
{
	struct tls_stream *t = from_base(base);
	t->writing = true;
	t->plain = (const char *)bytes + t->ahead;
	t->plain_len = len - t->ahead;
	t->ahead = 0;
	return base->opening || t->busy ? 0 : go_on(t);
}

static size_t tls_unsent(const struct stream *base)
{
	const struct tls_stream *t = from_base(base);
	return t->plain_len + t->out.len + (t->busy ? t->inner->ops->unsent(t->inner) : 0);
}

/* close_notify goes before the end of the socket's stream: without it the client could not tell an end from a cut. */
static int tls_shutdown(struct stream *base)
{
	struct tls_stream *t = from_base(base);
	t->shutting = true;
	ERR_clear_error();
	if (base->opening && !t->deaf) {
		/* It would write what must not be written any more. */
		metric_add(t->link.tls->aborted, 1);
		t->deaf = true;
	}
	if (!base->opening)
		(void)SSL_shutdown(t->ssl);
	int r = flush(t);
	shut_when_out(t);
	return r;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static void end(struct tls_stream *t, int error)
{
	if (t->ended || t->closing)
		return;
	t->ended = true;
	t->inner->ops->stop(t->inner);
	buf_release(&t->held);
	t->base.callbacks->on_end(t->base.owner, error);
}

static void say_plainly(struct tls_stream *t)
{
	static const char body[] = "This port speaks HTTPS: begin the address by https://\n";
	buf_printf(&t->out,
		   "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		   "Connection: close\r\n\r\n%s",
		   sizeof(body) - 1, body);
}

static void handshake_failed(struct tls_stream *t)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(error);
	int code = ERR_GET_REASON(error);
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && (code == SSL_R_HTTP_REQUEST || code == SSL_R_HTTPS_PROXY_REQUEST))
		say_plainly(t);
	metric_add(t->link.tls->failed, 1);
	log_debug("TLS handshake failed", log_str("reason", reason ? reason : "unknown"), LOG_END);
	t->deaf = true;
	if (tls_shutdown(&t->base) < 0)
		end(t, -EPIPE);
}

/* Who the client is, when it has shown a certificate: OpenSSL has verified it, or there would be no handshake. */
static int note_subject(struct tls_stream *t)
{
	X509 *leaf = SSL_get0_peer_certificate(t->ssl);
	if (!leaf || SSL_get_verify_result(t->ssl) != X509_V_OK)
		return 0;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(leaf), 0, XN_FLAG_RFC2253) < 0) {
		BIO_free(bio);
		return -ENOMEM;
	}
	long len = BIO_get_mem_data(bio, &text);
	int r = buf_append(&t->subject, text, len > 0 ? (size_t)len : 0);
	BIO_free(bio);
	t->base.client_subject = buf_cstr(&t->subject);
	return r;
}

static void handshake_done(struct tls_stream *t)
{
	int r = note_subject(t);
	metric_add(SSL_session_reused(t->ssl) ? t->link.tls->resumed : t->link.tls->full, 1);
	t->base.opening = false;
	if (r == 0)
		r = flush(t);
	if (r == 0 && t->writing && !t->busy)
		r = go_on(t);
	if (r < 0)
		end(t, r);
}

static void shake_hands(struct tls_stream *t)
{
	ERR_clear_error();
	int r = SSL_accept(t->ssl);
	if (r == 1) {
		handshake_done(t);
		return;
	}
	if (SSL_get_error(t->ssl, r) != SSL_ERROR_WANT_READ) {
		handshake_failed(t);
		return;
	}
	r = flush(t);
	if (r < 0)
		end(t, r);
}

/* Nothing came of reading: more is needed, or it is over. */
static void look_why(struct tls_stream *t, int result)
{
	int why = SSL_get_error(t->ssl, result);
	/* An answer to what TLS itself asks, or the last alert. */
	int r = flush(t);
	if (why == SSL_ERROR_ZERO_RETURN)
		end(t, 0);
	else if (r < 0 || why != SSL_ERROR_WANT_READ)
		end(t, r < 0 ? r : -EPROTO);
}

static void decrypt(struct tls_stream *t)
{
	char plain[RECORD_MAX];
	int len = 1;
	while (len > 0 && t->reading && !t->ended && !t->closing) {
		ERR_clear_error();
		len = SSL_read(t->ssl, plain, sizeof(plain));
		if (len > 0)
			t->base.callbacks->on_read(t->base.owner, plain, (size_t)len);
		else
			look_why(t, len);
	}
}

/* Uses the bytes as far as the owner wants what is in them. */
static void take(struct tls_stream *t, const char *bytes, size_t len)
{
	t->in = bytes;
	t->in_len = len;
	if (t->base.opening)
		shake_hands(t);
	if (!t->base.opening)
		decrypt(t);
	if (t->in_len > 0 && !t->ended && !t->closing && !t->deaf && buf_append(&t->held, t->in, t->in_len) < 0)
		end(t, -ENOMEM);
	t->in_len = 0;
}

static int tls_start(struct stream *base)
{
	struct tls_stream *t = from_base(base);
	t->reading = true;
	if (t->held.len > 0) {
		struct buf held = t->held;
		buf_init(&t->held, held.max);
		take(t, held.data, held.len);
		buf_release(&held);
	}
	return t->reading && !t->ended && !t->closing ? t->inner->ops->start(t->inner) : 0;
}

static void tls_stop(struct stream *base)
{
	struct tls_stream *t = from_base(base);
	t->reading = false;
	t->inner->ops->stop(t->inner);
}

/* ---- what the inner stream tells ------------------------------------------------------------------------------- */

static void on_read(void *owner, const char *bytes, size_t len)
{
	struct tls_stream *t = owner;
	if (!t->ended && !t->closing && !t->deaf)
		take(t, bytes, len);
}

static void on_end(void *owner, int error)
{
	struct tls_stream *t = owner;
	/* Without close_notify it may be anybody who has cut it. */
	end(t, error < 0 ? error : -ECONNRESET);
}

static void tell_written(struct tls_stream *t, int error)
{
	if (t->writing) {
		t->writing = false;
		t->base.callbacks->on_written(t->base.owner, error);
	} else if (error < 0) {
		end(t, error);
	}
}

static void on_written(void *owner, int error)
{
	struct tls_stream *t = owner;
	t->busy = false;
	buf_release(&t->sending);
	if (t->closing)
		return;
	if (error == 0)
		error = t->plain_len > 0 && !t->base.opening ? go_on(t) : flush(t);
	shut_when_out(t);
	if (error < 0 || (!t->busy && t->plain_len == 0))
		tell_written(t, error);
}

static void on_closed(void *owner)
{
	struct tls_stream *t = owner;
	SSL_free(t->ssl);
	tls_identity_unref(t->link.identity);
	buf_release(&t->held);
	buf_release(&t->out);
	buf_release(&t->sending);
	if (t->base.callbacks)
		t->base.callbacks->on_closed(t->base.owner);
	buf_release(&t->subject);
	free(t);
}

static const struct stream_callbacks inner_callbacks = {
	.on_read = on_read,
	.on_end = on_end,
	.on_written = on_written,
	.on_closed = on_closed,
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void tls_close(struct stream *base)
{
	struct tls_stream *t = from_base(base);
	if (base->opening && !t->deaf)
		metric_add(t->link.tls->aborted, 1);
	t->closing = true;
	t->inner->ops->close(t->inner);
}

static const struct stream_ops tls_ops = {
	.start = tls_start,
	.stop = tls_stop,
	.try_write = tls_try_write,
	.write = tls_write,
	.unsent = tls_unsent,
	.shutdown = tls_shutdown,
	.close = tls_close,
};

static SSL *make_ssl(struct tls_stream *t)
{
	SSL *ssl = SSL_new(t->link.identity->ctx);
	BIO *bio = ssl ? BIO_new(t->link.tls->bio) : NULL;
	if (!bio) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, &t->link);
	return ssl;
}

int tls_stream_open(struct tls *tls, struct stream *inner, struct stream **ret)
{
	struct tls_stream *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->base = (struct stream){.ops = &tls_ops, .secure = true, .opening = true};
	t->link = (struct tls_link){tls, tls->identity};
	t->ssl = make_ssl(t);
	if (!t->ssl) {
		ERR_clear_error();
		free(t);
		return -ENOMEM;
	}
	tls->identity->refs++;
	t->inner = inner;
	inner->callbacks = &inner_callbacks;
	inner->owner = t;
	/* A read brings no more than the loop's buffer, and none comes while something is held. */
	buf_init(&t->held, (size_t)1 << 20);
	buf_init(&t->out, OUT_MAX);
	buf_init(&t->sending, OUT_MAX);
	buf_init(&t->subject, SUBJECT_MAX);
	*ret = &t->base;
	return 0;
}
