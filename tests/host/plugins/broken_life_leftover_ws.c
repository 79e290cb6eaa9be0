/* Says that it has stopped while a connection is still open. */
#include "broken_ws.h"

static void on_upgrade(void *arg, tappet_request *request)
{
	take(arg, request);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	struct line *l = arg;
	(void)ws;
	(void)kind;
	(void)bytes;
	l->serving->forgets = 1;
}
