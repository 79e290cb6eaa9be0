#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include "in.h"

/* Grouping fields by their names looks through those that are there: more of them than a person writes are refused. */
#define FIELDS_MAX 1000
#define HEADERS_MAX 128

const char *payload_error_text(enum payload_error error)
{
	switch (error) {
	case PAYLOAD_NOT_JSON:
		return "The body is not JSON.";
	case PAYLOAD_FIELDS:
		return "The query or form has more than 1000 fields.";
	default:
		return "Out of memory.";
	}
}

/* ---- Forms ---- */

struct field {
	char *name, *value;
	size_t next; /* of the same name, plus one; 0: there is none */
	bool first;
};

struct fields {
	struct field items[FIELDS_MAX];
	size_t count;
};

static bool is_hidden(const char *name, const char *const *hidden)
{
	for (; hidden && *hidden; hidden++)
		if (strcmp(name, *hidden) == 0)
			return true;
	return false;
}

/* Behind the last of its name. */
static void link_field(struct fields *f, size_t index)
{
	struct field *mine = &f->items[index];
	mine->first = true;
	for (size_t i = 0; i < index; i++) {
		struct field *other = &f->items[i];
		if (other->next != 0 || strcmp(other->name, mine->name) != 0)
			continue;
		other->next = index + 1;
		mine->first = false;
		return;
	}
}

static enum payload_error add_field(struct fields *f, const char *pair, size_t len, const char *const *hidden)
{
	const char *equals = memchr(pair, '=', len);
	const size_t name_len = equals ? (size_t)(equals - pair) : len;
	if (f->count == FIELDS_MAX)
		return PAYLOAD_FIELDS;
	struct field *mine = &f->items[f->count];
	*mine = (struct field){.name = form_decode(pair, name_len, true)};
	mine->value = equals ? form_decode(equals + 1, len - name_len - 1, true) : strdup("");
	if (!mine->name || !mine->value || is_hidden(mine->name, hidden)) {
		const bool fine = mine->name && mine->value;
		free(mine->name);
		free(mine->value);
		return fine ? PAYLOAD_OK : PAYLOAD_NO_MEMORY;
	}
	link_field(f, f->count++);
	return PAYLOAD_OK;
}

static enum payload_error split_fields(struct fields *f, tappet_str form, const char *const *hidden)
{
	const char *at = form.ptr, *end = at ? at + form.len : at;
	enum payload_error error = PAYLOAD_OK;
	while (at < end && error == PAYLOAD_OK) {
		const char *stop = memchr(at, '&', (size_t)(end - at));
		const size_t len = (size_t)((stop ? stop : end) - at);
		if (len > 0)
			error = add_field(f, at, len, hidden);
		at += len + 1;
	}
	return error;
}

static void write_values(const struct fields *f, const struct field *first, struct text *out)
{
	if (first->next)
		text_cstr(out, "[");
	for (const struct field *at = first;; at = &f->items[at->next - 1]) {
		text_json(out, tappet_cstr(at->value));
		if (!at->next)
			break;
		text_cstr(out, ",");
	}
	if (first->next)
		text_cstr(out, "]");
}

enum payload_error form_write(tappet_str form, const char *const *hidden, struct text *out)
{
	struct fields *f = calloc(1, sizeof(*f));
	if (!f)
		return PAYLOAD_NO_MEMORY;
	enum payload_error error = split_fields(f, form, hidden);
	text_cstr(out, "{");
	for (size_t i = 0; i < f->count; i++) {
		if (f->items[i].first && error == PAYLOAD_OK) {
			text_key(out, f->items[i].name);
			write_values(f, &f->items[i], out);
		}
	}
	text_cstr(out, "}");
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].name);
		free(f->items[i].value);
	}
	free(f);
	return error;
}

/* ---- Headers ---- */

static bool is_named(tappet_str name, const char *const *names)
{
	for (; names && *names; names++)
		if (strlen(*names) == name.len && strncasecmp(*names, name.ptr, name.len) == 0)
			return true;
	return false;
}

