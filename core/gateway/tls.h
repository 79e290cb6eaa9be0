/* TLS 1.2 and 1.3 (OpenSSL) on a listener: its certificates, its rules for clients, and a stream that stands between a
 * socket's and the connection's. No cryptography of its own. Whose certificate a client has is told to handlers by
 * http_client_subject; what follows from that is theirs. Loop thread only, but for tls_identity_make. */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/certificate.h"
#include "base/metrics.h"
#include "gateway/stream.h"

/* The TLS of one listener. What it shows may be changed while connections are open; its keys of session tickets stay,
 * so that a new certificate does not cost all clients a full handshake. */
struct tls;
/* What a client is shown and asked for. Never changes. */
struct tls_identity;

struct tls_identity_options {
	const struct certificate
		*certificates;      /* the first is for clients that ask for no name, or for an unknown one */
	size_t count;               /* at least 1 */
	STACK_OF(X509) * client_ca; /* NULL: clients are not asked for certificates */
	bool client_optional;       /* a client without one is let in */
	unsigned min_version;       /* 12 or 13 */
};

/* Any thread. The certificates stay the caller's. 0, -ENOMEM, -EINVAL when OpenSSL refuses them. */
int tls_identity_make(const struct tls_identity_options *options, struct tls_identity **ret);
void tls_identity_unref(struct tls_identity *identity);

/* `metrics` may be NULL. */
int tls_open(struct metrics *metrics, struct tls **ret);
/* After the gateway is gone. */
void tls_free(struct tls *t);
/* New connections get this one; takes the reference over. Needed before the first connection. */
void tls_use(struct tls *t, struct tls_identity *identity);

/* Puts TLS over `inner`, which it owns from now on unless it fails. Before a handshake is complete nothing is read or
 * written for the owner, and the stream is `opening`: its owner's time-out ends a handshake that takes too long.
 * A client that ends without close_notify breaks the stream. */
int tls_stream_open(struct tls *t, struct stream *inner, struct stream **ret);

#endif
