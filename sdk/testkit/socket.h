/* A WebSocket connection without a network, shared by the plugin's side (ws.c), that of the test (ws_peer.c), and by what
 * comes before: an upgrade (ws_upgrade.c) or attempts to connect (ws_connect.c).
 *
 *	upgrade --accept--> OPEN --> CLOSING --> OVER
 *	connect --> CONNECTING --> OPEN --> WAITING --> CONNECTING ...
 *
 * What the other side does is kept in its order, and handed to the plugin one by one as a task of its own. */
#ifndef TESTKIT_SOCKET_H
#define TESTKIT_SOCKET_H

#include "exchange.h"

enum socket_state {
	SOCKET_ASKED, /* an upgrade without an answer, or one that was turned down */
	SOCKET_CONNECTING,
	SOCKET_WAITING, /* for the next attempt */
	SOCKET_OPEN,
	SOCKET_CLOSING, /* `closed` is to come, for the last time */
	SOCKET_OVER,
};

enum incoming_kind { INCOMING_OPEN, INCOMING_MESSAGE, INCOMING_END };

/* What comes from the other side. */
struct incoming {
	struct list node;
	enum incoming_kind kind;
	int32_t number; /* of a message its kind, of an end its code */
	int32_t error;
	char *bytes, *detail; /* of an end its reason and what went wrong, of an open one its subprotocol, or NULL */
	size_t len;
};

/* What the plugin has sent. */
struct sent {
	int32_t kind;
	size_t len;
	char bytes[]; /* with a NUL behind */
};

/* Attempts to connect. */
struct connecting {
	tappet_ws_connect_options options; /* all that it points to is the kit's */
	size_t attempts;
	int64_t pause_ms, opened_ms, due_ms;
};

struct tappet_ws {
	struct handle handle;
	struct list node; /* in kit->sockets, while the plugin has it */
	struct task task; /* in kit->tasks when something has come */
	enum socket_state state;
	tappet_ws_handler handler;
	void *arg;
	uint64_t message_max, queue_max;
	char *protocol, *remote;
	testkit_exchange *exchange; /* of an upgrade */
	struct connecting *connecting;
	tappet_timer
		*timer; /* an attempt's end, the next one's begin, or that of a peer that does not answer a close */
	struct list incoming;
	struct records sent;
	size_t arrived, taken; /* of `sent` */
	uint64_t queued;
	bool held, paused, wants_drained;
	/* How the plugin closes it, and what of it the other side has seen. */
	int32_t close_code, peer_code;
	char *close_reason, *peer_reason;
};

struct tappet_ws_endpoint {
	struct tappet_route route; /* first */
	const char **protocols, **origins;
	uint64_t message_max, queue_max;
};

/* ---- ws.c ---- */
struct tappet_ws *socket_new(testkit *kit);
/* False: it lacks what a handler has to have. */
bool handler_read(const tappet_ws_handler *given, tappet_ws_handler *ret);
/* 0: as it is. */
void socket_limits(struct tappet_ws *ws, uint64_t message_max, uint64_t queue_max);
/* Copies of the kit's; NULL stays NULL. */
const char **texts_copy(testkit *kit, const char *const *texts);

/* ---- socket.c ---- */
void socket_init_task(struct tappet_ws *ws);
/* It is handed over when it is its turn. `bytes` may be NULL, `detail` too. */
void socket_comes(struct tappet_ws *ws, enum incoming_kind kind, int32_t number, tappet_str bytes, int32_t error,
		  const char *detail);
void socket_forget_incoming(struct tappet_ws *ws);
/* All that waits arrives; with it the close, if it was called for. */
void socket_flush(struct tappet_ws *ws);
/* The other side has been told. */
void socket_peer_end(struct tappet_ws *ws, int32_t code, const char *reason);
/* What is to be seen when it is looked at. */
void socket_look(struct tappet_ws *ws);
void socket_stop_timer(struct tappet_ws *ws);

/* ---- ws_upgrade.c ---- */
/* False, with the host's answer. */
bool endpoint_admits(const struct tappet_route *route, struct tappet_request *r);
int32_t table_endpoint_add(tappet_instance *self, const tappet_ws_endpoint_options *options, tappet_http_cb cb,
			   void *arg, tappet_ws_endpoint **ret);
void table_endpoint_remove(tappet_ws_endpoint *endpoint);
int32_t table_accept(tappet_request *request, const tappet_ws_handler *handler, void *arg, tappet_ws **ret);

/* ---- ws_connect.c ---- */
int32_t table_connect(tappet_instance *self, const tappet_ws_connect_options *options, const tappet_ws_handler *handler,
		      void *arg, tappet_ws **ret);
void connecting_opened(struct tappet_ws *ws);
/* The pause before the next attempt, which is on its way then; 0: there is none. */
int64_t connecting_again(struct tappet_ws *ws, int32_t error);

#endif
