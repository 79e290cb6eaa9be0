#include "gateway/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include "base/digest.h"
#include "gateway/tls_internal.h"

/* ---- what is shown to a client --------------------------------------------------------------------------------- */

enum match { MATCH_NOT, MATCH_WILDCARD, MATCH_EXACT };

/* By the names in the certificate's subjectAltName alone, as browsers do it. */
static enum match find_match(X509 *leaf, const char *name)
{
	char *pattern = NULL;
	const unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
	if (X509_check_host(leaf, name, 0, flags, &pattern) != 1)
		return MATCH_NOT;
	enum match match = pattern && pattern[0] == '*' ? MATCH_WILDCARD : MATCH_EXACT;
	OPENSSL_free(pattern);
	return match;
}

/* There may be several for one name, of RSA and ECDSA: OpenSSL keeps one of each kind and takes what the client can
 * use. The earlier ones win, so they are set last. */
static int show(SSL *ssl, const struct tls_identity *identity, const char *name, enum match wanted)
{
	int shown = 0;
	for (size_t i = identity->count; i-- > 0;) {
		const struct certificate *c = &identity->certificates[i];
		if (find_match(c->leaf, name) != wanted)
			continue;
		if (SSL_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) != 1)
			return -1;
		shown++;
	}
	return shown;
}

/* The SSL has the first certificate already. */
static int choose_certificate(SSL *ssl, void *arg)
{
	(void)arg;
	const struct tls_link *link = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	if (!name || link->identity->count == 1)
		return 1;
	int shown = show(ssl, link->identity, name, MATCH_EXACT);
	if (shown == 0)
		shown = show(ssl, link->identity, name, MATCH_WILDCARD);
	return shown >= 0;
}

/* The name counts whichever it is; OpenSSL only remembers it with the session when somebody says so. */
static int take_name(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len, const unsigned char *offered,
			   unsigned len, void *arg)
{
	(void)ssl;
	(void)arg;
	static const char ours[] = "http/1.1";
	const unsigned ours_len = sizeof(ours) - 1;
	for (unsigned at = 0; at < len && offered[at] < len - at; at += 1u + offered[at]) {
		if (offered[at] != ours_len || memcmp(offered + at + 1, ours, ours_len) != 0)
			continue;
		*ret = offered + at + 1;
		*ret_len = (unsigned char)ours_len;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- making one ------------------------------------------------------------------------------------------------ */

static int copy_certificates(struct tls_identity *identity, const struct tls_identity_options *o)
{
	identity->certificates = calloc(o->count, sizeof(*identity->certificates));
	if (!identity->certificates)
		return -ENOMEM;
	for (; identity->count < o->count; identity->count++) {
		const struct certificate *from = &o->certificates[identity->count];
		STACK_OF(X509) *chain = X509_chain_up_ref(from->chain);
		if (!chain)
			return -ENOMEM;
		X509_up_ref(from->leaf);
		EVP_PKEY_up_ref(from->key);
		identity->certificates[identity->count] = (struct certificate){from->leaf, chain, from->key};
	}
	return 0;
}

static int add_authority(SSL_CTX *ctx, X509 *authority)
{
	if (SSL_CTX_add_client_CA(ctx, authority) != 1)
		return -ENOMEM;
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) == 1 ? 0 : -EINVAL;
}

/* A session remembers that its client was verified, by these authorities: with others it must not be taken up. */
static int set_session_context(SSL_CTX *ctx, const struct tls_identity_options *o)
{
	uint8_t all[DIGEST_SIZE] = {o->client_optional}, both[2 * DIGEST_SIZE];
	for (int i = 0; i < sk_X509_num(o->client_ca); i++) {
		unsigned len = 0;
		memcpy(both, all, DIGEST_SIZE);
		if (X509_digest(sk_X509_value(o->client_ca, i), EVP_sha256(), both + DIGEST_SIZE, &len) != 1)
			return -ENOMEM;
		digest_sha256(both, sizeof(both), all);
	}
	return SSL_CTX_set_session_id_context(ctx, all, sizeof(all)) == 1 ? 0 : -EINVAL;
}

static int set_client_rules(SSL_CTX *ctx, const struct tls_identity_options *o)
{
	int r = 0;
	if (!o->client_ca)
		return 0;
	for (int i = 0; r == 0 && i < sk_X509_num(o->client_ca); i++)
		r = add_authority(ctx, sk_X509_value(o->client_ca, i));
	/* An authority that is named is trusted, also when it is not the root of its own chain. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (o->client_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), NULL);
	return r;
}

static int set_up(struct tls_identity *identity, const struct tls_identity_options *o)
{
	SSL_CTX *ctx = identity->ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return -ENOMEM;
	const struct certificate *first = &identity->certificates[0];
	if (SSL_CTX_use_cert_and_key(ctx, first->leaf, first->key, first->chain, 1) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, o->min_version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
		return -EINVAL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* An idle connection keeps no room for records. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* Sessions live in the clients' tickets; nothing grows here. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_cert_cb(ctx, choose_certificate, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, take_name);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_tickets_key);
	int r = set_session_context(ctx, o);
	return r < 0 ? r : set_client_rules(ctx, o);
}

int tls_identity_make(const struct tls_identity_options *options, struct tls_identity **ret)
{
	struct tls_identity *identity = calloc(1, sizeof(*identity));
	if (!identity)
		return -ENOMEM;
	identity->refs = 1;
	int r = copy_certificates(identity, options);
	if (r == 0)
		r = set_up(identity, options);
	ERR_clear_error();
	if (r < 0)
		tls_identity_unref(identity);
	else
		*ret = identity;
	return r;
}

void tls_identity_unref(struct tls_identity *identity)
{
	if (!identity || --identity->refs > 0)
		return;
	SSL_CTX_free(identity->ctx);
	for (size_t i = 0; i < identity->count; i++)
		certificate_release(&identity->certificates[i]);
	free(identity->certificates);
	free(identity);
}

/* ---- the TLS of a listener ------------------------------------------------------------------------------------- */

static struct metric *outcome(struct metrics *m, const char *label)
{
	return m ? metrics_counter(m, "tappet_tls_handshakes_total", "TLS handshakes that have ended, by outcome.",
				   label)
		 : NULL;
}

int tls_open(struct metrics *metrics, struct tls **ret)
{
	struct tls *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->bio = tls_bio_make();
	if (!t->bio) {
		free(t);
		return -ENOMEM;
	}
	t->full = outcome(metrics, "outcome=\"full\"");
	t->resumed = outcome(metrics, "outcome=\"resumed\"");
	t->failed = outcome(metrics, "outcome=\"failed\"");
	t->aborted = outcome(metrics, "outcome=\"aborted\"");
	*ret = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	tls_identity_unref(t->identity);
	BIO_meth_free(t->bio);
	OPENSSL_cleanse(&t->tickets, sizeof(t->tickets));
	free(t);
}

void tls_use(struct tls *t, struct tls_identity *identity)
{
	tls_identity_unref(t->identity);
	t->identity = identity;
}
