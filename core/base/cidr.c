#include "base/cidr.h"

#include <arpa/inet.h>
#include <errno.h>

#define BITS 128u
#define MAPPED_BITS 96u

static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const uint8_t address[static CIDR_ADDRESS_SIZE])
{
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

int cidr_address(const char *text, size_t len, uint8_t ret[static CIDR_ADDRESS_SIZE])
{
	char copy[CIDR_TEXT_SIZE];
	uint8_t v4[4], v6[CIDR_ADDRESS_SIZE];
	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	/* A NUL within the text ends it early. */
	if (strlen(copy) != len)
		return -EINVAL;
	if (inet_pton(AF_INET, copy, v4) == 1) {
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + sizeof(mapped), v4, sizeof(v4));
		return 0;
	}
	if (inet_pton(AF_INET6, copy, v6) != 1)
		return -EINVAL;
	memcpy(ret, v6, sizeof(v6));
	return 0;
}

void cidr_text(const uint8_t address[static CIDR_ADDRESS_SIZE], char ret[static CIDR_TEXT_SIZE])
{
	if (is_mapped(address))
		inet_ntop(AF_INET, address + sizeof(mapped), ret, CIDR_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, address, ret, CIDR_TEXT_SIZE);
}

static int parse_bits(const char *text, unsigned max, unsigned *ret)
{
	unsigned bits = 0;
	size_t len = strspn(text, "0123456789");
	if (len == 0 || len > 3 || text[len] != '\0' || (len > 1 && text[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		bits = bits * 10 + (unsigned)(text[i] - '0');
	if (bits > max)
		return -EINVAL;
	*ret = bits;
	return 0;
}

/* Of the byte with this index, the part that counts. */
static uint8_t mask_of(unsigned bits, size_t index)
{
	unsigned before = 8 * (unsigned)index;
	if (bits <= before)
		return 0;
	unsigned own = bits - before < 8 ? bits - before : 8;
	return (uint8_t)(0xff00u >> own & 0xff);
}

int cidr_parse(const char *text, struct cidr *ret, const char **ret_problem)
{
	struct cidr range;
	size_t len = strcspn(text, "/");
	*ret_problem = "expected an IP address, or a range such as 10.0.0.0/8 or fd00::/8";
	if (cidr_address(text, len, range.address) < 0)
		return -EINVAL;
	bool is_v4 = !memchr(text, ':', len);
	unsigned max = is_v4 ? BITS - MAPPED_BITS : BITS;
	range.bits = max;
	*ret_problem = is_v4 ? "expected 0 to 32 behind the slash" : "expected 0 to 128 behind the slash";
	if (text[len] == '/' && parse_bits(text + len + 1, max, &range.bits) < 0)
		return -EINVAL;
	range.bits += BITS - max;
	/* A range written so is a slip as a rule: 10.1.2.3/8 may mean one address, or all of them. */
	*ret_problem = "has bits behind its length: write the first address of the range";
	for (size_t i = 0; i < CIDR_ADDRESS_SIZE; i++)
		if (range.address[i] & ~mask_of(range.bits, i))
			return -EINVAL;
	*ret = range;
	return 0;
}

bool cidr_match(const struct cidr *range, const uint8_t address[static CIDR_ADDRESS_SIZE])
{
	for (size_t i = 0; i < CIDR_ADDRESS_SIZE; i++)
		if ((range->address[i] ^ address[i]) & mask_of(range->bits, i))
			return false;
	return true;
}
