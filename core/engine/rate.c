#include "engine/rate.h"

bool rate_take(struct rate *r, uint32_t count, int64_t per_ms, int64_t now_ms)
{
	double back = (double)(now_ms - r->at_ms) * count / (double)per_ms;

	r->spent = r->spent > back ? r->spent - back : 0;
	r->at_ms = now_ms;
	if (r->spent + 1 > count)
		return false;
	r->spent++;
	return true;
}
