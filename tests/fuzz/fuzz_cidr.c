/* A network in the first line, an address in the second. A network has its own first address, and is the same when it is
 * written with an address alone. */
#include "../../plugins/webhook/verify_parts.h"
#include "verify_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tappet_str rest = tappet_strn((const char *)data, size);
	tappet_str text = fuzz_line(&rest), remote = fuzz_line(&rest);
	struct network network;
	char message[128] = "";
	if (!network_parse(text, &network, message, sizeof(message))) {
		demand(message[0] != '\0', "a mistake has a text");
		return 0;
	}
	demand(network.bits >= 0 && network.bits <= 128, "there are no more bits than that");
	(void)network_has(&network, remote);
	const char *slash = memchr(text.ptr, '/', text.len);
	tappet_str address = tappet_strn(text.ptr, slash ? (size_t)(slash - text.ptr) : text.len);
	/* ::ffff:0:0/90 is a network of IPv6 whose first address counts as one of IPv4. */
	if (network.family != NETWORK_V6 || network.bits >= 96)
		demand(network_has(&network, address), "a network has its first address");
	return 0;
}
