/* Session tickets (RFC 5077, RFC 8446 section 2.2). Their keys are the listener's, not the certificate's, and are
 * renewed now and then: who gets at a key cannot read what was said long before by TLS 1.2. */
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include "base/clock.h"
#include "base/digest.h"
#include "gateway/tls_internal.h"

/* Longer than the time for which OpenSSL takes a session (two hours), so that the key before is enough. */
#define RENEW_MS ((int64_t)6 * 3600 * 1000)

static void renew(struct tickets *t)
{
	int64_t now = clock_mono_ms();
	if (t->made_ms && now - t->made_ms < RENEW_MS)
		return;
	if (t->made_ms)
		t->before = t->now;
	else
		digest_random(&t->before, sizeof(t->before));
	digest_random(&t->now, sizeof(t->now));
	t->made_ms = now ? now : 1;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	static char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, sizeof(key->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int begin(struct ticket_key *key, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		 EVP_MAC_CTX *mac)
{
	memcpy(name, key->name, sizeof(key->name));
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
	    EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv) != 1)
		return -1;
	return set_mac(mac, key) ? 1 : -1;
}

int tls_tickets_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		    int make)
{
	enum { FULL_HANDSHAKE = 0, TAKEN = 1, TAKEN_AND_RENEWED = 2 };
	const struct tls_link *link = SSL_get_app_data(ssl);
	struct tickets *t = &link->tls->tickets;
	renew(t);
	if (make)
		return begin(&t->now, name, iv, cipher, mac);
	bool is_now = digest_equal(name, t->now.name, TICKET_NAME_SIZE);
	if (!is_now && !digest_equal(name, t->before.name, TICKET_NAME_SIZE))
		return FULL_HANDSHAKE;
	struct ticket_key *key = is_now ? &t->now : &t->before;
	if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv) != 1 || !set_mac(mac, key))
		return -1;
	return is_now ? TAKEN : TAKEN_AND_RENEWED;
}
