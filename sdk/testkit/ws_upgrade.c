/* Endpoints, and clients that come to them. What the daemon answers before a plugin is asked, is answered here as well. */
#include <strings.h>
#include "socket.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define SITE "localhost"

/* ---- What the host answers ---- */

static bool names(const char *list, const char *wanted)
{
	const size_t len = strlen(wanted);
	for (const char *at = list + strspn(list, ", \t"); *at; at += strspn(at, ", \t")) {
		size_t word = strcspn(at, ", \t");
		if (word == len && memcmp(at, wanted, len) == 0)
			return true;
		at += word;
	}
	return false;
}

static bool choose_protocol(const struct tappet_ws_endpoint *endpoint, struct tappet_request *r)
{
	const char *named = exchange_header_of(r, "Sec-WebSocket-Protocol");
	if (!named)
		return true;
	for (size_t i = 0; endpoint->protocols && endpoint->protocols[i]; i++) {
		if (!names(named, endpoint->protocols[i]))
			continue;
		r->socket->protocol = kit_text(endpoint->protocols[i]);
		return true;
	}
	return false;
}

/* scheme://host[:port], without what follows */
static bool is_site(const char *origin, const char *url)
{
	const size_t len = strlen(origin);
	return url && strncasecmp(origin, url, len) == 0 && (url[len] == '\0' || url[len] == '/');
}

static bool is_own_site(const struct tappet_request *r, const char *origin)
{
	const char *scheme = r->https ? "https://" : "http://", *host = exchange_header_of(r, "Host");
	if (is_site(origin, r->handle.kit->public_url))
		return true;
	return strncasecmp(origin, scheme, strlen(scheme)) == 0 && host &&
	       strcasecmp(origin + strlen(scheme), host) == 0;
}

static bool takes_origin(const struct tappet_ws_endpoint *endpoint, const struct tappet_request *r)
{
	const char *origin = exchange_header_of(r, "Origin");
	if (!origin)
		return true;
	if (!endpoint->origins)
		return is_own_site(r, origin);
	for (size_t i = 0; endpoint->origins[i]; i++)
		if (strcmp(endpoint->origins[i], "*") == 0 || strcasecmp(endpoint->origins[i], origin) == 0)
			return true;
	return false;
}

bool endpoint_admits(const struct tappet_route *route, struct tappet_request *r)
{
	const struct tappet_ws_endpoint *endpoint = (const struct tappet_ws_endpoint *)(const void *)route;
	if (!r->socket)
		exchange_problem(r, 426, "upgrade-required", "This is served by WebSocket.", 0);
	else if (!takes_origin(endpoint, r))
		exchange_problem(r, 403, "origin-refused", "Pages of this origin may not connect.", 0);
	else if (!choose_protocol(endpoint, r))
		exchange_problem(r, 400, "unknown-subprotocol", "None of these subprotocols is spoken here.", 0);
	else {
		socket_limits(r->socket, endpoint->message_max, endpoint->queue_max);
		return true;
	}
	return false;
}

/* ---- The plugin's side ---- */

int32_t table_endpoint_add(tappet_instance *self, const tappet_ws_endpoint_options *options, tappet_http_cb cb,
			   void *arg, tappet_ws_endpoint **ret)
{
	tappet_ws_endpoint_options o;
	if (!self || !options || !cb || !ret || !copy_sized(&o, sizeof(o), options, sizeof(o)) || !o.pattern ||
	    (o.surface != TAPPET_SURFACE_HOOKS && o.surface != TAPPET_SURFACE_ACTION) || o.ping_ms < 0 ||
	    o.timeout_ms < 0)
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "endpoint_add");
	if (error)
		return error;
	if (self->phase != CREATED && self->phase != STARTED)
		return TAPPET_ESTATE;
	struct tappet_ws_endpoint *endpoint = handle_new(self, "endpoint", sizeof(*endpoint));
	endpoint->route.is_endpoint = true;
	endpoint->route.cb = cb;
	endpoint->route.arg = arg;
	if (!route_serve(self, &endpoint->route, (unsigned)o.surface, "GET", o.pattern, &error))
		return error;
	endpoint->protocols = texts_copy(self, o.protocols);
	endpoint->origins = texts_copy(self, o.origins);
	endpoint->message_max = o.message_max;
	endpoint->queue_max = o.queue_max;
	self->endpoint_count++;
	*ret = endpoint;
	return TAPPET_OK;
}

