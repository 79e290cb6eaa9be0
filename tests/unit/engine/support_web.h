/* A small server of HTTP on loopback that behaves well or badly, by the path that it is asked for; with TLS when it has a
 * certificate. Each connection has a thread and takes one request.
 *
 *   /echo           the request itself, as text
 *   /json           {"a":{"b":5}} with two fields X-Thing
 *   /status/N       this status, "sorry" in two lines
 *   /hang           nothing, until the server stops
 *   /huge           a body without an end
 *   /heads          header fields without an end
 *   /loop           302 to itself
 *   /to?URL         302 to URL;  /other?URL: 303;  /keep?URL: 307
 *   /garbage        no HTTP
 *   /early          closes in the middle of the body
 *   /close          closes at once */
#ifndef SUPPORT_WEB_H
#define SUPPORT_WEB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define WEB_CONNECTIONS 64

struct web {
	int fd, stop[2];
	unsigned port;
	void *tls; /* SSL_CTX, or NULL */
	pthread_t thread, threads[WEB_CONNECTIONS];
	int sockets[WEB_CONNECTIONS];
	size_t count;
	atomic_uint hits, hanging;
	char first[8192]; /* the first request; after web_stop */
};

/* ca_path: where its certificate is written, which makes it a server of TLS. NULL: a plain one. */
void web_start(struct web *w, const char *ca_path);
void web_stop(struct web *w);

#endif
