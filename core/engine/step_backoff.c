/* How long a step waits before it is tried again. */
#include "engine/internal.h"

#include <sys/random.h>

int64_t retry_backoff_ms(const struct retry_def *retry, unsigned failed, double chance)
{
	double max_ms = retry->max_ms > 0 ? (double)retry->max_ms : (double)INT64_MAX / 4;
	double ms = (double)retry->backoff_ms;

	for (unsigned i = 1; i < failed && ms < max_ms && retry->factor > 1; i++)
		ms *= retry->factor;
	if (ms > max_ms)
		ms = max_ms;
	/* Evenly around it, so that many that failed together do not come back together. */
	ms += ms * retry->jitter * (2 * chance - 1);
	return ms < 0 ? 0 : (int64_t)ms;
}

double chance_of(struct engine *e)
{
	uint32_t bits = 0;

	if (e->options.chance)
		return e->options.chance();
	/* Without any the middle is as good as another. */
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		return 0.5;
	return (double)bits / 4294967296.0;
}
