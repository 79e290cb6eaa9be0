/* Bytes of a WebSocket client, as one piece and in pieces; the first byte says in which, and whether compression was agreed
 * to. Both ways must give the same messages and the same end. The list of extensions that a client offers is read from the
 * same bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/websocket.h"
#include "gateway/ws_deflate.h"
#include "gateway/ws_framing.h"

#define MAX 4096

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void note(struct buf *log, const struct ws_item *item)
{
	demand(item->len <= MAX, "no message is longer than the maximum");
	demand(item->kind != WS_ITEM_CLOSE || item->code == WS_NO_CODE || websocket_code_may_be_sent(item->code),
	       "a close has a code that may be sent");
	buf_printf(log, "%d %d %zu\n", (int)item->kind, item->code, item->len);
	buf_append(log, item->bytes, item->len);
}

static void run(const uint8_t *data, size_t size, size_t piece, bool compression, struct buf *log)
{
	struct ws_deflate *deflate;
	struct ws_framing f;
	int r = 0;
	demand(ws_deflate_open(&deflate) == 0, "memory");
	demand(ws_framing_init(&f, MAX, deflate, compression ? WS_WINDOW_BITS : 0) == 0, "memory");
	for (size_t at = 0; at < size && r >= 0; at += piece) {
		const char *bytes = (const char *)data + at;
		size_t len = piece < size - at ? piece : size - at;
		struct ws_item item;
		while ((r = ws_framing_read(&f, &bytes, &len, &item)) == 1)
			note(log, &item);
		demand(r < 0 || len == 0, "all bytes are used");
	}
	buf_printf(log, "end %d\n", r);
	ws_framing_release(&f);
	ws_deflate_free(deflate);
}

static void agree(const uint8_t *data, size_t size)
{
	char answer[WS_DEFLATE_ANSWER_SIZE], *offers = malloc(size + 1);
	int bits;
	demand(offers != NULL, "memory");
	memcpy(offers, data, size);
	offers[size] = '\0';
	if (ws_deflate_agree(offers, &bits, answer, sizeof(answer)))
		demand(bits >= WS_WINDOW_BITS_LEAST && bits <= WS_WINDOW_BITS, "a window that zlib can make");
	free(offers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	if (size < 1)
		return 0;
	bool compression = data[0] & 1;
	buf_init(&whole, (size_t)16 << 20);
	buf_init(&pieces, (size_t)16 << 20);
	run(data + 1, size - 1, size, compression, &whole);
	run(data + 1, size - 1, 1 + (data[0] >> 1) % 16, compression, &pieces);
	demand(strcmp(buf_cstr(&whole), buf_cstr(&pieces)) == 0 && whole.len == pieces.len,
	       "pieces give what the whole gives");
	buf_release(&whole);
	buf_release(&pieces);
	agree(data + 1, size - 1);
	return 0;
}
