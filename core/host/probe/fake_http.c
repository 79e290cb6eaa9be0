/* tappet.http/1: requests without sockets. */
#include "host/probe/fake.h"

#define BODY_LARGE ((size_t)1 << 20)
#define DEEP 10000

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

/* ---- Routes and requests ---- */

static int32_t surface_route_add(tappet_instance *self, int32_t surface, const char *methods, const char *pattern,
				 tappet_http_cb cb, void *arg, tappet_route **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "route_add"))
		return TAPPET_ESTATE;
	if (surface != TAPPET_SURFACE_HOOKS && surface != TAPPET_SURFACE_ACTION)
		return TAPPET_EINVAL;
	if (!methods || !pattern || pattern[0] != '/' || !cb || !ret)
		return TAPPET_EINVAL;
	struct fake_handle *h = fake_handle_new(i, &i->f->routes, "route");
	h->methods = fake_copy(i->f, tappet_cstr(methods)).ptr;
	h->pattern = fake_copy(i->f, tappet_cstr(pattern)).ptr;
	h->cb.route = cb;
	h->arg = arg;
	*ret = (tappet_route *)(void *)h;
	board_applies(i->f->board, HTTP_ANSWER);
	board_applies(i->f->board, HTTP_VALID);
	return TAPPET_OK;
}

static int32_t route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb, void *arg,
			 tappet_route **ret)
{
	return surface_route_add(self, TAPPET_SURFACE_HOOKS, methods, pattern, cb, arg, ret);
}

static void route_remove(tappet_route *route)
{
	fake_handle_end((struct fake_handle *)(void *)route, "route_remove");
}

struct fake_request *fake_request_usable(tappet_request *request, const char *function)
{
	struct fake_request *r = (struct fake_request *)(void *)request;
	if (!r || !fake_allowed(r->route->instance, function))
		return NULL;
	if (r->answered)
		board_broken(r->route->instance->f->board, r->upgrade ? WS_ANSWER : HTTP_ANSWER,
			     "%s was called for a request that was answered", function);
	return r->answered ? NULL : r;
}

#define READER(name, expression)                                                                                       \
	static tappet_str name(tappet_request *request)                                                                \
	{                                                                                                              \
		const struct fake_request *r = fake_request_usable(request, #name);                                    \
		return r ? (expression) : tappet_strn(NULL, 0);                                                        \
	}

READER(method, r->method)
READER(path, r->path)
READER(query, r->query)
READER(body, r->body)
READER(remote, tappet_cstr("192.0.2.1"))
READER(scheme, tappet_cstr("https"))
READER(client_subject, r->query.len % 2 ? tappet_cstr("CN=probe") : tappet_strn(NULL, 0))

static tappet_str public_url(tappet_instance *self)
{
	return fake_allowed((struct fake_instance *)(void *)self, "public_url")
		       ? tappet_cstr("https://hooks.example.org")
		       : tappet_strn(NULL, 0);
}

static tappet_str query_value(tappet_request *request, const char *key)
{
	const struct fake_request *r = fake_request_usable(request, "query_value");
	return r && key && r->query.len ? r->param : tappet_strn(NULL, 0);
}

static tappet_str param(tappet_request *request, const char *name)
{
	const struct fake_request *r = fake_request_usable(request, "param");
	char bracketed[64];
	if (!r || !name)
		return tappet_strn(NULL, 0);
	snprintf(bracketed, sizeof(bracketed), "{%s", name);
	return strstr(r->route->pattern, bracketed) ? r->param : tappet_strn(NULL, 0);
}

static tappet_str header(tappet_request *request, const char *name)
{
	const struct fake_request *r = fake_request_usable(request, "header");
	for (size_t i = 0; r && name && i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name.ptr, name) == 0)
			return r->headers[i].value;
	return tappet_strn(NULL, 0);
}

static int32_t header_at(tappet_request *request, size_t index, tappet_http_header *ret)
{
	const struct fake_request *r = fake_request_usable(request, "header_at");
	if (!r || index >= r->header_count)
		return TAPPET_ENOTFOUND;
	*ret = r->headers[index];
	return TAPPET_OK;
}

/* An answer that the real host turns down leaves the request unanswered. */
static const char *wrong_answer(int32_t status, const tappet_http_header *headers, size_t count)
{
	static const char *const reserved[] = {"Content-Length", "Transfer-Encoding", "Connection", "Date"};
	if (status < 200 || status > 599)
		return "a status outside 200-599";
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(reserved) / sizeof(reserved[0]); k++)
			if (headers[i].name.len == strlen(reserved[k]) &&
			    strncasecmp(headers[i].name.ptr, reserved[k], headers[i].name.len) == 0)
				return "a header that is the host's";
		if (headers[i].name.len == 0 ||
		    (headers[i].value.len && (memchr(headers[i].value.ptr, '\n', headers[i].value.len) ||
					      memchr(headers[i].value.ptr, '\r', headers[i].value.len))))
			return "a header without a name, or with a line break";
	}
	return NULL;
}

