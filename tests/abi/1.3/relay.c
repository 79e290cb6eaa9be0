/* Written against ABI 1.3, in what C99, C17 and C++17 have in common: says to each client of its endpoint what the server says that
 * it is connected to, and to the server what the clients say. */
#include <stdlib.h>
#include <string.h>
#include <tappet/ws.h>

#define CLIENTS 8

struct relay;

struct line {
	struct relay *relay;
	tappet_ws *ws;
};

struct relay {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	const tappet_ws1 *ws;
	tappet_ws_endpoint *endpoint;
	struct line server, clients[CLIENTS];
	int stopping;
};

static int is_alone(const struct relay *r)
{
	size_t i;

	for (i = 0; i < CLIENTS; i++)
		if (r->clients[i].ws)
			return 0;
	return !r->server.ws;
}

static void say(const struct line *to, int32_t kind, tappet_str bytes)
{
	if (to->ws)
		to->relay->ws->send(to->ws, kind, &bytes, 1);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	struct line *from = (struct line *)arg;
	struct relay *r = from->relay;
	size_t i;

	if (ws != r->server.ws) {
		say(&r->server, kind, bytes);
		return;
	}
	for (i = 0; i < CLIENTS; i++)
		say(&r->clients[i], kind, bytes);
}

static void on_closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	struct line *l = (struct line *)arg;

	(void)ws;
	if (end->retry_ms > 0)
		return;
	l->ws = NULL;
	if (l->relay->stopping && is_alone(l->relay))
		l->relay->host->stopped(l->relay->self);
}

static tappet_ws_handler handler_of(void)
{
	tappet_ws_handler handler;

	memset(&handler, 0, sizeof(handler));
	handler.struct_size = sizeof(handler);
	handler.message = on_message;
	handler.closed = on_closed;
	return handler;
}

static void on_upgrade(void *arg, tappet_request *request)
{
	struct relay *r = (struct relay *)arg;
	const tappet_ws_handler handler = handler_of();
	size_t i = 0;

	while (i < CLIENTS && r->clients[i].ws)
		i++;
	if (i == CLIENTS) {
		r->http->problem(request, 503, "full", "There are enough already.", 1);
		return;
	}
	if (r->ws->accept(request, &handler, &r->clients[i], &r->clients[i].ws) != TAPPET_OK)
		r->clients[i].ws = NULL;
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct relay *r = (struct relay *)calloc(1, sizeof(*r));
	size_t i;

	(void)config;
	if (!r)
		return TAPPET_ENOMEM;
	r->host = host;
	r->self = self;
	r->http = (const tappet_http1 *)host->capability(self, TAPPET_HTTP_1);
	r->ws = (const tappet_ws1 *)host->capability(self, TAPPET_WS_1);
	if (!r->ws) {
		free(r);
		return TAPPET_ENOTSUP;
	}
	r->server.relay = r;
	for (i = 0; i < CLIENTS; i++)
		r->clients[i].relay = r;
	*ret_state = r;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_state)
{
	(void)trigger;
	(void)info;
	*ret_state = state;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

static int32_t start(void *state)
{
	struct relay *r = (struct relay *)state;
	const tappet_ws_handler handler = handler_of();
	tappet_ws_endpoint_options endpoint;
	tappet_ws_connect_options out;
	int32_t error;

	memset(&endpoint, 0, sizeof(endpoint));
	endpoint.struct_size = sizeof(endpoint);
	endpoint.pattern = "/relay";
	endpoint.surface = TAPPET_SURFACE_ACTION;
	memset(&out, 0, sizeof(out));
	out.struct_size = sizeof(out);
	out.url = "ws://127.0.0.1:9/";
	out.retry_min_ms = 1000;
	out.retry_max_ms = 60000;
	error = r->ws->endpoint_add(r->self, &endpoint, on_upgrade, r, &r->endpoint);
	if (error)
		return error;
	error = r->ws->connect(r->self, &out, &handler, &r->server, &r->server.ws);
	if (error)
		r->ws->endpoint_remove(r->endpoint);
	return error;
}

static void stop(void *state, int64_t deadline_ms)
{
	struct relay *r = (struct relay *)state;
	size_t i;

	(void)deadline_ms;
	r->stopping = 1;
	r->ws->endpoint_remove(r->endpoint);
	for (i = 0; i < CLIENTS; i++)
		if (r->clients[i].ws)
			r->ws->close(r->clients[i].ws, TAPPET_WS_GOING_AWAY, tappet_cstr(NULL));
	if (r->server.ws)
		r->ws->close(r->server.ws, TAPPET_WS_NORMAL, tappet_cstr(NULL));
	if (is_alone(r))
		r->host->stopped(r->self);
}

static void destroy(void *state)
{
	free(state);
}

TAPPET_EXPORT const tappet_plugin *tappet_plugin_v1(void)
{
	static const char *const needs[] = {TAPPET_HTTP_1, NULL};
	static tappet_plugin plugin;

	plugin.struct_size = sizeof(tappet_plugin);
	plugin.abi_minor = TAPPET_ABI_MINOR;
	plugin.abi_minor_needed = 3;
	plugin.name = "abi-1-3-relay";
	plugin.version = "1.3";
	plugin.license = "MIT";
	plugin.summary = "Says to each what the others say.";
	plugin.option_size = sizeof(tappet_option);
	plugin.needs = needs;
	plugin.create = create;
	plugin.trigger_add = trigger_add;
	plugin.trigger_remove = trigger_remove;
	plugin.trigger_free = trigger_free;
	plugin.start = start;
	plugin.stop = stop;
	plugin.destroy = destroy;
	return &plugin;
}
