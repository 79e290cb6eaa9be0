/* tappet.http/1 over the gateway: routes of plugins, and their requests with handles of the ABI around them. */
#include <errno.h>
#include <strings.h>
#include "host/request.h"

#define HEADERS_MAX 64
#define HEADER_NAME_MAX 128
#define API_PATTERN_MAX 512

struct tappet_route {
	struct route *route;
	struct tappet_instance *plugin;
	struct list node;
	tappet_http_cb cb;
	void *arg;
	bool for_admins;
	size_t references; /* itself, and requests whose handler runs */
};

static void route_unref(struct tappet_route *route)
{
	if (--route->references == 0)
		free(route);
}

bool request_may_come(const struct tappet_instance *p, struct http_request *r)
{
	if (p->phase == PLUGIN_STARTED)
		return true;
	http_problem(r, 503, "unavailable", "The plugin that serves this is starting or stopping.", 1);
	return false;
}

struct tappet_request *request_open(struct tappet_instance *p, struct http_request *r)
{
	struct tappet_request *request = calloc(1, sizeof(*request));
	if (!request) {
		http_problem(r, 503, "unavailable", "No memory.", 1);
		return NULL;
	}
	request->r = r;
	request->plugin = p;
	list_append(&p->requests, &request->node);
	return request;
}

struct http_request *request_take(struct tappet_request *request)
{
	struct http_request *r = request->r;
	list_remove(&request->node);
	if (request->endpoint)
		ws_endpoint_unref(request->endpoint);
	free(request);
	return r;
}

static void on_request(void *arg, struct http_request *r)
{
	struct tappet_route *route = arg;
	struct tappet_instance *p = route->plugin;
	struct guard g;
	if (!request_may_come(p, r))
		return;
	if (route->for_admins && !p->host->options.admin(p->host->options.admin_arg, r))
		return;
	struct tappet_request *request = request_open(p, r);
	if (!request)
		return;
	/* The plugin may remove the route, and answer, from inside. */
	route->references++;
	guard_enter(&g, p, CALLBACK_HTTP);
	route->cb(route->arg, request);
	guard_leave(&g);
	route_unref(route);
}

static int32_t add_route(tappet_instance *self, struct tappet_route *route, unsigned surfaces, const char *methods,
			 const char *pattern)
{
	if (self->phase != PLUGIN_CREATED && self->phase != PLUGIN_STARTED)
		return TAPPET_ESTATE;
	int r = gateway_route(self->host->options.gateway, surfaces, methods, pattern, on_request, route,
			      &route->route);
	return host_error(r);
}

static int32_t route_new(tappet_instance *self, unsigned surfaces, const char *methods, const char *pattern,
			 tappet_http_cb cb, void *arg, tappet_route **ret)
{
	struct tappet_route *route = calloc(1, sizeof(*route));
	if (!route)
		return TAPPET_ENOMEM;
	route->plugin = self;
	route->cb = cb;
	route->arg = arg;
	route->for_admins = surfaces == SURFACE_API;
	route->references = 1;
	int32_t r = add_route(self, route, surfaces, methods, pattern);
	if (r < 0) {
		free(route);
		return r;
	}
	list_append(&self->routes, &route->node);
	*ret = route;
	return TAPPET_OK;
}

static int32_t route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb, void *arg,
			 tappet_route **ret)
{
	if (!self || !methods || !pattern || !cb || !ret)
		return TAPPET_EINVAL;
	return route_new(self, SURFACE_HOOKS, methods, pattern, cb, arg, ret);
}

static int32_t surface_route_add(tappet_instance *self, int32_t surface, const char *methods, const char *pattern,
				 tappet_http_cb cb, void *arg, tappet_route **ret)
{
	if (!self || !methods || !pattern || !cb || !ret)
		return TAPPET_EINVAL;
	if (surface != TAPPET_SURFACE_HOOKS && surface != TAPPET_SURFACE_ACTION)
		return TAPPET_EINVAL;
	return route_new(self, surface == TAPPET_SURFACE_ACTION ? SURFACE_ACTION : SURFACE_HOOKS, methods, pattern, cb,
			 arg, ret);
}

static int32_t api_route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb,
			     void *arg, tappet_route **ret)
{
	char path[API_PATTERN_MAX];
	if (!self || !methods || !pattern || pattern[0] != '/' || !cb || !ret)
		return TAPPET_EINVAL;
	if (!self->host->options.admin)
		return TAPPET_ENOTSUP;
	int len = snprintf(path, sizeof(path), "/api/v1/plugins/%s%s", self->name, pattern);
	if (len < 0 || (size_t)len >= sizeof(path))
		return TAPPET_ETOOBIG;
	return route_new(self, SURFACE_API, methods, path, cb, arg, ret);
}

static void close_route(struct tappet_route *route)
{
	if (!route->route)
		return;
	gateway_unroute(route->route);
	route->route = NULL;
	list_remove(&route->node);
	if (!route->plugin->late)
		route_unref(route);
}

static void route_remove(tappet_route *route)
{
	if (route)
		close_route(route);
}

size_t http_release_routes(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->routes) {
		close_route(list_entry(node, struct tappet_route, node));
		count++;
	}
	return count;
}

