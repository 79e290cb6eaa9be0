/* Frames as a client of WebSocket makes them, right or wrong, and as it reads the server's. */
#ifndef SUPPORT_WS_H
#define SUPPORT_WS_H

#include "base/buf.h"
#include "support_gateway.h"

/* The first byte of a frame. */
#define FIN 0x80
#define RSV1 0x40
#define TEXT 0x1
#define BINARY 0x2
#define CLOSE 0x8
#define PING 0x9
#define PONG 0xa

#define UPGRADE_HEAD                                                                                                   \
	"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"                       \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* A whole masked frame. */
void put_frame(struct buf *out, unsigned first, const void *payload, size_t len);
/* Its head alone, with the mask bit as it is in `second`. */
void put_head(struct buf *out, unsigned first, unsigned second, const void *rest, size_t len);
/* The payload of a close. */
size_t close_payload(char *out, int code, const char *reason);

struct server_frame {
	unsigned first;
	const char *payload;
	size_t len;
};
/* The index-th frame behind the answer 101; false while it is not there. It fails when a frame is masked. */
bool server_frame(const struct client *c, size_t index, struct server_frame *ret);
/* Waits for it. */
struct server_frame wait_frame(struct client *c, size_t index);
/* The code of a close; 1005 when it has none. */
int close_code(const struct server_frame *frame);
/* Asks for the upgrade of `path` and waits for 101. */
void ws_open(struct client *c, struct fixture *f, const char *path, const char *more_headers);
void ws_say(struct client *c, unsigned first, const char *payload);

#endif
