#include <ctype.h>
#include <math.h>
#include "base/clock.h"
#include "base/json.h"
#include "base/json_scan.h"

/* A value that follows another one needs a comma: every value ends in a letter, a digit, a quote or a bracket. */
static void separate(struct buf *b)
{
	if (b->len == 0)
		return;
	unsigned char last = (unsigned char)b->data[b->len - 1];
	if (isalnum(last) || last == '"' || last == '}' || last == ']')
		buf_char(b, ',');
}

void jsonw_open(struct buf *b, char bracket)
{
	separate(b);
	buf_char(b, bracket);
}

void jsonw_close(struct buf *b, char bracket)
{
	buf_char(b, bracket);
}

static void write_escaped(struct buf *b, unsigned char c)
{
	static const char names[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
	const char *found = c ? strchr(names, c) : NULL;
	if (found)
		buf_printf(b, "\\%c", escapes[found - names]);
	else
		buf_printf(b, "\\u%04x", c);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != 0x7f;
}

static void write_quoted(struct buf *b, const char *text, size_t len)
{
	buf_char(b, '"');
	size_t at = 0;
	while (at < len) {
		size_t run = at;
		while (run < len && is_plain((unsigned char)text[run]))
			run++;
		buf_append(b, text + at, run - at);
		at = run;
		if (at == len)
			break;
		unsigned char c = (unsigned char)text[at];
		size_t used = c < 0x80 ? 0 : json_utf8(text + at, len - at);
		if (c < 0x80)
			write_escaped(b, c);
		else if (used > 0)
			buf_append(b, text + at, used);
		else
			buf_str(b, "\xef\xbf\xbd"); /* U+FFFD */
		at += used > 0 ? used : 1;
	}
	buf_char(b, '"');
}

void jsonw_key(struct buf *b, const char *key)
{
	separate(b);
	write_quoted(b, key, strlen(key));
	buf_char(b, ':');
}

void jsonw_strn(struct buf *b, const char *text, size_t len)
{
	separate(b);
	write_quoted(b, text, len);
}

void jsonw_str(struct buf *b, const char *text)
{
	if (text)
		jsonw_strn(b, text, strlen(text));
	else
		jsonw_null(b);
}

void jsonw_int(struct buf *b, int64_t number)
{
	separate(b);
	buf_printf(b, "%lld", (long long)number);
}

void jsonw_number(struct buf *b, double number)
{
	separate(b);
	if (!isfinite(number)) {
		buf_str(b, "null"); /* JSON has no word for it */
		return;
	}
	if (number == floor(number) && fabs(number) < 1e15) {
		buf_printf(b, "%.0f", number == 0 ? 0.0 : number);
		return;
	}
	char text[40];
	snprintf(text, sizeof(text), "%.15g", number);
	if (strtod(text, NULL) != number)
		snprintf(text, sizeof(text), "%.17g", number);
	buf_str(b, text);
}

void jsonw_bool(struct buf *b, bool v)
{
	separate(b);
	buf_str(b, v ? "true" : "false");
}

void jsonw_null(struct buf *b)
{
	separate(b);
	buf_str(b, "null");
}

void jsonw_raw(struct buf *b, const char *json, size_t len)
{
	separate(b);
	/* Commas are put by the last byte, which therefore must not be white space. */
	while (len > 0 && strchr(" \t\r\n", json[len - 1]))
		len--;
	buf_append(b, json, len);
}

void jsonw_time(struct buf *b, int64_t wall_ms)
{
	char text[CLOCK_TEXT_MAX];
	if (wall_ms == 0)
		jsonw_null(b);
	else
		jsonw_str(b, clock_rfc3339(wall_ms, text));
}
