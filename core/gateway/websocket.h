/* WebSocket (RFC 6455) as those above see it: one connection of either side, whole messages, a bounded queue to send. What
 * came by a listener stands on a byte stream of the gateway with wslay for the framing (ws_server.c); what was connected to
 * somebody else is libwebsockets' (ws_client.c, its only user). Compression is RFC 7692's.
 *
 * It never knows what a message means, nor who may connect. Called by host/ (as tappet.ws/1). Loop thread only. No callback
 * is made from inside of a call of the owner. */
#ifndef GATEWAY_WEBSOCKET_H
#define GATEWAY_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gateway/gateway.h"

struct websocket;
struct ws_client;

#define WEBSOCKET_REASON_MAX 123

/* How a connection, or an attempt, has ended; as tappet_ws_end, but that `error` is a negative errno: -EACCES (the server
 * answered 401 or 403), -ECONNREFUSED (another status, or no upgrade), -EIO (name, network, TLS), -ETIMEDOUT (no sign of
 * life), -EINVAL (it can never work); 0: it was closed. */
struct websocket_end {
	int code;
	const char *reason;
	size_t reason_len;
	int error;
	const char *detail; /* plain words, "" when there is nothing to say */
	int64_t retry_ms;   /* 0: there is no further attempt, and the struct websocket is gone when `closed` returns */
};

struct websocket_handler {
	void (*open)(void *arg); /* of those that were connected; may be NULL */
	void (*message)(void *arg, bool is_text, const char *bytes, size_t len);
	void (*drained)(void *arg); /* after -ENOBUFS: less than half of the queue is taken; may be NULL */
	void (*closed)(void *arg, const struct websocket_end *end);
};

struct websocket_limits {
	size_t message_max; /* bytes of a whole message, decompressed: closed with 1009 */
	size_t queue_max;   /* bytes that wait for the other side */
	int64_t ping_ms;    /* a quiet peer is asked for a sign of life after so long */
	int64_t timeout_ms; /* and cut when it gives none */
	bool compression;   /* permessage-deflate is agreed to, or offered */
};

struct websocket_part {
	const char *bytes;
	size_t len;
};

/* ---- the server's side ------------------------------------------------------------------------------------------- */

/* Whether the request asks for an upgrade to WebSocket, by version 13 and with a key. Otherwise *ret_status and
 * *ret_detail say what is to be answered (426 or 400). */
bool websocket_is_upgrade(const struct http_request *r, int *ret_status, const char **ret_detail);
/* The answer to what is no upgrade, with the headers that go with 426 (RFC 6455 section 4.4). */
void websocket_refuse(struct http_request *r, int status, const char *detail);
/* The best of `protocols` (NULL at the end, may be NULL) that the client names. *ret: NULL when it names none. False: it
 * names some, but none of these. */
bool websocket_choose_protocol(const struct http_request *r, const char *const *protocols, const char **ret);
/* Answers 101 and takes the connection over; the request is over, whatever comes of it. `protocol` (may be NULL) has to be
 * one that the client names; it is copied. -EPIPE: the client has left; -ENOMEM. `closed` is not called then. */
int websocket_accept(struct http_request *r, const char *protocol, const struct websocket_limits *limits,
		     const struct websocket_handler *handler, void *arg, struct websocket **ret);

/* ---- the client's side (ws_client.c) ----------------------------------------------------------------------------- */

struct ws_client_options {
	uv_loop_t *loop;
	struct metrics *metrics; /* may be NULL */
};

/* Nothing of libwebsockets is made before the first connection. */
int ws_client_open(const struct ws_client_options *options, struct ws_client **ret);
/* Cuts what is left; `closed(arg)` is called once, later, when the loop has nothing of it any more. */
void ws_client_close(struct ws_client *c, void (*closed)(void *arg), void *arg);

struct websocket_connect {
	const char *url;              /* ws:// or wss:// */
	const char *const *protocols; /* offered; NULL at the end; may be NULL */
	const struct http_header_field *headers;
	size_t header_count;
	const char *ca_file; /* PEM; NULL: whom the system trusts */
	const char *proxy;   /* http://[user:password@]host:port; NULL: none */
	struct websocket_limits limits;
	int64_t connect_timeout_ms;         /* of one attempt */
	int64_t retry_min_ms, retry_max_ms; /* 0: one attempt only */
};

/* Everything is copied. -EINVAL (no address, no proxy, a header that the handshake makes itself), -ENOMEM. */
int websocket_connect(struct ws_client *c, const struct websocket_connect *options,
		      const struct websocket_handler *handler, void *arg, struct websocket **ret);

/* ---- both -------------------------------------------------------------------------------------------------------- */

/* Queues one message of all parts. -ENOBUFS (the queue is full, `drained` will follow), -EPIPE (closing, or not connected
 * now), -EMSGSIZE (larger than the whole queue), -ENOMEM. */
int websocket_send(struct websocket *w, bool is_text, const struct websocket_part *parts, size_t part_count);
size_t websocket_queued(const struct websocket *w);
/* No message is handed over while it is paused; the peer is held up by TCP. */
void websocket_pause(struct websocket *w, bool paused);
/* What is queued goes out, then code and reason; `closed` follows when the peer has answered, or after a while. Ends the
 * attempts of a client. A second call changes nothing. */
void websocket_close(struct websocket *w, int code, const char *reason, size_t reason_len);
/* Cuts it: `closed` follows at a later turn, with 1006. */
void websocket_drop(struct websocket *w);
const char *websocket_protocol(const struct websocket *w); /* NULL: none was agreed on */
const char *websocket_remote(const struct websocket *w);   /* address of the client, or host:port of the server */

/* What stands behind a struct websocket: the first member of each side's own. Only for ws_server.c and ws_client.c. */
struct websocket_ops {
	int (*send)(struct websocket *w, bool is_text, const struct websocket_part *parts, size_t part_count);
	size_t (*queued)(const struct websocket *w);
	void (*pause)(struct websocket *w, bool paused);
	void (*close)(struct websocket *w, int code, const char *reason, size_t reason_len);
	void (*drop)(struct websocket *w);
	const char *(*protocol)(const struct websocket *w);
	const char *(*remote)(const struct websocket *w);
};

struct websocket {
	const struct websocket_ops *ops;
};

/* Whether an endpoint may send this code: section 7.4, and those that were registered later (1012 to 1014). */
bool websocket_code_may_be_sent(int code);
/* Whether all of it is UTF-8. */
bool websocket_is_text(const char *text, size_t len);
/* The length of all parts; false when it is more than `max`. */
bool websocket_length(const struct websocket_part *parts, size_t count, size_t max, size_t *ret);

#endif
