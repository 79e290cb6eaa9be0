/* A gateway that serves WebSocket at /ws, and the owner of each connection that comes, who does what messages tell him: "close",
 * "drop", "pause". */
#ifndef SUPPORT_WS_OWNER_H
#define SUPPORT_WS_OWNER_H

#include "gateway/websocket.h"
#include "support_ws.h"

#define SOCKETS_MAX 16

/* One connection as its owner sees it. */
struct peer {
	struct websocket *socket;
	unsigned messages, drained, closed;
	struct websocket_end end;
	char last[256];
	size_t last_len;
	bool last_is_text, echo, slow;
};

/* In the order in which they came. */
extern struct peer peers[SOCKETS_MAX];
extern size_t peer_count;
/* Of those that come; open_fixture sets what is usual. */
extern struct websocket_limits limits;
extern const char *const *protocols;

/* `change` may be NULL. */
void open_fixture(struct fixture *f, void (*change)(struct gateway_options *options));
/* Sends all of it in pieces of `piece` bytes; 0: whole. */
void send_script(struct client *c, const struct buf *script, size_t piece);

#endif
