#include "expr/frame.h"

#include <errno.h>

size_t frame_begin(struct buf *b, enum frame_kind kind)
{
	const size_t begin = b->len;
	frame_number(b, 0);
	frame_number(b, kind);
	return begin;
}

void frame_number(struct buf *b, uint32_t number)
{
	buf_append(b, &number, sizeof(number));
}

void frame_text(struct buf *b, const char *text, size_t len)
{
	if (len > UINT32_MAX) {
		b->error = -ENOBUFS;
		return;
	}
	frame_number(b, (uint32_t)len);
	buf_append(b, text, len);
}

void frame_end(struct buf *b, size_t begin)
{
	const size_t len = b->len - begin - sizeof(uint32_t);
	const uint32_t number = (uint32_t)len;
	if (len > UINT32_MAX)
		b->error = -ENOBUFS;
	if (!b->error)
		memcpy(b->data + begin, &number, sizeof(number));
}

void frame_reader_init(struct frame_reader *r, size_t max)
{
	*r = (struct frame_reader){.max = max};
	/* The largest frame but its last byte, and what is read in one go. */
	buf_init(&r->in, max + sizeof(uint32_t) + FRAME_READ_SIZE);
}

void frame_reader_release(struct frame_reader *r)
{
	buf_release(&r->in);
	r->used = 0;
}

int frame_reader_room(struct frame_reader *r, char **ret_room, size_t *ret_len)
{
	if (r->used > 0)
		buf_consume(&r->in, r->used);
	r->used = 0;
	int error = buf_reserve(&r->in, FRAME_READ_SIZE, ret_room);
	if (error < 0)
		return error;
	*ret_len = FRAME_READ_SIZE;
	return 0;
}

void frame_reader_added(struct frame_reader *r, size_t len)
{
	r->in.len += len;
	buf_terminate(&r->in);
}

static uint32_t number_at(const char *at)
{
	uint32_t number;
	memcpy(&number, at, sizeof(number));
	return number;
}

int frame_reader_next(struct frame_reader *r, struct frame *ret)
{
	const size_t left = r->in.len - r->used;
	if (left < sizeof(uint32_t))
		return 0;
	const size_t len = number_at(r->in.data + r->used);
	if (len < sizeof(uint32_t) || len > r->max)
		return -EPROTO;
	if (left - sizeof(uint32_t) < len)
		return 0;
	*ret = (struct frame){.at = r->in.data + r->used + sizeof(uint32_t), .left = len};
	r->used += sizeof(uint32_t) + len;
	return 1;
}

/* NULL when there is less than that. */
static const char *take(struct frame *f, size_t len)
{
	const char *at = f->at;
	if (f->bad || len > f->left) {
		f->bad = true;
		return NULL;
	}
	f->at += len;
	f->left -= len;
	return at;
}

uint32_t frame_take_number(struct frame *f)
{
	const char *at = take(f, sizeof(uint32_t));
	return at ? number_at(at) : 0;
}

const char *frame_take_text(struct frame *f, size_t *ret_len)
{
	const size_t len = frame_take_number(f);
	const char *at = take(f, len);
	*ret_len = at ? len : 0;
	return at ? at : "";
}

bool frame_is_done(const struct frame *f)
{
	return !f->bad && f->left == 0;
}
