/* What the files of the client's side of WebSocket share.
 *
 * One connection (struct ws_outgoing) goes through attempts:
 *
 *   PREPARING --certificates and addresses are there--> CONNECTING --101--> OPEN --websocket_close--> CLOSING
 *       ^                                                   |                |                           |
 *       '--retry_ms-- WAITING <---------- ENDING <----------+----------------+---------------------------'
 *
 * libwebsockets tells of what it does in the middle of its work; what follows from an end waits for the next turn, when the
 * link (its struct lws) can be cut and the owner may do what it wants. */
#ifndef GATEWAY_WS_CLIENT_INTERNAL_H
#define GATEWAY_WS_CLIENT_INTERNAL_H

#include <netdb.h>
#include <openssl/types.h>
#include <uv.h>
#include "base/buf.h"
#include "base/list.h"
#include "gateway/websocket.h"
#include "gateway/ws_deflate.h"

struct lws;
struct lws_context;
struct lws_vhost;

/* The room that libwebsockets has for a Host field, a target and the other fields of the request. */
#define WS_HOST_MAX 112
#define WS_TARGET_MAX 2000
#define WS_PROTOCOLS_MAX 1000
#define WS_FIELDS_MAX ((size_t)16 * 1024)
#define WS_FIELD_COUNT_MAX 64
/* Links at one time: libwebsockets has a table for them, and looks through it. */
#define WS_LINKS_MAX 1024
#define WS_DETAIL_MAX 300

struct ws_client {
	uv_loop_t *loop;
	struct metric *metric_open, *metric_attempts[2], *metric_messages[2];
	struct lws_context *context; /* NULL before the first connection */
	struct lws_vhost *plain;     /* for connections without TLS */
	struct ws_deflate *deflate;  /* NULL before the first message that needs it */
	struct list outgoing;
	struct list authorities;
	uv_timer_t timer; /* for authorities that nobody uses any more, */
	unsigned turns;   /* and for the turns that libwebsockets needs to end */
	unsigned open;    /* handles and requests on the loop */
	bool closing;
	void (*closed)(void *arg);
	void *arg;
};

/* Each handle and request that is on the loop; the client's end waits for them. */
void ws_client_hold(struct ws_client *c);
void ws_client_unhold(struct ws_client *c);
/* Has ws_authority_sweep called, some turns later. */
void ws_client_sweep_later(struct ws_client *c);

/* ---- where to: ws_client_address.c ------------------------------------------------------------------------------- */

struct ws_address {
	bool secure;
	bool is_ipv6;    /* the host is a literal */
	char *host;      /* without brackets */
	char *authority; /* host:port, as people and `remote` see it */
	char *field;     /* of Host: without a port that goes without saying */
	char *target;
	char port[8];
};

struct ws_proxy_address {
	char *host;
	char port[8];
	char *credentials; /* user:password; NULL: none */
};

/* -EINVAL, -ENOMEM. */
int ws_address_parse(const char *url, struct ws_address *ret);
void ws_address_release(struct ws_address *a);
int ws_proxy_address_parse(const char *url, struct ws_proxy_address *ret);
void ws_proxy_address_release(struct ws_proxy_address *a);
/* The fields of the request that are the owner's, one line each. -EINVAL: one is none, or not for the owner to set. */
int ws_fields_write(const struct http_header_field *fields, size_t count, char **ret);
/* "a, b"; NULL when there are none. */
int ws_protocols_write(const char *const *protocols, char **ret);

/* ---- whom to trust: ws_client_authority.c ------------------------------------------------------------------------- */

/* The certificates of one file, as they were when it was read. */
struct ws_authority {
	struct list node;
	struct ws_client *client;
	SSL_CTX *ctx;
	struct lws_vhost *vhost;
	char *path; /* NULL: those that the system trusts */
	struct timespec changed;
	uint64_t read_at;
	unsigned used;
	bool stale; /* there are newer ones */
};

struct ws_reading;
/* Reads the file on the pool, unless what is known of it still holds. `done(arg, authority, problem)` is called at a later
 * turn: the authority is in use until ws_authority_unuse, or NULL, and `problem` says why. */
typedef void (*ws_authority_done)(void *arg, struct ws_authority *authority, const char *problem);
int ws_authority_read(struct ws_client *c, const char *path, ws_authority_done done, void *arg,
		      struct ws_reading **ret);
/* `done` is not called. NULL is allowed. */
void ws_authority_forget(struct ws_reading *reading);
void ws_authority_unuse(struct ws_authority *a);
/* Frees those that are stale and not in use. */
void ws_authority_sweep(struct ws_client *c);
/* At the very end, when libwebsockets is gone. */
void ws_authority_free_all(struct ws_client *c);

/* ---- through a proxy: ws_client_proxy.c --------------------------------------------------------------------------- */

struct ws_proxy;
/* Asks the proxy for a connection to `to`. `done(arg, local, problem)` is called at a later turn: `local` is the name of an
 * abstract socket of this process where the connection goes on, or NULL, and `problem` says why. */
typedef void (*ws_proxy_done)(void *arg, const char *local, const char *problem);
int ws_proxy_open(struct ws_client *c, const struct ws_proxy_address *address, const struct ws_address *to,
		  ws_proxy_done done, void *arg, struct ws_proxy **ret);
/* `done` is not called any more. NULL is allowed. */
void ws_proxy_close(struct ws_proxy *p);

/* ---- one connection ----------------------------------------------------------------------------------------------- */

