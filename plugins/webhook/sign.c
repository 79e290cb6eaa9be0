#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include "verify_parts.h"

#define ID_BYTES 12

typedef void (*add_header)(void *arg, const char *name, const char *value);

struct line {
	char text[1024];
	size_t len;
};

static bool append(struct line *line, tappet_str piece)
{
	if (piece.len >= sizeof(line->text) - line->len)
		return false;
	if (piece.len > 0)
		memcpy(line->text + line->len, piece.ptr, piece.len);
	line->len += piece.len;
	line->text[line->len] = '\0';
	return true;
}

/* `parse` read the other way round; it has {signature} and {timestamp} and no others. */
static bool write_value(const struct scheme *scheme, const char *signature, tappet_str timestamp, struct line *line)
{
	const char *at = scheme->parse ? scheme->parse : "{signature}";
	if (!append(line, tappet_cstr(scheme->prefix)))
		return false;
	while (*at) {
		const char *open = strchr(at, '{');
		const char *close = open ? strchr(open, '}') : NULL;
		if (!close)
			return append(line, tappet_cstr(at));
		bool is_signature = open[1] == 's';
		if (!append(line, tappet_strn(at, (size_t)(open - at))) ||
		    !append(line, is_signature ? tappet_cstr(signature) : timestamp))
			return false;
		at = close + 1;
	}
	return true;
}

static int32_t add_signature(const struct key *key, const struct signed_parts *parts, add_header add, void *arg)
{
	char signature[2 * DIGEST_MAX + 1];
	struct line line = {0};
	int32_t r = digest_make(key, parts, signature);
	if (r < 0)
		return r;
	if (!write_value(key->scheme, signature, parts->timestamp, &line))
		return TAPPET_ETOOBIG;
	add(arg, key->scheme->header, line.text);
	return TAPPET_OK;
}

static bool make_id(char *out, size_t size)
{
	unsigned char bytes[ID_BYTES];
	char hex[2 * ID_BYTES + 1];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	encode(ENCODING_HEX, bytes, sizeof(bytes), hex);
	snprintf(out, size, "msg_%s", hex);
	return true;
}

static int32_t sign_digest(const struct key *key, const struct verify_request *request, add_header add, void *arg)
{
	const struct scheme *scheme = key->scheme;
	struct signed_parts parts = {.url = request->url};
	char timestamp[24] = "", id[2 * ID_BYTES + 8] = "", *form = NULL;
	if (scheme->timestamp_unit_ms > 0)
		snprintf(timestamp, sizeof(timestamp), "%lld",
			 (long long)(request->now_ms / scheme->timestamp_unit_ms));
	if (scheme->id_header && !make_id(id, sizeof(id)))
		return TAPPET_EIO;
	int32_t r = signature_parts(scheme, request, &parts, &form);
	if (r < 0)
		return TAPPET_EINVAL;
	parts.timestamp = tappet_cstr(timestamp);
	parts.id = tappet_cstr(id);
	r = add_signature(key, &parts, add, arg);
	free(form);
	if (r < 0)
		return r;
	if (scheme->timestamp_header)
		add(arg, scheme->timestamp_header, timestamp);
	if (scheme->id_header)
		add(arg, scheme->id_header, id);
	return TAPPET_OK;
}

static int32_t sign_token(const struct key *key, add_header add, void *arg)
{
	struct line name = {0};
	if (key->scheme->header) {
		add(arg, key->scheme->header, key->text);
		return TAPPET_OK;
	}
	if (!append(&name, tappet_cstr("?")) || !append(&name, tappet_cstr(key->scheme->query)))
		return TAPPET_ETOOBIG;
	add(arg, name.text, key->text);
	return TAPPET_OK;
}

int32_t signature_sign(const struct signature *s, const struct verify_request *request, add_header add, void *arg)
{
	const struct key *key = &s->keys[0];
	if (s->key_count == 0)
		return TAPPET_OK;
	const int32_t r = key->scheme->algorithm == ALGORITHM_TOKEN ? sign_token(key, add, arg)
								    : sign_digest(key, request, add, arg);
	ERR_clear_error();
	return r;
}
