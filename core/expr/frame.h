/* What goes between Tappet and a helper process, in both directions, on one stream: frames of a length (uint32_t) and as
 * many bytes, which are numbers (uint32_t) and texts (a length and as many bytes). Both ends are of the same build on the
 * same machine: numbers stand as they lie in memory.
 *
 *   to the helper     FRAME_RUN or FRAME_CHECK, id, count of inputs, inputs, count of programs, {index of its input, text}
 *   from the helper   FRAME_HELLO, FRAME_VERSION         once, when it has confined itself
 *                     FRAME_BEGIN, id                    when it turns to a request
 *                     FRAME_RESULT, id, index of the program, -status, text
 *
 * Requests are answered in their order, and so are the programs of each: whoever finds the helper dead knows from the last
 * answer which program it was. */
#ifndef EXPR_FRAME_H
#define EXPR_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define FRAME_VERSION 1
#define FRAME_READ_SIZE ((size_t)64 * 1024)
/* A whole request; a helper takes no longer one. */
#define FRAME_REQUEST_MAX ((size_t)32 * 1024 * 1024)
#define FRAME_INPUTS_MAX 1024
#define FRAME_PROGRAMS_MAX 1024
/* What a result's frame has beside its text. */
#define FRAME_RESULT_HEAD ((size_t)20)

enum frame_kind { FRAME_RUN = 1, FRAME_CHECK, FRAME_HELLO, FRAME_BEGIN, FRAME_RESULT };

/* ---- Writing: between begin and end one frame is appended to `b`, whose error is sticky ------------------------- */

size_t frame_begin(struct buf *b, enum frame_kind kind);
void frame_number(struct buf *b, uint32_t number);
void frame_text(struct buf *b, const char *text, size_t len);
void frame_end(struct buf *b, size_t begin);

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

struct frame_reader {
	struct buf in;
	size_t used; /* of `in`, by frames that were given out */
	size_t max;
};

/* One frame, as far as it has been read. Taking more than there is makes it `bad` and gives 0 and "". */
struct frame {
	const char *at;
	size_t left;
	bool bad;
};

/* Frames of more than `max` bytes are refused. */
void frame_reader_init(struct frame_reader *r, size_t max);
void frame_reader_release(struct frame_reader *r);
/* Where the next bytes go: at most *ret_len at *ret_room, then frame_reader_added. Ends the life of the frames given out. */
int frame_reader_room(struct frame_reader *r, char **ret_room, size_t *ret_len);
void frame_reader_added(struct frame_reader *r, size_t len);
/* 1: a frame, valid until frame_reader_room; 0: more bytes are needed; -EPROTO: this is no stream of frames. */
int frame_reader_next(struct frame_reader *r, struct frame *ret);

uint32_t frame_take_number(struct frame *f);
/* Not NUL-terminated. */
const char *frame_take_text(struct frame *f, size_t *ret_len);
/* The frame held what was taken, and nothing more. */
bool frame_is_done(const struct frame *f);

#endif
