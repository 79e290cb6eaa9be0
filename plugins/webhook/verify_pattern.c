/* Patterns: literal text with placeholders in braces. Neither of them ever holds a secret. */
#include <string.h>
#include "verify_parts.h"

static const char *const signed_names[] = {"body", "timestamp", "id", "method", "url", "path", "form", NULL};

static bool is(tappet_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

/* Takes the literal up to the next placeholder and the placeholder's name; name.ptr == NULL: there is none any more.
 * false: a brace without its other one. */
static bool next_piece(tappet_str *rest, tappet_str *ret_literal, tappet_str *ret_name)
{
	const char *end = rest->ptr + rest->len;
	const char *open = rest->len ? memchr(rest->ptr, '{', rest->len) : NULL;
	size_t literal_len = open ? (size_t)(open - rest->ptr) : rest->len;
	if (literal_len > 0 && memchr(rest->ptr, '}', literal_len))
		return false;
	*ret_literal = tappet_strn(rest->ptr, literal_len);
	*ret_name = nothing();
	if (!open) {
		*rest = tappet_strn(end, 0);
		return true;
	}
	const char *close = memchr(open, '}', (size_t)(end - open));
	if (!close)
		return false;
	*ret_name = tappet_strn(open + 1, (size_t)(close - open - 1));
	*rest = tappet_strn(close + 1, (size_t)(end - close - 1));
	return true;
}

/* ---- What is signed ---- */

static tappet_str part_by_name(const struct signed_parts *parts, tappet_str name)
{
	const tappet_str values[] = {parts->body, parts->timestamp, parts->id,  parts->method,
				     parts->url,  parts->path,      parts->form};
	for (size_t i = 0; signed_names[i]; i++)
		if (is(name, signed_names[i]))
			return values[i];
	return nothing();
}

bool pattern_expand(const char *signing, const struct signed_parts *parts, bool (*add)(void *arg, tappet_str piece),
		    void *arg)
{
	tappet_str rest = tappet_cstr(signing), literal, name;
	while (rest.len > 0) {
		if (!next_piece(&rest, &literal, &name) || !add(arg, literal))
			return false;
		if (name.ptr && !add(arg, part_by_name(parts, name)))
			return false;
	}
	return true;
}

bool pattern_uses(const char *pattern, const char *placeholder)
{
	tappet_str rest = tappet_cstr(pattern), literal, name;
	while (rest.len > 0 && next_piece(&rest, &literal, &name))
		if (name.ptr && is(name, placeholder))
			return true;
	return false;
}

const char *pattern_signed_error(const char *signing)
{
	tappet_str rest = tappet_cstr(signing), literal, name;
	while (rest.len > 0) {
		if (!next_piece(&rest, &literal, &name))
			return "a brace has no other one";
		bool known = !name.ptr;
		for (size_t i = 0; !known && signed_names[i]; i++)
			known = is(name, signed_names[i]);
		if (!known)
			return "expected {body}, {timestamp}, {id}, {method}, {url}, {path} or {form} in braces";
	}
	/* Without the body, whoever saw one request could send any other. */
	if (!pattern_uses(signing, "body") && !pattern_uses(signing, "form"))
		return "expected {body} (or {form}) in it, or the body would not be protected";
	return NULL;
}

/* ---- What a header's value looks like ---- */

/* Takes the text up to the separator, without white space around it; without a separator all of it as it is. false:
 * there is none any more. */
static bool next_item(tappet_str *rest, char separator, tappet_str *ret)
{
	if (!rest->ptr)
		return false;
	const char *end = separator && rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
	tappet_str item = tappet_strn(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
	*rest = end ? tappet_strn(end + 1, rest->len - item.len - 1) : nothing();
	*ret = item;
	if (!separator)
		return true;
	while (item.len > 0 && (item.ptr[0] == ' ' || item.ptr[0] == '\t'))
		item = tappet_strn(item.ptr + 1, item.len - 1);
	while (item.len > 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t'))
		item.len--;
	*ret = item;
	return true;
}

static bool begins(tappet_str text, tappet_str with)
{
	return text.len >= with.len && (with.len == 0 || memcmp(text.ptr, with.ptr, with.len) == 0);
}

/* "v1={signature}" against "v1=abc". */
static bool match_item(tappet_str pattern, tappet_str item, tappet_str *ret_name, tappet_str *ret_value)
{
	tappet_str rest = pattern, before, name;
	if (!next_piece(&rest, &before, &name) || !name.ptr || !begins(item, before))
		return false;
	tappet_str value = tappet_strn(item.ptr + before.len, item.len - before.len);
	if (value.len < rest.len || (rest.len && memcmp(value.ptr + value.len - rest.len, rest.ptr, rest.len) != 0))
		return false;
	value.len -= rest.len;
	*ret_name = name;
	*ret_value = value;
	return value.len > 0;
}

static bool take(struct parsed *parsed, tappet_str name, tappet_str value)
{
	if (is(name, "timestamp")) {
		if (parsed->timestamp.ptr)
			return false;
		parsed->timestamp = value;
		return true;
	}
	if (parsed->count == SIGNATURES_MAX)
		return false;
	parsed->signatures[parsed->count++] = value;
	return true;
}

bool header_pattern_parse(const struct scheme *scheme, tappet_str value, struct parsed *ret)
{
	struct parsed parsed = {0};
	tappet_str prefix = tappet_cstr(scheme->prefix), item, pattern, name, found;
	tappet_str rest = nothing();
	if (begins(value, prefix))
		rest = tappet_strn(value.ptr + prefix.len, value.len - prefix.len);
	while (next_item(&rest, scheme->separator, &item)) {
		tappet_str patterns = tappet_cstr(scheme->parse ? scheme->parse : "{signature}");
		bool matched = false;
		while (!matched && next_item(&patterns, scheme->separator, &pattern))
			matched = match_item(pattern, item, &name, &found);
		if (matched && !take(&parsed, name, found))
			return false;
	}
	*ret = parsed;
	return true;
}

static const char *item_error(tappet_str pattern)
{
	tappet_str literal, name, rest = pattern, second;
	if (!next_piece(&rest, &literal, &name))
		return "a brace has no other one";
	if (!name.ptr || !(is(name, "timestamp") || is(name, "signature")))
		return "expected {timestamp} or {signature} in each item";
	if (!next_piece(&rest, &literal, &second) || second.ptr)
		return "expected one placeholder in each item";
	return NULL;
}

const char *pattern_parse_error(const char *parse, char separator)
{
	tappet_str rest = tappet_cstr(parse), pattern;
	while (next_item(&rest, separator, &pattern)) {
		const char *error = item_error(pattern);
		if (error)
			return error;
	}
	return pattern_uses(parse, "signature") ? NULL : "expected {signature} in it";
}
