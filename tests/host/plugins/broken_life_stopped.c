/* Says that it has stopped, when it starts. */
#include "broken.h"

static void say(struct state *s)
{
	s->host->stopped(s->self);
}

static const struct hooks hooks = {.start = say};
