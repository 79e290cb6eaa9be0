#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>
#include "verify_parts.h"

#define CREDENTIALS_MAX 1024

/* ---- Options ---- */

static void read_bearer(struct auth *a, struct reader *r, const cJSON *object)
{
	a->kind = AUTH_BEARER;
	options_secrets(r, "", object, "bearer", &a->secrets);
}

static void read_basic(struct auth *a, struct reader *r, const cJSON *object)
{
	static const char *const names[] = {"user", "password", NULL};
	const cJSON *basic = cJSON_GetObjectItemCaseSensitive(object, "basic");
	a->kind = AUTH_BASIC;
	if (!cJSON_IsObject(basic)) {
		options_mistake(r, "/basic", "expected {\"user\": ..., \"password\": ...}");
		return;
	}
	options_only(r, "/basic", basic, names);
	a->user = options_text(r, "/basic", basic, "user");
	if (!cJSON_GetObjectItemCaseSensitive(basic, "user"))
		options_mistake(r, "/basic", "\"user\" is missing");
	else if (a->user && strchr(a->user, ':'))
		options_mistake(r, "/basic/user", "a user's name cannot have a ':' (RFC 7617)");
	options_secrets(r, "/basic", basic, "password", &a->secrets);
}

static void read_jwt(struct auth *a, struct reader *r, const cJSON *object)
{
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(object, "jwt");
	a->kind = AUTH_JWT;
	if (cJSON_IsObject(rules))
		jwt_read(a, r, rules);
	else
		options_mistake(r, "/jwt", "expected {\"algorithm\": ..., \"key\": ...}");
}

static void read_subject(struct auth *a, struct reader *r, const cJSON *object)
{
	const cJSON *item;
	a->kind = AUTH_SUBJECT;
	a->subjects = cJSON_GetObjectItemCaseSensitive(object, "clientSubject");
	bool ok = cJSON_IsString(a->subjects) && a->subjects->valuestring[0];
	if (cJSON_IsArray(a->subjects)) {
		ok = a->subjects->child != NULL;
		cJSON_ArrayForEach(item, a->subjects) ok = ok && cJSON_IsString(item) && item->valuestring[0];
	}
	if (!ok)
		options_mistake(r, "/clientSubject", "expected a subject (\"CN=ada,O=Example\") or a list of them");
}

static void read_header(struct auth *a, struct reader *r, const cJSON *object)
{
	static const char *const names[] = {"name", "value", NULL};
	const cJSON *header = cJSON_GetObjectItemCaseSensitive(object, "header");
	a->kind = AUTH_HEADER;
	if (!cJSON_IsObject(header)) {
		options_mistake(r, "/header", "expected {\"name\": ..., \"value\": ...}");
		return;
	}
	options_only(r, "/header", header, names);
	a->header = options_text(r, "/header", header, "name");
	if (!cJSON_GetObjectItemCaseSensitive(header, "name"))
		options_mistake(r, "/header", "\"name\" is missing");
	options_secrets(r, "/header", header, "value", &a->secrets);
}

static void read_object(struct auth *a, struct reader *r, const cJSON *object)
{
	static const char *const names[] = {"bearer", "basic", "jwt", "clientSubject", "header", NULL};
	static void (*const readers[])(struct auth *, struct reader *,
				       const cJSON *) = {read_bearer, read_basic, read_jwt, read_subject, read_header};
	options_only(r, "", object, names);
	if (cJSON_GetArraySize(object) != 1)
		options_mistake(r, "",
				"expected one of \"bearer\", \"basic\", \"jwt\", \"clientSubject\" and \"header\"");
	for (size_t i = 0; names[i]; i++)
		if (cJSON_GetObjectItemCaseSensitive(object, names[i]))
			readers[i](a, r, object);
}

static bool is_word(const struct auth *a, tappet_str text, const char *word)
{
	const char *found = cJSON_GetStringValue(a->tree);
	if (found)
		return strcmp(found, word) == 0;
	return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}

