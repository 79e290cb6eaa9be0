#include "base/json_scan.h"

#include <errno.h>

struct scan {
	const char *text;
	size_t len, at;
	unsigned depth;
	json_scan_visit visit;
	void *arg;
	struct json_error *error;
};

static int scan_value(struct scan *s, size_t key_at);

static int mistake(struct scan *s, const char *message)
{
	s->error->offset = s->at;
	snprintf(s->error->message, sizeof(s->error->message), "%s", message);
	return -EINVAL;
}

static int peek(const struct scan *s)
{
	return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
	while (s->at < s->len &&
	       (s->text[s->at] == ' ' || s->text[s->at] == '\t' || s->text[s->at] == '\n' || s->text[s->at] == '\r'))
		s->at++;
}

size_t json_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	size_t need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len < need)
		return 0;
	/* Overlong forms, surrogates, and what lies beyond U+10FFFF show in the second byte. */
	unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

static int hex4(struct scan *s, unsigned *ret)
{
	unsigned value = 0;
	for (int i = 0; i < 4; i++, s->at++) {
		int c = peek(s);
		if (c >= '0' && c <= '9')
			value = value << 4 | (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value = value << 4 | (unsigned)((c | 32) - 'a' + 10);
		else
			return mistake(s, "expected four hex digits after \\u");
	}
	*ret = value;
	return 0;
}

static int scan_unicode_escape(struct scan *s)
{
	unsigned high, low;
	int r = hex4(s, &high);
	if (r < 0)
		return r;
	if (high == 0)
		return mistake(s, "\\u0000 is not allowed");
	if (high < 0xd800 || high > 0xdfff)
		return 0;
	if (high > 0xdbff || peek(s) != '\\')
		return mistake(s, "expected a pair of surrogates");
	s->at++;
	if (peek(s) != 'u')
		return mistake(s, "expected a pair of surrogates");
	s->at++;
	r = hex4(s, &low);
	if (r < 0)
		return r;
	return low >= 0xdc00 && low <= 0xdfff ? 0 : mistake(s, "expected a pair of surrogates");
}

static int scan_escape(struct scan *s)
{
	s->at++;
	int c = peek(s);
	if (c > 0 && strchr("\"\\/bfnrt", c)) {
		s->at++;
		return 0;
	}
	if (c != 'u')
		return mistake(s, "unknown escape in a string");
	s->at++;
	return scan_unicode_escape(s);
}

static int scan_string(struct scan *s)
{
	s->at++;
	for (;;) {
		int c = peek(s);
		if (c < 0)
			return mistake(s, "unterminated string");
		if (c == '"') {
			s->at++;
			return 0;
		}
		if (c == '\\') {
			int r = scan_escape(s);
			if (r < 0)
				return r;
			continue;
		}
		if (c < 0x20)
			return mistake(s, "control character in a string");
		size_t used = c < 0x80 ? 1 : json_utf8(s->text + s->at, s->len - s->at);
		if (used == 0)
			return mistake(s, "a string is not UTF-8");
		s->at += used;
	}
}

static bool scan_digits(struct scan *s)
{
	size_t from = s->at;
	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at > from;
}

static int scan_number(struct scan *s)
{
	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (!scan_digits(s))
		return mistake(s, "expected a digit");
	if (peek(s) == '.') {
		s->at++;
		if (!scan_digits(s))
			return mistake(s, "expected a digit after the point");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!scan_digits(s))
			return mistake(s, "expected a digit in the exponent");
	}
	return 0;
}

static int scan_literal(struct scan *s)
{
	static const char *const literals[] = {"true", "false", "null"};
	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(literals[i]);
		if (s->len - s->at >= len && memcmp(s->text + s->at, literals[i], len) == 0) {
			s->at += len;
			return 0;
		}
	}
	return mistake(s, "expected a value");
}

static int scan_member(struct scan *s)
{
	size_t key_at = s->at;
	if (peek(s) != '"')
		return mistake(s, "expected a key in double quotes");
	int r = scan_string(s);
	if (r < 0)
		return r;
	skip_space(s);
	if (peek(s) != ':')
		return mistake(s, "expected ':' after a key");
	s->at++;
	skip_space(s);
	return scan_value(s, key_at);
}

static int scan_container(struct scan *s, char close)
{
	if (++s->depth > JSON_DEPTH_MAX)
		return mistake(s, "nested too deeply");
	s->at++;
	skip_space(s);
	if (peek(s) == close)
		goto end;
	for (;;) {
		int r = close == '}' ? scan_member(s) : scan_value(s, SIZE_MAX);
		if (r != 0)
			return r;
		skip_space(s);
		if (peek(s) == close)
			goto end;
		if (peek(s) != ',')
			return mistake(s, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
		s->at++;
		skip_space(s);
		if (peek(s) == close)
			return mistake(s, "a comma too many before this bracket");
	}
end:
	s->at++;
	s->depth--;
	return 0;
}

static int scan_value(struct scan *s, size_t key_at)
{
	int r = s->visit ? s->visit(s->arg, s->at, key_at) : 0;
	if (r != 0)
		return r;
	int c = peek(s);
	if (c == '{')
		return scan_container(s, '}');
	if (c == '[')
		return scan_container(s, ']');
	if (c == '"')
		return scan_string(s);
	if (c == '-' || (c >= '0' && c <= '9'))
		return scan_number(s);
	return scan_literal(s);
}

int json_scan(const char *text, size_t len, json_scan_visit visit, void *arg, struct json_error *ret_error)
{
	struct json_error unused;
	struct scan s = {
		.text = text, .len = len, .visit = visit, .arg = arg, .error = ret_error ? ret_error : &unused};
	skip_space(&s);
	int r = scan_value(&s, SIZE_MAX);
	if (r != 0)
		return r;
	skip_space(&s);
	return s.at == s.len ? 0 : mistake(&s, "unexpected text after the value");
}

int json_check(const char *text, size_t len, struct json_error *ret_error)
{
	return json_scan(text, len, NULL, NULL, ret_error);
}
