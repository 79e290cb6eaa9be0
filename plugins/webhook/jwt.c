/* JSON Web Tokens (RFC 7519), by libjwt. The algorithm is the trigger's; what the token says of it only has to be the
 * same, or a public key could be taken for an HMAC's secret (RFC 8725 section 3.1). */
#include <stdlib.h>
#include <string.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include "verify_parts.h"

#define LEEWAY_MS 60000
#define HMAC_KEY_MIN 32 /* RFC 7518 section 3.2 */
#define RSA_BITS_MIN 2048
#define MADE_FOR_S 300

static const char *const algorithm_names[] = {"HS256", "RS256", "ES256", NULL};
static const jwt_alg_t algorithms[] = {JWT_ALG_HS256, JWT_ALG_RS256, JWT_ALG_ES256};

static bool is_public_key(const struct secret *secret, jwt_alg_t algorithm)
{
	BIO *bio = secret->len <= INT32_MAX ? BIO_new_mem_buf(secret->text, (int)secret->len) : NULL;
	char password[] = "";
	EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, password) : NULL;
	bool ok = false;
	if (pkey && algorithm == JWT_ALG_RS256)
		ok = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA && EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN;
	else if (pkey)
		ok = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC && EVP_PKEY_get_bits(pkey) == 256;
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return ok;
}

static void check_key(const struct auth *a, struct reader *r, const char *pointer, const struct secret *secret)
{
	if (!secret->text)
		return;
	if (a->jwt.algorithm == JWT_ALG_HS256) {
		if (secret->len < HMAC_KEY_MIN)
			options_warning(r, pointer, "HS256 wants a key of at least %d bytes (RFC 7518)", HMAC_KEY_MIN);
		return;
	}
	if (!is_public_key(secret, (jwt_alg_t)a->jwt.algorithm))
		options_mistake(r, pointer, "expected a public key in PEM (-----BEGIN PUBLIC KEY-----), %s",
				a->jwt.algorithm == JWT_ALG_RS256 ? "RSA of at least 2048 bits" : "of the curve P-256");
}

void jwt_read(struct auth *a, struct reader *r, const cJSON *object)
{
	static const char *const names[] = {"algorithm", "key", "issuer", "audience", "subject", "leeway", NULL};
	options_only(r, "/jwt", object, names);
	if (!cJSON_GetObjectItemCaseSensitive(object, "algorithm"))
		options_mistake(r, "/jwt", "\"algorithm\" is missing: \"HS256\", \"RS256\" or \"ES256\"");
	a->jwt.algorithm = (int)algorithms[options_word(r, "/jwt", object, "algorithm", algorithm_names, 0)];
	a->jwt.issuer = options_text(r, "/jwt", object, "issuer");
	a->jwt.audience = options_text(r, "/jwt", object, "audience");
	a->jwt.subject = options_text(r, "/jwt", object, "subject");
	a->jwt.leeway_ms = options_duration(r, "/jwt", object, "leeway", LEEWAY_MS);
	options_secrets(r, "/jwt", object, "key", &a->secrets);
	for (size_t i = 0; i < a->secrets.count; i++) {
		char at[POINTER_MAX];
		secret_pointer("/jwt", object, "key", i, at);
		check_key(a, r, at, &a->secrets.list[i]);
	}
}

/* ---- Check ---- */

/* Three parts in base64url, none of them empty (RFC 7515 section 7.1). libjwt passes over what is none. */
static bool is_compact(tappet_str token)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t dots = 0, len = 0;
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] == '.') {
			if (len == 0)
				return false;
			dots++;
			len = 0;
		} else if (!token.ptr[i] || !strchr(allowed, token.ptr[i])) {
			return false;
		} else {
			len++;
		}
	}
	return dots == 2 && len > 0;
}

