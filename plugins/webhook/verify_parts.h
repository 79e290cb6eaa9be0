/* What the files of the verification share; nobody else includes this. verify.h says what it is for. */
#ifndef WEBHOOK_VERIFY_PARTS_H
#define WEBHOOK_VERIFY_PARTS_H

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include "verify.h"

#define SECRETS_MAX 2 /* that are live at the same time: the old and the new one */
#define DIGEST_MAX 64 /* SHA-512 and Ed25519 alike */
#define SIGNATURES_MAX 16
#define HEADER_VALUE_MAX 8192
#define POINTER_MAX 256

static inline tappet_str nothing(void)
{
	return tappet_strn(NULL, 0);
}

/* ---- Reading options: verify_options.c ---- */

/* Reads one option. A mistake is told at once and remembered; reading goes on, so that all of them are told. */
struct reader {
	const struct verify_mistakes *mistakes;
	const char *key;
	size_t index;
	bool secrets_resolved;
	bool failed, no_memory;
};

__attribute__((format(printf, 3, 4))) void options_mistake(struct reader *r, const char *pointer, const char *format,
							   ...);
__attribute__((format(printf, 3, 4))) void options_warning(struct reader *r, const char *pointer, const char *format,
							   ...);
/* Each key of the object that is not one of `names` (NULL at the end) is a mistake. */
void options_only(struct reader *r, const char *pointer, const cJSON *object, const char *const *names);
/* The name nearest to a text that is none of them, or NULL. */
const char *nearest_name(const char *text, const char *const *names);
/* A text that is not empty; NULL: not there, or a mistake. */
const char *options_text(struct reader *r, const char *pointer, const cJSON *object, const char *name);
/* The index of a text in `names`; `otherwise` when it is not there or a mistake. */
int options_word(struct reader *r, const char *pointer, const cJSON *object, const char *name, const char *const *names,
		 int otherwise);
/* "5m" as milliseconds from 1 s to 30 days; `otherwise` when it is not there or a mistake. */
int64_t options_duration(struct reader *r, const char *pointer, const cJSON *object, const char *name,
			 int64_t otherwise);

struct secret {
	char *text; /* NULL: a reference that nobody has resolved */
	size_t len;
};

struct secrets {
	struct secret list[SECRETS_MAX];
	size_t count;
};

/* The member `name`, one secret or a list; the tree's own copy is wiped. It has to be there. */
void options_secrets(struct reader *r, const char *pointer, const cJSON *object, const char *name, struct secrets *ret);
void secrets_release(struct secrets *secrets);
/* Where the index-th secret of the member stands: "/secret" or "/secret/1". */
void secret_pointer(const char *pointer, const cJSON *object, const char *name, size_t index, char *out);
bool secrets_unresolved(const struct secrets *secrets);

/* ---- Encodings, keys, digests: verify_digest.c ---- */

enum encoding { ENCODING_HEX, ENCODING_BASE64, ENCODING_BASE64URL };

/* Strict: no white space, nothing behind the end, no bits that mean nothing. false: not that, or longer than `size`. */
bool decode(enum encoding encoding, tappet_str text, unsigned char *out, size_t size, size_t *ret_len);
/* `out` has room for 2 * len + 1. */
void encode(enum encoding encoding, const unsigned char *bytes, size_t len, char *out);

/* Whether two texts are the same. How long it takes tells nothing about the secret, its length neither. */
bool same_secret(tappet_str secret, tappet_str shown);
/* The index of the secret that is the shown one, or -1. */
int find_secret(const struct secrets *secrets, tappet_str shown);

enum algorithm { ALGORITHM_SHA256, ALGORITHM_SHA512, ALGORITHM_SHA1, ALGORITHM_ED25519, ALGORITHM_TOKEN };

/* How a secret is written. */
enum key_format { KEY_TEXT, KEY_BASE64, KEY_ED25519 };

/* ---- Schemes: verify_pattern.c, preset.c ---- */

/* How one kind of sender signs. */
struct scheme {
	const char *secret_prefix; /* secrets that begin like this belong to it; NULL: all */
	enum key_format key_format;
	enum algorithm algorithm; /* ALGORITHM_TOKEN: the secret itself is shown */
	enum encoding encoding;
	const char *header;  /* that carries the signature, or else */
	const char *query;   /* the key in the query that does */
	const char *prefix;  /* what stands before the signature */
	const char *parse;   /* items of the value, with one placeholder each: "t={timestamp},v1={signature}" */
	char separator;      /* of the items; 0: there is one only */
	const char *signing; /* what is signed: "{timestamp}.{body}" */
	const char *id_header, *timestamp_header;
	const char *timestamp_field; /* the member of a JSON body that holds the timestamp */
	int64_t timestamp_unit_ms;   /* 0: there is no timestamp */
	bool twilio;                 /* the address may be signed with its port or without; bodySHA256 */
};

struct preset {
	const char *name;
	const struct scheme *const *schemes; /* the first whose secret_prefix fits; NULL at the end */
	int64_t tolerance_ms;
	const char *const *headers;
	const char *other_signature; /* a header with one that is not looked at */
	const char *dedup_header, *dedup_field, *handshake;
};

const struct preset *preset_find(const char *name);
/* All names, NULL at the end. */
const char *const *preset_names(void);

/* What a header's value consists of; the texts point into it. */
struct parsed {
	tappet_str timestamp;
	tappet_str signatures[SIGNATURES_MAX];
	size_t count;
};

