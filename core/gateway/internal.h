/* What the files of the gateway share. Who owns what:
 * - the gateway owns listeners, connections, the router and the pools;
 * - a connection owns the requests in its queue, in the order in which they came, until their answers went into its
 *   output;
 * - a request that is with a handler outlives its connection: `connection` is NULL then, and the answer frees it. A
 *   connection that was closed stays allocated until its stream has told so, at a later turn of the loop: callers
 *   deeper in the stack may still look at its `state`. */
#ifndef GATEWAY_INTERNAL_H
#define GATEWAY_INTERNAL_H

#include "base/buf.h"
#include "base/cidr.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/chunk.h"
#include "gateway/gateway.h"
#include "gateway/router.h"
#include "gateway/stream.h"

#define REQUESTS_PER_CONNECTION_MAX 64
#define HEADERS_MAX 100
/* http-parser's own limit (HTTP_MAX_HEADER_SIZE) is above this. */
#define HEAD_LIMIT ((size_t)64 << 10)
#define REMOTE_SIZE 48
/* Of one connection in one turn of the loop; what is behind them waits for the next turn. */
#define REQUESTS_PER_TURN 4
/* When a turn has taken this long, each gets one request only, and what is held back waits. */
#define TURN_MS 5
/* No further request of a connection is taken while this much waits for its client. */
#define OUTPUT_HIGH ((size_t)1 << 20)
#define OUTPUT_MAX ((size_t)512 << 20)
#define READ_SIZE ((size_t)64 << 10)
/* Blocks up to this size are kept for the next request. */
#define KEEP_SIZE ((size_t)8 << 10)
#define KEEP_REQUESTS 256
#define KEEP_BUFFERS 64
#define KEEP_BUFFER_SIZE ((size_t)64 << 10)
/* The same while the gateway is full, and how much of a body is taken then. */
#define OUTPUT_LOW ((size_t)64 << 10)
#define BODY_LOW ((size_t)16 << 10)
/* Connections to the control socket beyond the limit. */
#define CONTROL_RESERVE 64
/* How long a client whose connection ends may go on sending, so that it can read the last answer before the reset. */
#define LINGER_MS 2000
/* Connections that are only told that there are too many. */
#define REFUSED_MAX 128
_Static_assert(CONTROL_RESERVE + REFUSED_MAX == GATEWAY_BEYOND, "the daemon keeps descriptors for them");

/* ---- requests -------------------------------------------------------------------------------------------------- */

enum request_state {
	REQUEST_RECEIVING,
	REQUEST_HANDLED,   /* with its handler */
	REQUEST_STREAMING, /* the answer has begun */
	REQUEST_ANSWERED,
};

struct field {
	uint32_t name, name_len, value, value_len; /* in the head */
};

struct query_pair {
	const char *key, *value;
};

struct http_request {
	struct list link; /* in the connection's queue */
	struct gateway *gateway;
	struct connection *connection; /* NULL: the client has left */
	struct route *route;           /* one reference; NULL: none serves it */
	enum request_state state;
	enum http_verb verb;
	unsigned allow; /* verbs that the path has, when `route` is NULL */
	bool version_1_0;
	bool keep_alive;
	bool is_head;
	bool want_continue; /* 100 has not been sent yet */
	bool told_gone;
	bool chunked_answer;
	bool upgrade; /* asks for WebSocket */
	bool control, loopback;
	enum http_peer peer;
	char *head; /* the head's bytes, each text ended by a NUL; behind them the decoded path */
	size_t head_cap;
	size_t head_len;
	const char *method, *path, *query;
	size_t path_len;
	size_t field_count;
	const char *params[ROUTE_PARAMS_MAX];
	/* Framing of the body, from the head. */
	bool chunked;
	uint64_t body_len; /* when not chunked */
	struct buf body;
	struct buf out; /* of the answer, while earlier ones are not complete */
	struct query_pair *query_pairs;
	size_t query_count;
	bool query_decoded;
	char remote[REMOTE_SIZE];
	const char *scheme;
	char *client_subject; /* NULL: no certificate that was verified */
	int64_t peer_uid;     /* of a UNIX socket; -1: not known */
	void (*gone)(void *arg);
	void *gone_arg;
	void (*drained)(void *arg); /* NULL: nobody waits for it */
	void *drained_arg;
	struct field fields[HEADERS_MAX]; /* last: not cleared for the next request */
};

