/* Tries again a second later, without the key. */
#include "broken.h"

#define TRIES 3

static void fire(struct binding *b)
{
	const tappet_emission emission = {
		.struct_size = sizeof(emission), .payload = tappet_cstr("{}"), .occurred_ms = INT64_C(1577836800000)};
	if (b->state->count < TRIES)
		b->state->host->emit(b->handle, &emission, broken_settled, b);
}

static void settled(struct binding *b, const tappet_result *result)
{
	b->state->count = result->outcome == TAPPET_EUNKNOWN ? b->state->count + 1 : TRIES;
}

static const struct hooks hooks = {.fire = fire, .settled = settled};
