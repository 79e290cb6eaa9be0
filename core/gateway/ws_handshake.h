/* What the server's side shares of the opening handshake. */
#ifndef GATEWAY_WS_HANDSHAKE_H
#define GATEWAY_WS_HANDSHAKE_H

#include "gateway/websocket.h"
#include "gateway/ws_deflate.h"

/* Whether it asks for WebSocket at all: no further request may come behind it before it is answered. */
bool ws_wants_upgrade(const struct http_request *r);
/* Appends the answer with 101. Returns the bits of the window to compress with, 0: compression was not agreed to. */
int ws_write_answer(const struct http_request *r, const char *protocol, bool compression, struct buf *out);

#endif
