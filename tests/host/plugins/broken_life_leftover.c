/* Leaves a timer behind. */
#include "broken.h"

static void nothing(void *arg)
{
	(void)arg;
}

static void begin(struct state *s)
{
	tappet_timer *timer;
	s->host->timer_start(s->self, 3600000, 3600000, nothing, s, &timer);
}

static const struct hooks hooks = {.start = begin};