static bool is_kept(const struct settings *s, tappet_str name)
{
	static const char *const never[] = {"authorization", "proxy-authorization", "cookie", NULL};
	static const char *const usual[] = {"content-type", "user-agent", NULL};
	if (is_named(name, never) || is_named(name, verifier_secret_headers(s->verifier)))
		return false;
	return s->all_headers || is_named(name, usual) || is_named(name, verifier_headers(s->verifier)) ||
	       is_named(name, (const char *const *)s->headers);
}

static void write_header(const struct webhook *w, tappet_request *request, size_t from, const tappet_http_header *first,
			 struct text *out)
{
	struct text value = {0};
	char name[128];
	tappet_http_header h;
	size_t i = 0;
	for (; i < first->name.len && i < sizeof(name) - 1; i++) {
		const char c = first->name.ptr[i];
		name[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	name[i] = '\0';
	/* Fields of one name are one list (RFC 9110 section 5.3). */
	text_bytes(&value, first->value.ptr, first->value.len);
	for (size_t n = from + 1; w->http->header_at(request, n, &h) == TAPPET_OK; n++) {
		if (h.name.len != first->name.len || strncasecmp(h.name.ptr, first->name.ptr, h.name.len) != 0)
			continue;
		text_cstr(&value, ", ");
		text_bytes(&value, h.value.ptr, h.value.len);
	}
	text_member(out, name, tappet_strn(value.bytes, value.len));
	out->failed = out->failed || value.failed;
	text_release(&value);
}

static bool stood_before(const struct webhook *w, tappet_request *request, size_t index, tappet_str name)
{
	tappet_http_header h;
	for (size_t i = 0; i < index && w->http->header_at(request, i, &h) == TAPPET_OK; i++)
		if (h.name.len == name.len && strncasecmp(h.name.ptr, name.ptr, name.len) == 0)
			return true;
	return false;
}

void payload_headers(const struct webhook *w, const struct settings *s, tappet_request *request, struct text *out)
{
	tappet_http_header h;
	text_cstr(out, "{");
	for (size_t i = 0; i < HEADERS_MAX && w->http->header_at(request, i, &h) == TAPPET_OK; i++)
		if (is_kept(s, h.name) && !stood_before(w, request, i, h.name))
			write_header(w, request, i, &h, out);
	text_cstr(out, "}");
}

/* ---- The body ---- */

static bool is_json_type(tappet_str type)
{
	const char *end = type.ptr ? memchr(type.ptr, ';', type.len) : NULL;
	size_t len = end ? (size_t)(end - type.ptr) : type.len;
	while (len > 0 && type.ptr[len - 1] == ' ')
		len--;
	return content_type_is(type, "application/json") ||
	       (len > 5 && strncasecmp(type.ptr + len - 5, "+json", 5) == 0);
}

static bool looks_like_json(tappet_str body)
{
	size_t i = 0;
	while (i < body.len && strchr(" \t\r\n", body.ptr[i]) && body.ptr[i])
		i++;
	return i < body.len && (body.ptr[i] == '{' || body.ptr[i] == '[');
}

/* By what the sender says; `curl -d` says "form" of everything, so what is an object or a list is taken for JSON then. */
static enum body_kind find_kind(const struct settings *s, tappet_str type, tappet_str body)
{
	if (body.len == 0)
		return s->body;
	if (s->body != BODY_AUTO)
		return s->body;
	if (is_json_type(type))
		return BODY_JSON;
	const bool form = content_type_is(type, "application/x-www-form-urlencoded");
	if ((form || type.len == 0) && looks_like_json(body) && json_is_whole(body))
		return BODY_JSON;
	if (form)
		return BODY_FORM;
	if (type.len == 0 || strncasecmp(type.ptr, "text/", type.len < 5 ? type.len : 5) == 0 ||
	    content_type_is(type, "application/xml"))
		return utf8_is_valid(body) && !memchr(body.ptr, '\0', body.len) ? BODY_TEXT : BODY_BYTES;
	return BODY_BYTES;
}

static void write_encoding(struct text *out)
{
	text_member(out, "bodyType", tappet_cstr("bytes"));
	text_member(out, "encoding", tappet_cstr("base64"));
}

static void write_base64(tappet_str body, struct text *out)
{
	char *encoded = malloc(4 * ((body.len + 2) / 3) + 1);
	if (!encoded) {
		out->failed = true;
		return;
	}
	const int len = EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)body.ptr, (int)body.len);
	write_encoding(out);
	text_member(out, "body", tappet_strn(encoded, (size_t)len));
	free(encoded);
}