static bool is_text(const cJSON *item, const char *text)
{
	return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

/* One text, or a list that has it (RFC 7519 section 4.1.3). */
static bool has_audience(const cJSON *claim, const char *audience)
{
	const cJSON *item;
	if (!cJSON_IsArray(claim))
		return is_text(claim, audience);
	cJSON_ArrayForEach(item, claim) if (is_text(item, audience)) return true;
	return false;
}

static const char *check_times(const struct jwt_rules *rules, const cJSON *claims, int64_t now_ms)
{
	const cJSON *exp = cJSON_GetObjectItemCaseSensitive(claims, "exp");
	const cJSON *nbf = cJSON_GetObjectItemCaseSensitive(claims, "nbf");
	double now = (double)now_ms, leeway = (double)rules->leeway_ms;
	/* A token that never ends is a password: "bearer" is for those. */
	if (!cJSON_IsNumber(exp))
		return "The token does not say when it expires (exp).";
	if (now >= exp->valuedouble * 1000 + leeway)
		return "The token has expired.";
	if (nbf && !cJSON_IsNumber(nbf))
		return "The token's nbf is not a number.";
	if (nbf && now < nbf->valuedouble * 1000 - leeway)
		return "The token is not valid yet.";
	return NULL;
}

static const char *check_claims(const struct jwt_rules *rules, const cJSON *claims, int64_t now_ms)
{
	if (!cJSON_IsObject(claims))
		return "The token's claims cannot be read.";
	const char *error = check_times(rules, claims, now_ms);
	if (error)
		return error;
	if (rules->issuer && !is_text(cJSON_GetObjectItemCaseSensitive(claims, "iss"), rules->issuer))
		return "The token is from another issuer.";
	if (rules->audience && !has_audience(cJSON_GetObjectItemCaseSensitive(claims, "aud"), rules->audience))
		return "The token is for another audience.";
	if (rules->subject && !is_text(cJSON_GetObjectItemCaseSensitive(claims, "sub"), rules->subject))
		return "The token is for another subject.";
	return NULL;
}

/* Signed by this key with this algorithm: to be freed with jwt_free, or NULL. */
static jwt_t *decode_with(const struct secret *key, int algorithm, const char *token)
{
	jwt_t *jwt = NULL;
	if (key->len > INT32_MAX || jwt_decode(&jwt, token, (const unsigned char *)key->text, (int)key->len) != 0)
		return NULL;
	if ((int)jwt_get_alg(jwt) == algorithm)
		return jwt;
	jwt_free(jwt);
	return NULL;
}

static const char *check_decoded(const struct jwt_rules *rules, jwt_t *jwt, int64_t now_ms)
{
	/* Extensions that have to be understood (RFC 7515 section 4.1.11): none is. */
	char *critical = jwt_get_headers_json(jwt, "crit");
	free(critical);
	if (critical)
		return "The token uses an extension that is not known here (crit).";
	char *text = jwt_get_grants_json(jwt, NULL);
	cJSON *claims = text ? cJSON_Parse(text) : NULL;
	const char *error = check_claims(rules, claims, now_ms);
	cJSON_Delete(claims);
	free(text);
	return error;
}

const char *jwt_verify(const struct auth *a, tappet_str token, int64_t now_ms, int *ret_secret)
{
	if (!is_compact(token))
		return "The bearer token is not a JSON Web Token.";
	char *text = strndup(token.ptr, token.len);
	if (!text)
		return "Out of memory.";
	const char *error = "The token's signature or algorithm is not the right one.";
	for (size_t i = 0; i < a->secrets.count; i++) {
		jwt_t *jwt = decode_with(&a->secrets.list[i], a->jwt.algorithm, text);
		if (!jwt)
			continue;
		error = check_decoded(&a->jwt, jwt, now_ms);
		jwt_free(jwt);
		if (!error)
			*ret_secret = (int)i;
		break;
	}
	free(text);
	return error;
}

/* ---- The other direction ---- */

static bool add_claims(jwt_t *jwt, const struct jwt_rules *rules, int64_t now_ms)
{
	long now_s = (long)(now_ms / 1000);
	return jwt_add_grant_int(jwt, "iat", now_s) == 0 && jwt_add_grant_int(jwt, "exp", now_s + MADE_FOR_S) == 0 &&
	       (!rules->issuer || jwt_add_grant(jwt, "iss", rules->issuer) == 0) &&
	       (!rules->audience || jwt_add_grant(jwt, "aud", rules->audience) == 0) &&
	       (!rules->subject || jwt_add_grant(jwt, "sub", rules->subject) == 0);
}

char *jwt_make(const struct auth *a, int64_t now_ms)
{
	const struct secret *key = &a->secrets.list[0];
	jwt_t *jwt = NULL;
	char *text = NULL;
	if (a->jwt.algorithm != JWT_ALG_HS256 || key->len > INT32_MAX || jwt_new(&jwt) != 0)
		return NULL;
	if (add_claims(jwt, &a->jwt, now_ms) &&
	    jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)key->text, (int)key->len) == 0)
		text = jwt_encode_str(jwt);
	jwt_free(jwt);
	return text;
}
