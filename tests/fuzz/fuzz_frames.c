/* Bytes into the reader of frames, as one piece and in pieces; the first byte says in which. Both ways must give the same
 * frames, numbers and texts, and the same end. Each frame is taken apart by what it says itself: a number with its lowest
 * bit set announces a text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "expr/frame.h"

#define MAX 4096

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void take_apart(struct frame *f, struct buf *log)
{
	buf_printf(log, "frame %zu\n", f->left);
	while (f->left > 0 && !f->bad) {
		uint32_t number = frame_take_number(f);
		buf_printf(log, "%u\n", number);
		if (number % 2 == 1) {
			size_t len;
			const char *text = frame_take_text(f, &len);
			demand(len <= MAX, "no text is longer than its frame");
			buf_append(log, text, len);
		}
	}
	demand(!f->bad || (frame_take_number(f) == 0 && !frame_is_done(f)), "a bad frame gives nothing more");
}

static void run(const uint8_t *data, size_t size, size_t piece, struct buf *log)
{
	struct frame_reader r;
	int status = 0;
	frame_reader_init(&r, MAX);
	for (size_t at = 0; at < size && status >= 0;) {
		char *room;
		size_t len;
		struct frame f;
		demand(frame_reader_room(&r, &room, &len) == 0 && len > 0, "there is always room");
		len = len < piece ? len : piece;
		len = len < size - at ? len : size - at;
		memcpy(room, data + at, len);
		frame_reader_added(&r, len);
		at += len;
		while ((status = frame_reader_next(&r, &f)) == 1)
			take_apart(&f, log);
	}
	buf_printf(log, "end %d\n", status);
	frame_reader_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf log[2];
	if (size < 1)
		return 0;
	for (int i = 0; i < 2; i++) {
		buf_init(&log[i], (size_t)64 << 20);
		run(data + 1, size - 1, i == 0 ? SIZE_MAX : 1 + (size_t)data[0] % 64, &log[i]);
	}
	demand(log[0].len == log[1].len && memcmp(log[0].data, log[1].data, log[0].len) == 0,
	       "pieces make no difference");
	for (int i = 0; i < 2; i++)
		buf_release(&log[i]);
	return 0;
}
