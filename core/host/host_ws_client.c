/* tappet.ws/1: connections that a plugin makes to others. */
#include "host/ws.h"

int32_t ws_connect(tappet_instance *self, const tappet_ws_connect_options *options, const tappet_ws_handler *handler,
		   void *arg, tappet_ws **ret)
{
	(void)options;
	(void)handler;
	(void)arg;
	(void)ret;
	return plugin_usable(self) ? TAPPET_ENOTSUP : TAPPET_ESTATE;
}
