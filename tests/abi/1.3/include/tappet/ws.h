/* SPDX-License-Identifier: MIT
 *
 * Capability "tappet.ws/1": WebSocket (RFC 6455), as a server on the daemon's listeners and as a client. A plugin sees
 * whole messages and decides who may connect; framing, pings, close codes, compression and limits are the host's. See
 * tappet/plugin.h for the rules that hold for all functions (thread, memory, errors). ABI 1.3. */
#ifndef TAPPET_WS_H
#define TAPPET_WS_H

#include "tappet/http.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The name for `needs` and `capability`. */
#define TAPPET_WS_1 "tappet.ws/1"

/* A place where clients may connect; valid until `endpoint_remove`. */
typedef struct tappet_ws_endpoint tappet_ws_endpoint;

/* One connection, of either side. It is valid from `accept` or `connect` until the `closed` returns that says that there
 * will be no further attempt. */
typedef struct tappet_ws tappet_ws;

/* The kind of a message (RFC 6455 section 5.6). */
enum {
	TAPPET_WS_TEXT = 1,  /* UTF-8; the host has checked it */
	TAPPET_WS_BINARY = 2 /* any bytes */
};

/* Codes of section 7.4.1 of RFC 6455 that plugins have use for; 3000 to 4999 are free to use. */
enum {
	TAPPET_WS_NORMAL = 1000,      /* what the connection was for is done */
	TAPPET_WS_GOING_AWAY = 1001,  /* the server stops, or the page is left */
	TAPPET_WS_PROTOCOL = 1002,    /* framing that is none */
	TAPPET_WS_UNSUPPORTED = 1003, /* a kind of message that is not taken */
	TAPPET_WS_NO_CODE = 1005,     /* only in tappet_ws_end: the peer closed and gave none */
	TAPPET_WS_BROKEN = 1006,      /* only in tappet_ws_end: cut, or it never came about */
	TAPPET_WS_BAD_TEXT = 1007,    /* text that is not UTF-8 */
	TAPPET_WS_POLICY = 1008,      /* not allowed */
	TAPPET_WS_TOO_BIG = 1009,     /* a message beyond the limit */
	TAPPET_WS_FAILED = 1011,      /* the server met something that it cannot do */
	TAPPET_WS_TRY_LATER = 1013    /* too much at the moment */
};

/* How a connection, or an attempt to connect, has ended. It is valid until the callback returns. */
typedef struct tappet_ws_end {
	size_t struct_size;
	int32_t code;      /* the peer's, or the one that the host or `close` gave: TAPPET_WS_* or another */
	tappet_str reason; /* the text that came with it, at most 123 bytes; may be empty */
	/* Of a connection that `connect` made, when it broke or did not come about: TAPPET_EDENIED (the server answered
	 * 401 or 403), TAPPET_EREFUSED (another status, or no upgrade), TAPPET_EIO (name, network, TLS), TAPPET_EGONE (the
	 * peer answers no more pings), TAPPET_EINVAL (the address or the CA file can never work). 0: it was closed. */
	int32_t error;
	tappet_str detail; /* what went wrong in plain words, for the log and for health; may be empty */
	int64_t retry_ms;  /* the host tries again after so many milliseconds; 0: it does not, the handle is gone */
} tappet_ws_end;

/* What a plugin wants to hear of a connection. It is copied. `arg` is that of `accept` or `connect`. */
typedef struct tappet_ws_handler {
	size_t struct_size;
	/* (optional) Messages may be sent: of a connection that `connect` made, each time that it has come about. Of an
	 * accepted one it does not fire: it may send from `accept` on. */
	void (*open)(void *arg, tappet_ws *ws);
	/* A whole message: `kind` is TAPPET_WS_TEXT or TAPPET_WS_BINARY, `bytes` is valid until it returns. */
	void (*message)(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes);
	/* (optional) After a `send` that was refused with TAPPET_EBUSY: less than half of the queue is taken again. */
	void (*drained)(void *arg, tappet_ws *ws);
	/* The connection, or the attempt, is over. With end->retry_ms == 0 it fires exactly once, for the last time, and
	 * the handle is gone when it returns. Never from inside of a function of this table. */
	void (*closed)(void *arg, tappet_ws *ws, const tappet_ws_end *end);
} tappet_ws_handler;

/* A place where clients may connect, for `endpoint_add`. It is copied. */
typedef struct tappet_ws_endpoint_options {
	size_t struct_size;
	const char *pattern; /* as that of `route_add`: "/action" or "/feed/{name}" */
	int32_t surface;     /* TAPPET_SURFACE_*: which listeners serve it */
	/* Subprotocols (RFC 6455 section 1.9), NULL at the end, the best first; NULL: none. A client that names some, but
	 * none of these, is answered 400. One that names none gets none. */
	const char *const *protocols;
	/* Values of Origin that are taken, NULL at the end; "*": any. A browser page from another site must not use what
	 * its visitor may: NULL means the site of the daemon itself (Host, publicUrl). Clients that send none are taken. */
	const char *const *origins;
	uint64_t message_max;   /* bytes of a whole message, decompressed; 0: 1 MiB. Beyond: closed with 1009 */
	uint64_t queue_max;     /* bytes that may wait for one slow reader; 0: 1 MiB */
	int64_t ping_ms;        /* a quiet client is asked for a sign of life after so long; 0: 30 s */
	int64_t timeout_ms;     /* and cut when it gives none for so long; 0: 10 s */
	int32_t no_compression; /* not 0: permessage-deflate (RFC 7692) is not agreed to */
} tappet_ws_endpoint_options;

