/* Breaks nothing: the ground of the others, with emissions and requests. */
#include "broken.h"

static void fire(struct binding *b)
{
	broken_emit(b->state, b->handle, "{}", b);
}

static void request(void *arg, tappet_request *request)
{
	const struct state *s = arg;
	s->http->problem(request, 404, "not-found", "nothing is here", 0);
}

static const struct hooks hooks = {.fire = fire, .request = request};
