/* A token bucket: so many at once, and so many in so long. Pure; times are monotonic milliseconds. */
#ifndef ENGINE_RATE_H
#define ENGINE_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	double spent; /* tokens that are missing */
	int64_t at_ms;
};

/* Whether one more is within `count` in `per_ms`; then it is taken. All zero is a full bucket. */
bool rate_take(struct rate *r, uint32_t count, int64_t per_ms, int64_t now_ms);

#endif
