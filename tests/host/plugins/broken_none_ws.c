/* Breaks nothing: takes whoever comes, and says again what it is told. */
#include "broken_ws.h"

static void on_upgrade(void *arg, tappet_request *request)
{
	take(arg, request);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	const struct line *l = arg;
	l->serving->ws->send(ws, kind, &bytes, 1);
}
