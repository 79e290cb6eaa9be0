/* Text as a JSON string (RFC 8259 section 7). */
#ifndef EXAMPLES_QUOTE_H
#define EXAMPLES_QUOTE_H

#include <stddef.h>

/* How much room `len` bytes may need: each may become \u00XX. */
#define QUOTE_MAX(len) ((len)*6 + 2)

/* Returns the length. What is not UTF-8 stays what it is: the host finds it. */
static inline size_t quote(char *out, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;

	*at++ = '"';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20) {
			*at++ = '\\', *at++ = 'u', *at++ = '0', *at++ = '0';
			*at++ = hex[c >> 4], *at++ = hex[c & 15];
			continue;
		}
		if (c == '"' || c == '\\')
			*at++ = '\\';
		*at++ = text[i];
	}
	*at++ = '"';
	return (size_t)(at - out);
}

#endif
