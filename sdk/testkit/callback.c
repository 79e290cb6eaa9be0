/* Around every callback of the plugin: how long it computed. What other programs take of the machine is not counted, and neither
 * is what the plugin waits for: a test that waits is for its author to see. */
#include <time.h>
#include "internal.h"

static int64_t cpu_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void callback_begin(testkit *kit)
{
	kit->callback_us = cpu_us();
}

void callback_end(testkit *kit, const char *what)
{
	const int64_t took_us = cpu_us() - kit->callback_us;
	if (kit->slow_ms && took_us > kit->slow_ms * 1000)
		rule_broken(kit, RULE_THREAD_2, "%s computed for %lld ms", what, (long long)took_us / 1000);
}

/* ---- For the test ---- */

void testkit_slow(testkit *kit, int64_t limit_ms)
{
	if (limit_ms < 0)
		misuse("testkit_slow: a limit of %lld ms", (long long)limit_ms);
	kit->slow_ms = limit_ms;
}
