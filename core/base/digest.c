#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

void digest_sha256(const void *bytes, size_t len, uint8_t ret[static DIGEST_SIZE])
{
	/* Fails only without memory for its context; a hash that is silently wrong would be worse than the end. */
	if (EVP_Digest(bytes, len, ret, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void digest_hex(const uint8_t *bytes, size_t len, char *ret_text)
{
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = hex[bytes[i] >> 4];
		ret_text[2 * i + 1] = hex[bytes[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

bool digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void digest_uuid5(const uint8_t space[static 16], const void *name, size_t len, char ret_text[static 37])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1 || EVP_DigestUpdate(ctx, space, 16) != 1 ||
	    EVP_DigestUpdate(ctx, name, len) != 1 || EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x50);
	hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80);
	char text[33];
	digest_hex(hash, 16, text);
	snprintf(ret_text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12, text + 16, text + 20);
}