/* A request of `c`, at the end of its queue; NULL: no memory. */
struct http_request *request_new(struct connection *c);
/* Takes it out of whatever queue it is in. */
void request_free(struct http_request *r);
/* The answer is complete: the handler's part is over. `r` may be gone afterwards. */
void request_answered(struct http_request *r);
/* Finds the route and the path's parameters. -EINVAL when the path is malformed. */
int request_find_route(struct http_request *r);
/* Calls the handler, or answers what no handler takes. `r` may be gone afterwards. */
void request_dispatch(struct http_request *r);
/* Tells the handler of a stream whose bytes are all out, if it waits for that. `r` may be gone afterwards. */
void request_tell_drained(struct http_request *r);
/* The client has left: tells the handler, once. `r` may be gone afterwards. */
void request_tell_gone(struct http_request *r);

/* The gateway's own answer, also before a handler has the request; `allow` may be NULL. */
void response_problem(struct http_request *r, int status, const char *type, const char *detail, const char *allow);
/* 204 with Allow. */
void response_options(struct http_request *r, const char *allow);

/* ---- connections ----------------------------------------------------------------------------------------------- */

/* OPEN: requests are read and answered. LINGER: all has been answered, what still comes is thrown away. CLOSED: waits
 * for the stream to be gone. */
enum connection_state { CONNECTION_OPEN, CONNECTION_LINGER, CONNECTION_CLOSED };

/* What the client is waited for, and so which time-out holds. */
enum waiting { WAITING_NOT, WAITING_IDLE, WAITING_HEAD, WAITING_BODY, WAITING_HANDSHAKE };

struct peer {
	char text[REMOTE_SIZE];
	unsigned char key[17]; /* family and address */
	size_t key_len;        /* 0: not counted per address */
	bool loopback;
	bool trusted; /* a proxy whose word about its clients counts */
	int64_t uid;  /* who connected by a UNIX socket; -1: not known */
};

struct connection {
	struct list link;
	struct list dirty; /* in the gateway's list of those that have something to do at the end of this turn */
	struct list later; /* in the gateway's list of those that have had their requests of this turn, and have more */
	struct gateway *gateway;
	struct stream *stream;
	struct ws_server *ws; /* what it speaks now; NULL: HTTP */
	struct peer peer;
	unsigned surfaces;
	bool control;
	bool refused; /* over a limit: not counted */
	enum connection_state state;
	bool reading;
	bool ended;    /* the client sends no more */
	bool last;     /* no request is taken any more; but `incoming` is read to its end */
	bool done;     /* the last answer is in the output */
	bool broken;   /* out of memory: cut it at the end of this turn */
	size_t memory; /* as the gateway has counted it */
	/* Input. */
	struct buf in;        /* what could not be used yet: part of a head, or requests that are held back */
	size_t scanned, line; /* of the head: up to where it was looked through, where its current line begins */
	uint64_t turn;        /* in which it has begun a request last, */
	unsigned begun;       /* and how many in that turn */
	bool blank;           /* the empty line that is allowed before a request has been there */
	struct http_request *incoming; /* its body is being read */
	struct chunk_decoder chunk;
	uint64_t body_seen;
	/* Requests and output. */
	struct list requests;
	size_t request_count;
	struct buf out;
	struct buf sending; /* with the stream until it is written */
	bool writing;
	/* Times, in the loop's milliseconds. */
	enum waiting waiting;
	uint64_t wait_until;
	size_t unsent_seen;
	uint64_t write_until;
};

/* Takes over the stream unless it fails. `problem` NULL: serves it; else it is answered 503 with this detail. */
int connection_open(struct gateway *g, struct stream *stream, const struct peer *peer, unsigned surfaces, bool control,
		    const char *problem);
/* Cuts it: handlers are told that the client is gone. Harmless on one that is closed. */
void connection_drop(struct connection *c);
/* Idle ones are closed; others close when their last answer is out. */
void connection_drain(struct connection *c);
/* Checks the time-outs. */
void connection_sweep(struct connection *c, uint64_t now);
/* Writes what has been answered, goes on with what was held back, and closes when it is time. */
void connection_flush(struct connection *c);
bool connection_busy(const struct connection *c);
/* All answers are out: the client is told so, and has a while to read them. */
void connection_finish(struct connection *c);
/* Stops reading, and goes on with it. */
void connection_pause(struct connection *c);
void connection_resume(struct connection *c);

