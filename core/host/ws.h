/* What the two halves of tappet.ws/1 share: a connection with the plugin's handler around it (host_ws.c), whichever side has
 * asked for it. */
#ifndef HOST_WS_H
#define HOST_WS_H

#include <tappet/ws.h>
#include "gateway/websocket.h"
#include "host/internal.h"

#define WS_MESSAGE_MAX ((uint64_t)1 << 20)
#define WS_QUEUE_MAX ((uint64_t)1 << 20)
#define WS_PING_MS 30000
#define WS_TIMEOUT_MS 10000
/* Of what a plugin may ask for. */
#define WS_SIZE_LIMIT ((uint64_t)256 << 20)
#define WS_PARTS_MAX 16

struct tappet_ws {
	struct websocket *socket;
	struct tappet_instance *plugin; /* NULL: it has stopped, nobody is told */
	struct list node;               /* of the plugin */
	bool kept;                      /* the plugin was late: it may still have the handle */
	tappet_ws_handler handler;
	void *arg;
};

extern const struct websocket_handler ws_socket_handler;

/* In the plugin's list; its `socket` is set by the caller at once, with ws_socket_handler and the result as `arg`. */
int32_t ws_socket_new(struct tappet_instance *p, const tappet_ws_handler *handler, void *arg, struct tappet_ws **ret);
/* One that has no socket. */
void ws_socket_free(struct tappet_ws *ws);
/* The limits that a plugin asks for, with 0 for what is usual. False: one is out of bounds. */
bool ws_limits(uint64_t message_max, uint64_t queue_max, int64_t ping_ms, int64_t timeout_ms, bool compression,
	       struct websocket_limits *ret);

/* host_ws_client.c */
int32_t ws_connect(tappet_instance *self, const tappet_ws_connect_options *options, const tappet_ws_handler *handler,
		   void *arg, tappet_ws **ret);

#endif
