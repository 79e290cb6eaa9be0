/* Classes of characters of RFC 9110 and of percent-encoding. */
#ifndef GATEWAY_CHARS_H
#define GATEWAY_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One bit for each ASCII character that a token may hold. */
extern const uint32_t chars_token_bits[4];

/* tchar, RFC 9110 section 5.6.2 */
static inline bool chars_is_token(char c)
{
	unsigned char u = (unsigned char)c;
	return u < 128 && (chars_token_bits[u >> 5] >> (u & 31) & 1);
}

/* VCHAR, SP, HTAB and obs-text: what a field value may hold */
static inline bool chars_is_field(char c)
{
	unsigned char u = (unsigned char)c;
	return u == '\t' || (u >= 0x20 && u != 0x7f);
}

/* 0-15, or -1 */
int chars_hex(char c);
/* Decodes %XX of `len` bytes into `to` (at most `len` bytes), `+` as a space when asked for. A `%` that begins no
 * encoding stays as it is with `lenient`, else the answer is -EINVAL. Returns 0 and the length. */
int chars_percent_decode(const char *from, size_t len, bool plus, bool lenient, char *to, size_t *ret_len);

#endif