void auth_read(struct auth *a, struct reader *r, tappet_str text, bool has_signature)
{
	a->kind = has_signature ? AUTH_NONE : AUTH_TOKEN;
	if (text.len == 0)
		return;
	a->tree = cJSON_ParseWithLength(text.ptr, text.len);
	if (is_word(a, text, "none"))
		a->kind = AUTH_NONE;
	else if (is_word(a, text, "token"))
		a->kind = AUTH_TOKEN;
	else if (cJSON_IsObject(a->tree))
		read_object(a, r, a->tree);
	else
		options_mistake(
			r, "",
			"expected \"token\", \"none\", or an object with one of \"bearer\", \"basic\", \"jwt\", "
			"\"clientSubject\" and \"header\"");
}

void auth_release(struct auth *a)
{
	secrets_release(&a->secrets);
	cJSON_Delete(a->tree);
	*a = (struct auth){0};
}

/* ---- Check ---- */

/* The credentials of one scheme in Authorization; ptr == NULL: there are none, or more than one header. */
static tappet_str credentials(const struct verify_request *request, const char *scheme)
{
	tappet_str value = request->header(request->arg, "authorization", 0);
	size_t len = strlen(scheme);
	if (!value.ptr || value.len <= len || value.len > HEADER_VALUE_MAX ||
	    strncasecmp(value.ptr, scheme, len) != 0 || value.ptr[len] != ' ' ||
	    request->header(request->arg, "authorization", 1).ptr)
		return nothing();
	while (len < value.len && value.ptr[len] == ' ')
		len++;
	return tappet_strn(value.ptr + len, value.len - len);
}

static bool refuse_credentials(struct verify_result *ret, const char *challenge, const char *detail)
{
	ret->challenge = challenge;
	return refuse(ret, 401, TAPPET_REASON_TOKEN, "credentials", detail);
}

static bool check_bearer(const struct auth *a, const struct verify_request *request, struct verify_result *ret)
{
	tappet_str shown = credentials(request, "Bearer");
	if (!shown.ptr)
		return refuse_credentials(ret, "Bearer", "There is no bearer token in Authorization.");
	int found = find_secret(&a->secrets, shown);
	if (found < 0)
		return refuse_credentials(ret, "Bearer error=\"invalid_token\"",
					  "The bearer token is not the right one.");
	ret->secret = found;
	return true;
}

static bool check_basic(const struct auth *a, const struct verify_request *request, struct verify_result *ret)
{
	static const char challenge[] = "Basic realm=\"tappet\", charset=\"UTF-8\"";
	unsigned char bytes[CREDENTIALS_MAX];
	size_t len;
	tappet_str shown = credentials(request, "Basic");
	if (!shown.ptr || !decode(ENCODING_BASE64, shown, bytes, sizeof(bytes), &len))
		return refuse_credentials(ret, challenge, "There are no user and password in Authorization.");
	const char *text = (const char *)bytes, *colon = memchr(bytes, ':', len);
	size_t user_len = colon ? (size_t)(colon - text) : len;
	tappet_str password = colon ? tappet_strn(colon + 1, len - user_len - 1) : nothing();
	/* Both are compared always, so that time does not tell which of them is wrong. */
	bool user_ok = same_secret(tappet_cstr(a->user), tappet_strn(text, user_len));
	int found = find_secret(&a->secrets, password);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (!user_ok || found < 0 || !colon)
		return refuse_credentials(ret, challenge, "User or password are not the right ones.");
	ret->secret = found;
	return true;
}

static bool check_jwt(const struct auth *a, const struct verify_request *request, struct verify_result *ret)
{
	tappet_str shown = credentials(request, "Bearer");
	if (!shown.ptr)
		return refuse_credentials(ret, "Bearer", "There is no bearer token in Authorization.");
	const char *error = jwt_verify(a, shown, request->now_ms, &ret->secret);
	return error ? refuse_credentials(ret, "Bearer error=\"invalid_token\"", error) : true;
}

static bool is_subject(const cJSON *item, tappet_str subject)
{
	return strlen(item->valuestring) == subject.len && memcmp(item->valuestring, subject.ptr, subject.len) == 0;
}

