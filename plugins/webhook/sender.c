#include "sender.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "verify_parts.h"

struct told {
	char *error;
};

/* The first one will do: a person mends one after the other. */
static void tell(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	const struct told *told = arg;
	(void)key;
	(void)index;
	if (!told->error[0])
		snprintf(told->error, SENDER_ERROR_MAX, "%s%s%s", pointer[0] ? pointer + 1 : "", pointer[0] ? ": " : "",
			 message);
}

static const char *reason_of(int32_t error)
{
	switch (error) {
	case TAPPET_ENOTSUP:
		return "only the private key can sign, and this is the public one";
	case TAPPET_EINVAL:
		return "this body cannot be signed: it is not what the sender would send";
	default:
		return tappet_strerror(error);
	}
}

static tappet_str no_header(void *arg, const char *name, size_t index)
{
	(void)arg;
	(void)name;
	(void)index;
	return nothing();
}

bool sender_sign(const char *options, const struct sender_request *request,
		 void (*add)(void *arg, const char *name, const char *value), void *arg,
		 char error[static SENDER_ERROR_MAX])
{
	struct told told = {error};
	const struct verify_mistakes mistakes = {.mistake = tell, .arg = &told};
	struct reader reader = {.mistakes = &mistakes, .key = "signature", .secrets_resolved = true};
	struct signature signature = {0};
	const struct verify_request what = {
		.method = tappet_cstr(request->method),
		.url = tappet_cstr(request->url),
		.path_query = tappet_cstr(request->path_query),
		.body = tappet_strn(request->body, request->body_len),
		.now_ms = request->now_ms,
		.header = no_header,
	};
	int32_t r = TAPPET_EINVAL;
	error[0] = '\0';
	signature_read(&signature, &reader, tappet_cstr(options));
	if (reader.no_memory)
		r = TAPPET_ENOMEM;
	else if (!reader.failed)
		r = signature_sign(&signature, &what, add, arg);
	if (r < 0 && !error[0])
		snprintf(error, SENDER_ERROR_MAX, "%s", reason_of(r));
	signature_release(&signature);
	ERR_clear_error();
	return r == TAPPET_OK;
}

char *sender_basic(const char *user, const char *password)
{
	static const char scheme[] = "Basic ";
	const size_t len = strlen(user) + strlen(password) + 1;
	char *plain = malloc(len + 1), *out = malloc(sizeof(scheme) + 2 * len + 4);
	if (plain && out) {
		snprintf(plain, len + 1, "%s:%s", user, password);
		memcpy(out, scheme, sizeof(scheme));
		encode(ENCODING_BASE64, (const unsigned char *)plain, len, out + sizeof(scheme) - 1);
	} else {
		free(out);
		out = NULL;
	}
	if (plain)
		OPENSSL_cleanse(plain, len + 1);
	free(plain);
	return out;
}
