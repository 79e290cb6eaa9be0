/* Exports a function of its own. */
#include "broken.h"

TAPPET_EXPORT void another(struct state *s);

void another(struct state *s)
{
	s->count++;
}

static const struct hooks hooks = {.start = another};
