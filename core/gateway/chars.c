#include "gateway/chars.h"

#include <errno.h>

const uint32_t chars_token_bits[4] = {
	0x00000000u, 0x03ff6cfau, /* ! # $ % & ' * + - . 0-9 */
	0xc7fffffeu,              /* A-Z ^ _ */
	0x57ffffffu,              /* ` a-z | ~ */
};

int chars_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int chars_percent_decode(const char *from, size_t len, bool plus, bool lenient, char *to, size_t *ret_len)
{
	size_t used = 0;
	for (size_t i = 0; i < len; i++) {
		int high = from[i] == '%' && len - i > 2 ? chars_hex(from[i + 1]) : -1;
		int low = high >= 0 ? chars_hex(from[i + 2]) : -1;
		if (low >= 0) {
			to[used++] = (char)(high << 4 | low);
			i += 2;
		} else if (from[i] == '%' && !lenient) {
			return -EINVAL;
		} else {
			to[used++] = from[i] == '+' && plus ? ' ' : from[i];
		}
	}
	*ret_len = used;
	return 0;
}