/* The gateway waits for an answer to each request: one that its plugin forgot gets the host's. */
size_t http_release_requests(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->requests) {
		struct tappet_request *request = list_entry(node, struct tappet_request, node);
		struct http_request *r = request->r;
		count++;
		list_remove(node);
		request->r = NULL;
		if (!p->late)
			(void)request_take(request);
		http_problem(r, 503, "unavailable", "The plugin that serves this has stopped.", 1);
	}
	return count;
}

/* ---- Reading ---- */

static tappet_str text(const char *value)
{
	return tappet_cstr(value);
}

static bool readable(const tappet_request *request)
{
	return request && request->r;
}

static tappet_str method(tappet_request *request)
{
	return text(readable(request) ? http_method(request->r) : NULL);
}

static tappet_str path(tappet_request *request)
{
	return text(readable(request) ? http_path(request->r) : NULL);
}

static tappet_str query(tappet_request *request)
{
	return text(readable(request) ? http_query(request->r) : NULL);
}

static tappet_str query_value(tappet_request *request, const char *key)
{
	return text(readable(request) && key ? http_query_value(request->r, key) : NULL);
}

static tappet_str param(tappet_request *request, const char *name)
{
	return text(readable(request) && name ? http_param(request->r, name) : NULL);
}

static tappet_str header(tappet_request *request, const char *name)
{
	return text(readable(request) && name ? http_header(request->r, name) : NULL);
}

static int32_t header_at(tappet_request *request, size_t index, tappet_http_header *ret)
{
	const char *name, *value;
	if (!request || !ret)
		return TAPPET_EINVAL;
	if (!request->r || !http_header_at(request->r, index, &name, &value))
		return TAPPET_ENOTFOUND;
	ret->name = text(name);
	ret->value = text(value);
	return TAPPET_OK;
}

static tappet_str body(tappet_request *request)
{
	size_t len = 0;
	const char *bytes = readable(request) ? http_body(request->r, &len) : NULL;
	return tappet_strn(bytes, len);
}

static tappet_str remote(tappet_request *request)
{
	return text(readable(request) ? http_remote(request->r) : NULL);
}

static tappet_str scheme(tappet_request *request)
{
	return text(readable(request) ? http_scheme(request->r) : NULL);
}

static tappet_str client_subject(tappet_request *request)
{
	return text(readable(request) ? http_client_subject(request->r) : NULL);
}

static tappet_str public_url(tappet_instance *self)
{
	return text(self ? self->host->options.public_url : NULL);
}

/* ---- Answering ---- */

static bool is_token(tappet_str name)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!alphanumeric && (c == '\0' || !strchr(others, c)))
			return false;
	}
	return name.ptr && name.len > 0 && name.len < HEADER_NAME_MAX;
}

static bool is_value(tappet_str value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return value.ptr || value.len == 0;
}

/* Framing is the gateway's: a plugin that sets it could split the answer in two. */
static bool is_reserved(const char *name)
{
	static const char *const names[] = {"content-length", "transfer-encoding", "connection", "date"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static int32_t copy_headers(const tappet_http_header *headers, size_t count, struct http_header_field *fields,
			    char (*names)[HEADER_NAME_MAX])
{
	if (count > HEADERS_MAX || (count && !headers))
		return TAPPET_EINVAL;
	for (size_t i = 0; i < count; i++) {
		const tappet_http_header *h = &headers[i];
		if (!is_token(h->name) || !is_value(h->value))
			return TAPPET_EINVAL;
		memcpy(names[i], h->name.ptr, h->name.len);
		names[i][h->name.len] = '\0';
		if (is_reserved(names[i]))
			return TAPPET_EINVAL;
		fields[i] = (struct http_header_field){
			.name = names[i], .value = h->value.ptr ? h->value.ptr : "", .value_len = h->value.len};
	}
	return TAPPET_OK;
}

static int32_t respond(tappet_request *request, int32_t status, const tappet_http_header *headers, size_t header_count,
		       tappet_str content)
{
	struct http_header_field fields[HEADERS_MAX];
	char names[HEADERS_MAX][HEADER_NAME_MAX];
	if (!request || status < 200 || status > 599 || (content.len && !content.ptr))
		return TAPPET_EINVAL;
	int32_t error = copy_headers(headers, header_count, fields, names);
	if (error)
		return error;
	struct http_request *r = request_take(request);
	return r ? host_error(http_respond(r, status, fields, header_count, content.ptr, content.len)) : TAPPET_EGONE;
}

static int32_t problem(tappet_request *request, int32_t status, const char *type, const char *detail,
		       int32_t retry_after_s)
{
	if (!request || status < 200 || status > 599 || !type)
		return TAPPET_EINVAL;
	struct http_request *r = request_take(request);
	return r ? host_error(http_problem(r, status, type, detail ? detail : "", retry_after_s)) : TAPPET_EGONE;
}

const tappet_http1 http_table = {
	.struct_size = sizeof(tappet_http1),
	.route_add = route_add,
	.route_remove = route_remove,
	.method = method,
	.path = path,
	.query = query,
	.query_value = query_value,
	.param = param,
	.header = header,
	.header_at = header_at,
	.body = body,
	.remote = remote,
	.respond = respond,
	.problem = problem,
	.scheme = scheme,
	.client_subject = client_subject,
	.public_url = public_url,
	.api_route_add = api_route_add,
	.surface_route_add = surface_route_add,
};
