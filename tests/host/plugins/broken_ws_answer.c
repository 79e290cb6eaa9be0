/* Answers an upgrade that it has taken. */
#include "broken_ws.h"

static void on_upgrade(void *arg, tappet_request *request)
{
	const struct serving *s = arg;
	take(arg, request);
	s->state->http->problem(request, 404, "not-found", "nothing is here", 0);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	(void)arg;
	(void)ws;
	(void)kind;
	(void)bytes;
}
