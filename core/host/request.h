/* A request that is with a plugin: of a route (host_http.c), or an upgrade of an endpoint (host_ws.c). */
#ifndef HOST_REQUEST_H
#define HOST_REQUEST_H

#include "host/internal.h"

struct tappet_request {
	struct http_request *r; /* NULL: the host has answered it in the plugin's place */
	struct tappet_instance *plugin;
	struct list node;
	struct tappet_ws_endpoint *endpoint; /* one reference; NULL: it asks for no upgrade */
	const char *protocol;                /* the endpoint's that the client names; NULL: none */
};

/* False after it was answered: the plugin is not there now. */
bool request_may_come(const struct tappet_instance *p, struct http_request *r);
/* NULL after it was answered: no memory. */
struct tappet_request *request_open(struct tappet_instance *p, struct http_request *r);
/* The request's handle ends here. NULL: the host has answered already. */
struct http_request *request_take(struct tappet_request *request);

void ws_endpoint_unref(struct tappet_ws_endpoint *endpoint);

#endif
