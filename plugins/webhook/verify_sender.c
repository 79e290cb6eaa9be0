#include <openssl/err.h>
#include "verify_parts.h"

int32_t verifier_sign(const struct verifier *v, const struct verify_request *request,
		      void (*add)(void *arg, const char *name, const char *value), void *arg)
{
	if (v->signature.unresolved || secrets_unresolved(&v->auth.secrets))
		return TAPPET_ESTATE;
	int32_t r = signature_sign(&v->signature, request, add, arg);
	if (r == TAPPET_OK)
		r = auth_sign(&v->auth, request->now_ms, add, arg);
	ERR_clear_error();
	return r;
}

enum verify_sender verifier_sender(const struct verifier *v)
{
	const struct key *key = &v->signature.keys[0];
	if (v->signature.key_count == 0)
		return SENDER_NOTHING;
	if (key->scheme->algorithm == ALGORITHM_TOKEN)
		return SENDER_SHOWS;
	return key->can_sign ? SENDER_SIGNS : SENDER_HAS_KEY;
}

int32_t verifier_sign_once(const struct verifier *v, const struct verify_request *request,
			   void (*add)(void *arg, const char *name, const char *value), void *arg)
{
	if (v->signature.unresolved)
		return TAPPET_ESTATE;
	return verifier_sender(v) == SENDER_SIGNS ? signature_sign(&v->signature, request, add, arg) : TAPPET_ENOTSUP;
}

char *verifier_signature_options(const struct verifier *v)
{
	cJSON *copy = v->signature.tree ? cJSON_Duplicate(v->signature.tree, true) : NULL;
	char *text = NULL;
	/* It was wiped when it was read, and has no place here anyway. */
	cJSON_DeleteItemFromObjectCaseSensitive(copy, "secret");
	if (copy)
		text = cJSON_PrintUnformatted(copy);
	cJSON_Delete(copy);
	return text;
}

const char *verifier_preset(const struct verifier *v)
{
	return v->signature.preset ? v->signature.preset->name : NULL;
}

const char *verifier_auth_kind(const struct verifier *v)
{
	static const char *const names[] = {
		[AUTH_NONE] = "none",     [AUTH_TOKEN] = "token", [AUTH_BEARER] = "bearer",
		[AUTH_BASIC] = "basic",   [AUTH_JWT] = "jwt",     [AUTH_SUBJECT] = "clientSubject",
		[AUTH_HEADER] = "header",
	};
	return names[v->auth.kind];
}

const char *verifier_auth_name(const struct verifier *v)
{
	return v->auth.kind == AUTH_BASIC ? v->auth.user : v->auth.kind == AUTH_HEADER ? v->auth.header : NULL;
}
