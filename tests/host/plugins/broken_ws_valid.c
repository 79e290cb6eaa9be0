/* Closes with a code that only the host may tell of. */
#include "broken_ws.h"

static void on_upgrade(void *arg, tappet_request *request)
{
	take(arg, request);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	const struct line *l = arg;
	(void)kind;
	(void)bytes;
	l->serving->ws->close(ws, TAPPET_WS_BROKEN, tappet_cstr(NULL));
}
