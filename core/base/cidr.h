/* IP addresses and ranges of them (CIDR), of IPv4 and IPv6. An IPv4 address is held as the IPv6 address that it is mapped
 * to (::ffff:192.0.2.1), so that it is the same however a socket shows it. Thread-safe. */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIDR_ADDRESS_SIZE 16
/* Of the text of an address, with its NUL. */
#define CIDR_TEXT_SIZE 46

struct cidr {
	uint8_t address[CIDR_ADDRESS_SIZE];
	unsigned bits; /* of `address` that count */
};

/* "192.0.2.1" or "2001:db8::1" (without a zone). -EINVAL. */
int cidr_address(const char *text, size_t len, uint8_t ret[static CIDR_ADDRESS_SIZE]);
/* As people write it: IPv4 without the mapping. */
void cidr_text(const uint8_t address[static CIDR_ADDRESS_SIZE], char ret[static CIDR_TEXT_SIZE]);
/* "10.0.0.0/8", "fd00::/8", or one address. -EINVAL, with *ret_problem in words that go behind the text. */
int cidr_parse(const char *text, struct cidr *ret, const char **ret_problem);
bool cidr_match(const struct cidr *range, const uint8_t address[static CIDR_ADDRESS_SIZE]);

#endif
