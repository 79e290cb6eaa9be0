/* TLS without sockets: a stream whose other end is a client of OpenSSL in the same thread, and certificates that are
 * made on the spot. */
#ifndef SUPPORT_TLS_H
#define SUPPORT_TLS_H

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "gateway/tls.h"

/* The stream below TLS. The test is the loop: it says when what comes and what has gone. */
struct wire {
	struct stream base;
	size_t window; /* bytes that try_write takes */
	struct buf out;
	const char *later; /* of a write under way */
	size_t later_len;
	bool reading, shut, closed;
};

struct tls_client {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* from and to the server */
};

/* Who owns the TLS stream, and what it was told. */
struct owner {
	struct buf in;
	unsigned reads, ends, written;
	int end_error;
	bool closed;
	struct stream *stop_at_read; /* stopped in on_read */
};
extern const struct stream_callbacks owner_callbacks;

void wire_open(struct wire *w);
/* Ends the write under way, if there is one. */
void wire_written(struct wire *w);
/* What the server has written goes to the client. */
void wire_deliver(struct wire *w, struct tls_client *c);
/* What the client has written goes to the server, in pieces, while that reads. */
void wire_feed(struct wire *w, struct tls_client *c, size_t piece);
/* Until the handshake is complete on the client's side and nothing more is under way. */
void wire_handshake(struct wire *w, struct tls_client *c, size_t piece);
/* As the loop does it; frees what is left of it. */
void wire_close(struct wire *w, struct stream *tls);

/* Signed by itself. */
struct certificate certificate_make(const char *name);
void tls_setup(struct tls **ret, const struct certificate *server, const struct certificate *client_ca);
void tls_client_open(struct tls_client *c, const struct certificate *own);
void tls_client_close(struct tls_client *c);
/* What has come for the client, decrypted; appends. False: close_notify. */
bool tls_client_read(struct tls_client *c, struct buf *into);

#endif
