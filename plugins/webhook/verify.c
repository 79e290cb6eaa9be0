#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include "verify_parts.h"

static const char *const no_names[] = {NULL};

static void read_networks(struct verifier *v, const struct verify_options *options,
			  const struct verify_mistakes *mistakes, struct reader *r)
{
	if (options->allow_count == 0)
		return;
	v->networks = calloc(options->allow_count, sizeof(*v->networks));
	if (!v->networks) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < options->allow_count; i++) {
		struct reader one = {.mistakes = mistakes, .key = "allow", .index = i};
		char message[128];
		if (network_parse(options->allow[i], &v->networks[v->network_count], message, sizeof(message)))
			v->network_count++;
		else
			options_mistake(&one, "", "%s", message);
		r->failed |= one.failed;
	}
}

static void add_secret_header(struct verifier *v, const char *name)
{
	size_t i = 0;
	while (v->secret_headers[i])
		i++;
	v->secret_headers[i] = name;
}

static void list_secret_headers(struct verifier *v)
{
	const struct signature *s = &v->signature;
	if (s->scheme && s->scheme->header)
		add_secret_header(v, s->scheme->header);
	if (s->preset && s->preset->other_signature)
		add_secret_header(v, s->preset->other_signature);
	if (v->auth.kind == AUTH_HEADER)
		add_secret_header(v, v->auth.header);
	else if (v->auth.kind == AUTH_BEARER || v->auth.kind == AUTH_BASIC || v->auth.kind == AUTH_JWT)
		add_secret_header(v, "authorization");
}

int32_t verifier_new(const struct verify_options *options, const struct verify_mistakes *mistakes,
		     struct verifier **ret)
{
	struct reader signature = {
		.mistakes = mistakes, .key = "signature", .secrets_resolved = options->secrets_resolved};
	struct reader auth = {.mistakes = mistakes, .key = "auth", .secrets_resolved = options->secrets_resolved};
	struct reader allow = {.key = "allow"};
	struct verifier *v = calloc(1, sizeof(*v));
	if (!v)
		return TAPPET_ENOMEM;
	signature_read(&v->signature, &signature, options->signature);
	auth_read(&v->auth, &auth, options->auth, options->signature.len > 0);
	read_networks(v, options, mistakes, &allow);
	/* The daemon's TLS looks at the same queue of errors. */
	ERR_clear_error();
	bool no_memory = signature.no_memory || auth.no_memory || allow.no_memory;
	if (no_memory || signature.failed || auth.failed || allow.failed) {
		verifier_free(v);
		return no_memory ? TAPPET_ENOMEM : TAPPET_EINVAL;
	}
	list_secret_headers(v);
	*ret = v;
	return TAPPET_OK;
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	signature_release(&v->signature);
	auth_release(&v->auth);
	free(v->networks);
	free(v);
}

bool verifier_allows(const struct verifier *v, tappet_str remote)
{
	for (size_t i = 0; i < v->network_count; i++)
		if (network_has(&v->networks[i], remote))
			return true;
	return v->network_count == 0;
}

void verifier_check(const struct verifier *v, const struct verify_request *request, struct verify_result *ret)
{
	*ret = (struct verify_result){.secret = -1, .type = "", .detail = ""};
	if (!verifier_allows(v, request->remote)) {
		refuse(ret, 403, TAPPET_REASON_SCOPE, "address", "Nobody may call from this address.");
		return;
	}
	ret->ok = (v->signature.key_count == 0 || signature_check(&v->signature, request, ret));
	int signed_with = ret->secret;
	ret->secret = -1;
	ret->ok = ret->ok && auth_check(&v->auth, request, ret);
	if (signed_with >= 0)
		ret->used |= 1U << signed_with;
	if (ret->secret >= 0)
		ret->used |= 1U << (v->signature.key_count + (size_t)ret->secret);
	if (signed_with >= 0)
		ret->secret = signed_with;
	ERR_clear_error();
}

const char *const *verifier_headers(const struct verifier *v)
{
	return v->signature.preset ? v->signature.preset->headers : no_names;
}

const char *const *verifier_secret_headers(const struct verifier *v)
{
	return v->secret_headers;
}

const char *verifier_dedup_header(const struct verifier *v)
{
	return v->signature.preset ? v->signature.preset->dedup_header : NULL;
}

const char *verifier_dedup_field(const struct verifier *v)
{
	return v->signature.preset ? v->signature.preset->dedup_field : NULL;
}

const char *verifier_signature_header(const struct verifier *v)
{
	return v->signature.scheme ? v->signature.scheme->header : NULL;
}

const char *verifier_secret_query(const struct verifier *v)
{
	return v->signature.scheme ? v->signature.scheme->query : NULL;
}

const char *verifier_handshake(const struct verifier *v)
{
	return v->signature.preset ? v->signature.preset->handshake : NULL;
}
