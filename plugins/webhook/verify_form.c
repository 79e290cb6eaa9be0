/* Twilio signs the address that it was given and, behind it, the parameters of the form in alphabetical order:
 * https://www.twilio.com/docs/usage/security#validating-requests. Its own libraries accept the address with and without
 * a port, and take a value that comes twice once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "verify_parts.h"

#define PAIRS_MAX 1024

struct pair {
	tappet_str key, value;
};

static int hex_digit(char c)
{
	unsigned char byte;
	size_t len;
	const char text[2] = {'0', c};
	return decode(ENCODING_HEX, tappet_strn(text, 2), &byte, 1, &len) ? byte : -1;
}

/* Decodes '+' and %XX (WHATWG URL, application/x-www-form-urlencoded) to `out`, which has room for as much. */
static tappet_str decode_percent(tappet_str text, char *out)
{
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%' && text.len - i > 2 && hex_digit(text.ptr[i + 1]) >= 0 &&
		    hex_digit(text.ptr[i + 2]) >= 0) {
			c = (char)(hex_digit(text.ptr[i + 1]) * 16 + hex_digit(text.ptr[i + 2]));
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		out[len++] = c;
	}
	return tappet_strn(out, len);
}

/* Takes the next pair that is not empty, still encoded. */
static bool next_pair(tappet_str *rest, struct pair *ret)
{
	while (rest->len > 0) {
		const char *end = memchr(rest->ptr, '&', rest->len);
		tappet_str both = tappet_strn(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
		*rest = end ? tappet_strn(end + 1, rest->len - both.len - 1) : nothing();
		if (both.len == 0)
			continue;
		const char *equals = memchr(both.ptr, '=', both.len);
		size_t key_len = equals ? (size_t)(equals - both.ptr) : both.len;
		ret->key = tappet_strn(both.ptr, key_len);
		ret->value = equals ? tappet_strn(equals + 1, both.len - key_len - 1) : tappet_strn(both.ptr, 0);
		return true;
	}
	return false;
}

static int compare_texts(tappet_str a, tappet_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = compare_texts(left->key, right->key);
	return order ? order : compare_texts(left->value, right->value);
}

/* false: more than anybody sends. */
static bool split_form(tappet_str form, char *decoded, struct pair *pairs, size_t *ret_count)
{
	struct pair raw;
	size_t count = 0;
	while (next_pair(&form, &raw)) {
		if (count == PAIRS_MAX)
			return false;
		struct pair *pair = &pairs[count++];
		pair->key = decode_percent(raw.key, decoded);
		decoded += pair->key.len;
		pair->value = decode_percent(raw.value, decoded);
		decoded += pair->value.len;
	}
	*ret_count = count;
	return true;
}

static size_t join_pairs(const struct pair *pairs, size_t count, char *out)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
			continue;
		if (pairs[i].key.len)
			memcpy(out + len, pairs[i].key.ptr, pairs[i].key.len);
		len += pairs[i].key.len;
		if (pairs[i].value.len)
			memcpy(out + len, pairs[i].value.ptr, pairs[i].value.len);
		len += pairs[i].value.len;
	}
	return len;
}

char *form_flatten(tappet_str form, size_t *ret_len)
{
	struct pair *pairs = malloc(PAIRS_MAX * sizeof(*pairs));
	char *decoded = malloc(form.len + 1), *joined = malloc(form.len + 1);
	size_t count;
	if (pairs && decoded && joined && split_form(form, decoded, pairs, &count)) {
		qsort(pairs, count, sizeof(*pairs), compare_pairs);
		*ret_len = join_pairs(pairs, count, joined);
	} else {
		free(joined);
		joined = NULL;
	}
	free(decoded);
	free(pairs);
	return joined;
}

bool query_find(tappet_str path_query, const char *key, char *out, size_t size)
{
	const char *mark = path_query.len ? memchr(path_query.ptr, '?', path_query.len) : NULL;
	if (!mark)
		return false;
	tappet_str rest = tappet_strn(mark + 1, path_query.len - (size_t)(mark + 1 - path_query.ptr));
	struct pair pair;
	while (next_pair(&rest, &pair)) {
		if (pair.key.len >= size || pair.value.len >= size)
			continue;
		if (compare_texts(decode_percent(pair.key, out), tappet_cstr(key)) != 0)
			continue;
		out[decode_percent(pair.value, out).len] = '\0';
		return true;
	}
	return false;
}

/* Where the port of "https://user@host:port/path" stands, with its colon; empty and behind the host: there is none. */
static tappet_str find_port(tappet_str url)
{
	const char *end = url.ptr + url.len, *at = url.ptr;
	while (end - at > 3 && memcmp(at, "://", 3) != 0)
		at++;
	if (end - at <= 3)
		return nothing();
	const char *host = at += 3;
	while (at < end && *at != '/' && *at != '?' && *at != '#')
		at++;
	const char *stop = at;
	while (at > host && at[-1] >= '0' && at[-1] <= '9')
		at--;
	bool has = at > host && at[-1] == ':' && at < stop;
	return has ? tappet_strn(at - 1, (size_t)(stop - at + 1)) : tappet_strn(stop, 0);
}

bool url_spelling(tappet_str url, int variant, char *out, size_t size)
{
	tappet_str port = find_port(url);
	const char *instead = "";
	if (variant == 0) {
		port = tappet_strn(url.ptr, 0);
	} else if (!port.ptr || (variant == 1) != (port.len > 0)) {
		return false; /* there is no port to leave out, or one already */
	} else if (variant == 2) {
		instead = strncasecmp(url.ptr, "https:", 6) == 0 ? ":443" : ":80";
	}
	size_t head = (size_t)(port.ptr - url.ptr), tail = url.len - head - port.len;
	if (head > INT32_MAX || tail > INT32_MAX)
		return false;
	int len = snprintf(out, size, "%.*s%s%.*s", (int)head, url.ptr, instead, (int)tail, port.ptr + port.len);
	return len >= 0 && (size_t)len < size;
}