enum ws_outgoing_state { WS_PREPARING, WS_CONNECTING, WS_CONNECTED, WS_LEAVING, WS_ENDING, WS_WAITING, WS_OVER };

struct ws_lookup {
	uv_getaddrinfo_t request;
	struct ws_client *client;
	struct ws_outgoing *owner; /* NULL: nobody waits for it any more */
};

/* One message to be sent, with the room before it that libwebsockets needs. */
struct ws_outgoing_message {
	struct list node;
	size_t len;
	bool is_text, compressed;
	unsigned char bytes[];
};

struct ws_outgoing {
	struct websocket base;
	struct list node;
	struct ws_client *client;
	struct websocket_handler handler;
	void *arg;
	struct websocket_limits limits;
	struct ws_address address;
	struct ws_proxy_address proxy_address; /* no host: there is no proxy */
	char *protocols, *fields, *ca_file;
	int64_t connect_timeout_ms, retry_min_ms, retry_max_ms;
	int64_t pause_ms; /* before the next attempt, without jitter */
	enum ws_outgoing_state state;
	uv_timer_t timer; /* of the state */
	uv_timer_t soon;  /* for what must not happen in the middle of something else */
	unsigned handles;
	bool given_up; /* websocket_close or websocket_drop was called: no further attempt */
	bool dropped;
	bool paused;
	bool is_up; /* the link has come about */

	/* The attempt. */
	struct ws_reading *reading;
	struct ws_authority *authority;
	struct ws_lookup *lookup;
	struct addrinfo *addresses, *next_address;
	struct ws_proxy *proxy;
	struct lws *link; /* NULL: none, or gone */
	uint64_t deadline;
	char certificate_problem[WS_DETAIL_MAX];
	char protocol[128]; /* "": none */

	/* The link. */
	uint64_t connected, heard, wait_until;
	bool ping_due, pinged;
	bool compression;         /* agreed to */
	unsigned extension_count; /* in the server's answer */
	bool extension_wrong, no_takeover;
	bool sending_compressed;
	struct buf message;
	bool message_compressed;
	struct list queue;
	size_t queued, in_link;           /* bytes */
	size_t seen_queued, seen_in_link; /* when a ping was to go out that has not */
	bool refused;                     /* a message was: `drained` is owed */
	bool close_sent;

	/* The end. */
	int code, error;
	bool noted; /* it is known already how it ends */
	size_t reason_len;
	char reason[WEBSOCKET_REASON_MAX + 1];
	char detail[WS_DETAIL_MAX];
};

/* ws_client_attempt.c: begins the first or the next attempt, at this turn. */
void ws_attempt_begin(struct ws_outgoing *w);
/* Frees what an attempt has, the link as well; not from inside of libwebsockets. */
void ws_attempt_release(struct ws_outgoing *w);
void ws_attempt_next_address(struct ws_outgoing *w);
void ws_attempt_overdue(struct ws_outgoing *w);

/* ws_client_outgoing.c: notes how it ends, unless that is known, and ends it at the next turn. */
void ws_outgoing_end(struct ws_outgoing *w, int code, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void ws_outgoing_note(struct ws_outgoing *w, int code, const char *reason, size_t len);
/* One side has closed: what is left to be said has a few seconds. */
void ws_outgoing_leave(struct ws_outgoing *w);
/* The server has said what it may not: the link is closed with this code. */
void ws_outgoing_refuse(struct ws_outgoing *w, int code);
/* As websocket_drop. */
void ws_outgoing_drop(struct ws_outgoing *w);
/* The link has come about. */
void ws_outgoing_connected(struct ws_outgoing *w);
/* The link is gone, in the middle of the work of libwebsockets. `problem` is its word, or NULL. */
void ws_outgoing_unlinked(struct ws_outgoing *w, int status, const char *problem);
void ws_outgoing_heard(struct ws_outgoing *w);

/* ws_client_link.c: the only user of libwebsockets. -ENOSYS: it cannot be used; -ENOMEM. */
int ws_link_open(struct ws_client *c);
/* The first call begins the end, the second, some turns later, is the end. */
void ws_link_close(struct ws_client *c);
struct lws_vhost *ws_link_vhost(struct ws_client *c, SSL_CTX *ctx);
void ws_link_vhost_free(struct lws_vhost *vhost);
/* `address` is a number, or "+@name" of an abstract socket. False: it failed already. */
bool ws_link_connect(struct ws_outgoing *w, const char *address);
void ws_link_cut(struct ws_outgoing *w);
/* Asks to be called when there is room. */
void ws_link_want_write(struct ws_outgoing *w);
void ws_link_pause(struct ws_outgoing *w, bool paused);
extern const size_t ws_link_headroom;

/* ws_client_messages.c: what comes and goes. */
struct ws_piece {
	const char *bytes;
	size_t len;
	bool is_first, is_last; /* of a message */
	bool is_text;
	unsigned reserved; /* bits of the frame */
};
/* 0, or minus the code of the close that has to follow. */
int ws_messages_take(struct ws_outgoing *w, const struct ws_piece *piece);
int ws_messages_add(struct ws_outgoing *w, bool is_text, const struct websocket_part *parts, size_t count);
void ws_messages_sent(struct ws_outgoing *w, struct ws_outgoing_message *m);
void ws_messages_clear(struct ws_outgoing *w);
/* Tells that there is room again, if that is owed. */
void ws_messages_drained(struct ws_outgoing *w);

#endif
