#include "limit.h"
#include <stdlib.h>
#include <string.h>

#define SETS 256
#define WAYS 8
#define ADDRESS_MAX 46 /* INET6_ADDRSTRLEN */

struct bucket {
	char address[ADDRESS_MAX]; /* "": free */
	double spent;              /* as of at_ms */
	int64_t at_ms;
};

struct limit {
	int64_t count, per_ms;
	uint64_t seed;
	struct bucket sets[SETS][WAYS];
};

struct limit *limit_new(int64_t count, int64_t per_ms)
{
	struct limit *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->count = count;
	l->per_ms = per_ms;
	/* Where it lies in memory is nothing that a caller knows. */
	l->seed = (uint64_t)(uintptr_t)l * 0x9e3779b97f4a7c15u;
	return l;
}

void limit_free(struct limit *l)
{
	free(l);
}

static double spent_now(const struct limit *l, const struct bucket *b, int64_t now_ms)
{
	const double back = (double)(now_ms - b->at_ms) * (double)l->count / (double)l->per_ms;
	return b->spent > back ? b->spent - back : 0;
}

static struct bucket *find(struct limit *l, tappet_str address, int64_t now_ms)
{
	uint64_t h = l->seed;
	for (size_t i = 0; i < address.len; i++)
		h = (h ^ (unsigned char)address.ptr[i]) * 1099511628211u;
	struct bucket *set = l->sets[(h ^ (h >> 29)) % SETS], *least = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		struct bucket *b = &set[i];
		if (strlen(b->address) == address.len && memcmp(b->address, address.ptr, address.len) == 0)
			return b;
		if (spent_now(l, b, now_ms) < spent_now(l, least, now_ms))
			least = b;
	}
	*least = (struct bucket){.at_ms = now_ms};
	memcpy(least->address, address.ptr, address.len);
	return least;
}

static int64_t seconds_until(const struct limit *l, double tokens)
{
	const double ms = tokens * (double)l->per_ms / (double)l->count;
	return (int64_t)(ms / 1000) + 1;
}

bool limit_take(struct limit *l, tappet_str address, int64_t now_ms, struct limit_state *ret)
{
	if (address.len == 0 || address.len >= ADDRESS_MAX)
		address = tappet_cstr("?");
	struct bucket *b = find(l, address, now_ms);
	b->spent = spent_now(l, b, now_ms);
	b->at_ms = now_ms;
	const bool within = b->spent + 1 <= (double)l->count;
	if (within)
		b->spent += 1;
	*ret = (struct limit_state){
		.remaining = (int64_t)((double)l->count - b->spent),
		.reset_s = b->spent > 0 ? seconds_until(l, b->spent) : 0,
		.retry_s = within ? 0 : seconds_until(l, b->spent + 1 - (double)l->count),
	};
	return within;
}
