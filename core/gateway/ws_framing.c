#include "gateway/ws_framing.h"

#include <errno.h>
#include <string.h>
#include "gateway/websocket.h"

/* ---- life ------------------------------------------------------------------------------------------------------ */

static ssize_t give_in(uint8_t *to, size_t size, int flags, void *arg)
{
	struct ws_framing *f = arg;
	size_t len = size < f->in_len ? size : f->in_len;
	(void)flags;
	if (len == 0)
		return -1;
	memcpy(to, f->in, len);
	f->in += len;
	f->in_len -= len;
	return (ssize_t)len;
}

static ssize_t take_out(const uint8_t *bytes, size_t len, int flags, void *arg)
{
	struct ws_framing *f = arg;
	(void)flags;
	/* The error is the buffer's, and its owner asks for it. */
	(void)buf_append(f->out, bytes, len);
	return (ssize_t)len;
}

int ws_framing_init(struct ws_framing *f, size_t message_max, struct ws_deflate *deflate, int window_bits)
{
	static const struct wslay_frame_callbacks callbacks = {.send_callback = take_out, .recv_callback = give_in};
	memset(f, 0, sizeof(*f));
	if (wslay_frame_context_init(&f->frames, &callbacks, f) < 0)
		return -ENOMEM;
	f->deflate = deflate;
	f->window_bits = window_bits;
	f->message_max = message_max;
	buf_init(&f->message, window_bits ? WS_COMPRESSED_MAX(message_max) : message_max);
	/* Room for a whole piece behind the last byte that is taken. */
	buf_init(&f->plain, message_max + ((size_t)32 << 10));
	return 0;
}

void ws_framing_release(struct ws_framing *f)
{
	wslay_frame_context_free(f->frames);
	f->frames = NULL;
	buf_release(&f->message);
	buf_release(&f->plain);
}

size_t ws_framing_memory(const struct ws_framing *f)
{
	return f->message.cap + f->plain.cap;
}