void table_endpoint_remove(tappet_ws_endpoint *endpoint)
{
	if (!endpoint || !call_allowed(endpoint->route.handle.kit, "endpoint_remove") ||
	    !handle_usable(&endpoint->route.handle))
		return;
	handle_end(&endpoint->route.handle);
	endpoint->route.handle.kit->endpoint_count--;
	router_remove(endpoint->route.route);
}

/* The request is over, unless the arguments are what is wrong. */
static int32_t fail_accept(tappet_request *request, int32_t error)
{
	if (error == TAPPET_EINVAL)
		return error;
	exchange_problem(request, 500, "internal", "The upgrade failed.", 0);
	exchange_end(request);
	return error;
}

int32_t table_accept(tappet_request *request, const tappet_ws_handler *handler, void *arg, tappet_ws **ret)
{
	tappet_ws_handler h;
	if (!exchange_answerable(request, "accept") || !request->socket || !ret || !handler_read(handler, &h))
		return TAPPET_EINVAL;
	struct tappet_ws *ws = request->socket;
	int32_t error = call_begin(ws->handle.kit, "accept");
	if (error)
		return fail_accept(request, error);
	error = exchange_end(request);
	if (error)
		return error;
	request->status = 101;
	ws->state = SOCKET_OPEN;
	ws->handler = h;
	ws->arg = arg;
	list_append(&ws->handle.kit->sockets, &ws->node);
	*ret = ws;
	return TAPPET_OK;
}

/* ---- For the test ---- */

static void set_headers(struct tappet_request *r, const testkit_ws_upgrade_options *o)
{
	if (!exchange_header_of(r, "Host"))
		exchange_request_header(r, "Host", SITE);
	exchange_request_header(r, "Upgrade", "websocket");
	exchange_request_header(r, "Connection", "Upgrade");
	exchange_request_header(r, "Sec-WebSocket-Version", "13");
	exchange_request_header(r, "Sec-WebSocket-Key", KEY);
	if (o->protocols)
		exchange_request_header(r, "Sec-WebSocket-Protocol", o->protocols);
	if (o->origin)
		exchange_request_header(r, "Origin", o->origin);
}

testkit_ws *testkit_ws_upgrade(testkit *kit, const testkit_ws_upgrade_options *options)
{
	testkit_ws_upgrade_options o;
	if (!copy_sized(&o, sizeof(o), options, sizeof(o)) || !o.target)
		misuse("testkit_ws_upgrade: struct_size and target have to be set");
	struct tappet_ws *ws = socket_new(kit);
	ws->exchange = exchange_new(kit, "GET", o.target, o.headers, tappet_cstr(NULL));
	struct tappet_request *r = exchange_request(ws->exchange);
	if (o.remote) {
		free(r->remote);
		r->remote = kit_text(o.remote);
	}
	ws->remote = kit_text(r->remote);
	r->socket = ws;
	set_headers(r, &o);
	exchange_run(r);
	return ws;
}

int32_t testkit_ws_status(const testkit_ws *ws)
{
	return ws->exchange ? testkit_http_status(ws->exchange) : 0;
}

testkit_exchange *testkit_ws_exchange(const testkit_ws *ws)
{
	return ws->exchange;
}

size_t testkit_ws_endpoint_count(const testkit *kit)
{
	return kit->endpoint_count;
}