static enum payload_error write_body(const struct settings *s, tappet_str type, tappet_str body, struct text *out)
{
	static const char *const names[] = {"auto", "json", "form", "text"};
	static const char *const hidden[] = {"token", NULL};
	const enum body_kind kind = find_kind(s, type, body);
	if (body.len == 0) {
		text_key(out, "body");
		text_cstr(out, "null");
		return PAYLOAD_OK;
	}
	if (kind == BODY_BYTES) {
		write_base64(body, out);
		return PAYLOAD_OK;
	}
	text_member(out, "bodyType", tappet_cstr(names[kind]));
	text_key(out, "body");
	if (kind == BODY_FORM)
		return form_write(body, hidden, out);
	if (kind == BODY_TEXT) {
		text_json(out, body);
		return PAYLOAD_OK;
	}
	/* A text that is not one whole value could bring members of its own into what stands around it. */
	if (!json_is_whole(body))
		return PAYLOAD_NOT_JSON;
	text_bytes(out, body.ptr, body.len);
	return PAYLOAD_OK;
}

static void write_data(const struct cloud_event *event, struct text *out)
{
	if (event->data_is_base64)
		write_encoding(out);
	text_key(out, "body");
	if (event->data.len > 0)
		text_bytes(out, event->data.bytes, event->data.len);
	else
		text_cstr(out, "null");
}

/* ---- The whole ---- */

/* Without what is secret or about the answer. */
static enum payload_error write_query(const struct webhook *w, const struct settings *s, tappet_request *request,
				      struct text *out)
{
	const char *const hidden[] = {"token", "wait", verifier_secret_query(s->verifier), NULL};
	return form_write(w->http->query(request), hidden, out);
}

bool request_digest(const struct webhook *w, const struct settings *s, tappet_request *request,
		    char ret[static DIGEST_TEXT_SIZE])
{
	const tappet_str method = w->http->method(request), body = w->http->body(request);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct text all = {0};
	text_bytes(&all, method.ptr, method.len);
	const bool written = write_query(w, s, request, &all) == PAYLOAD_OK;
	text_bytes(&all, body.ptr, body.len);
	const bool done =
		written && !all.failed && EVP_Digest(all.bytes, all.len, digest, &len, EVP_sha256(), NULL) == 1;
	for (unsigned i = 0; done && i < len; i++)
		snprintf(ret + 2 * (size_t)i, 3, "%02x", digest[i]);
	text_release(&all);
	return done;
}

enum payload_error payload_write(const struct webhook *w, const struct settings *s, tappet_request *request,
				 const struct cloud_event *event, struct text *out)
{
	const tappet_str type = w->http->header(request, "Content-Type");
	text_cstr(out, "{");
	text_member(out, "method", w->http->method(request));
	text_member(out, "path", w->http->path(request));
	text_key(out, "query");
	enum payload_error error = write_query(w, s, request, out);
	text_key(out, "headers");
	payload_headers(w, s, request, out);
	text_member(out, "remote", w->http->remote(request));
	if (event) {
		text_key(out, "event");
		text_bytes(out, event->attributes.bytes, event->attributes.len);
	}
	if (event && !event->data_in_body)
		write_data(event, out);
	else if (error == PAYLOAD_OK)
		error = write_body(s, type, w->http->body(request), out);
	text_cstr(out, "}");
	return error == PAYLOAD_OK && out->failed ? PAYLOAD_NO_MEMORY : error;
}
