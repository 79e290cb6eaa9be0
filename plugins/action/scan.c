#include "scan.h"
#include <string.h>
#include "common/decode.h"

struct cursor {
	const char *at, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

static bool skip_char(struct cursor *c, char expected)
{
	if (c->at == c->end || *c->at != expected)
		return false;
	c->at++;
	return true;
}

/* ---- Values that are not nested ---- */

/* Behind the backslash. */
static bool skip_escape(struct cursor *c)
{
	if (c->at == c->end)
		return false;
	const char kind = *c->at++;
	if (kind != 'u')
		return kind && strchr("\"\\/bfnrt", kind);
	for (int i = 0; i < 4; i++)
		if (c->at == c->end || hex_digit(*c->at++) < 0)
			return false;
	return true;
}

/* From the opening quote to behind the closing one. */
static bool skip_string(struct cursor *c)
{
	if (!skip_char(c, '"'))
		return false;
	while (c->at < c->end) {
		const char here = *c->at++;
		if (here == '"')
			return true;
		if ((unsigned char)here < 0x20 || (here == '\\' && !skip_escape(c)))
			return false;
	}
	return false;
}

static size_t skip_digits(struct cursor *c)
{
	const char *begin = c->at;
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return (size_t)(c->at - begin);
}

static bool skip_number(struct cursor *c)
{
	(void)skip_char(c, '-');
	if (!skip_char(c, '0') && skip_digits(c) == 0)
		return false;
	if (skip_char(c, '.') && skip_digits(c) == 0)
		return false;
	if (!skip_char(c, 'e') && !skip_char(c, 'E'))
		return true;
	if (!skip_char(c, '+'))
		(void)skip_char(c, '-');
	return skip_digits(c) > 0;
}

static bool skip_word(struct cursor *c, const char *word)
{
	const size_t len = strlen(word);
	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
		return false;
	c->at += len;
	return true;
}

static bool skip_plain(struct cursor *c)
{
	if (c->at == c->end)
		return false;
	switch (*c->at) {
	case '"':
		return skip_string(c);
	case 't':
		return skip_word(c, "true");
	case 'f':
		return skip_word(c, "false");
	case 'n':
		return skip_word(c, "null");
	default:
		return skip_number(c);
	}
}

/* ---- Nested ones ---- */

static bool skip_key(struct cursor *c)
{
	skip_space(c);
	if (!skip_string(c))
		return false;
	skip_space(c);
	return skip_char(c, ':');
}

/* Opens an object or a list; an empty one is closed at once. */
static bool open(struct cursor *c, char kinds[static NESTING_MAX], size_t *depth, bool *ret_empty)
{
	const char kind = *c->at++;
	const char close = kind == '{' ? '}' : ']';
	skip_space(c);
	*ret_empty = skip_char(c, close);
	if (*ret_empty)
		return *depth < NESTING_MAX;
	if (*depth == NESTING_MAX)
		return false;
	kinds[(*depth)++] = close;
	return kind == '[' || skip_key(c);
}

/* Closes what ends here, and goes on behind a comma. False: neither. */
static bool go_on(struct cursor *c, const char *kinds, size_t *depth)
{
	while (*depth > 0) {
		const char close = kinds[*depth - 1];
		skip_space(c);
		if (skip_char(c, ','))
			return close == ']' || skip_key(c);
		if (!skip_char(c, close))
			return false;
		(*depth)--;
	}
	return true;
}

/* The stack is an array of bounded size: what comes from outside decides how deep it is. */
static bool skip_value(struct cursor *c)
{
	char kinds[NESTING_MAX];
	size_t depth = 0;
	do {
		bool done = true;
		skip_space(c);
		if (c->at < c->end && (*c->at == '{' || *c->at == '[')) {
			if (!open(c, kinds, &depth, &done))
				return false;
		} else if (!skip_plain(c)) {
			return false;
		}
		if (done && !go_on(c, kinds, &depth))
			return false;
	} while (depth > 0);
	return true;
}

bool scan_is_value(tappet_str text)
{
	struct cursor c = {text.ptr, text.ptr + text.len};
	if (text.len == 0 || !skip_value(&c))
		return false;
	skip_space(&c);
	return c.at == c.end;
}

/* ---- Pieces ---- */

static bool take_value(struct cursor *c, tappet_str *ret)
{
	skip_space(c);
	const char *begin = c->at;
	if (!skip_value(c))
		return false;
	*ret = tappet_strn(begin, (size_t)(c->at - begin));
	skip_space(c);
	return true;
}

static bool take_member(struct cursor *c, struct member *ret)
{
	skip_space(c);
	const char *begin = c->at;
	if (!skip_string(c))
		return false;
	ret->key = tappet_strn(begin + 1, (size_t)(c->at - begin) - 2);
	skip_space(c);
	return skip_char(c, ':') && take_value(c, &ret->value);
}

static bool stands_before(const struct member *members, size_t count, tappet_str key)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].key.len == key.len && memcmp(members[i].key.ptr, key.ptr, key.len) == 0)
			return true;
	return false;
}