size_t ws_framing_pending(const struct ws_framing *f)
{
	return f->opcode ? f->message.len : 0;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static bool may_begin_message(const struct ws_framing *f, const struct wslay_frame_iocb *frame)
{
	bool compressed = frame->rsv == WSLAY_RSV1_BIT && f->window_bits;
	return f->opcode == 0 && (frame->rsv == 0 || compressed);
}

/* Sections 5.1, 5.2, 5.4: what may come now. */
static bool may_begin(const struct ws_framing *f, const struct wslay_frame_iocb *frame)
{
	if (!frame->mask)
		return false;
	switch (frame->opcode) {
	case WSLAY_TEXT_FRAME:
	case WSLAY_BINARY_FRAME:
		return may_begin_message(f, frame);
	case WSLAY_CONTINUATION_FRAME:
		return f->opcode != 0 && frame->rsv == 0;
	case WSLAY_CONNECTION_CLOSE:
	case WSLAY_PING:
	case WSLAY_PONG:
		return frame->rsv == 0;
	default:
		return false;
	}
}

static int begin_frame(struct ws_framing *f, const struct wslay_frame_iocb *frame)
{
	if (!may_begin(f, frame))
		return -WS_PROTOCOL;
	f->in_frame = true;
	f->frame_final = frame->fin;
	f->frame_opcode = frame->opcode;
	f->frame_left = frame->payload_length;
	f->control_len = 0;
	if (wslay_is_ctrl_frame(frame->opcode))
		return 0;
	if (frame->opcode != WSLAY_CONTINUATION_FRAME) {
		f->opcode = frame->opcode;
		f->compressed = frame->rsv != 0;
	}
	size_t max = f->compressed ? f->message.max : f->message_max;
	return frame->payload_length > max - f->message.len ? -WS_TOO_BIG : 0;
}

static int take_payload(struct ws_framing *f, const struct wslay_frame_iocb *frame)
{
	f->frame_left -= frame->data_length;
	if (!wslay_is_ctrl_frame(f->frame_opcode))
		return buf_append(&f->message, frame->data, frame->data_length) < 0 ? -WS_FAILED : 0;
	/* wslay has refused longer ones. */
	if (frame->data_length > 0)
		memcpy(f->control + f->control_len, frame->data, frame->data_length);
	f->control_len = (uint8_t)(f->control_len + frame->data_length);
	return 0;
}

static int end_close(const struct ws_framing *f, struct ws_item *ret)
{
	*ret = (struct ws_item){.kind = WS_ITEM_CLOSE, .bytes = "", .code = WS_NO_CODE};
	if (f->control_len == 0)
		return 1;
	const unsigned char *bytes = (const unsigned char *)f->control;
	if (f->control_len == 1 || !websocket_code_may_be_sent(bytes[0] << 8 | bytes[1]))
		return -WS_PROTOCOL;
	ret->code = bytes[0] << 8 | bytes[1];
	ret->bytes = f->control + 2;
	ret->len = f->control_len - 2u;
	return websocket_is_text(ret->bytes, ret->len) ? 1 : -WS_BAD_DATA;
}

static int end_control(const struct ws_framing *f, struct ws_item *ret)
{
	if (f->frame_opcode == WSLAY_CONNECTION_CLOSE)
		return end_close(f, ret);
	*ret = (struct ws_item){.kind = (enum ws_item_kind)f->frame_opcode, .bytes = f->control, .len = f->control_len};
	return 1;
}

static int decompress(struct ws_framing *f)
{
	int r = ws_inflate(f->deflate, buf_cstr(&f->message), f->message.len, f->message_max, &f->plain);
	buf_release(&f->message);
	if (r == -E2BIG)
		return -WS_TOO_BIG;
	if (r == -EBADMSG)
		return -WS_BAD_DATA;
	return r < 0 ? -WS_FAILED : 0;
}

static int end_message(struct ws_framing *f, struct ws_item *ret)
{
	const struct buf *whole = &f->message;
	f->given = true;
	if (f->compressed) {
		int r = decompress(f);
		if (r < 0)
			return r;
		whole = &f->plain;
	}
	*ret = (struct ws_item){.kind = (enum ws_item_kind)f->opcode, .bytes = buf_cstr(whole), .len = whole->len};
	f->opcode = 0;
	if (ret->kind == WS_ITEM_TEXT && !websocket_is_text(ret->bytes, ret->len))
		return -WS_BAD_DATA;
	return 1;
}

static void forget_message(struct ws_framing *f)
{
	buf_release(&f->message);
	buf_release(&f->plain);
	f->given = false;
}

int ws_framing_read(struct ws_framing *f, const char **bytes, size_t *len, struct ws_item *ret)
{
	struct wslay_frame_iocb frame;
	int r = 0;
	if (f->given)
		forget_message(f);
	f->in = *bytes;
	f->in_len = *len;
	while (r == 0) {
		ssize_t taken = wslay_frame_recv(f->frames, &frame);
		if (taken < 0) {
			r = taken == WSLAY_ERR_WANT_READ ? 0 : -WS_PROTOCOL;
			break;
		}
		if (!f->in_frame)
			r = begin_frame(f, &frame);
		if (r == 0)
			r = take_payload(f, &frame);
		if (r < 0 || f->frame_left > 0)
			continue;
		f->in_frame = false;
		if (wslay_is_ctrl_frame(f->frame_opcode))
			r = end_control(f, ret);
		else if (f->frame_final)
			r = end_message(f, ret);
	}
	*bytes = f->in;
	*len = f->in_len;
	return r;
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static void put_frame(struct ws_framing *f, struct buf *out, uint8_t opcode, uint8_t rsv,
		      const struct websocket_part *parts, size_t count)
{
	struct wslay_frame_iocb frame = {.fin = 1, .rsv = rsv, .opcode = opcode};
	for (size_t i = 0; i < count; i++)
		frame.payload_length += parts[i].len;
	f->out = out;
	if (frame.payload_length == 0)
		(void)wslay_frame_send(f->frames, &frame);
	for (size_t i = 0; i < count; i++) {
		frame.data = (const uint8_t *)parts[i].bytes;
		frame.data_length = parts[i].len;
		if (parts[i].len > 0)
			(void)wslay_frame_send(f->frames, &frame);
	}
}

void ws_framing_message(struct ws_framing *f, struct buf *out, bool is_text, const struct websocket_part *parts,
			size_t count)
{
	uint8_t opcode = is_text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME;
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	struct buf small;
	buf_init(&small, WS_COMPRESSED_MAX(len) + ((size_t)16 << 10));
	if (f->window_bits && len >= WS_DEFLATE_LEAST &&
	    ws_deflate_add(f->deflate, f->window_bits, parts, count, &small) == 0) {
		struct websocket_part whole = {small.data, small.len};
		put_frame(f, out, opcode, WSLAY_RSV1_BIT, &whole, 1);
	} else {
		put_frame(f, out, opcode, 0, parts, count);
	}
	buf_release(&small);
}

void ws_framing_control(struct ws_framing *f, struct buf *out, enum ws_item_kind kind, const void *bytes, size_t len)
{
	struct websocket_part part = {bytes, len};
	put_frame(f, out, (uint8_t)kind, 0, &part, 1);
}

void ws_framing_close(struct ws_framing *f, struct buf *out, int code, const char *reason, size_t len)
{
	char bytes[WS_CONTROL_MAX];
	if (code == WS_NO_CODE) {
		ws_framing_control(f, out, WS_ITEM_CLOSE, "", 0);
		return;
	}
	bytes[0] = (char)(code >> 8);
	bytes[1] = (char)(code & 0xff);
	if (len > sizeof(bytes) - 2)
		len = 0;
	if (len > 0)
		memcpy(bytes + 2, reason, len);
	ws_framing_control(f, out, WS_ITEM_CLOSE, bytes, len + 2);
}
