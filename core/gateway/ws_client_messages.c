/* Messages of a link: put together from pieces and checked, and queued until there is room for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/metrics.h"
#include "gateway/ws_client_internal.h"
#include "gateway/ws_framing.h"

#define RSV1 0x40
/* Room for a whole piece of the decompressor behind the last byte that is taken. */
#define BEYOND ((size_t)32 << 10)

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static bool have_deflate(struct ws_client *c)
{
	return c->deflate || ws_deflate_open(&c->deflate) == 0;
}

static void hand_over(struct ws_outgoing *w, bool is_text, const struct buf *message)
{
	metric_add(w->client->metric_messages[0], 1);
	w->handler.message(w->arg, is_text, buf_cstr(message), message->len);
}

static int inflate_error(int r)
{
	switch (r) {
	case 0:
		return 0;
	case -E2BIG:
		return -WS_TOO_BIG;
	case -EBADMSG:
		return -WS_BAD_DATA;
	default:
		return -WS_FAILED;
	}
}

static int decompress(struct ws_outgoing *w, struct buf *plain)
{
	if (!have_deflate(w->client))
		return -WS_FAILED;
	return inflate_error(
		ws_inflate(w->client->deflate, buf_cstr(&w->message), w->message.len, w->limits.message_max, plain));
}

/* The message is the owner's for the time of its callback; what it does there may end the link, not this struct. */
static int end_message(struct ws_outgoing *w, bool is_text)
{
	struct buf plain, whole = w->message;
	buf_init(&plain, w->limits.message_max + BEYOND);
	int r = 0;
	if (w->message_compressed) {
		r = decompress(w, &plain);
		buf_release(&whole);
		whole = plain;
	}
	buf_init(&w->message, 0);
	if (r == 0 && is_text && !websocket_is_text(buf_cstr(&whole), whole.len))
		r = -WS_BAD_DATA;
	if (r == 0)
		hand_over(w, is_text, &whole);
	buf_release(&whole);
	return r;
}

/* The bits of a frame's first piece: compression is a matter of whole messages (RFC 7692 section 6). */
static int check_bits(const struct ws_outgoing *w, const struct ws_piece *piece)
{
	if ((piece->reserved & ~(unsigned)RSV1) || (piece->reserved && !w->compression))
		return -WS_PROTOCOL;
	return 0;
}

int ws_messages_take(struct ws_outgoing *w, const struct ws_piece *piece)
{
	int r = check_bits(w, piece);
	if (r < 0)
		return r;
	if (piece->is_first) {
		buf_release(&w->message);
		w->message_compressed = piece->reserved & RSV1;
		buf_init(&w->message,
			 w->message_compressed ? WS_COMPRESSED_MAX(w->limits.message_max) : w->limits.message_max);
	}
	if (piece->len > w->message.max - w->message.len)
		return -WS_TOO_BIG;
	if (buf_append(&w->message, piece->bytes, piece->len) < 0)
		return -WS_FAILED;
	return piece->is_last ? end_message(w, piece->is_text) : 0;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

static struct ws_outgoing_message *new_message(size_t len)
{
	struct ws_outgoing_message *m = malloc(sizeof(*m) + ws_link_headroom + len + 1);
	if (!m)
		return NULL;
	list_init(&m->node);
	m->len = len;
	m->compressed = false;
	return m;
}

static struct ws_outgoing_message *copy_parts(const struct websocket_part *parts, size_t count, size_t len)
{
	struct ws_outgoing_message *m = new_message(len);
	if (!m)
		return NULL;
	unsigned char *at = m->bytes + ws_link_headroom;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0)
			memcpy(at, parts[i].bytes, parts[i].len);
		at += parts[i].len;
	}
	return m;
}

/* NULL: it goes out as it is. */
static struct ws_outgoing_message *compress(struct ws_outgoing *w, const struct websocket_part *parts, size_t count,
					    size_t len)
{
	struct ws_outgoing_message *m = NULL;
	struct buf small;
	if (!w->compression || len < WS_DEFLATE_LEAST || !have_deflate(w->client))
		return NULL;
	buf_init(&small, WS_COMPRESSED_MAX(len) + ((size_t)16 << 10));
	if (ws_deflate_add(w->client->deflate, WS_WINDOW_BITS, parts, count, &small) == 0 && small.len < len)
		m = copy_parts(&(struct websocket_part){small.data, small.len}, 1, small.len);
	buf_release(&small);
	if (m)
		m->compressed = true;
	return m;
}

int ws_messages_add(struct ws_outgoing *w, bool is_text, const struct websocket_part *parts, size_t count)
{
	size_t len;
	if (!websocket_length(parts, count, w->limits.queue_max, &len))
		return -EMSGSIZE;
	size_t used = w->queued + w->in_link;
	if (used > w->limits.queue_max || len > w->limits.queue_max - used) {
		w->refused = true;
		return -ENOBUFS;
	}
	struct ws_outgoing_message *m = compress(w, parts, count, len);
	if (!m)
		m = copy_parts(parts, count, len);
	if (!m)
		return -ENOMEM;
	m->is_text = is_text;
	list_append(&w->queue, &m->node);
	w->queued += m->len;
	metric_add(w->client->metric_messages[1], 1);
	return 0;
}

void ws_messages_sent(struct ws_outgoing *w, struct ws_outgoing_message *m)
{
	w->queued -= m->len;
	list_remove(&m->node);
	free(m);
}

void ws_messages_clear(struct ws_outgoing *w)
{
	list_each_safe (node, &w->queue)
		ws_messages_sent(w, list_entry(node, struct ws_outgoing_message, node));
	w->in_link = 0;
	w->refused = false;
	buf_release(&w->message);
}

void ws_messages_drained(struct ws_outgoing *w)
{
	if (!w->refused || w->state != WS_CONNECTED || w->queued + w->in_link > w->limits.queue_max / 2)
		return;
	w->refused = false;
	if (w->handler.drained)
		w->handler.drained(w->arg);
}
