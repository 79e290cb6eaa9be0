/* permessage-deflate (RFC 7692) by zlib, for all connections of a gateway together: no connection keeps a window from one
 * message to the next ("no context takeover"), so that an idle one takes no memory and a message is compressed without
 * regard to what others have said before. */
#ifndef GATEWAY_WS_DEFLATE_H
#define GATEWAY_WS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

struct ws_deflate;
struct websocket_part;

/* Shorter messages are sent as they are. */
#define WS_DEFLATE_LEAST 64
/* What compressed data may have when what it says has no more than `max` bytes: five more for each block of 16 KiB, at the very
 * worst. */
#define WS_COMPRESSED_MAX(max) ((max) + ((max) >> 11) + 64)
#define WS_WINDOW_BITS_LEAST 9
#define WS_WINDOW_BITS 15

int ws_deflate_open(struct ws_deflate **ret);
void ws_deflate_free(struct ws_deflate *d);
/* Appends the parts as one compressed message, made with a window of 2^window_bits bytes (9 to 15), as section 7.2.1 has
 * it. -ENOMEM, or the buffer's error. */
int ws_deflate_add(struct ws_deflate *d, int window_bits, const struct websocket_part *parts, size_t count,
		   struct buf *out);
/* The reverse, section 7.2.2: appends what the message says. -E2BIG: it would be more than `max` bytes; -EBADMSG: it is no
 * compressed data; -ENOMEM. */
int ws_inflate(struct ws_deflate *d, const char *bytes, size_t len, size_t max, struct buf *out);

/* What is agreed to of the client's offers (Sec-WebSocket-Extensions; the values of all such fields joined by commas): the
 * first that can be served. True: *ret_window_bits is what may be used to compress, `ret_answer` the answer's value. */
bool ws_deflate_agree(const char *offers, int *ret_window_bits, char *ret_answer, size_t size);
/* Room that is enough for any answer. */
#define WS_DEFLATE_ANSWER_SIZE 128

#endif
