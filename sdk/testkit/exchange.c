/* Requests as the test makes them, on the way that those of the daemon take, and their answers. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include "exchange.h"
#include "gateway/chars.h"
#include "socket.h"

#define SURFACES (TAPPET_SURFACE_HOOKS | TAPPET_SURFACE_ACTION)

struct testkit_exchange {
	struct tappet_request request;
};

static void free_headers(struct header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
	free(headers);
}

static void release(struct handle *handle)
{
	struct tappet_request *r = (struct tappet_request *)(void *)handle;
	free_headers(r->headers, r->header_count);
	free_headers(r->sent, r->sent_count);
	records_release(&r->values);
	route_unref(r->matched);
	free((char *)(uintptr_t)r->body.ptr);
	free(r->method);
	free(r->path);
	free(r->query);
	free(r->remote);
	free(r->client_subject);
	free(r->segments);
	free(r->sent_body);
	free(r->problem);
	free(r->detail);
}

/* ---- The answer ---- */

static void add(struct header **headers, size_t *count, tappet_str name, tappet_str value)
{
	struct header *grown = realloc(*headers, (*count + 1) * sizeof(*grown));
	if (!grown)
		misuse("out of memory");
	grown[(*count)++] = (struct header){kit_copy(name.ptr, name.len), kit_copy(value.ptr, value.len)};
	*headers = grown;
}

void exchange_header(struct tappet_request *r, tappet_str name, tappet_str value)
{
	add(&r->sent, &r->sent_count, name, value);
}

void exchange_body(struct tappet_request *r, tappet_str body)
{
	r->sent_body = kit_copy(body.ptr, body.len);
	r->sent_len = body.len;
}

void exchange_problem(struct tappet_request *r, int32_t status, const char *type, const char *detail,
		      int32_t retry_after_s)
{
	struct buf out;
	char seconds[20];
	buf_init(&out, 64 * 1024);
	jsonw_open(&out, '{');
	jsonw_key(&out, "type");
	jsonw_str(&out, type);
	jsonw_key(&out, "status");
	jsonw_int(&out, status);
	jsonw_key(&out, "detail");
	jsonw_str(&out, detail);
	jsonw_close(&out, '}');
	r->status = status;
	r->problem = kit_text(type);
	r->detail = kit_text(detail);
	exchange_header(r, tappet_cstr("Content-Type"), tappet_cstr("application/problem+json"));
	snprintf(seconds, sizeof(seconds), "%d", (int)retry_after_s);
	if (retry_after_s > 0)
		exchange_header(r, tappet_cstr("Retry-After"), tappet_cstr(seconds));
	exchange_body(r, tappet_cstr(buf_cstr(&out)));
	buf_release(&out);
}

/* ---- The request ---- */

static void read_headers(struct tappet_request *r, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\r\n");
		const char *colon = memchr(text, ':', len);
		if (!colon)
			misuse("a header is \"Name: value\", not \"%.*s\"", (int)len, text);
		const char *value = colon + 1 + strspn(colon + 1, " \t");
		add(&r->headers, &r->header_count, tappet_strn(text, (size_t)(colon - text)),
		    tappet_strn(value, (size_t)(text + len - value)));
		text += len;
		text += strspn(text, "\r\n");
	}
}

static void split_target(struct tappet_request *r, const char *target)
{
	const char *question = strchr(target, '?');
	if (*target != '/')
		misuse("a target begins with a slash, not \"%s\"", target);
	r->path = kit_copy(target, question ? (size_t)(question - target) : strlen(target));
	r->query = question ? kit_text(question + 1) : NULL;
}

/* -EINVAL: a bad encoding. */
static int split_path(struct tappet_request *r, struct segment *segments, size_t *ret_count)
{
	const char *from = r->path + 1;
	char *to = r->segments = kit_alloc(strlen(r->path) + 2);
	for (size_t count = 0; count < PATH_SEGMENTS_MAX;) {
		size_t len = strcspn(from, "/"), decoded;
		if (chars_percent_decode(from, len, false, false, to, &decoded) < 0)
			return -EINVAL;
		to[decoded] = '\0';
		segments[count++] = (struct segment){.text = to, .len = decoded};
		to += decoded + 1;
		if (from[len] == '\0') {
			*ret_count = count;
			return 0;
		}
		from += len + 1;
	}
	return -EINVAL;
}

static void set_params(struct tappet_request *r, const struct router_match *match, const struct segment *segments,
		       size_t count)
{
	size_t params = route_param_count(match->route);
	for (size_t i = 0; i < params; i++)
		r->params[i] = segments[match->starts[i]].text;
	if (!route_takes_rest(match->route))
		return;
	for (size_t i = match->starts[params - 1]; i + 1 < count; i++)
		segments[i].text[segments[i].len] = '/';
}

