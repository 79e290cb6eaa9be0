/* The frames of one WebSocket connection, of the server's side (RFC 6455 section 5): bytes become whole messages, checked as
 * strictly as the RFC has it, and messages become bytes. wslay takes the frames apart; here they are put together. It does
 * no I/O and knows no connection. */
#ifndef GATEWAY_WS_FRAMING_H
#define GATEWAY_WS_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wslay/wslay.h>
#include "base/buf.h"
#include "gateway/ws_deflate.h"

/* Section 5.5: all that a control frame may hold. */
#define WS_CONTROL_MAX 125

/* Section 7.4.1. */
enum ws_close_code {
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL = 1002,
	WS_NO_CODE = 1005,
	WS_BROKEN = 1006,
	WS_BAD_DATA = 1007,
	WS_TOO_BIG = 1009,
	WS_FAILED = 1011,
	WS_TRY_LATER = 1013,
};

struct ws_framing {
	wslay_frame_context_ptr frames;
	const char *in; /* what is read now */
	size_t in_len;
	struct buf *out; /* what is written to now */
	struct ws_deflate *deflate;
	int window_bits; /* 0: no compression was agreed to */
	size_t message_max;
	struct buf message; /* as far as it has come */
	struct buf plain;   /* the last message, decompressed */
	/* Of the frame that comes in. */
	uint64_t frame_left;
	bool in_frame, frame_final;
	uint8_t frame_opcode;
	uint8_t opcode;  /* of the message that comes in; 0: none */
	bool compressed; /* that message */
	bool given;      /* the message was handed out: it goes with the next call */
	uint8_t control_len;
	char control[WS_CONTROL_MAX];
};

enum ws_item_kind { WS_ITEM_TEXT = 1, WS_ITEM_BINARY = 2, WS_ITEM_CLOSE = 8, WS_ITEM_PING = 9, WS_ITEM_PONG = 10 };

/* Valid until the next call. */
struct ws_item {
	enum ws_item_kind kind;
	const char *bytes; /* of a close, the reason */
	size_t len;
	int code; /* of a close; WS_NO_CODE when it has none */
};

/* window_bits 0: no compression. */
int ws_framing_init(struct ws_framing *f, size_t message_max, struct ws_deflate *deflate, int window_bits);
void ws_framing_release(struct ws_framing *f);
/* Reads on: 1 with an item; 0: more bytes are needed; negative: the connection has to be closed with the code of that
 * number (-WS_PROTOCOL, -WS_BAD_DATA, -WS_TOO_BIG, -WS_FAILED: no memory). *bytes and *len move on; what they do not show
 * any more may still be inside. */
int ws_framing_read(struct ws_framing *f, const char **bytes, size_t *len, struct ws_item *ret);
/* The memory that an unfinished message takes. */
size_t ws_framing_memory(const struct ws_framing *f);
/* How much of a message has come. */
size_t ws_framing_pending(const struct ws_framing *f);

struct websocket_part;
/* Appends one frame. Errors stay in the buffer. */
void ws_framing_message(struct ws_framing *f, struct buf *out, bool is_text, const struct websocket_part *parts,
			size_t count);
void ws_framing_control(struct ws_framing *f, struct buf *out, enum ws_item_kind kind, const void *bytes, size_t len);
/* code WS_NO_CODE: without one. */
void ws_framing_close(struct ws_framing *f, struct buf *out, int code, const char *reason, size_t len);

#endif
