/* Tries again until there is credit. */
#include "broken.h"

static void fire(struct binding *b)
{
	while (broken_emit(b->state, b->handle, "{}", b) == TAPPET_EBUSY)
		;
}

static const struct hooks hooks = {.fire = fire};
