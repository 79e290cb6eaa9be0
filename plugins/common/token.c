#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include "decode.h"
#include "token.h"

static bool same(tappet_str a, tappet_str b)
{
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* The value of "token" as text. Anything but a JSON string gives no text, which is a token nobody has. */
static enum token_error decode(tappet_str value, struct token *ret)
{
	if (value.len < 2 || value.ptr[0] != '"')
		return TOKEN_OK;
	if (!memchr(value.ptr, '\\', value.len)) {
		ret->text = tappet_strn(value.ptr + 1, value.len - 2);
		return TOKEN_OK;
	}
	cJSON *string = cJSON_ParseWithLength(value.ptr, value.len);
	if (!cJSON_IsString(string)) {
		cJSON_Delete(string);
		return TOKEN_OK;
	}
	ret->decoded = strdup(string->valuestring);
	cJSON_Delete(string);
	ret->text = tappet_cstr(ret->decoded);
	return ret->decoded ? TOKEN_OK : TOKEN_NO_MEMORY;
}

/* The credentials of "Bearer" (RFC 6750 section 2.1); other schemes belong to somebody else, a proxy say. */
static tappet_str bearer(tappet_str authorization)
{
	static const char scheme[] = "Bearer ";
	size_t skip = sizeof(scheme) - 1;
	if (authorization.len < skip || strncasecmp(authorization.ptr, scheme, skip) != 0)
		return tappet_strn(NULL, 0);
	while (skip < authorization.len && authorization.ptr[skip] == ' ')
		skip++;
	return tappet_strn(authorization.ptr + skip, authorization.len - skip);
}

static enum token_error merge(struct token *token, bool *have, tappet_str other)
{
	if (!other.ptr)
		return TOKEN_OK;
	if (*have)
		return same(token->text, other) ? TOKEN_OK : TOKEN_CONFLICT;
	token->text = other;
	*have = true;
	return TOKEN_OK;
}

enum token_error token_find(tappet_str in_body, tappet_str authorization, tappet_str in_query, struct token *ret)
{
	struct token token = {.text = tappet_strn("", 0)};
	bool have = in_body.ptr && !same(in_body, tappet_cstr("null"));
	enum token_error error = have ? decode(in_body, &token) : TOKEN_OK;
	if (!error)
		error = merge(&token, &have, bearer(authorization));
	if (!error)
		error = merge(&token, &have, in_query);
	if (!error && token.text.len == 0)
		error = TOKEN_MISSING;
	if (error) {
		token_release(&token);
		return error;
	}
	*ret = token;
	return TOKEN_OK;
}

void token_release(struct token *token)
{
	free(token->decoded);
	*token = (struct token){0};
}

/* Takes one character, percent-encoded or not (RFC 3986 section 2.1). */
static char next_decoded(const char **at, const char *end)
{
	const char *c = (*at)++;
	if (*c != '%' || end - c < 3 || hex_digit(c[1]) < 0 || hex_digit(c[2]) < 0)
		return *c;
	*at = c + 3;
	return (char)(hex_digit(c[1]) * 16 + hex_digit(c[2]));
}

static bool key_is_token(const char *at, const char *end)
{
	const char *name = "token";
	while (at < end && *at != '=' && *name)
		if (next_decoded(&at, end) != *name++)
			return false;
	return *name == '\0' && (at == end || *at == '=');
}

bool token_is_doubled(tappet_str query)
{
	size_t count = 0;
	const char *at = query.ptr, *end = at ? at + query.len : at;
	while (at < end) {
		const char *pair_end = memchr(at, '&', (size_t)(end - at));
		if (!pair_end)
			pair_end = end;
		count += key_is_token(at, pair_end);
		at = pair_end < end ? pair_end + 1 : end;
	}
	return count > 1;
}

static bool is_doubled(const tappet_http1 *http, tappet_request *request)
{
	static const char name[] = "authorization";
	tappet_http_header header;
	size_t count = 0;
	for (size_t i = 0; http->header_at(request, i, &header) == TAPPET_OK; i++)
		count +=
			header.name.len == sizeof(name) - 1 && strncasecmp(header.name.ptr, name, header.name.len) == 0;
	return count > 1 || token_is_doubled(http->query(request));
}

enum token_error token_of_request(const tappet_http1 *http, tappet_request *request, tappet_str in_body,
				  struct token *ret)
{
	if (is_doubled(http, request))
		return TOKEN_CONFLICT;
	return token_find(in_body, http->header(request, "Authorization"), http->query_value(request, "token"), ret);
}
