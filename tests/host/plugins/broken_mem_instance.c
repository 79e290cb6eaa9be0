/* Frees less than it has made. */
#include "broken.h"

static void begin(struct state *s)
{
	s->kept = calloc(1, 1000);
}

static const struct hooks hooks = {.start = begin};
