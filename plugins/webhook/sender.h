/* What a sender of webhooks does, for `tappet webhook test`: the same code that the plugin checks with, with a secret that
 * the caller has. It knows nothing of the daemon. */
#ifndef WEBHOOK_SENDER_H
#define WEBHOOK_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SENDER_ERROR_MAX 400

struct sender_request {
	const char *method;
	const char *url;        /* as the receiver knows it: publicUrl, path and query; "" when it has none */
	const char *path_query; /* path and query alone, as they are sent */
	const char *body;
	size_t body_len;
	int64_t now_ms; /* wall clock */
};

/* Hands over the headers for this request; a secret that goes into the query comes with the name "?KEY". `options` is the
 * JSON of a trigger's `signature`, with the secret itself (or an Ed25519 private key) where a reference stands there. False:
 * `error` says why, in plain words without the secret. */
bool sender_sign(const char *options, const struct sender_request *request,
		 void (*add)(void *arg, const char *name, const char *value), void *arg,
		 char error[static SENDER_ERROR_MAX]);
/* "Basic ..." (RFC 7617), to be freed; NULL: no memory. */
char *sender_basic(const char *user, const char *password);

#endif
