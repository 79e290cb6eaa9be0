/* Bodies are split as text and not turned into a tree: numbers of any size stay as they were sent, and the usual small
 * body costs one pass. */
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "webhook.h"

static const char payload_begin[] = "{\"body\":";

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

/* From the opening quote to behind the closing one. */
static bool skip_string(struct cursor *c)
{
	if (!skip_char(c, '"'))
		return false;
	for (; c->at < c->end; c->at++) {
		if (*c->at == '"') {
			c->at++;
			return true;
		}
		if (*c->at == '\\' && ++c->at == c->end)
			return false;
	}
	return false;
}

static bool skip_nested(struct cursor *c)
{
	size_t depth = 0;
	while (c->at < c->end) {
		char here = *c->at;
		if (here == '"') {
			if (!skip_string(c))
				return false;
			continue;
		}
		c->at++;
		if (here == '{' || here == '[')
			depth++;
		else if ((here == '}' || here == ']') && --depth == 0)
			return true;
	}
	return false;
}

static bool skip_value(struct cursor *c)
{
	if (c->at == c->end)
		return false;
	if (*c->at == '"')
		return skip_string(c);
	if (*c->at == '{' || *c->at == '[')
		return skip_nested(c);
	const char *begin = c->at;
	while (c->at < c->end && !strchr(",}] \t\r\n", *c->at))
		c->at++;
	return c->at > begin;
}

/* Whether a key, in its quotes, is `name`. Another spelling of it with escapes must not get past. */
static enum body_error key_is(tappet_str key, const char *name, bool *ret)
{
	if (!memchr(key.ptr, '\\', key.len)) {
		*ret = key.len == strlen(name) + 2 && memcmp(key.ptr + 1, name, key.len - 2) == 0;
		return BODY_OK;
	}
	cJSON *decoded = cJSON_ParseWithLength(key.ptr, key.len);
	if (!cJSON_IsString(decoded)) {
		cJSON_Delete(decoded);
		return BODY_NOT_JSON;
	}
	*ret = strcmp(decoded->valuestring, name) == 0;
	cJSON_Delete(decoded);
	return BODY_OK;
}

/* `member` is the text from the key to the end of the value, `before` where the member before it ended (or NULL). */
static enum body_error take_token(struct body *body, tappet_str member, tappet_str value, const char *before,
				  const char *after)
{
	if (body->token.ptr)
		return BODY_TWICE;
	body->token = value;
	const char *begin = before ? before : member.ptr;
	const char *end = before ? member.ptr + member.len : after;
	body->cut = tappet_strn(begin, (size_t)(end - begin));
	return BODY_OK;
}

static bool is_null(tappet_str value)
{
	return value.len == 4 && memcmp(value.ptr, "null", 4) == 0;
}

static enum body_error take_properties(struct body *body, tappet_str value)
{
	if (body->properties.ptr)
		return BODY_TWICE;
	if (value.ptr[0] != '{' && !is_null(value))
		return BODY_BAD_PROPERTIES;
	body->properties = value;
	return BODY_OK;
}

struct member {
	tappet_str key, value, whole;
};

static bool next_member(struct cursor *c, struct member *ret)
{
	const char *begin = c->at;
	if (!skip_string(c))
		return false;
	ret->key = tappet_strn(begin, (size_t)(c->at - begin));
	skip_space(c);
	if (!skip_char(c, ':'))
		return false;
	skip_space(c);
	const char *value = c->at;
	if (!skip_value(c))
		return false;
	ret->value = tappet_strn(value, (size_t)(c->at - value));
	ret->whole = tappet_strn(begin, (size_t)(c->at - begin));
	return true;
}

static enum body_error take_member(struct body *body, const struct member *m, const char *before, const char *after)
{
	bool is = false;
	enum body_error error = key_is(m->key, "token", &is);
	if (error)
		return error;
	if (is)
		return take_token(body, m->whole, m->value, before, after);
	error = key_is(m->key, "properties", &is);
	return !error && is ? take_properties(body, m->value) : error;
}

/* From behind the opening brace to behind the closing one. */
static enum body_error split_members(struct cursor *c, struct body *body)
{
	const char *before = NULL;
	skip_space(c);
	if (skip_char(c, '}'))
		return BODY_OK;
	for (;;) {
		struct member m;
		if (!next_member(c, &m))
			return BODY_NOT_JSON;
		skip_space(c);
		bool more = skip_char(c, ',');
		skip_space(c);
		enum body_error error = take_member(body, &m, before, c->at);
		if (error)
			return error;
		if (!more)
			return skip_char(c, '}') ? BODY_OK : BODY_NOT_JSON;
		before = m.whole.ptr + m.whole.len;
	}
}

enum body_error body_split(tappet_str text, struct body *ret)
{
	struct cursor c = {text.ptr, text.ptr ? text.ptr + text.len : text.ptr};
	struct body body = {0};
	skip_space(&c);
	if (c.at == c.end) {
		*ret = (struct body){.text = tappet_cstr("{}")};
		return BODY_OK;
	}
	const char *begin = c.at;
	if (!skip_char(&c, '{'))
		return skip_value(&c) && body_is_json(&(struct body){.text = text}) ? BODY_NOT_OBJECT : BODY_NOT_JSON;
	enum body_error error = split_members(&c, &body);
	if (error)
		return error;
	if (is_null(body.properties))
		body.properties = tappet_strn(NULL, 0);
	body.text = tappet_strn(begin, (size_t)(c.at - begin));
	skip_space(&c);
	if (c.at != c.end)
		return BODY_NOT_JSON;
	*ret = body;
	return BODY_OK;
}

bool body_is_json(const struct body *body)
{
	cJSON *tree = cJSON_ParseWithLength(body->text.ptr, body->text.len);
	cJSON_Delete(tree);
	return tree != NULL;
}

size_t body_payload_size(const struct body *body)
{
	return sizeof(payload_begin) - 1 + body->text.len - body->cut.len + 1;
}

void body_payload(const struct body *body, char *out)
{
	memcpy(out, payload_begin, sizeof(payload_begin) - 1);
	out += sizeof(payload_begin) - 1;
	size_t head = body->cut.ptr ? (size_t)(body->cut.ptr - body->text.ptr) : body->text.len;
	memcpy(out, body->text.ptr, head);
	out += head;
	size_t tail = body->text.len - head - body->cut.len;
	if (tail > 0)
		memcpy(out, body->text.ptr + head + body->cut.len, tail);
	out[tail] = '}';
}

const char *body_error_text(enum body_error error)
{
	switch (error) {
	case BODY_NOT_JSON:
		return "The body is not JSON.";
	case BODY_NOT_OBJECT:
		return "The body has to be a JSON object.";
	case BODY_TWICE:
		return "The body has \"token\" or \"properties\" twice.";
	case BODY_BAD_PROPERTIES:
		return "\"properties\" has to be a JSON object.";
	case BODY_OK:
		break;
	}
	return "";
}
