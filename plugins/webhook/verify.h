/* Who may call a webhook: the sender's signature over the raw body, what the caller shows of itself, where it calls from.
 *
 *   verify.c             a verifier: its options read in order, its checks made in order
 *   verify_options.c     reads JSON options and says what is wrong with them, and where
 *   verify_signature.c   "signature": options and check
 *   verify_pattern.c    what a header's value looks like, what is signed
 *   verify_digest.c      encodings, keys, HMAC and Ed25519, comparing without telling by time
 *   verify_form.c        the one signed text that no template spells: forms and addresses as Twilio takes them
 *   verify_auth.c        "auth": bearer, basic, certificate, header; jwt.c: JSON Web Tokens
 *   preset.c             the known senders, as rows of a table
 *   verify_secrets.c     the live secrets, told apart without telling them
 *   cidr.c               "allow"
 *   verify_sender.c      the other direction, for tests of a trigger; sign.c: the signature
 *   sender.h             the same for `tappet webhook test`, with a secret of its own
 *
 * A verifier reads its options once and is constant from then on. It knows nothing of HTTP or of the host, keeps no
 * state, and never writes a secret or a signature into what it says. */
#ifndef WEBHOOK_VERIFY_H
#define WEBHOOK_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tappet/plugin.h"

struct verifier;

/* Where mistakes in the options go; key, index and pointer are those of tappet_checker. A warning (a weak algorithm,
 * say) keeps nothing from working. Either function may be NULL. */
struct verify_mistakes {
	void (*mistake)(void *arg, const char *key, size_t index, const char *pointer, const char *message);
	void (*warning)(void *arg, const char *key, size_t index, const char *pointer, const char *message);
	void *arg;
};

struct verify_options {
	tappet_str signature, auth; /* JSON texts; empty: not set. `auth` may also be a bare word: none */
	const tappet_str *allow;
	size_t allow_count;
	/* false: a reference ({"env": "NAME"}, {"file": "PATH"}) may stand where a secret will be. Such a verifier can
	 * tell its headers and nothing else: every check fails. */
	bool secrets_resolved;
};

/* 0, TAPPET_EINVAL after at least one mistake, or TAPPET_ENOMEM. Nothing is kept of the options. */
int32_t verifier_new(const struct verify_options *options, const struct verify_mistakes *mistakes,
		     struct verifier **ret);
void verifier_free(struct verifier *v);

struct verify_request {
	tappet_str method;
	tappet_str url;        /* as the sender knows it: publicUrl, path and query; or "" when publicUrl is not set */
	tappet_str path_query; /* path and query alone, as they came: "/github?a=1" */
	tappet_str body;       /* raw */
	tappet_str remote;     /* "192.0.2.1", "2001:db8::1" or "unix" */
	tappet_str client_subject;
	int64_t now_ms;
	/* The index-th value of a header by its name without case; ptr == NULL: there are not that many. A header that
	 * comes twice counts as wrong, so the second one has to be shown. */
	tappet_str (*header)(void *arg, const char *name, size_t index);
	void *arg;
};

/* `type` and `detail` are constant texts, fit for an answer and for a record. */
struct verify_result {
	bool ok;
	int32_t status; /* 401 or 403, 500 when the daemon's settings are in the way */
	int32_t reason; /* TAPPET_REASON_SIGNATURE, TOKEN or SCOPE */
	const char *type, *detail;
	const char *challenge; /* the value for WWW-Authenticate with a 401, or NULL */
	int secret;            /* which of the live secrets matched, from 0; -1: there is none to tell */
	unsigned used;         /* the secrets that were shown or signed with: bits by the index of verifier_secret_at */
	bool wants_token;      /* ok, and the caller still has to check a token of Tappet */
};

void verifier_check(const struct verifier *v, const struct verify_request *request, struct verify_result *ret);
/* The part of it that needs no body: whether this address may call at all. */
bool verifier_allows(const struct verifier *v, tappet_str remote);

/* One of the secrets that are live. */
struct verify_secret {
	const char
		*kind; /* "signature", "public-key", "shown" (GitLab, Docker Hub), "bearer", "basic", "jwt", "header" */
	int position;  /* among those of its kind in the options, from 1 */
	unsigned char digest
		[32]; /* tells it from others, and must not leave the process: short secrets could be guessed by it */
};
enum { VERIFY_SECRETS_MAX = 4 };

/* The index-th of them (from 0): those of "signature", then those of "auth". False: there are not that many, or it is not
 * known here. */
bool verifier_secret_at(const struct verifier *v, size_t index, struct verify_secret *ret);

/* What the preset puts into the emission (event, delivery), in lower case, NULL at the end; never NULL itself. */
const char *const *verifier_headers(const struct verifier *v);
/* The headers that carry signatures and credentials, to be compared without case, NULL at the end; never NULL itself.
 * They belong nowhere. */
const char *const *verifier_secret_headers(const struct verifier *v);
/* All of these or NULL. */
const char *verifier_dedup_header(const struct verifier *v);     /* whose value names a delivery */
const char *verifier_dedup_field(const struct verifier *v);      /* the member of a JSON body that does it instead */
const char *verifier_signature_header(const struct verifier *v); /* that carries the signature */
const char *verifier_secret_query(const struct verifier *v);     /* the key in the query that carries a secret */
const char *verifier_handshake(const struct verifier *v);        /* "slack" or "discord": implied by the preset */

/* The headers that a sender would set for this request (`header` is not called), by the first secret. TAPPET_ENOTSUP: only the
 * sender can sign (Ed25519 with its public key alone). A secret in the query is not a header: the caller finds it in
 * verifier_secret_query and `add` is handed the name "?KEY". */
int32_t verifier_sign(const struct verifier *v, const struct verify_request *request,
		      void (*add)(void *arg, const char *name, const char *value), void *arg);

/* What a sender has to have. */
enum verify_sender {
	SENDER_NOTHING, /* there is no signature */
	SENDER_SIGNS,   /* the daemon has the key, too */
	SENDER_SHOWS,   /* the secret itself is in a header or in the query */
	SENDER_HAS_KEY  /* the private key, of which the daemon has the public one */
};
enum verify_sender verifier_sender(const struct verifier *v);
/* As verifier_sign, but never anything that opens more than this one request: TAPPET_ENOTSUP unless SENDER_SIGNS. */
int32_t verifier_sign_once(const struct verifier *v, const struct verify_request *request,
			   void (*add)(void *arg, const char *name, const char *value), void *arg);
/* The option `signature` without its secret, as JSON to be freed; NULL: not set, or no memory. */
char *verifier_signature_options(const struct verifier *v);
const char *verifier_preset(const struct verifier *v); /* or NULL */
/* "none", "token", "bearer", "basic", "jwt", "clientSubject" or "header". */
const char *verifier_auth_kind(const struct verifier *v);
const char *verifier_auth_name(const struct verifier *v); /* the user of basic, the header of header, or NULL */

#endif
