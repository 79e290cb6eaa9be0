#include <stdlib.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include "verify_parts.h"

#define ED25519_LEN 32

/* ---- Encodings ---- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_hex(tappet_str text, unsigned char *out, size_t size, size_t *ret_len)
{
	if (text.len % 2 != 0 || text.len / 2 > size)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_value(text.ptr[i]), low = hex_value(text.ptr[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (unsigned char)(high * 16 + low);
	}
	*ret_len = text.len / 2;
	return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* RFC 4648 sections 4 and 5. Padding may be left out, but not in part. */
static bool decode_base64(const char *digits, tappet_str text, unsigned char *out, size_t size, size_t *ret_len)
{
	size_t padding = 0, len = 0;
	while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
		padding++;
	if (padding > 0 && text.len % 4 != 0)
		return false;
	size_t count = text.len - padding;
	if (count % 4 == 1 || (padding > 0 && (count + padding) % 4 != 0) || count / 4 * 3 + count % 4 > size + 1)
		return false;
	unsigned int bits = 0, held = 0;
	for (size_t i = 0; i < count; i++) {
		const char *digit = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
		if (!digit)
			return false;
		bits = bits << 6 | (unsigned int)(digit - digits);
		held += 6;
		if (held < 8)
			continue;
		if (len == size)
			return false;
		held -= 8;
		out[len++] = (unsigned char)(bits >> held);
		bits &= (1U << held) - 1;
	}
	*ret_len = len;
	return bits == 0;
}

bool decode(enum encoding encoding, tappet_str text, unsigned char *out, size_t size, size_t *ret_len)
{
	if (encoding == ENCODING_HEX)
		return decode_hex(text, out, size, ret_len);
	return decode_base64(encoding == ENCODING_BASE64 ? alphabet : alphabet_url, text, out, size, ret_len);
}

static void encode_base64(const char *digits, bool pad, const unsigned char *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		unsigned int group = (unsigned int)bytes[i] << 16;
		if (left > 1)
			group |= (unsigned int)bytes[i + 1] << 8;
		if (left > 2)
			group |= bytes[i + 2];
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		if (left > 1 || pad)
			*out++ = left > 1 ? digits[group >> 6 & 63] : '=';
		if (left > 2 || pad)
			*out++ = left > 2 ? digits[group & 63] : '=';
	}
	*out = '\0';
}

void encode(enum encoding encoding, const unsigned char *bytes, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";
	if (encoding != ENCODING_HEX) {
		bool plain = encoding == ENCODING_BASE64;
		encode_base64(plain ? alphabet : alphabet_url, plain, bytes, len, out);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
}

/* ---- Comparing ---- */

void sha256(tappet_str text, unsigned char out[32])
{
	SHA256((const unsigned char *)(text.ptr ? text.ptr : ""), text.len, out);
}

bool same_secret(tappet_str secret, tappet_str shown)
{
	unsigned char a[32], b[32];
	sha256(secret, a);
	sha256(shown, b);
	return CRYPTO_memcmp(a, b, sizeof(a)) == 0;
}

int find_secret(const struct secrets *secrets, tappet_str shown)
{
	int found = -1;
	for (size_t i = secrets->count; i-- > 0;)
		if (secrets->list[i].text &&
		    same_secret(tappet_strn(secrets->list[i].text, secrets->list[i].len), shown))
			found = (int)i;
	return found;
}

/* ---- Keys ---- */

static EVP_PKEY *read_pem(const struct secret *secret, bool is_private)
{
	if (secret->len > INT32_MAX)
		return NULL;
	BIO *bio = BIO_new_mem_buf(secret->text, (int)secret->len);
	if (!bio)
		return NULL;
	/* An empty password, so that nobody is asked for one. */
	char password[] = "";
	EVP_PKEY *pkey = is_private ? PEM_read_bio_PrivateKey(bio, NULL, NULL, password)
				    : PEM_read_bio_PUBKEY(bio, NULL, NULL, password);
	BIO_free(bio);
	if (pkey && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return pkey;
}

static EVP_PKEY *read_ed25519(const struct scheme *scheme, const struct secret *secret, bool *ret_can_sign)
{
	unsigned char bytes[2 * ED25519_LEN];
	size_t len;
	bool is_private = strstr(secret->text, "PRIVATE KEY-----") || strncmp(secret->text, "whsk_", 5) == 0;
	if (strncmp(secret->text, "-----BEGIN", 10) == 0) {
		*ret_can_sign = is_private;
		return read_pem(secret, is_private);
	}
	tappet_str text = tappet_strn(secret->text, secret->len);
	if (scheme->secret_prefix)
		text = tappet_cstr(secret->text + strlen(scheme->secret_prefix));
	enum encoding encoding = text.len == 2 * ED25519_LEN ? ENCODING_HEX : ENCODING_BASE64;
	EVP_PKEY *pkey = NULL;
	bool ok = decode(encoding, text, bytes, sizeof(bytes), &len);
	/* A private key comes alone or with its public one behind it. */
	if (ok && is_private && (len == ED25519_LEN || len == sizeof(bytes)))
		pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, ED25519_LEN);
	else if (ok && !is_private && len == ED25519_LEN)
		pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, len);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	*ret_can_sign = is_private;
	return pkey;
}

