/* Answers twice. */
#include "broken.h"

static void request(void *arg, tappet_request *request)
{
	const struct state *s = arg;
	s->http->respond(request, 404, NULL, 0, tappet_cstr(""));
	s->http->respond(request, 404, NULL, 0, tappet_cstr(""));
}

static const struct hooks hooks = {.request = request};
