#include "engine/tail.h"

#include <string.h>

#include "base/json_scan.h"

#define LINES_MAX 5
#define BYTES_MAX 400
#define ESCAPE '\x1b'

void tail_put(struct tail *t, const char *text, size_t len)
{
	size_t keep;

	if (len > TAIL_KEPT) {
		text += len - TAIL_KEPT;
		len = TAIL_KEPT;
		t->cut = true;
	}
	keep = t->len < TAIL_KEPT - len ? t->len : TAIL_KEPT - len;
	t->cut |= keep < t->len;
	memmove(t->bytes, t->bytes + t->len - keep, keep);
	memcpy(t->bytes + keep, text, len);
	t->len = keep + len;
}

/* ECMA-48: CSI to its final byte, OSC (titles, links) to BEL or ST, others of two bytes. */
static size_t escape_length(const char *text, size_t len)
{
	size_t at = 2;

	if (len < 2)
		return len;
	if (text[1] == '[') {
		while (at < len && (text[at] < 0x40 || text[at] > 0x7e))
			at++;
		return at < len ? at + 1 : len;
	}
	if (text[1] == ']') {
		while (at < len && text[at] != '\a' && text[at] != ESCAPE)
			at++;
		return at < len && text[at] == ESCAPE ? at + 2 : at + 1;
	}
	return 2;
}

/* One line break for any number of them. A progress bar's carriage return is one, too. */
static void put_break(struct buf *out)
{
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		(void)buf_char(out, '\n');
}

static size_t clean_one(const char *text, size_t len, struct buf *out)
{
	unsigned char c = (unsigned char)*text;
	size_t used = c < 0x80 ? 1 : json_utf8(text, len);

	if (c == ESCAPE)
		return escape_length(text, len);
	if (c == '\n' || c == '\r')
		put_break(out);
	else if (c == '\t')
		(void)buf_char(out, ' ');
	else if (used == 0)
		(void)buf_char(out, '?');
	else if (c >= 0x20 && c != 0x7f && !(c == 0xc2 && (unsigned char)text[1] < 0xa0)) /* C1 */
		(void)buf_append(out, text, used);
	return used > 0 ? used : 1;
}

static void clean(const struct tail *t, struct buf *out)
{
	const char *at = t->bytes, *end = at + t->len, *newline;

	if (t->cut) {
		newline = memchr(at, '\n', t->len);
		if (newline && newline + 1 < end)
			at = newline + 1;
		while (at < end && ((unsigned char)*at & 0xc0) == 0x80)
			at++;
	}
	while (at < end) {
		size_t used = clean_one(at, (size_t)(end - at), out);

		at += used < (size_t)(end - at) ? used : (size_t)(end - at);
	}
	put_break(out);
	if (out->len > 0)
		out->len--;
}

/* Where the last lines begin. */
static const char *find_start(const char *text, size_t len)
{
	const char *at = text + len;
	unsigned lines = 0;

	while (at > text && (size_t)(text + len - at) < BYTES_MAX) {
		if (at[-1] == '\n' && ++lines == LINES_MAX)
			return at;
		at--;
	}
	return at;
}

void tail_write(const struct tail *t, struct buf *out)
{
	struct buf text;
	const char *at, *end;

	buf_init(&text, 2 * TAIL_KEPT);
	clean(t, &text);
	if (buf_error(&text) < 0 || text.len == 0)
		goto cleanup;
	end = text.data + text.len;
	at = find_start(text.data, text.len);
	if (at > text.data && at[-1] != '\n') {
		/* In the middle of a line, or of a character. */
		while (at < end && ((unsigned char)*at & 0xc0) == 0x80)
			at++;
		(void)buf_str(out, "…");
	}
	for (; at < end; at++) {
		if (*at == '\n')
			(void)buf_str(out, " | ");
		else
			(void)buf_char(out, *at);
	}
cleanup:
	buf_release(&text);
}
