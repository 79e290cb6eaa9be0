#include "base/buf.h"

#include <errno.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

static int fail(struct buf *b, int error)
{
	if (!b->error)
		b->error = error;
	return b->error;
}

/* Makes room for `len` more bytes and the NUL behind them. */
static int grow(struct buf *b, size_t len)
{
	if (b->error)
		return b->error;
	if (len > b->max || b->len > b->max - len)
		return fail(b, -ENOBUFS);
	size_t need = b->len + len + 1;
	if (need <= b->cap)
		return 0;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap += cap / 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	char *data = realloc(b->data, cap);
	if (!data)
		return fail(b, -ENOMEM);
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_reserve(struct buf *b, size_t len, char **ret_room)
{
	int r = grow(b, len);
	if (r < 0)
		return r;
	*ret_room = b->data + b->len;
	return 0;
}

void buf_terminate(struct buf *b)
{
	if (b->data)
		b->data[b->len] = '\0';
}

int buf_append(struct buf *b, const void *bytes, size_t len)
{
	int r = grow(b, len);
	if (r < 0)
		return r;
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_str(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

int buf_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

int buf_uint(struct buf *b, uint64_t number)
{
	char digits[20];
	char *at = digits + sizeof(digits);
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	return buf_append(b, at, (size_t)(digits + sizeof(digits) - at));
}

int buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return fail(b, -EINVAL);
	int r = grow(b, (size_t)len);
	if (r < 0)
		return r;
	vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
	b->len += (size_t)len;
	return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = buf_vprintf(b, format, args);
	va_end(args);
	return r;
}

void buf_consume(struct buf *b, size_t len)
{
	if (len >= b->len) {
		b->len = 0;
	} else {
		memmove(b->data, b->data + len, b->len - len);
		b->len -= len;
	}
	buf_terminate(b);
}

int buf_error(const struct buf *b)
{
	return b->error;
}

const char *buf_cstr(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_detach(struct buf *b, size_t *ret_len)
{
	if (b->error)
		return NULL;
	if (!b->data && grow(b, 0) < 0)
		return NULL;
	b->data[b->len] = '\0';
	char *data = b->data;
	if (ret_len)
		*ret_len = b->len;
	*b = (struct buf){.max = b->max};
	return data;
}
