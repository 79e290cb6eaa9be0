/* Does not expect a large body. */
#include "broken.h"

static void request(void *arg, tappet_request *request)
{
	const struct state *s = arg;
	if (s->http->body(request).len > 100000)
		abort();
	s->http->problem(request, 404, "not-found", "nothing is here", 0);
}

static const struct hooks hooks = {.request = request};