static struct tappet_route *owner(testkit *kit, const struct route *route)
{
	list_each (node, &kit->handles) {
		struct handle *handle = list_entry(node, struct handle, node);
		struct tappet_route *own = (struct tappet_route *)(void *)handle;
		const bool is_one = strcmp(handle->what, "route") == 0 || strcmp(handle->what, "endpoint") == 0;
		if (is_one && !handle->ended && own->route == route)
			return own;
	}
	return NULL;
}

/* The route, or NULL with the daemon's answer. */
static struct tappet_route *find_route(struct tappet_request *r)
{
	testkit *kit = r->handle.kit;
	struct segment segments[PATH_SEGMENTS_MAX];
	struct router_match match;
	size_t count;
	if (split_path(r, segments, &count) < 0) {
		exchange_problem(r, 400, "malformed", "The path cannot be read.", 0);
		return NULL;
	}
	router_match(&kit->router, SURFACES, verb_parse(r->method, strlen(r->method)), segments, count, &match);
	if (!match.route && match.allow)
		exchange_problem(r, 405, "method-not-allowed", "This path does not take this method.", 0);
	else if (!match.route)
		exchange_problem(r, 404, "not-found", "There is nothing at this path.", 0);
	else if (kit->phase != STARTED)
		exchange_problem(r, 503, "unavailable", "The plugin that serves this is starting or stopping.", 1);
	else {
		set_params(r, &match, segments, count);
		/* The plugin may remove the route before it reads its parameters. */
		r->matched = route_ref(match.route);
		struct tappet_route *found = owner(kit, match.route);
		if (found->is_endpoint)
			return endpoint_admits(found, r) ? found : NULL;
		r->socket = NULL;
		return found;
	}
	return NULL;
}

testkit_exchange *exchange_new(testkit *kit, const char *method, const char *target, const char *headers,
			       tappet_str body)
{
	testkit_exchange *exchange = handle_new(kit, "request", sizeof(*exchange));
	struct tappet_request *r = &exchange->request;
	list_init(&r->node);
	r->handle.release = release;
	r->method = kit_text(method);
	r->remote = kit_text(kit->remote);
	r->https = kit->https;
	r->client_subject = kit->client_subject ? kit_text(kit->client_subject) : NULL;
	r->body = tappet_strn(kit_copy(body.ptr, body.len), body.len);
	read_headers(r, headers);
	split_target(r, target);
	return exchange;
}

struct tappet_request *exchange_request(testkit_exchange *exchange)
{
	return &exchange->request;
}

void exchange_request_header(struct tappet_request *r, const char *name, const char *value)
{
	add(&r->headers, &r->header_count, tappet_cstr(name), tappet_cstr(value));
}

const char *exchange_header_of(const struct tappet_request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

void exchange_run(struct tappet_request *r)
{
	testkit *kit = r->handle.kit;
	r->route = find_route(r);
	if (!r->route) {
		handle_end(&r->handle);
		return;
	}
	list_append(&kit->requests, &r->node);
	callback_begin(kit);
	r->route->cb(r->route->arg, r);
	callback_end(kit, "a request");
	testkit_run(kit);
}

int32_t exchange_end(struct tappet_request *r)
{
	handle_end(&r->handle);
	list_remove(&r->node);
	return r->gone ? TAPPET_EGONE : TAPPET_OK;
}

testkit_exchange *testkit_http(testkit *kit, const char *method, const char *target, const char *headers,
			       tappet_str body)
{
	testkit_exchange *exchange = exchange_new(kit, method, target, headers, body);
	exchange_run(&exchange->request);
	return exchange;
}

void testkit_http_tls(testkit *kit, int on, const char *client_subject)
{
	free(kit->client_subject);
	kit->https = on;
	kit->client_subject = client_subject ? kit_text(client_subject) : NULL;
}

void testkit_http_public_url(testkit *kit, const char *url)
{
	free(kit->public_url);
	kit->public_url = url ? kit_text(url) : NULL;
}

void testkit_http_remote(testkit *kit, const char *remote)
{
	free(kit->remote);
	kit->remote = kit_text(remote);
}

void testkit_http_disconnect(testkit_exchange *exchange)
{
	exchange->request.gone = true;
}

int32_t testkit_http_status(const testkit_exchange *exchange)
{
	return exchange->request.status;
}

tappet_str testkit_http_body(const testkit_exchange *exchange)
{
	return tappet_strn(exchange->request.sent_body, exchange->request.sent_len);
}

const char *testkit_http_header(const testkit_exchange *exchange, const char *name)
{
	for (size_t i = 0; i < exchange->request.sent_count; i++)
		if (strcasecmp(exchange->request.sent[i].name, name) == 0)
			return exchange->request.sent[i].value;
	return NULL;
}

const char *testkit_http_problem(const testkit_exchange *exchange)
{
	return exchange->request.problem ? exchange->request.problem : "";
}

const char *testkit_http_detail(const testkit_exchange *exchange)
{
	return exchange->request.detail ? exchange->request.detail : "";
}

size_t testkit_route_count(const testkit *kit)
{
	return kit->route_count;
}
