/* Sends to a connection that has ended. */
#include "broken_ws.h"

static void on_upgrade(void *arg, tappet_request *request)
{
	struct serving *s = arg;
	const tappet_str text = tappet_cstr("hello");
	if (s->lines) {
		s->state->http->problem(request, 503, "full", "one is enough", 0);
		return;
	}
	if (s->last)
		s->ws->send(s->last, TAPPET_WS_TEXT, &text, 1);
	s->last = take(arg, request);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	(void)arg;
	(void)ws;
	(void)kind;
	(void)bytes;
}
