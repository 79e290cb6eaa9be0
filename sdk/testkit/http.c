/* tappet.http/1: routes by the daemon's own router, requests without a socket. */
#include <errno.h>
#include <strings.h>
#include "exchange.h"
#include "gateway/chars.h"

#define HEADERS_MAX 64

/* Never called by the router: the test's side does that (exchange.c), with the route found. */
static void no_handler(void *arg, struct http_request *request)
{
	(void)arg;
	(void)request;
}

bool route_serve(testkit *kit, struct tappet_route *route, unsigned surfaces, const char *methods, const char *pattern,
		 int32_t *ret_error)
{
	int r = router_add(&kit->router, surfaces, methods, pattern, no_handler, route, &route->route);
	if (r < 0) {
		handle_end(&route->handle);
		*ret_error = r == -EEXIST ? TAPPET_EEXIST : TAPPET_EINVAL;
	}
	return r == 0;
}

static int32_t surface_route_add(tappet_instance *self, int32_t surface, const char *methods, const char *pattern,
				 tappet_http_cb cb, void *arg, tappet_route **ret)
{
	if (surface != TAPPET_SURFACE_HOOKS && surface != TAPPET_SURFACE_ACTION)
		return TAPPET_EINVAL;
	if (!self || !methods || !pattern || !cb || !ret)
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "route_add");
	if (error)
		return error;
	if (self->phase != CREATED && self->phase != STARTED)
		return TAPPET_ESTATE;
	struct tappet_route *route = handle_new(self, "route", sizeof(*route));
	route->cb = cb;
	route->arg = arg;
	if (!route_serve(self, route, (unsigned)surface, methods, pattern, &error))
		return error;
	self->route_count++;
	*ret = route;
	return TAPPET_OK;
}

static int32_t route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb, void *arg,
			 tappet_route **ret)
{
	return surface_route_add(self, TAPPET_SURFACE_HOOKS, methods, pattern, cb, arg, ret);
}

static int32_t api_route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb,
			     void *arg, tappet_route **ret)
{
	char path[512];
	if (!self || !pattern || pattern[0] != '/')
		return TAPPET_EINVAL;
	int len = snprintf(path, sizeof(path), "/api/v1/plugins/%s%s", self->desc.name, pattern);
	return (size_t)len < sizeof(path) ? route_add(self, methods, path, cb, arg, ret) : TAPPET_ETOOBIG;
}

static void route_remove(tappet_route *route)
{
	if (!route || !call_allowed(route->handle.kit, "route_remove") || !handle_usable(&route->handle))
		return;
	handle_end(&route->handle);
	route->handle.kit->route_count--;
	router_remove(route->route);
}

/* ---- Reading ---- */

static bool readable(tappet_request *r)
{
	return r && call_allowed(r->handle.kit, "request") && handle_usable(&r->handle);
}

static tappet_str method(tappet_request *request)
{
	return tappet_cstr(readable(request) ? request->method : NULL);
}

static tappet_str path(tappet_request *request)
{
	return tappet_cstr(readable(request) ? request->path : NULL);
}

static tappet_str query(tappet_request *request)
{
	return tappet_cstr(readable(request) ? request->query : NULL);
}

static char *decode(const char *from, size_t len, size_t *ret_len)
{
	char *to = kit_alloc(len + 1);
	(void)chars_percent_decode(from, len, true, true, to, ret_len);
	to[*ret_len] = '\0';
	return to;
}

/* One "key=value" of the query. NULL when it is not the key's. */
static char *value_of(const char *pair, size_t len, const char *key)
{
	const char *equals = memchr(pair, '=', len);
	size_t key_len = equals ? (size_t)(equals - pair) : len, got;
	char *name = decode(pair, key_len, &got);
	bool found = got == strlen(key) && memcmp(name, key, got) == 0;
	free(name);
	if (!found)
		return NULL;
	return equals ? decode(equals + 1, len - key_len - 1, &got) : kit_text("");
}

