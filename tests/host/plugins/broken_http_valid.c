/* Answers with a status that there is not. */
#include "broken.h"

static void request(void *arg, tappet_request *request)
{
	const struct state *s = arg;
	if (s->http->respond(request, 999, NULL, 0, tappet_cstr("")) < 0)
		s->http->problem(request, 404, "not-found", "nothing is here", 0);
}

static const struct hooks hooks = {.request = request};
