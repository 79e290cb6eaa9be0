#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "verify_parts.h"

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* All addresses are kept as 16 bytes, those of IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2): the same client is the
 * same whether its socket was one of IPv4 or a dual one. */
static bool parse_address(const char *text, struct network *ret)
{
	struct network network = {.family = NETWORK_V4, .bits = 128};
	memcpy(network.address, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, network.address + sizeof(mapped)) != 1) {
		if (inet_pton(AF_INET6, text, network.address) != 1)
			return false;
		if (memcmp(network.address, mapped, sizeof(mapped)) != 0)
			network.family = NETWORK_V6;
	}
	*ret = network;
	return true;
}

static int parse_bits(const char *text, int max)
{
	int bits = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9' && at - text < 3; at++)
		bits = bits * 10 + (*at - '0');
	return at == text || *at || bits > max || (text[0] == '0' && text[1]) ? -1 : bits;
}

static bool bit_at(const unsigned char *address, int bit)
{
	return address[bit / 8] >> (7 - bit % 8) & 1;
}

/* Whoever writes 10.0.0.5/8 may have meant the one address or the whole network. */
static bool has_host_bits(const struct network *network)
{
	for (int bit = network->bits; bit < 128; bit++)
		if (bit_at(network->address, bit))
			return true;
	return false;
}

bool network_parse(tappet_str text, struct network *ret, char *message, size_t size)
{
	char copy[64];
	struct network network = {0};
	if (text.len == 4 && memcmp(text.ptr, "unix", 4) == 0) {
		*ret = (struct network){.family = NETWORK_UNIX};
		return true;
	}
	snprintf(copy, sizeof(copy), "%.*s", text.len < sizeof(copy) ? (int)text.len : (int)sizeof(copy) - 1,
		 text.ptr ? text.ptr : "");
	char *slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (text.len >= sizeof(copy) || strlen(copy) + (slash ? strlen(slash + 1) + 1 : 0) != text.len ||
	    !parse_address(copy, &network)) {
		snprintf(message, size, "expected an address, a network (192.0.2.0/24) or \"unix\", found \"%.40s\"",
			 copy);
		return false;
	}
	bool dotted = !strchr(copy, ':');
	int bits = slash ? parse_bits(slash + 1, dotted ? 32 : 128) : (dotted ? 32 : 128);
	if (bits < 0) {
		snprintf(message, size, "expected a number from 0 to %d behind the '/', found \"%.20s\"",
			 dotted ? 32 : 128, slash + 1);
		return false;
	}
	network.bits = dotted ? bits + 96 : bits;
	/* ::ffff:0:0/90 would reach beyond what is IPv4. */
	if (network.family == NETWORK_V4 && network.bits < 96)
		network.family = NETWORK_V6;
	if (has_host_bits(&network)) {
		snprintf(message, size,
			 "the address has bits behind its first %d: write the network, or the address alone", bits);
		return false;
	}
	*ret = network;
	return true;
}

bool network_has(const struct network *network, tappet_str remote)
{
	char copy[64];
	struct network client;
	bool is_unix = remote.len == 4 && memcmp(remote.ptr, "unix", 4) == 0;
	if (network->family == NETWORK_UNIX || is_unix)
		return is_unix && network->family == NETWORK_UNIX;
	if (remote.len >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)remote.len, remote.ptr ? remote.ptr : "");
	copy[strcspn(copy, "%")] = '\0'; /* fe80::1%eth0 */
	if (!parse_address(copy, &client) || client.family != network->family)
		return false;
	for (int bit = 0; bit < network->bits; bit++)
		if (bit_at(network->address, bit) != bit_at(client.address, bit))
			return false;
	return true;
}