/* false: a timestamp is twice there, or more signatures than anybody sends. What does not fit is passed over, since
 * senders add things. */
bool header_pattern_parse(const struct scheme *scheme, tappet_str value, struct parsed *ret);

struct signed_parts {
	tappet_str body, timestamp, id, method, url, path, form;
};

/* Hands over what is signed piece by piece; false as soon as `add` is. */
bool pattern_expand(const char *signing, const struct signed_parts *parts, bool (*add)(void *arg, tappet_str piece),
		    void *arg);
/* NULL, or what is wrong with a pattern of `parse` or `signed`. */
const char *pattern_parse_error(const char *parse, char separator);
const char *pattern_signed_error(const char *signing);
bool pattern_uses(const char *pattern, const char *placeholder);

/* ---- Keys ---- */

struct key {
	const struct scheme *scheme;
	EVP_PKEY *pkey;
	char *text; /* ALGORITHM_TOKEN: the secret */
	bool can_sign;
};

/* NULL and *ret_error: what the secret would have to look like. */
EVP_PKEY *key_new(const struct scheme *scheme, const struct secret *secret, bool *ret_can_sign, const char **ret_error);
/* false: no match, or out of memory. */
bool digest_matches(const struct key *key, const struct signed_parts *parts, const struct parsed *parsed);
/* As text in the scheme's encoding; `out` has room for 2 * DIGEST_MAX + 1. */
int32_t digest_make(const struct key *key, const struct signed_parts *parts, char *out);
void sha256(tappet_str text, unsigned char out[32]);

/* ---- Forms: verify_form.c ---- */

/* The pairs of a form, decoded, sorted, each one once, key and value without anything between them: to be freed, or
 * NULL. */
char *form_flatten(tappet_str form, size_t *ret_len);
/* The decoded value of a key in "/path?query"; false: not there. It has to fit. */
bool query_find(tappet_str path_query, const char *key, char *out, size_t size);
/* The variant-th spelling of an address: as it is, without a port, with the scheme's own port. false: no more. */
enum { URL_SPELLINGS = 3 };
bool url_spelling(tappet_str url, int variant, char *out, size_t size);

/* ---- Signature: verify_signature.c ---- */

struct signature {
	cJSON *tree; /* the texts of a template lie in it */
	const struct preset *preset;
	struct scheme own; /* of a template */
	const struct scheme *scheme;
	struct key keys[SECRETS_MAX];
	size_t key_count; /* 0: there is no signature to check */
	bool unresolved;
	int64_t tolerance_ms;
	char missing[96]; /* the answer to those who sign nothing */
};

void signature_read(struct signature *s, struct reader *r, tappet_str text);
/* Fills `ret` for a refusal, or `secret`. */
bool signature_check(const struct signature *s, const struct verify_request *request, struct verify_result *ret);
void signature_release(struct signature *s);
/* The headers of a sender, by the first secret: sign.c. */
int32_t signature_sign(const struct signature *s, const struct verify_request *request,
		       void (*add)(void *arg, const char *name, const char *value), void *arg);
/* What is signed, but for `timestamp`, `id` and `url`; *ret_form is to be freed. */
int32_t signature_parts(const struct scheme *scheme, const struct verify_request *request, struct signed_parts *ret,
			char **ret_form);

/* ---- Auth: verify_auth.c, jwt.c ---- */

enum auth_kind { AUTH_NONE, AUTH_TOKEN, AUTH_BEARER, AUTH_BASIC, AUTH_JWT, AUTH_SUBJECT, AUTH_HEADER };

struct jwt_rules {
	int algorithm; /* jwt_alg_t */
	const char *issuer, *audience, *subject;
	int64_t leeway_ms;
};

struct auth {
	cJSON *tree;
	enum auth_kind kind;
	struct secrets secrets;
	const char *user;      /* basic */
	const char *header;    /* header */
	const cJSON *subjects; /* clientSubject: one text or a list */
	struct jwt_rules jwt;
};

void auth_read(struct auth *a, struct reader *r, tappet_str text, bool has_signature);
bool auth_check(const struct auth *a, const struct verify_request *request, struct verify_result *ret);
int32_t auth_sign(const struct auth *a, int64_t now_ms, void (*add)(void *arg, const char *name, const char *value),
		  void *arg);
void auth_release(struct auth *a);

void jwt_read(struct auth *a, struct reader *r, const cJSON *object);
/* NULL: valid, and *ret_secret is the key's index. Otherwise why not. */
const char *jwt_verify(const struct auth *a, tappet_str token, int64_t now_ms, int *ret_secret);
/* A token that passes, to be freed; NULL: only the issuer can make one, or out of memory. */
char *jwt_make(const struct auth *a, int64_t now_ms);

/* ---- Addresses: cidr.c ---- */

struct network {
	unsigned char address[16];
	int bits;
	enum { NETWORK_V4, NETWORK_V6, NETWORK_UNIX } family;
};

/* false: `message` (of `size`) says what is wrong. */
bool network_parse(tappet_str text, struct network *ret, char *message, size_t size);
bool network_has(const struct network *network, tappet_str remote);

/* ---- All of it ---- */

struct verifier {
	struct signature signature;
	struct auth auth;
	struct network *networks;
	size_t network_count;
	const char *secret_headers[4];
};

static inline bool refuse(struct verify_result *ret, int32_t status, int32_t reason, const char *type,
			  const char *detail)
{
	ret->status = status;
	ret->reason = reason;
	ret->type = type;
	ret->detail = detail;
	return false;
}

#endif
