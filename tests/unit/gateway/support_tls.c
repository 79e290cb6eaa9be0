#include "support_tls.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- the wire -------------------------------------------------------------------------------------------------- */

static struct wire *wire_of(const struct stream *s)
{
	return (struct wire *)(uintptr_t)s;
}

static int wire_start(struct stream *s)
{
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
	assert_false(w->shut || w->closed);
	assert_int_equal(w->later_len, 0);
	size_t taken = len < w->window ? len : w->window;
	buf_append(&w->out, bytes, taken);
	return (ssize_t)taken;
}

static int wire_write(struct stream *s, const void *bytes, size_t len)
{
	struct wire *w = wire_of(s);
	assert_false(w->shut || w->closed);
	assert_int_equal(w->later_len, 0);
	assert_true(len > 0);
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
	struct wire *w = wire_of(s);
	assert_false(w->shut);
	assert_int_equal(w->later_len, 0);
	w->shut = true;
	return 0;
}

static void wire_note_close(struct stream *s)
{
	assert_false(wire_of(s)->closed);
	wire_of(s)->closed = true;
}

static const struct stream_ops wire_ops = {
	.start = wire_start,
	.stop = wire_stop,
	.try_write = wire_try_write,
	.write = wire_write,
	.unsent = wire_unsent,
	.shutdown = wire_shutdown,
	.close = wire_note_close,
};

void wire_open(struct wire *w)
{
	*w = (struct wire){.base.ops = &wire_ops, .window = SIZE_MAX};
	buf_init(&w->out, (size_t)64 << 20);
}

void wire_written(struct wire *w)
{
	if (w->later_len == 0)
		return;
	buf_append(&w->out, w->later, w->later_len);
	w->later_len = 0;
	w->base.callbacks->on_written(w->base.owner, 0);
}

void wire_deliver(struct wire *w, struct tls_client *c)
{
	if (w->out.len > 0)
		assert_int_equal(BIO_write(c->in, w->out.data, (int)w->out.len), (int)w->out.len);
	buf_clear(&w->out);
}

void wire_feed(struct wire *w, struct tls_client *c, size_t piece)
{
	while (w->reading && !w->closed) {
		/* As from a socket: the bytes do not live on. */
		char *bytes = malloc(piece);
		assert_non_null(bytes);
		int len = BIO_read(c->out, bytes, (int)piece);
		if (len > 0)
			w->base.callbacks->on_read(w->base.owner, bytes, (size_t)len);
		free(bytes);
		if (len <= 0)
			return;
	}
}

void wire_handshake(struct wire *w, struct tls_client *c, size_t piece)
{
	for (int turn = 0; turn < 20; turn++) {
		int r = SSL_do_handshake(c->ssl);
		assert_true(r == 1 || SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ);
		wire_feed(w, c, piece);
		wire_written(w);
		wire_deliver(w, c);
	}
	assert_true(SSL_is_init_finished(c->ssl));
}

void wire_close(struct wire *w, struct stream *tls)
{
	if (!w->closed)
		tls->ops->close(tls);
	assert_true(w->closed);
	w->base.callbacks->on_closed(w->base.owner);
	buf_release(&w->out);
}

/* ---- the owner ------------------------------------------------------------------------------------------------- */

static void owner_read(void *arg, const char *bytes, size_t len)
{
	struct owner *o = arg;
	assert_int_equal(o->ends, 0);
	assert_true(len > 0);
	o->reads++;
	assert_int_equal(buf_append(&o->in, bytes, len), 0);
	if (o->stop_at_read)
		o->stop_at_read->ops->stop(o->stop_at_read);
}

static void owner_end(void *arg, int error)
{
	struct owner *o = arg;
	o->ends++;
	o->end_error = error;
}

static void owner_written(void *arg, int error)
{
	struct owner *o = arg;
	assert_int_equal(error, 0);
	o->written++;
}

static void owner_closed(void *arg)
{
	struct owner *o = arg;
	o->closed = true;
}

const struct stream_callbacks owner_callbacks = {
	.on_read = owner_read,
	.on_end = owner_end,
	.on_written = owner_written,
	.on_closed = owner_closed,
};

/* ---- certificates and clients ---------------------------------------------------------------------------------- */

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

struct certificate certificate_make(const char *name)
{
	struct certificate c = {.leaf = X509_new(), .chain = sk_X509_new_null(), .key = EVP_EC_gen("P-256")};
	char names[200];
	X509_NAME *subject = X509_get_subject_name(c.leaf);
	X509_set_version(c.leaf, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.leaf), 1);
	X509_gmtime_adj(X509_getm_notBefore(c.leaf), -60);
	X509_gmtime_adj(X509_getm_notAfter(c.leaf), 3600);
	X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Example, Inc", -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c.leaf, subject);
	X509_set_pubkey(c.leaf, c.key);
	snprintf(names, sizeof(names), "DNS:%s", name);
	add_extension(c.leaf, NID_subject_alt_name, names);
	assert_true(X509_sign(c.leaf, c.key, EVP_sha256()) > 0);
	return c;
}

void tls_setup(struct tls **ret, const struct certificate *server, const struct certificate *client_ca)
{
	struct tls_identity *identity;
	STACK_OF(X509) *authorities = client_ca ? sk_X509_new_null() : NULL;
	if (client_ca)
		sk_X509_push(authorities, client_ca->leaf);
	struct tls_identity_options options = {
		.certificates = server,
		.count = 1,
		.client_ca = authorities,
		.client_optional = true,
		.min_version = 12,
	};
	assert_int_equal(tls_identity_make(&options, &identity), 0);
	assert_int_equal(tls_open(NULL, ret), 0);
	tls_use(*ret, identity);
	sk_X509_free(authorities);
}

void tls_client_open(struct tls_client *c, const struct certificate *own)
{
	c->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(c->ctx);
	if (own)
		assert_int_equal(SSL_CTX_use_cert_and_key(c->ctx, own->leaf, own->key, NULL, 1), 1);
	c->ssl = SSL_new(c->ctx);
	c->in = BIO_new(BIO_s_mem());
	c->out = BIO_new(BIO_s_mem());
	SSL_set_bio(c->ssl, c->in, c->out);
	SSL_set_connect_state(c->ssl);
}

void tls_client_close(struct tls_client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
}

bool tls_client_read(struct tls_client *c, struct buf *into)
{
	char piece[16384];
	int len = SSL_read(c->ssl, piece, sizeof(piece));
	for (; len > 0; len = SSL_read(c->ssl, piece, sizeof(piece)))
		assert_int_equal(buf_append(into, piece, (size_t)len), 0);
	int why = SSL_get_error(c->ssl, len);
	assert_true(why == SSL_ERROR_WANT_READ || why == SSL_ERROR_ZERO_RETURN);
	return why == SSL_ERROR_WANT_READ;
}
