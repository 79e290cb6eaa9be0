/* Does not expect a second pause. */
#include "broken.h"

static void once(struct state *s)
{
	if (s->count++)
		abort();
}

static const struct hooks hooks = {.pause = once};
