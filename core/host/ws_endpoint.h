/* Where clients of tappet.ws/1 come in (host_ws_endpoint.c). */
#ifndef HOST_WS_ENDPOINT_H
#define HOST_WS_ENDPOINT_H

#include <tappet/ws.h>
#include "gateway/websocket.h"

struct tappet_ws_endpoint *ws_endpoint_ref(struct tappet_ws_endpoint *endpoint);
const struct websocket_limits *ws_endpoint_limits(const struct tappet_ws_endpoint *endpoint);

/* As tappet.ws/1 has them. */
int32_t ws_endpoint_add(tappet_instance *self, const tappet_ws_endpoint_options *options, tappet_http_cb cb, void *arg,
			tappet_ws_endpoint **ret);
void ws_endpoint_remove(tappet_ws_endpoint *endpoint);

#endif
