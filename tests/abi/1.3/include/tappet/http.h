/* SPDX-License-Identifier: MIT
 *
 * Capability "tappet.http/1": routes on the daemon's HTTP listeners. See tappet/plugin.h for the rules that hold for
 * all functions (thread, memory, errors). */
#ifndef TAPPET_HTTP_H
#define TAPPET_HTTP_H

#include "tappet/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The name for `needs` and `capability`. */
#define TAPPET_HTTP_1 "tappet.http/1"

/* A route that was added; valid until `route_remove`. */
typedef struct tappet_route tappet_route;

/* One request. It stays valid until `respond` or `problem` was called for it, which must happen exactly once, at once
 * or much later, whether or not the client is still there. */
typedef struct tappet_request tappet_request;

/* Which listeners serve a route: those whose `serve` in tappet.json names it. */
enum {
	TAPPET_SURFACE_HOOKS = 1, /* "hooks" */
	TAPPET_SURFACE_ACTION = 2 /* "action" */
};

/* Fires for each request of a route, on the loop thread. */
typedef void (*tappet_http_cb)(void *arg, tappet_request *request);

/* A header of a request or an answer. Frozen. */
typedef struct tappet_http_header {
	tappet_str name;  /* as it was sent */
	tappet_str value; /* without white space around it */
} tappet_http_header;

/* The functions of the capability. */
typedef struct tappet_http1 {
	size_t struct_size;
	/* Serves `pattern` on every listener that serves hooks. `methods`: "POST" or "GET,DELETE" (HEAD comes with
	 * GET). `pattern`: "/webhook/in/{workflow}/{trigger}"; {name} is one segment, a last {name...} is the rest
	 * of the path. Literal segments win over parameters. TAPPET_EEXIST: taken, by whichever plugin. Another
	 * method on a path that has routes is answered 405 by the host. `cb` fires for each request, between `start`
	 * and `stop`. `ret` is valid until route_remove. Errors: TAPPET_EEXIST, TAPPET_EINVAL (a pattern or method
	 * that is none), TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*route_add)(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb,
			     void *arg, tappet_route **ret);
	/* No further request comes; those that are there stay until they are answered. The handle is gone. NULL is
	 * allowed. */
	void (*route_remove)(tappet_route *route);

	/* What is read of a request is valid until the answer. A missing header, parameter or query key gives
	 * ptr == NULL. Header names are compared without case; of a repeated header the first is given. Path parameters
	 * and query values are percent-decoded (query also '+'). */

	/* "GET", "POST", ...; valid until the answer. */
	tappet_str (*method)(tappet_request *request);
	/* As it was sent, without the query; valid until the answer. */
	tappet_str (*path)(tappet_request *request);
	/* Raw, without '?'; valid until the answer. */
	tappet_str (*query)(tappet_request *request);
	/* The value of a key of the query, the first of several; valid until the answer. */
	tappet_str (*query_value)(tappet_request *request, const char *key);
	/* What stands for {name} of the route's pattern; valid until the answer. */
	tappet_str (*param)(tappet_request *request, const char *name);
	/* The value of a header; valid until the answer. */
	tappet_str (*header)(tappet_request *request, const char *name);
	/* The index-th header (from 0), valid until the answer. Errors: TAPPET_ENOTFOUND behind the last,
	 * TAPPET_EINVAL. */
	int32_t (*header_at)(tappet_request *request, size_t index, tappet_http_header *ret);
	/* The whole body; valid until the answer. */
	tappet_str (*body)(tappet_request *request);
	/* "192.0.2.1", "2001:db8::1" or "unix"; valid until the answer. */
	tappet_str (*remote)(tappet_request *request);

	/* Answers. Content-Length and Date are set by the host; Content-Type is one of `headers`, at most 64. Errors:
	 * TAPPET_EGONE when the client has left (the request is over all the same), TAPPET_EINVAL for a status outside
	 * 200-599 or a header that is the host's. */
	int32_t (*respond)(tappet_request *request, int32_t status, const tappet_http_header *headers,
			   size_t header_count, tappet_str body);
	/* Answers application/problem+json (RFC 9457): `type` is a short stable word ("unknown-property"), `detail`
	 * plain words. retry_after_s > 0 adds Retry-After, in seconds. Errors: as respond. */
	int32_t (*problem)(tappet_request *request, int32_t status, const char *type, const char *detail,
			   int32_t retry_after_s);

	/* ABI 1.1: look at struct_size (TAPPET_HTTP1_SIZE_1_0) first where an older host will do. */
	/* "https" or "http": what the client used, as far as a trusted proxy before the daemon tells. Valid until the
	 * answer. */
	tappet_str (*scheme)(tappet_request *request);
	/* The subject of the client's certificate when the listener has verified one, as "CN=ada,O=Example" (RFC 2253);
	 * ptr == NULL: there is none. Valid until the answer. */
	tappet_str (*client_subject)(tappet_request *request);
	/* `publicUrl` of tappet.json without a last '/', the address under which clients know this daemon; ptr == NULL:
	 * not set. Valid as long as the plugin. */
	tappet_str (*public_url)(tappet_instance *self);
	/* As route_add, but for administrators: "/requests/{trigger}" is served as
	 * /api/v1/plugins/NAME/requests/{trigger} (NAME as in tappet.json) on the control socket and wherever the API is
	 * served. `cb` fires for each request; the host has checked who asks. *ret is valid until route_remove. Errors:
	 * TAPPET_EEXIST, TAPPET_EINVAL, TAPPET_ETOOBIG (the pattern), TAPPET_ESTATE, TAPPET_ENOTSUP, TAPPET_ENOMEM. */
	int32_t (*api_route_add)(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb,
				 void *arg, tappet_route **ret);

	/* ABI 1.3: look at struct_size (TAPPET_HTTP1_SIZE_1_1) first where an older host will do. */
	/* As route_add, on the listeners that serve `surface` (TAPPET_SURFACE_*). `cb` fires for each request. *ret is
	 * valid until route_remove. Errors: as route_add; TAPPET_EINVAL for another surface. */
	int32_t (*surface_route_add)(tappet_instance *self, int32_t surface, const char *methods, const char *pattern,
				     tappet_http_cb cb, void *arg, tappet_route **ret);
} tappet_http1;

/* The size of the table in ABI 1.0. */
#define TAPPET_HTTP1_SIZE_1_0 offsetof(tappet_http1, scheme)
/* The size of the table in ABI 1.1 and 1.2. */
#define TAPPET_HTTP1_SIZE_1_1 offsetof(tappet_http1, surface_route_add)

#ifdef __cplusplus
}
#endif
#endif
