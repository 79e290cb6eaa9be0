#include "decode.h"
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded (WHATWG URL section 5.1). A NUL ends the text: JSON has no use for it here. */
char *form_decode(const char *at, size_t len, bool plus)
{
	char *text = malloc(len + 1);
	size_t n = 0;
	for (size_t i = 0; text && i < len; i++) {
		const bool escape =
			at[i] == '%' && i + 2 < len && hex_digit(at[i + 1]) >= 0 && hex_digit(at[i + 2]) >= 0;
		if (escape) {
			text[n++] = (char)(hex_digit(at[i + 1]) * 16 + hex_digit(at[i + 2]));
			i += 2;
		} else {
			text[n++] = plus && at[i] == '+' ? ' ' : at[i];
		}
	}
	if (text)
		text[n] = '\0';
	return text;
}

bool json_is_whole(tappet_str text)
{
	const char *end = NULL;
	cJSON *tree = text.len ? cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false) : NULL;
	if (!tree)
		return false;
	cJSON_Delete(tree);
	while (end < text.ptr + text.len && strchr(" \t\r\n", *end) && *end)
		end++;
	return end == text.ptr + text.len;
}

/* The media type without its parameters. */
bool content_type_is(tappet_str value, const char *type)
{
	const size_t len = strlen(type);
	return value.len >= len && strncasecmp(value.ptr, type, len) == 0 &&
	       (value.len == len || value.ptr[len] == ';' || value.ptr[len] == ' ');
}
