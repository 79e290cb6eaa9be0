/* Routes: a trie of decoded path segments. Literal segments win over {name}, that over {name...}; where the best
 * pattern has not the method, the next one that has it is taken. Requests hold references, so that a route may be taken
 * away while requests are with its handler. It knows nothing of connections. */
#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include "gateway/gateway.h"
#include "gateway/verb.h"

#define ROUTE_PARAMS_MAX 8
#define PATH_SEGMENTS_MAX 64

struct router {
	struct router_node *root;
};

struct segment {
	char *text; /* decoded, NUL-terminated; the segments of a path lie one behind the other */
	size_t len;
};

struct router_match {
	struct route *route;             /* NULL: none */
	unsigned allow;                  /* bits of the verbs that the path has */
	size_t starts[ROUTE_PARAMS_MAX]; /* index of the segment that is the parameter */
};

/* Frees the routes that are left. */
void router_release(struct router *router);
int router_add(struct router *router, unsigned surfaces, const char *methods, const char *pattern,
	       route_handler handler, void *arg, struct route **ret);
void router_remove(struct route *route);
void router_match(const struct router *router, unsigned surfaces, enum http_verb verb, const struct segment *segments,
		  size_t count, struct router_match *ret);

struct route *route_ref(struct route *route);
void route_unref(struct route *route);
/* False when it has been taken away. */
bool route_is_served(const struct route *route);
void route_call(const struct route *route, struct http_request *request);
size_t route_param_count(const struct route *route);
const char *route_param_name(const struct route *route, size_t index);
/* Whether the last parameter is {name...}. */
bool route_takes_rest(const struct route *route);

#endif
