/* Emits what is not JSON. */
#include "broken.h"

static void fire(struct binding *b)
{
	broken_emit(b->state, b->handle, "{", b);
}

static const struct hooks hooks = {.fire = fire};
