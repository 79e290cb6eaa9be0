#include "gateway/chunk.h"

#include <errno.h>
#include "gateway/chars.h"

/*  SIZE_FIRST -> SIZE -> [EXTENSION] -> SIZE_END
 *  SIZE_END, size > 0 -> DATA -> DATA_CR -> DATA_LF -> SIZE_FIRST
 *  SIZE_END, size 0   -> TRAILER_FIRST -> TRAILER_NAME -> TRAILER_VALUE -> TRAILER_LF -> TRAILER_FIRST
 *                        TRAILER_FIRST -> LAST_LF -> COMPLETE */
enum state {
	SIZE_FIRST,
	SIZE,
	EXTENSION,
	SIZE_END,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	COMPLETE,
};

/* Extensions are read over and mean nothing here, so they are kept short. */
#define SIZE_LINE_MAX 256

void chunk_init(struct chunk_decoder *d, size_t trailer_max)
{
	*d = (struct chunk_decoder){.state = SIZE_FIRST, .trailer_max = trailer_max};
}

static int size_digit(struct chunk_decoder *d, char c)
{
	int digit = chars_hex(c);
	if (digit < 0 || d->left >> 60)
		return -EBADMSG;
	d->left = d->left << 4 | (uint64_t)digit;
	return SIZE;
}

static int size_byte(struct chunk_decoder *d, char c)
{
	if (++d->line > SIZE_LINE_MAX)
		return -EBADMSG;
	if (d->state == SIZE_FIRST)
		return size_digit(d, c);
	if (d->state == SIZE_END)
		return c != '\n' ? -EBADMSG : d->left > 0 ? DATA : TRAILER_FIRST;
	if (c == '\r')
		return SIZE_END;
	if (d->state == EXTENSION)
		return chars_is_field(c) ? EXTENSION : -EBADMSG;
	return c == ';' ? EXTENSION : size_digit(d, c);
}

static int data_end_byte(struct chunk_decoder *d, char c)
{
	if (d->state == DATA_CR)
		return c == '\r' ? DATA_LF : -EBADMSG;
	if (c != '\n')
		return -EBADMSG;
	d->line = 0;
	return SIZE_FIRST;
}

static int trailer_byte(struct chunk_decoder *d, char c)
{
	if (++d->trailer > d->trailer_max)
		return -E2BIG;
	switch (d->state) {
	case TRAILER_FIRST:
		if (c == '\r')
			return LAST_LF;
		return chars_is_token(c) ? TRAILER_NAME : -EBADMSG;
	case TRAILER_NAME:
		if (c == ':')
			return TRAILER_VALUE;
		return chars_is_token(c) ? TRAILER_NAME : -EBADMSG;
	case TRAILER_VALUE:
		if (c == '\r')
			return TRAILER_LF;
		return chars_is_field(c) ? TRAILER_VALUE : -EBADMSG;
	default:
		if (c != '\n')
			return -EBADMSG;
		return d->state == LAST_LF ? COMPLETE : TRAILER_FIRST;
	}
}

static int framing_byte(struct chunk_decoder *d, char c)
{
	if (d->state < DATA)
		return size_byte(d, c);
	if (d->state < TRAILER_FIRST)
		return data_end_byte(d, c);
	return trailer_byte(d, c);
}

int chunk_read(struct chunk_decoder *d, const char *bytes, size_t len, size_t *ret_used, const char **ret_data,
	       size_t *ret_data_len)
{
	size_t used = 0;
	while (used < len && d->state != DATA && d->state != COMPLETE) {
		int next = framing_byte(d, bytes[used++]);
		if (next < 0)
			return next;
		d->state = next;
	}
	*ret_data = bytes + used;
	*ret_data_len = 0;
	if (d->state == DATA) {
		size_t data = len - used < d->left ? len - used : (size_t)d->left;
		d->left -= data;
		*ret_data_len = data;
		used += data;
		if (d->left == 0)
			d->state = DATA_CR;
	}
	*ret_used = used;
	return d->state == COMPLETE;
}

uint64_t chunk_missing(const struct chunk_decoder *d)
{
	return d->state == DATA ? d->left : 0;
}
