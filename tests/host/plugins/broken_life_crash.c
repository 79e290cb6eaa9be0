/* Crashes as soon as it is started. */
#include "broken.h"

static void crash(struct state *s)
{
	(void)s;
	abort();
}

static const struct hooks hooks = {.start = crash};