static tappet_str query_value(tappet_request *request, const char *key)
{
	if (!readable(request) || !key)
		return tappet_cstr(NULL);
	for (const char *at = request->query; at && *at;) {
		size_t len = strcspn(at, "&");
		char *value = value_of(at, len, key);
		if (value) {
			records_add(&request->values, value);
			return tappet_cstr(value);
		}
		at += len + (at[len] == '&');
	}
	return tappet_cstr(NULL);
}

static tappet_str param(tappet_request *request, const char *name)
{
	if (!readable(request) || !name)
		return tappet_cstr(NULL);
	for (size_t i = 0; i < ROUTE_PARAMS_MAX && request->params[i]; i++)
		if (strcmp(route_param_name(request->matched, i), name) == 0)
			return tappet_cstr(request->params[i]);
	return tappet_cstr(NULL);
}

static tappet_str header(tappet_request *request, const char *name)
{
	if (!readable(request) || !name)
		return tappet_cstr(NULL);
	return tappet_cstr(exchange_header_of(request, name));
}

static int32_t header_at(tappet_request *request, size_t index, tappet_http_header *ret)
{
	if (!ret)
		return TAPPET_EINVAL;
	if (!readable(request) || index >= request->header_count)
		return TAPPET_ENOTFOUND;
	ret->name = tappet_cstr(request->headers[index].name);
	ret->value = tappet_cstr(request->headers[index].value);
	return TAPPET_OK;
}

static tappet_str body(tappet_request *request)
{
	return readable(request) ? request->body : tappet_cstr(NULL);
}

static tappet_str remote(tappet_request *request)
{
	return tappet_cstr(readable(request) ? request->remote : NULL);
}

/* ---- Answering ---- */

bool exchange_answerable(struct tappet_request *r, const char *call)
{
	if (!r || !call_allowed(r->handle.kit, call))
		return false;
	if (r->handle.ended)
		rule_broken(r->handle.kit, r->socket ? RULE_WS_1 : RULE_HTTP_1, "%s %s is answered a second time",
			    r->method, r->path);
	return !r->handle.ended;
}

static int32_t wrong(tappet_request *r, const char *what)
{
	rule_broken(r->handle.kit, RULE_HTTP_3, "%s", what);
	return TAPPET_EINVAL;
}

static bool is_name(tappet_str name)
{
	static const char *const reserved[] = {"content-length", "transfer-encoding", "connection", "date"};
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == name.len && strncasecmp(reserved[i], name.ptr, name.len) == 0)
			return false;
	for (size_t i = 0; i < name.len; i++)
		if (!chars_is_token(name.ptr[i]))
			return false;
	return name.len > 0;
}

static bool is_value(tappet_str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!chars_is_field(value.ptr[i]))
			return false;
	return true;
}

static int32_t respond(tappet_request *request, int32_t status, const tappet_http_header *headers, size_t header_count,
		       tappet_str content)
{
	if (!exchange_answerable(request, "respond"))
		return TAPPET_EINVAL;
	if (status < 200 || status > 599 || header_count > HEADERS_MAX)
		return wrong(request, "the status, or the number of headers");
	for (size_t i = 0; i < header_count; i++)
		if (!is_name(headers[i].name) || !is_value(headers[i].value))
			return wrong(request, "a header");
	request->status = status;
	for (size_t i = 0; i < header_count; i++)
		exchange_header(request, headers[i].name, headers[i].value);
	exchange_body(request, content);
	return exchange_end(request);
}

static tappet_str scheme(tappet_request *request)
{
	return tappet_cstr(!readable(request) ? NULL : request->https ? "https" : "http");
}

static tappet_str client_subject(tappet_request *request)
{
	return tappet_cstr(readable(request) ? request->client_subject : NULL);
}

static tappet_str public_url(tappet_instance *self)
{
	return tappet_cstr(self && call_allowed(self, "public_url") ? self->public_url : NULL);
}

static int32_t problem(tappet_request *request, int32_t status, const char *type, const char *detail,
		       int32_t retry_after_s)
{
	if (!exchange_answerable(request, "problem"))
		return TAPPET_EINVAL;
	if (status < 200 || status > 599 || !type)
		return wrong(request, "the status, or no type");
	exchange_problem(request, status, type, detail ? detail : "", retry_after_s);
	return exchange_end(request);
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
