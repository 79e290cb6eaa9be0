/* Certificates with their chains and keys, from the PEM files that people name, and what is wrong with such files in
 * words for people. Blocking: start-up, or a thread of the pool. Thread-safe. */
#ifndef BASE_CERTIFICATE_H
#define BASE_CERTIFICATE_H

#include <openssl/types.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf; may be empty */
	EVP_PKEY *key;
};

struct certificate_problem {
	bool of_key; /* else of the file with the certificate */
	char text[300];
};

/* The first certificate of `path` is the server's own, the others are its chain. 0, -ENOMEM, or -EINVAL with
 * *ret_problem. */
int certificate_load(const char *path, const char *key_path, struct certificate *ret,
		     struct certificate_problem *ret_problem);
void certificate_release(struct certificate *c);
/* What is to be known of a certificate that works: expired, not valid yet, a key that everybody may read. False: nothing. */
bool certificate_doubt(const struct certificate *c, const char *key_path, struct certificate_problem *ret_doubt);
/* The end of its validity, in seconds since 1970. */
int64_t certificate_expires_s(const struct certificate *c);
/* All certificates of a file of authorities; to be freed by certificate_free_all. */
int certificate_load_all(const char *path, STACK_OF(X509) * *ret, struct certificate_problem *ret_problem);
void certificate_free_all(STACK_OF(X509) * all);

#endif
