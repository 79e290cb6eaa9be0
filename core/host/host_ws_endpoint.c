#include "host/ws_endpoint.h"

#include <strings.h>
#include "host/request.h"
#include "host/ws.h"
#include "model/surface.h"

#define ENDPOINT_SIZE_1_3 SIZE_UNTIL(tappet_ws_endpoint_options, no_compression)
#define WORDS_MAX 64

struct tappet_ws_endpoint {
	struct route *route; /* NULL: it was removed */
	struct tappet_instance *plugin;
	struct list node;
	tappet_http_cb cb;
	void *arg;
	struct websocket_limits limits;
	char **protocols, **origins; /* NULL at the end; NULL: none were given */
	size_t references;           /* itself, and upgrades that have not been answered */
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void free_words(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

static int32_t copy_words(const char *const *words, char ***ret)
{
	size_t count = 0;
	while (words && count <= WORDS_MAX && words[count])
		count++;
	if (!words)
		return TAPPET_OK;
	if (count > WORDS_MAX)
		return TAPPET_EINVAL;
	*ret = calloc(count + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < count; i++) {
		(*ret)[i] = strdup(words[i]);
		if (!(*ret)[i])
			return TAPPET_ENOMEM;
	}
	return *ret ? TAPPET_OK : TAPPET_ENOMEM;
}

struct tappet_ws_endpoint *ws_endpoint_ref(struct tappet_ws_endpoint *endpoint)
{
	endpoint->references++;
	return endpoint;
}

void ws_endpoint_unref(struct tappet_ws_endpoint *endpoint)
{
	if (--endpoint->references > 0)
		return;
	free_words(endpoint->protocols);
	free_words(endpoint->origins);
	free(endpoint);
}

const struct websocket_limits *ws_endpoint_limits(const struct tappet_ws_endpoint *endpoint)
{
	return &endpoint->limits;
}

/* ---- who may come ---------------------------------------------------------------------------------------------- */

static bool is_origin(const char *origin, const char *scheme, const char *host)
{
	size_t len = strlen(scheme);
	return strncasecmp(origin, scheme, len) == 0 && strncmp(origin + len, "://", 3) == 0 &&
	       strcasecmp(origin + len + 3, host) == 0;
}

/* The origin of a URL is what stands before its path. */
static bool is_origin_of(const char *origin, const char *url)
{
	const char *host = strstr(url, "://");
	size_t len = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : 0;
	return len > 0 && strlen(origin) == len && strncasecmp(origin, url, len) == 0;
}

static bool origin_may_come(const struct tappet_ws_endpoint *e, const struct http_request *r)
{
	const char *origin = http_header(r, "Origin"), *host = http_header(r, "Host");
	const char *url = e->plugin->host->options.public_url;
	if (!origin)
		return true;
	for (size_t i = 0; e->origins && e->origins[i]; i++)
		if (strcmp(e->origins[i], "*") == 0 || strcasecmp(e->origins[i], origin) == 0)
			return true;
	if (e->origins)
		return false;
	return (host && is_origin(origin, http_scheme(r), host)) || (url && is_origin_of(origin, url));
}

/* True: the upgrade may be asked for; otherwise it has been answered. */
static bool check(struct tappet_ws_endpoint *e, struct http_request *r, const char **ret_protocol)
{
	int status;
	const char *detail;
	if (!websocket_is_upgrade(r, &status, &detail)) {
		websocket_refuse(r, status, detail);
		return false;
	}
	if (!origin_may_come(e, r)) {
		host_refuse(e->plugin, NULL, NULL, TAPPET_REASON_OTHER, tappet_cstr("a foreign Origin"));
		http_problem(r, 403, "origin-refused", "Pages of this origin may not connect.", 0);
		return false;
	}
	if (!websocket_choose_protocol(r, (const char *const *)e->protocols, ret_protocol)) {
		http_problem(r, 400, "unknown-subprotocol", "None of these subprotocols is spoken here.", 0);
		return false;
	}
	return true;
}

static void on_upgrade(void *arg, struct http_request *r)
{
	struct tappet_ws_endpoint *e = arg;
	const char *protocol;
	struct guard g;
	if (!request_may_come(e->plugin, r) || !check(e, r, &protocol))
		return;
	struct tappet_request *request = request_open(e->plugin, r);
	if (!request)
		return;
	request->endpoint = ws_endpoint_ref(e);
	request->protocol = protocol;
	/* The plugin may remove the endpoint, and answer, from inside. */
	ws_endpoint_ref(e);
	guard_enter(&g, e->plugin, CALLBACK_HTTP);
	e->cb(e->arg, request);
	guard_leave(&g);
	ws_endpoint_unref(e);
}

/* ---- what plugins call ----------------------------------------------------------------------------------------- */

static int32_t fill(struct tappet_ws_endpoint *e, const tappet_ws_endpoint_options *o)
{
	if (!ws_limits(o->message_max, o->queue_max, o->ping_ms, o->timeout_ms, !o->no_compression, &e->limits))
		return TAPPET_EINVAL;
	int32_t error = copy_words(o->protocols, &e->protocols);
	return error ? error : copy_words(o->origins, &e->origins);
}

static int32_t serve(struct tappet_ws_endpoint *e, const tappet_ws_endpoint_options *o)
{
	struct tappet_instance *p = e->plugin;
	if (o->surface != TAPPET_SURFACE_HOOKS && o->surface != TAPPET_SURFACE_ACTION)
		return TAPPET_EINVAL;
	if (p->phase != PLUGIN_CREATED && p->phase != PLUGIN_STARTED)
		return TAPPET_ESTATE;
	return host_error(gateway_route(p->host->options.gateway, (unsigned)o->surface, "GET", o->pattern, on_upgrade,
					e, &e->route));
}

int32_t ws_endpoint_add(tappet_instance *self, const tappet_ws_endpoint_options *options, tappet_http_cb cb, void *arg,
			tappet_ws_endpoint **ret)
{
	tappet_ws_endpoint_options o = {0};
	if (!self || !options || options->struct_size < ENDPOINT_SIZE_1_3 || !options->pattern || !cb || !ret)
		return TAPPET_EINVAL;
	memcpy(&o, options, options->struct_size < sizeof(o) ? options->struct_size : sizeof(o));
	struct tappet_ws_endpoint *e = calloc(1, sizeof(*e));
	if (!e)
		return TAPPET_ENOMEM;
	e->plugin = self;
	e->cb = cb;
	e->arg = arg;
	e->references = 1;
	int32_t error = fill(e, &o);
	if (!error)
		error = serve(e, &o);
	if (error) {
		ws_endpoint_unref(e);
		return error;
	}
	list_append(&self->endpoints, &e->node);
	*ret = e;
	return TAPPET_OK;
}

static void close_endpoint(struct tappet_ws_endpoint *e)
{
	if (!e->route)
		return;
	gateway_unroute(e->route);
	e->route = NULL;
	list_remove(&e->node);
	if (!e->plugin->late)
		ws_endpoint_unref(e);
}

void ws_endpoint_remove(tappet_ws_endpoint *endpoint)
{
	if (endpoint)
		close_endpoint(endpoint);
}

size_t ws_release_endpoints(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->endpoints) {
		close_endpoint(list_entry(node, struct tappet_ws_endpoint, node));
		count++;
	}
	return count;
}