static EVP_PKEY *read_base64(const struct secret *secret, const char **ret_error)
{
	static const char prefix[] = "whsec_";
	unsigned char bytes[256];
	size_t len = 0, skip = strncmp(secret->text, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
	EVP_PKEY *pkey = NULL;
	if (decode(ENCODING_BASE64, tappet_strn(secret->text + skip, secret->len - skip), bytes, sizeof(bytes), &len) &&
	    len > 0)
		pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, bytes, len);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (!pkey)
		*ret_error = "expected \"whsec_\" and base64 behind it, or a key \"whpk_...\" or \"whsk_...\"";
	return pkey;
}

EVP_PKEY *key_new(const struct scheme *scheme, const struct secret *secret, bool *ret_can_sign, const char **ret_error)
{
	EVP_PKEY *pkey;
	*ret_can_sign = true;
	*ret_error = "the secret cannot be used as a key";
	switch (scheme->key_format) {
	case KEY_BASE64:
		return read_base64(secret, ret_error);
	case KEY_ED25519:
		pkey = read_ed25519(scheme, secret, ret_can_sign);
		if (!pkey)
			*ret_error = "expected an Ed25519 key: 64 hex digits, base64 of 32 bytes, or PEM";
		return pkey;
	case KEY_TEXT:
		break;
	}
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (const unsigned char *)secret->text, secret->len);
}

/* ---- Digests ---- */

static const EVP_MD *hash_of(enum algorithm algorithm)
{
	switch (algorithm) {
	case ALGORITHM_SHA512:
		return EVP_sha512();
	case ALGORITHM_SHA1:
		return EVP_sha1();
	default:
		return EVP_sha256();
	}
}

static bool add_to_mac(void *arg, tappet_str piece)
{
	return piece.len == 0 || EVP_DigestSignUpdate(arg, piece.ptr, piece.len) == 1;
}

/* The body is not copied for an HMAC. */
static bool mac(const struct key *key, const struct signed_parts *parts, unsigned char out[DIGEST_MAX], size_t *ret_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	*ret_len = DIGEST_MAX;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, hash_of(key->scheme->algorithm), NULL, key->pkey) == 1 &&
		  pattern_expand(key->scheme->signing, parts, add_to_mac, ctx) &&
		  EVP_DigestSignFinal(ctx, out, ret_len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

struct gathered {
	char *bytes; /* NULL: only count */
	size_t len;
};

static bool add_to_bytes(void *arg, tappet_str piece)
{
	struct gathered *g = arg;
	if (g->bytes && piece.len > 0)
		memcpy(g->bytes + g->len, piece.ptr, piece.len);
	g->len += piece.len;
	return true;
}

/* Ed25519 takes its message in one piece. NULL: out of memory. */
static unsigned char *gather(const struct key *key, const struct signed_parts *parts, size_t *ret_len)
{
	struct gathered size = {0}, all = {0};
	pattern_expand(key->scheme->signing, parts, add_to_bytes, &size);
	all.bytes = malloc(size.len + 1);
	if (!all.bytes)
		return NULL;
	pattern_expand(key->scheme->signing, parts, add_to_bytes, &all);
	*ret_len = all.len;
	return (unsigned char *)all.bytes;
}

static bool verify_ed25519(const struct key *key, const struct signed_parts *parts, const unsigned char *signature,
			   size_t signature_len)
{
	size_t len = 0;
	unsigned char *message = gather(key, parts, &len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = message && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
		  EVP_DigestVerify(ctx, signature, signature_len, message, len) == 1;
	EVP_MD_CTX_free(ctx);
	free(message);
	return ok;
}

bool digest_matches(const struct key *key, const struct signed_parts *parts, const struct parsed *parsed)
{
	unsigned char expected[DIGEST_MAX], shown[DIGEST_MAX];
	size_t expected_len = 0, len;
	bool asymmetric = key->scheme->algorithm == ALGORITHM_ED25519, found = false;
	if (!asymmetric && !mac(key, parts, expected, &expected_len))
		return false;
	for (size_t i = 0; i < parsed->count; i++) {
		if (!decode(key->scheme->encoding, parsed->signatures[i], shown, sizeof(shown), &len))
			continue;
		if (asymmetric)
			found = found || (len == DIGEST_MAX && verify_ed25519(key, parts, shown, len));
		else
			found |= len == expected_len && CRYPTO_memcmp(expected, shown, len) == 0;
	}
	OPENSSL_cleanse(expected, sizeof(expected));
	return found;
}

static bool sign_ed25519(const struct key *key, const struct signed_parts *parts, unsigned char out[DIGEST_MAX],
			 size_t *ret_len)
{
	size_t len = 0;
	unsigned char *message = gather(key, parts, &len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	*ret_len = DIGEST_MAX;
	bool ok = message && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
		  EVP_DigestSign(ctx, out, ret_len, message, len) == 1;
	EVP_MD_CTX_free(ctx);
	free(message);
	return ok;
}

int32_t digest_make(const struct key *key, const struct signed_parts *parts, char *out)
{
	unsigned char bytes[DIGEST_MAX];
	size_t len;
	if (!key->can_sign)
		return TAPPET_ENOTSUP;
	bool ok = key->scheme->algorithm == ALGORITHM_ED25519 ? sign_ed25519(key, parts, bytes, &len)
							      : mac(key, parts, bytes, &len);
	if (!ok)
		return TAPPET_ENOMEM;
	encode(key->scheme->encoding, bytes, len, out);
	return TAPPET_OK;
}
