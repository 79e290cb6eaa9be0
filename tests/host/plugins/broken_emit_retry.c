/* Tries again without the key. */
#include "broken.h"

static void fire(struct binding *b)
{
	broken_emit(b->state, b->handle, "{}", b);
}

static void again(struct binding *b, const tappet_result *result)
{
	if (result->outcome == TAPPET_EUNKNOWN && b->state->count++ < 3)
		fire(b);
}

static const struct hooks hooks = {.fire = fire, .settled = again};