static bool check_subject(const struct auth *a, const struct verify_request *request, struct verify_result *ret)
{
	tappet_str subject = request->client_subject;
	const cJSON *item;
	if (!subject.ptr || subject.len == 0)
		return refuse(ret, 403, TAPPET_REASON_SCOPE, "certificate", "The client has shown no certificate.");
	if (cJSON_IsString(a->subjects) && is_subject(a->subjects, subject))
		return true;
	if (cJSON_IsArray(a->subjects))
		cJSON_ArrayForEach(item, a->subjects) if (is_subject(item, subject)) return true;
	return refuse(ret, 403, TAPPET_REASON_SCOPE, "certificate",
		      "The client's certificate is not one of those that may call.");
}

static bool check_header(const struct auth *a, const struct verify_request *request, struct verify_result *ret)
{
	tappet_str shown = request->header(request->arg, a->header, 0);
	if (!shown.ptr || shown.len > HEADER_VALUE_MAX)
		return refuse_credentials(ret, NULL, "The header with the secret is missing.");
	if (request->header(request->arg, a->header, 1).ptr)
		return refuse_credentials(ret, NULL, "The header with the secret comes twice.");
	int found = find_secret(&a->secrets, shown);
	if (found < 0)
		return refuse_credentials(ret, NULL, "The header with the secret does not have the right one.");
	ret->secret = found;
	return true;
}

bool auth_check(const struct auth *a, const struct verify_request *request, struct verify_result *ret)
{
	if (secrets_unresolved(&a->secrets))
		return refuse(ret, 500, TAPPET_REASON_TOKEN, "secret", "The secret is not known here.");
	switch (a->kind) {
	case AUTH_TOKEN:
		ret->wants_token = true;
		return true;
	case AUTH_BEARER:
		return check_bearer(a, request, ret);
	case AUTH_BASIC:
		return check_basic(a, request, ret);
	case AUTH_JWT:
		return check_jwt(a, request, ret);
	case AUTH_SUBJECT:
		return check_subject(a, request, ret);
	case AUTH_HEADER:
		return check_header(a, request, ret);
	case AUTH_NONE:
		break;
	}
	return true;
}

/* ---- The other direction ---- */

static int32_t add_credentials(const char *scheme, const char *value,
			       void (*add)(void *arg, const char *name, const char *value), void *arg)
{
	size_t size = strlen(scheme) + strlen(value) + 2;
	char *text = malloc(size);
	if (!text)
		return TAPPET_ENOMEM;
	snprintf(text, size, "%s %s", scheme, value);
	add(arg, "authorization", text);
	OPENSSL_cleanse(text, size);
	free(text);
	return TAPPET_OK;
}

static int32_t add_basic(const struct auth *a, void (*add)(void *arg, const char *name, const char *value), void *arg)
{
	char plain[CREDENTIALS_MAX], encoded[2 * CREDENTIALS_MAX + 1];
	int len = snprintf(plain, sizeof(plain), "%s:%s", a->user, a->secrets.list[0].text);
	if (len < 0 || (size_t)len >= sizeof(plain))
		return TAPPET_ETOOBIG;
	encode(ENCODING_BASE64, (const unsigned char *)plain, (size_t)len, encoded);
	int32_t r = add_credentials("Basic", encoded, add, arg);
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(encoded, sizeof(encoded));
	return r;
}

static int32_t add_jwt(const struct auth *a, int64_t now_ms,
		       void (*add)(void *arg, const char *name, const char *value), void *arg)
{
	char *token = jwt_make(a, now_ms);
	if (!token)
		return TAPPET_ENOTSUP;
	int32_t r = add_credentials("Bearer", token, add, arg);
	free(token);
	return r;
}

int32_t auth_sign(const struct auth *a, int64_t now_ms, void (*add)(void *arg, const char *name, const char *value),
		  void *arg)
{
	switch (a->kind) {
	case AUTH_BEARER:
		return add_credentials("Bearer", a->secrets.list[0].text, add, arg);
	case AUTH_BASIC:
		return add_basic(a, add, arg);
	case AUTH_JWT:
		return add_jwt(a, now_ms, add, arg);
	case AUTH_HEADER:
		add(arg, a->header, a->secrets.list[0].text);
		return TAPPET_OK;
	case AUTH_NONE:
	case AUTH_TOKEN:
	case AUTH_SUBJECT:
		break;
	}
	return TAPPET_OK;
}