/* connection_in.c: the reading half. */
size_t connection_take(struct connection *c, const char *bytes, size_t len);
/* Answers the request that is being read with a problem, behind the answers before it, and takes nothing more. */
void connection_refuse(struct connection *c, int status, const char *type, const char *detail);
bool connection_may_take(const struct connection *c);

/* connection_out.c: the writing half. */
/* Where the next bytes of `r`'s answer go. */
struct buf *connection_output(struct connection *c, struct http_request *r);
/* Output was added or `r` was answered: moves what is next in order to the output. */
void connection_advance(struct connection *c);
void connection_send(struct connection *c);
void connection_written(struct connection *c, int error);
size_t connection_unsent(const struct connection *c);
/* Counts its memory anew. What handlers still have of a client that has left is not among it. */
void connection_measure(struct connection *c);

/* ---- the gateway ----------------------------------------------------------------------------------------------- */

struct gateway {
	struct gateway_options options;
	uv_loop_t *loop;
	uv_timer_t timer;         /* time-outs; runs while there are connections */
	uv_prepare_t before_poll; /* both flush the dirty connections: answers given by timers and such, */
	uv_check_t after_poll;    /* and those given while input was handled */
	uv_idle_t go_on;          /* runs while some are in `later` */
	unsigned handles;         /* of these four that are open */
	uint64_t turn;            /* counts those of the loop */
	uint64_t tick_ms;         /* of the timer */
	struct list listeners, connections, dirty, later;
	size_t connection_count, refused_count;
	size_t handled_count; /* requests that are with handlers */
	size_t memory;        /* of all connections */
	struct map addresses; /* key of struct peer -> struct address */
	struct router router;
	struct list spare_requests;
	size_t spare_request_count;
	struct buf spare_buffers[KEEP_BUFFERS];
	size_t spare_buffer_count;
	int64_t date_s;
	char date[40]; /* "Date: ...\r\n" */
	bool draining, closing, finished;
	void (*closed)(void *arg);
	void *closed_arg;
	struct metric *metric_status[6]; /* by its first digit */
	struct metric *metric_connections, *metric_refused, *metric_timeouts, *metric_memory;
	struct metric *metric_websockets, *metric_messages[2]; /* of WebSocket; messages in and out */
	struct ws_deflate *deflate;                            /* made with the first that compresses */
	char read_buffer[READ_SIZE];
};

/* NULL: may come in; else why not. Counts it. */
const char *gateway_admit(struct gateway *g, const struct peer *peer, bool control);
/* The reverse of having come in. */
void gateway_leave(struct gateway *g, const struct peer *peer);
/* Something that took `before` bytes takes `now`. */
void gateway_count_memory(struct gateway *g, size_t before, size_t now);
/* Whether all connections together hold as much as they may. Then each one gets only so much more that small requests are
 * served as ever: slow bodies and unread answers must not take the memory, and not the service either. */
bool gateway_is_full(const struct gateway *g);
/* Whether it is a proxy's of the configuration. */
bool gateway_trusts(const struct gateway *g, const uint8_t address[static CIDR_ADDRESS_SIZE]);
/* The connection is in the gateway's list from the one call to the other. */
void gateway_enter(struct gateway *g, struct connection *c);
void gateway_forget(struct gateway *g, struct connection *c);
void gateway_mark(struct gateway *g, struct connection *c);
void gateway_flush(struct gateway *g);
bool gateway_turn_is_long(const struct gateway *g);
/* It goes on with its input in the next turn, behind those that wait already. */
void gateway_postpone(struct gateway *g, struct connection *c);
/* Frees the gateway when it is to be closed and nothing is left. */
void gateway_settle(struct gateway *g);
/* Makes `deflate`, unless it is there. */
int gateway_deflate(struct gateway *g);
/* The field line of Date, as of now; its length is fixed. */
const char *gateway_date(struct gateway *g, size_t *ret_len);
/* An empty buffer, perhaps with room already; and its way back. */
struct buf gateway_take_buffer(struct gateway *g);
void gateway_give_buffer(struct gateway *g, struct buf *b);

/* listener.c */
void listener_close_all(struct gateway *g);

#endif