/* Where to connect to, for `connect`. It is copied. */
typedef struct tappet_ws_connect_options {
	size_t struct_size;
	const char *url;                   /* ws://host[:port]/path?query or wss:// */
	const char *const *protocols;      /* subprotocols to offer, NULL at the end; NULL: none */
	const tappet_http_header *headers; /* of the request, such as Authorization; at most 64 */
	size_t header_count;               /* how many */
	const char *ca_file;  /* PEM: who may have signed the server's certificate; NULL: whom the system trusts */
	const char *proxy;    /* "http://[user:password@]host:port": by CONNECT; NULL: none */
	uint64_t message_max; /* bytes of a whole message; 0: 1 MiB */
	uint64_t queue_max;   /* bytes that may wait to be sent; 0: 1 MiB */
	int64_t connect_timeout_ms; /* for one attempt, from the name to the upgrade; 0: 20 s */
	int64_t ping_ms;            /* a quiet server is asked for a sign of life after so long; 0: 30 s */
	int64_t timeout_ms;         /* and given up when it gives none for so long; 0: 10 s */
	/* After an end, attempts follow with a pause that doubles from retry_min_ms to retry_max_ms, each with jitter (from
	 * half of it to all of it), until `close`. A connection that held for as long as the next pause begins anew. 0: no
	 * further attempt. */
	int64_t retry_min_ms, retry_max_ms;
	int32_t no_compression; /* not 0: permessage-deflate (RFC 7692) is not offered */
} tappet_ws_connect_options;

/* The functions of the capability. */
typedef struct tappet_ws1 {
	size_t struct_size;
	/* Serves upgrades at a pattern. `cb` fires for each that is well-formed, between `start` and `stop`, with a
	 * request to read by tappet.http/1. It is answered exactly once, at once or later: by `accept`, or turned down by
	 * `respond` or `problem`. What is no upgrade is answered 426 by the host, and 403 a foreign Origin. *ret is valid
	 * until endpoint_remove. Errors: TAPPET_EEXIST (the pattern is taken), TAPPET_EINVAL, TAPPET_ESTATE,
	 * TAPPET_ENOMEM. */
	int32_t (*endpoint_add)(tappet_instance *self, const tappet_ws_endpoint_options *options, tappet_http_cb cb,
				void *arg, tappet_ws_endpoint **ret);
	/* No further upgrade comes; connections that are there stay. The handle is gone. NULL is allowed. */
	void (*endpoint_remove)(tappet_ws_endpoint *endpoint);
	/* Takes an upgrade: the request is over, *ret stands for the connection. Messages may be sent at once; those of the
	 * client come later, never from inside. Errors: TAPPET_EGONE (the client has left; the request is over, `closed`
	 * never fires), TAPPET_EINVAL (no upgrade, no `message` or `closed`; the request stays), TAPPET_ENOMEM (the
	 * request is over). */
	int32_t (*accept)(tappet_request *request, const tappet_ws_handler *handler, void *arg, tappet_ws **ret);
	/* Begins to connect; `open` or `closed` fires later, never from inside. *ret is valid as said at tappet_ws.
	 * Errors: TAPPET_EINVAL (no address, no proxy, a header that is the host's, no `message` or `closed`),
	 * TAPPET_ESTATE, TAPPET_ENOTSUP (this host makes no connections), TAPPET_ENOMEM. */
	int32_t (*connect)(tappet_instance *self, const tappet_ws_connect_options *options,
			   const tappet_ws_handler *handler, void *arg, tappet_ws **ret);
	/* Queues one message, made of parts in their order. Nothing is kept of them. Errors: TAPPET_EBUSY (the queue is
	 * full, nothing was taken; `drained` will fire), TAPPET_EGONE (closing, or not connected now), TAPPET_ETOOBIG
	 * (larger than the whole queue), TAPPET_EINVAL (kind, or more than 16 parts). Whether a text is UTF-8 is the plugin's to see to. */
	int32_t (*send)(tappet_ws *ws, int32_t kind, const tappet_str *parts, size_t part_count);
	/* How many bytes wait for the peer, in the host; what the system has taken is not among them. */
	uint64_t (*queued)(tappet_ws *ws);
	/* Not 0: no further message is handed over until it is called with 0; the peer is held up by TCP. Pings are then
	 * not answered either, and it is not cut for giving no sign of life. */
	void (*pause)(tappet_ws *ws, int32_t paused);
	/* Closes: what is queued goes out first, then the code and the reason (at most 123 bytes of UTF-8; may be empty).
	 * No further message comes; `closed` fires, when the peer has answered or a few seconds have passed. Also ends
	 * the attempts of `connect`. A second call changes nothing. Errors: TAPPET_EINVAL (a code that may not be
	 * sent, a long reason); it is closed all the same, with 1000. */
	int32_t (*close)(tappet_ws *ws, int32_t code, tappet_str reason);
	/* The subprotocol that was agreed on; ptr == NULL: none. Valid as long as the handle. */
	tappet_str (*protocol)(tappet_ws *ws);
	/* The address of the client as `remote` of tappet.http/1, or host:port of the server that was connected to. Valid as
	 * long as the handle. */
	tappet_str (*remote)(tappet_ws *ws);
} tappet_ws1;

#ifdef __cplusplus
}
#endif
#endif
