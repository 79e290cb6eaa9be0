/* Takes it for impossible that the clock is set. */
#include "broken.h"

static void jump(struct state *s)
{
	(void)s;
	abort();
}

static const struct hooks hooks = {.clock = jump};
