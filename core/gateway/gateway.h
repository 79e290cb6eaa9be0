/* The gateway: listeners on TCP and UNIX sockets, HTTP/1.1 (RFC 9110, RFC 9112) by http-parser with the checks that it
 * leaves out, routes with path parameters, and answers at once or much later.
 *
 * It never knows what a request means, who may do what, or where a plugin is; it never blocks. Called by api/, host/
 * (as tappet.http/1) and daemon/, which ignores SIGPIPE. Loop thread only. Request handling above connection.c knows no
 * framing of HTTP/1.1, so that HTTP/2 can come later. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/metrics.h"

struct gateway;
struct listener;
struct tls;
struct route;
struct http_request;

struct cidr;

struct gateway_options {
	uv_loop_t *loop;
	struct metrics *metrics; /* may be NULL */
	size_t head_max;         /* bytes of request line and header fields: 431, 414 */
	size_t body_max;         /* bytes: 413 */
	size_t connections_max;  /* in all: further ones are answered 503 and closed */
	size_t memory_max;       /* bytes that all connections may hold together, beside a little for each: 503 */
	size_t connections_per_address_max; /* TCP */
	bool count_loopback; /* this machine is an address like others; else it has no limit of its own: a proxy may stand there */
	/* Proxies whose word about their clients counts. Stays the caller's, and has to outlive the gateway. */
	const struct cidr *trusted;
	size_t trusted_count;
	bool trust_unix;          /* whoever connects by a UNIX socket, but for the control socket */
	int64_t head_timeout_ms;  /* from the first byte to the end of the head: 408 */
	int64_t body_timeout_ms;  /* between two pieces of a body: 408 */
	int64_t idle_timeout_ms;  /* between requests: closed without a word */
	int64_t write_timeout_ms; /* a client that does not read its answer is cut */
};
/* Everything but loop and metrics at its default. */
void gateway_defaults(struct gateway_options *options);

int gateway_open(const struct gateway_options *options, struct gateway **ret);
/* Stops listening; answers to requests in flight still go out, idle connections are closed. */
void gateway_drain(struct gateway *g);
/* How many connections still have a request in flight or an answer to send: 0 after gateway_drain means that all is
 * out. */
size_t gateway_busy(const struct gateway *g);
/* Closes what is left. `closed(arg)` is called once, later; the gateway is freed then. Requests that were not answered
 * are told by the same rules as for a client that left, and their handlers' later answers are dropped. The gateway
 * waits for these answers, since handlers read from their requests until then. */
void gateway_close(struct gateway *g, void (*closed)(void *arg), void *arg);

/* Connections beyond the limit: those of the control socket, and those that are only told that there are too many. */
#define GATEWAY_BEYOND 192

struct listener_options {
	const char *address; /* "127.0.0.1:8080", "[::1]:0", "0.0.0.0:80", or a path with is_unix */
	bool is_unix;
	unsigned mode;     /* of the socket's file */
	const char *group; /* of the socket's file, or NULL */
	unsigned surfaces; /* bits; a route is served when it shares one */
	bool control;      /* requests on it say http_is_control */
	bool passed;       /* `fd` listens already, and somebody else made it: it is neither bound nor removed here */
	int fd;            /* not the caller's any more, whatever comes of it */
	struct tls *tls;   /* NULL: none. Stays the caller's, and has to outlive the gateway */
};
/* Listens. A stale UNIX socket file that nobody answers on is replaced. *ret_address (may be NULL; free()) is the
 * address as bound: with the real port, or unix:PATH. -EACCES: a control socket that was passed, and that more users may
 * open than `mode` says. */
int gateway_listen(struct gateway *g, const struct listener_options *options, char **ret_address);
/* Whether a socket that was passed to this process listens at the address of `options`. Port 0 is any port. */
bool gateway_fits(int fd, const struct listener_options *options);
/* Whether some listener serves one of these surfaces on an address that is not loopback or UNIX. */
bool gateway_is_public(const struct gateway *g, unsigned surfaces);

/* ---- Routes -------------------------------------------------------------------------------------------------- */

typedef void (*route_handler)(void *arg, struct http_request *request);