static int32_t answer(tappet_request *request, const char *function, int32_t status, const tappet_http_header *headers,
		      size_t count)
{
	struct fake_request *r = fake_request_usable(request, function);
	if (!r)
		return TAPPET_EINVAL;
	struct board *board = r->route->instance->f->board;
	const char *wrong = wrong_answer(status, headers, count);
	if (wrong) {
		board_broken(board, HTTP_VALID, "%s was called with %s", function, wrong);
		return TAPPET_EINVAL;
	}
	if (status < 300 && (r->emissions > 0 || r->lost))
		board_broken(board, HTTP_COMMIT, "it answered %d %s", (int)status,
			     r->emissions > 0 ? "before the callback of its emission"
					      : "although its emission was perhaps not stored");
	r->answered = true;
	list_remove(&r->node);
	return TAPPET_OK;
}

static int32_t respond(tappet_request *request, int32_t status, const tappet_http_header *headers, size_t header_count,
		       tappet_str text)
{
	(void)text;
	return answer(request, "respond", status, headers, header_count);
}

static int32_t problem(tappet_request *request, int32_t status, const char *type, const char *detail,
		       int32_t retry_after_s)
{
	(void)type;
	(void)detail;
	(void)retry_after_s;
	return answer(request, "problem", status, NULL, 0);
}

const tappet_http1 fake_http = {.struct_size = sizeof(tappet_http1),
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
				.api_route_add = route_add,
				.surface_route_add = surface_route_add};

/* ---- Sending ---- */

static const tappet_http_header headers[] = {
	{{"Authorization", 13}, {"Bearer " FAKE_TOKEN, 12}},
	{{"Content-Type", 12}, {"application/json", 16}},
};

static tappet_str odd_query(bool is_odd)
{
	return is_odd ? tappet_cstr("a=%00&a&&=%zz") : tappet_strn(NULL, 0);
}

struct fake_request *fake_request_send(struct fake *f, struct fake_handle *route, const struct fake_request *given,
				       bool with_headers)
{
	struct fake_request *r = fake_alloc(f, sizeof(*r));
	*r = *given;
	r->route = route;
	r->path = tappet_cstr(route->pattern);
	r->query = odd_query(!with_headers);
	r->headers = with_headers ? headers : NULL;
	r->header_count = with_headers ? sizeof(headers) / sizeof(headers[0]) : 0;
	list_append(&f->requests, &r->node);
	f->serving = r;
	fake_enter(f, route->instance, r->upgrade ? "the callback of an endpoint" : "the callback of a route");
	route->cb.route(route->arg, (tappet_request *)(void *)r);
	fake_leave(f);
	f->serving = NULL;
	return r;
}

static void send_one(struct fake *f, struct fake_handle *route, const char *method_name, tappet_str value,
		     tappet_str text, bool with_headers)
{
	const struct fake_request r = {.method = fake_copy(f, tappet_cstr(method_name)), .param = value, .body = text};
	if (!route->gone && route->instance->phase == FAKE_STARTED)
		fake_request_send(f, route, &r, with_headers);
}

tappet_str fake_repeated(struct fake *f, char c, size_t len)
{
	char *text = fake_alloc(f, len + 1);
	memset(text, c, len);
	return tappet_strn(text, len);
}

/* Each of the methods that the route was added for; the host lets no other one through. */
static void send_all(struct fake *f, struct fake_handle *route, tappet_str value, tappet_str text, bool with_headers)
{
	char methods[128], *rest = NULL;
	snprintf(methods, sizeof(methods), "%s", route->methods);
	for (char *m = strtok_r(methods, ",", &rest); m; m = strtok_r(NULL, ",", &rest)) {
		send_one(f, route, m, value, text, with_headers);
		if (strcmp(m, "GET") == 0)
			send_one(f, route, "HEAD", value, text, with_headers);
	}
	fake_settle(f, false);
}

static void send_odd(struct fake *f, struct fake_handle *route)
{
	const tappet_str values[] = {tappet_strn("", 0), tappet_strn("a\0b", 3), tappet_cstr("../../\xff"),
				     fake_repeated(f, '%', 8000)};
	const tappet_str bodies[] = {tappet_strn(NULL, 0),
				     tappet_cstr("null"),
				     tappet_cstr("[1,"),
				     tappet_strn("\0\xff\xfe", 3),
				     fake_repeated(f, '[', DEEP),
				     fake_repeated(f, 'x', BODY_LARGE),
				     tappet_cstr("{\"properties\":[],\"token\":{}}")};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t k = 0; k < 2; k++)
			send_all(f, route, values[(i + k) % 4], bodies[i], k == 0);
}

void fake_requests(struct fake *f, bool odd)
{
	struct fake_handle *routes[64];
	size_t count = 0;
	list_each (node, &f->routes)
		if (count < 64)
			routes[count++] = list_entry(node, struct fake_handle, node);
	for (size_t i = 0; i < count; i++) {
		send_all(f, routes[i], tappet_cstr(FAKE_ID), tappet_cstr("{}"), true);
		send_all(f, routes[i], tappet_cstr("probe"), tappet_cstr("{\"properties\":{}}"), true);
		if (odd)
			send_odd(f, routes[i]);
	}
}

size_t fake_unanswered(const struct fake *f, bool upgrades)
{
	size_t count = 0;
	list_each (node, &f->requests)
		count += list_entry(node, struct fake_request, node)->upgrade == upgrades;
	return count;
}
