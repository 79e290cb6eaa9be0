#include <openssl/crypto.h>
#include <string.h>
#include "verify_parts.h"

#define KEY_BYTES_MAX 8192

static const char *kind_of_key(const struct key *key)
{
	if (key->scheme->algorithm == ALGORITHM_TOKEN)
		return "shown";
	return key->scheme->algorithm == ALGORITHM_ED25519 ? "public-key" : "signature";
}

/* Of the key and not of its text: hex, base64 and PEM of one key are the same secret. */
static bool digest_key(const struct key *key, unsigned char out[32])
{
	unsigned char bytes[KEY_BYTES_MAX];
	size_t len = sizeof(bytes);
	int ok = 0;
	if (key->text) {
		sha256(tappet_cstr(key->text), out);
		return true;
	}
	if (key->pkey && key->scheme->algorithm == ALGORITHM_ED25519)
		ok = EVP_PKEY_get_raw_public_key(key->pkey, bytes, &len);
	else if (key->pkey)
		ok = EVP_PKEY_get_raw_private_key(key->pkey, bytes, &len);
	if (ok == 1)
		sha256(tappet_strn((const char *)bytes, len), out);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return ok == 1;
}

static const char *kind_of_auth(enum auth_kind kind)
{
	switch (kind) {
	case AUTH_BEARER:
		return "bearer";
	case AUTH_BASIC:
		return "basic";
	case AUTH_JWT:
		return "jwt";
	default:
		return "header";
	}
}

bool verifier_secret_at(const struct verifier *v, size_t index, struct verify_secret *ret)
{
	const size_t keys = v->signature.key_count;
	if (index < keys) {
		*ret = (struct verify_secret){.kind = kind_of_key(&v->signature.keys[index]),
					      .position = (int)index + 1};
		return digest_key(&v->signature.keys[index], ret->digest);
	}
	index -= keys;
	if (index >= v->auth.secrets.count || !v->auth.secrets.list[index].text)
		return false;
	*ret = (struct verify_secret){.kind = kind_of_auth(v->auth.kind), .position = (int)index + 1};
	sha256(tappet_strn(v->auth.secrets.list[index].text, v->auth.secrets.list[index].len), ret->digest);
	return true;
}
