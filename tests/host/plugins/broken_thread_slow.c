/* Sleeps on the loop thread. */
#include "broken.h"

static void sleep_well(struct state *s)
{
	(void)s;
	usleep(30000);
}

static const struct hooks hooks = {.start = sleep_well};
