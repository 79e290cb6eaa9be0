/* A growable byte buffer with a maximum, given when it is made: nothing that a user can make grow is without one.
 *
 * Errors are sticky: after one append failed (-ENOBUFS past the maximum, -ENOMEM), later appends do nothing, so a
 * writer appends a whole document and asks `buf_error` once. The bytes are always followed by a NUL that is not
 * counted in `len`. Not thread-safe. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	int error;
};

/* No allocation is made before the first append. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer may be used again after buf_init. */
void buf_release(struct buf *b);
/* Empties the buffer and its error, keeps the allocation. */
void buf_clear(struct buf *b);

int buf_append(struct buf *b, const void *bytes, size_t len);
int buf_str(struct buf *b, const char *text);
int buf_char(struct buf *b, char c);
int buf_uint(struct buf *b, uint64_t number); /* in decimal; far cheaper than buf_printf */
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Room for `len` more bytes; *ret_room points behind the used part. The caller adds what it wrote to b->len
 * and calls buf_terminate. */
int buf_reserve(struct buf *b, size_t len, char **ret_room);
void buf_terminate(struct buf *b);
/* Removes `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);

/* 0, -ENOBUFS or -ENOMEM: the first error since buf_init or buf_clear. */
int buf_error(const struct buf *b);
/* The bytes, NUL-terminated; "" when empty. Valid until the next append. */
const char *buf_cstr(const struct buf *b);
/* The bytes become the caller's (free()); the buffer is empty afterwards. NULL when there was an error or no
 * memory; an empty buffer gives "". */
char *buf_detach(struct buf *b, size_t *ret_len);

#endif