const char *scan_object(tappet_str text, struct member *members, size_t max, size_t *ret_count)
{
	struct cursor c = {text.ptr, text.ptr + text.len};
	size_t count = 0;
	if (!scan_is_value(text))
		return "is not JSON, or nested too deeply";
	skip_space(&c);
	if (!skip_char(&c, '{'))
		return "is no JSON object";
	skip_space(&c);
	while (!skip_char(&c, '}')) {
		struct member member;
		if (count > 0 && !skip_char(&c, ','))
			return "is not JSON";
		if (!take_member(&c, &member))
			return "is not JSON";
		if (count == max)
			return "has too many members";
		if (stands_before(members, count, member.key))
			return "has a member twice";
		members[count++] = member;
	}
	*ret_count = count;
	return NULL;
}

const char *scan_list(tappet_str text, tappet_str *items, size_t max, size_t *ret_count)
{
	struct cursor c = {text.ptr, text.ptr + text.len};
	size_t count = 0;
	if (!scan_is_value(text))
		return "is not JSON, or nested too deeply";
	skip_space(&c);
	if (!skip_char(&c, '['))
		return "is no list";
	skip_space(&c);
	while (!skip_char(&c, ']')) {
		if (count > 0 && !skip_char(&c, ','))
			return "is not JSON";
		if (count == max)
			return "has too many items";
		if (!take_value(&c, &items[count++]))
			return "is not JSON";
	}
	*ret_count = count;
	return NULL;
}

bool scan_member(tappet_str object, tappet_str key, tappet_str *ret)
{
	struct cursor c = {object.ptr, object.ptr + object.len};
	bool found = false, first = true;
	if (!scan_is_value(object))
		return false;
	skip_space(&c);
	if (!skip_char(&c, '{'))
		return false;
	skip_space(&c);
	for (struct member m; !skip_char(&c, '}'); first = false) {
		if ((!first && !skip_char(&c, ',')) || !take_member(&c, &m))
			return false;
		if (m.key.len != key.len || memcmp(m.key.ptr, key.ptr, key.len) != 0)
			continue;
		*ret = m.value;
		found = true;
	}
	return found;
}

bool scan_item(tappet_str list, size_t index, tappet_str *ret)
{
	struct cursor c = {list.ptr, list.ptr + list.len};
	tappet_str item;
	if (!scan_is_value(list))
		return false;
	skip_space(&c);
	if (!skip_char(&c, '['))
		return false;
	skip_space(&c);
	for (size_t i = 0; !skip_char(&c, ']'); i++) {
		if ((i > 0 && !skip_char(&c, ',')) || !take_value(&c, &item))
			return false;
		if (i < index)
			continue;
		*ret = item;
		return true;
	}
	return false;
}

/* ---- Strings ---- */

static uint32_t four_digits(const char *at)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++)
		value = value * 16 + (uint32_t)hex_digit(at[i]);
	return value;
}

/* UTF-8 (RFC 3629 section 3). */
static size_t encode(uint32_t c, char out[static 4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	const size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (char)(marks[len] | c);
	return len;
}

/* *at stands behind "\u". A half of a surrogate pair alone is no character: 0 bytes. */
static size_t decode_number(const char **at, const char *end, char out[static 4])
{
	uint32_t c = four_digits(*at);
	*at += 4;
	if (c < 0xd800 || c > 0xdfff)
		return encode(c, out);
	if (c > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0;
	const uint32_t low = four_digits(*at + 2);
	*at += 6;
	return low < 0xdc00 || low > 0xdfff ? 0 : encode(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), out);
}

static size_t decode_escape(const char **at, const char *end, char out[static 4])
{
	static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
	const char kind = *(*at)++;
	if (kind == 'u')
		return decode_number(at, end, out);
	const char *name = strchr(names, kind);
	out[0] = name ? values[name - names] : kind;
	return 1;
}

bool scan_string(tappet_str value, char *ret, size_t size, size_t *ret_len)
{
	if (value.len < 2 || *value.ptr != '"' || !scan_is_value(value))
		return false;
	const char *at = value.ptr + 1, *end = value.ptr + value.len - 1;
	size_t len = 0;
	while (at < end) {
		char decoded[4] = {*at++};
		const size_t n = decoded[0] == '\\' ? decode_escape(&at, end, decoded) : 1;
		if (n == 0 || n >= size - len)
			return false;
		memcpy(ret + len, decoded, n);
		len += n;
	}
	ret[len] = '\0';
	*ret_len = len;
	return true;
}

/* ---- Others ---- */

bool scan_count(tappet_str value, uint64_t *ret)
{
	uint64_t number = 0;
	if (value.len == 0 || (value.len > 1 && value.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < value.len; i++) {
		const char c = value.ptr[i];
		if (c < '0' || c > '9' || number > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
			return false;
		number = number * 10 + (uint64_t)(c - '0');
	}
	*ret = number;
	return true;
}

bool scan_boolean(tappet_str value, bool *ret)
{
	const bool yes = value.len == 4 && memcmp(value.ptr, "true", 4) == 0;
	if (!yes && (value.len != 5 || memcmp(value.ptr, "false", 5) != 0))
		return false;
	*ret = yes;
	return true;
}
