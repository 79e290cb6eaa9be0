/* Hashes, random bytes and comparisons that do not tell by their time where they failed; all but the random bytes by
 * OpenSSL. Thread-safe. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)

void digest_sha256(const void *bytes, size_t len, uint8_t ret[static DIGEST_SIZE]);
void digest_hex(const uint8_t *bytes, size_t len, char *ret_text /* 2 * len + 1 */);
/* Constant time in the contents (not in the length). */
bool digest_equal(const void *a, const void *b, size_t len);
/* Aborts the process when the system has no randomness to give. */
void digest_random(void *ret, size_t len);
/* UUIDv5 (RFC 9562 section 5.5) of `name` in the name space given as 16 bytes; 36 characters and NUL. */
void digest_uuid5(const uint8_t space[static 16], const void *name, size_t len, char ret_text[static 37]);

#endif