/* `methods`: "GET" or "GET,POST,DELETE"; HEAD comes with GET. `pattern`: literal segments, {name} for one segment,
 * {name...} for the rest at the end. Literals win over {name}, that over {name...}. Segments are compared after
 * percent-decoding. A path with routes, but none for the method: 405 with Allow; OPTIONS is answered with Allow where
 * no route takes it. -EEXIST, -EINVAL, -ENOMEM. */
int gateway_route(struct gateway *g, unsigned surfaces, const char *methods, const char *pattern, route_handler handler,
		  void *arg, struct route **ret);
/* Requests that are with the handler stay with it. */
void gateway_unroute(struct route *route);

/* ---- Requests ------------------------------------------------------------------------------------------------ */

/* A request is with its handler, complete with body, from the handler's call until http_respond, http_problem or
 * http_stream_end, exactly one of which must be called exactly once, at once or much later, whether or not the client
 * is still there. All that is read from it is valid until then. NUL-terminated texts; NULL when there is none. */
const char *http_method(const struct http_request *r);
const char *http_path(const struct http_request *r);  /* as sent, without query */
const char *http_query(const struct http_request *r); /* raw; "" when none */
/* Decoded; NULL when the key is not there. The first of several. */
const char *http_query_value(struct http_request *r, const char *key);
const char *http_param(const struct http_request *r, const char *name);
const char *http_header(const struct http_request *r, const char *name); /* the first of several */
bool http_header_at(const struct http_request *r, size_t index, const char **ret_name, const char **ret_value);
const char *http_body(const struct http_request *r, size_t *ret_len); /* NUL-terminated as well */
/* Address without port, or "unix". Of the client, also behind a trusted proxy. */
const char *http_remote(const struct http_request *r);
const char *http_scheme(const struct http_request *r); /* "http" or "https", as the client sees it likewise */
/* Subject of the certificate that the client was verified by, as RFC 2253 writes it; NULL: it has shown none. */
const char *http_client_subject(const struct http_request *r);
int64_t http_peer_uid(const struct http_request *r); /* of who connected by a UNIX socket; -1: not known */
bool http_is_control(const struct http_request *r);
/* Came by loopback or a UNIX socket, and no header shows that a proxy has passed it on. */
bool http_is_loopback(const struct http_request *r);
/* Where the other end of the connection is, whatever headers say. */
enum http_peer { HTTP_PEER_NETWORK, HTTP_PEER_LOOPBACK, HTTP_PEER_UNIX };
enum http_peer http_peer(const struct http_request *r);
/* `gone(arg)` is called when the client leaves before the answer is complete (the request still has to be answered). A
 * client that has closed only its sending side looks the same, so an answer given then is still sent if it can be. */
void http_on_gone(struct http_request *r, void (*gone)(void *arg), void *arg);

struct http_header_field {
	const char *name, *value;
	size_t value_len;
};

/* Content-Length, Date and Connection are the gateway's. 0, or -EPIPE when the client has left. */
int http_respond(struct http_request *r, int status, const struct http_header_field *headers, size_t header_count,
		 const void *body, size_t len);
/* With Content-Type: application/json. */
int http_respond_json(struct http_request *r, int status, const void *body, size_t len);
/* application/problem+json (RFC 9457): {"type":"tappet:TYPE","title":…,"status":…,"detail":…}. retry_after_s > 0 adds
 * Retry-After. */
int http_problem(struct http_request *r, int status, const char *type, const char *detail, int retry_after_s);

/* An answer of unknown length: chunked for HTTP/1.1, until close for 1.0; proxies are asked to pass it on piece by piece
 * and not to keep it. http_stream_write: -EPIPE when the client has left, -ENOBUFS when more than 1 MiB is waiting for
 * it (then wait until it has drained, or call http_stream_end). A client that takes nothing for write_timeout_ms is cut. */
int http_stream_begin(struct http_request *r, int status, const char *content_type);
int http_stream_write(struct http_request *r, const void *bytes, size_t len);
size_t http_stream_pending(const struct http_request *r);
/* `drained(arg)` is called once, later, when nothing waits for the client any more. Not after http_stream_end, nor when
 * the client has left. */
void http_on_drained(struct http_request *r, void (*drained)(void *arg), void *arg);
void http_stream_end(struct http_request *r);

const char *http_status_text(int status);

#endif
