#include <stdlib.h>
#include "base/json.h"

#define TOKEN_MAX 256

/* One reference token, unescaped (RFC 6901 section 4); returns where the next begins. */
static const char *next_token(const char *at, char *out, size_t size)
{
	size_t n = 0;
	for (; *at && *at != '/'; at++) {
		char c = *at;
		if (c == '~' && (at[1] == '0' || at[1] == '1'))
			c = *++at == '0' ? '~' : '/';
		if (n + 1 < size)
			out[n++] = c;
	}
	out[n] = '\0';
	return at;
}

const struct json *json_at(const struct json *list, size_t index)
{
	const struct json *item = json_is_array(list) ? json_first(list) : NULL;
	while (item && index-- > 0)
		item = json_next(item);
	return item;
}

static const struct json *step_into(const struct json *v, const char *token)
{
	char *end;
	if (json_is_object(v))
		return json_get(v, token);
	unsigned long index = strtoul(token, &end, 10);
	return *token >= '0' && *token <= '9' && !*end ? json_at(v, index) : NULL;
}

const struct json *json_pointer(const struct json *v, const char *pointer)
{
	char token[TOKEN_MAX];
	while (v && *pointer == '/') {
		pointer = next_token(pointer + 1, token, sizeof(token));
		const struct json *inner = step_into(v, token);
		if (!inner)
			return v;
		v = inner;
	}
	return v;
}
