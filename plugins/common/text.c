#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct text *t, size_t len)
{
	if (t->failed)
		return false;
	if (t->len + len < t->room)
		return true;
	size_t room = t->room ? 2 * t->room : 512;
	while (room <= t->len + len)
		room *= 2;
	char *bytes = realloc(t->bytes, room);
	t->failed = !bytes;
	if (!bytes)
		return false;
	t->bytes = bytes;
	t->room = room;
	return true;
}

void text_bytes(struct text *t, const char *bytes, size_t len)
{
	if (!make_room(t, len + 1))
		return;
	if (len > 0)
		memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	t->bytes[t->len] = '\0';
}

void text_cstr(struct text *t, const char *bytes)
{
	text_bytes(t, bytes, strlen(bytes));
}

/* How many bytes the character at `at` has, 0 when it is none (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *at, size_t left)
{
	const unsigned char c = at[0];
	const size_t len = c < 0x80                ? 1
			   : c >= 0xc2 && c < 0xe0 ? 2
			   : c >= 0xe0 && c < 0xf0 ? 3
			   : c >= 0xf0 && c < 0xf5 ? 4
						   : 0;
	if (len == 0 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f) || (c == 0xf0 && at[1] < 0x90) ||
	    (c == 0xf4 && at[1] > 0x8f))
		return 0;
	return len;
}

bool utf8_is_valid(tappet_str text)
{
	for (size_t i = 0; i < text.len;) {
		const size_t len = utf8_length((const unsigned char *)text.ptr + i, text.len - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

static void add_escaped(struct text *t, unsigned char c)
{
	char escape[8];
	if (c == '"' || c == '\\')
		snprintf(escape, sizeof(escape), "\\%c", c);
	else
		snprintf(escape, sizeof(escape), "\\u%04x", c);
	text_cstr(t, escape);
}

void text_json(struct text *t, tappet_str value)
{
	const unsigned char *bytes = (const unsigned char *)value.ptr;
	text_bytes(t, "\"", 1);
	for (size_t i = 0; i < value.len;) {
		const size_t len = utf8_length(bytes + i, value.len - i);
		if (len == 0)
			text_cstr(t, "\xef\xbf\xbd");
		else if (bytes[i] < 0x20 || bytes[i] == '"' || bytes[i] == '\\')
			add_escaped(t, bytes[i]);
		else
			text_bytes(t, value.ptr + i, len);
		i += len ? len : 1;
	}
	text_bytes(t, "\"", 1);
}

void text_key(struct text *t, const char *key)
{
	const char last = t->len ? t->bytes[t->len - 1] : '{';
	if (last != '{' && last != '[')
		text_bytes(t, ",", 1);
	text_json(t, tappet_cstr(key));
	text_bytes(t, ":", 1);
}

void text_member(struct text *t, const char *key, tappet_str value)
{
	text_key(t, key);
	text_json(t, value);
}

void text_number(struct text *t, const char *key, int64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)number);
	text_key(t, key);
	text_cstr(t, text);
}

void text_release(struct text *t)
{
	free(t->bytes);
	*t = (struct text){0};
}
