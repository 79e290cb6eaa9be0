/* Takes it that each message is an object. */
#include "broken_ws.h"

static void on_upgrade(void *arg, tappet_request *request)
{
	take(arg, request);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	(void)arg;
	(void)ws;
	(void)kind;
	if (bytes.len == 0 || bytes.ptr[0] != '{')
		abort();
}
