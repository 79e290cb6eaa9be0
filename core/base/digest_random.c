#include "base/digest.h"

#include <sys/random.h>

void digest_random(void *ret, size_t len)
{
	char *at = ret;
	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);
		if (got < 0)
			abort();
		at += got;
		len -= (size_t)got;
	}
}
