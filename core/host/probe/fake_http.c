/* The optional capabilities: HTTP requests without sockets, one token that is good, activities that have ended. */
#include "host/probe/fake.h"

#define GOOD_TOKEN "probe"
#define BODY_LARGE ((size_t)1 << 20)
#define DEEP 10000

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

/* ---- Routes and requests ---- */

static int32_t route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb, void *arg,
			 tappet_route **ret)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "route_add"))
		return TAPPET_ESTATE;
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

static void route_remove(tappet_route *route)
{
	fake_handle_end((struct fake_handle *)(void *)route, "route_remove");
}

/* NULL: it must not be used (any more). */
static struct fake_request *usable(tappet_request *request, const char *function)
{
	struct fake_request *r = (struct fake_request *)(void *)request;
	if (!r || !fake_allowed(r->route->instance, function))
		return NULL;
	if (r->answered)
		board_broken(r->route->instance->f->board, HTTP_ANSWER, "%s was called for a request that was answered",
			     function);
	return r->answered ? NULL : r;
}

#define READER(name, expression)                                                                                       \
	static tappet_str name(tappet_request *request)                                                                \
	{                                                                                                              \
		const struct fake_request *r = usable(request, #name);                                                 \
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
	const struct fake_request *r = usable(request, "query_value");
	return r && key && r->query.len ? r->param : tappet_strn(NULL, 0);
}

static tappet_str param(tappet_request *request, const char *name)
{
	const struct fake_request *r = usable(request, "param");
	char bracketed[64];
	if (!r || !name)
		return tappet_strn(NULL, 0);
	snprintf(bracketed, sizeof(bracketed), "{%s", name);
	return strstr(r->route->pattern, bracketed) ? r->param : tappet_strn(NULL, 0);
}

static tappet_str header(tappet_request *request, const char *name)
{
	const struct fake_request *r = usable(request, "header");
	for (size_t i = 0; r && name && i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name.ptr, name) == 0)
			return r->headers[i].value;
	return tappet_strn(NULL, 0);
}

static int32_t header_at(tappet_request *request, size_t index, tappet_http_header *ret)
{
	const struct fake_request *r = usable(request, "header_at");
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
	struct fake_request *r = usable(request, function);
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
				.api_route_add = route_add};

/* ---- Sending ---- */

static const tappet_http_header headers[] = {
	{{"Authorization", 13}, {"Bearer " GOOD_TOKEN, 12}},
	{{"Content-Type", 12}, {"application/json", 16}},
};

static void send_one(struct fake *f, struct fake_handle *route, const char *method_name, tappet_str value,
		     tappet_str text, bool with_headers)
{
	struct fake_request *r = fake_alloc(f, sizeof(*r));
	if (route->gone || route->instance->phase != FAKE_STARTED)
		return;
	*r = (struct fake_request){.route = route,
				   .method = fake_copy(f, tappet_cstr(method_name)),
				   .path = tappet_cstr(route->pattern),
				   .param = value,
				   .query = with_headers ? tappet_strn(NULL, 0) : tappet_cstr("a=%00&a&&=%zz"),
				   .body = text,
				   .headers = with_headers ? headers : NULL,
				   .header_count = with_headers ? sizeof(headers) / sizeof(headers[0]) : 0};
	list_append(&f->requests, &r->node);
	f->serving = r;
	fake_enter(f, route->instance, "the callback of a route");
	route->cb.route(route->arg, (tappet_request *)(void *)r);
	fake_leave(f);
	f->serving = NULL;
}

static tappet_str repeated(struct fake *f, char c, size_t len)
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
				     repeated(f, '%', 8000)};
	const tappet_str bodies[] = {tappet_strn(NULL, 0),
				     tappet_cstr("null"),
				     tappet_cstr("[1,"),
				     tappet_strn("\0\xff\xfe", 3),
				     repeated(f, '[', DEEP),
				     repeated(f, 'x', BODY_LARGE),
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

size_t fake_unanswered(const struct fake *f)
{
	size_t count = 0;
	list_each (node, &f->requests)
		count++;
	return count;
}

/* ---- Tokens ---- */

static int32_t auth_check(tappet_instance *self, tappet_str token, tappet_grant *ret)
{
	const int all = TAPPET_SCOPE_TRIGGER | TAPPET_SCOPE_STATUS | TAPPET_SCOPE_CANCEL | TAPPET_SCOPE_ACTION |
			TAPPET_SCOPE_SUBSCRIBE;
	if (!fake_allowed(instance_of(self), "check"))
		return TAPPET_ESTATE;
	if (token.len != strlen(GOOD_TOKEN) || memcmp(token.ptr, GOOD_TOKEN, token.len) != 0)
		return TAPPET_EDENIED;
	snprintf(ret->token_id, sizeof(ret->token_id), "%s", FAKE_ID);
	snprintf(ret->workflow_id, sizeof(ret->workflow_id), "%s", FAKE_ID);
	ret->scopes = (uint32_t)all;
	ret->workflow_count = 1;
	return TAPPET_OK;
}

static int32_t auth_covers(tappet_instance *self, const char *token_id, const char *workflow_id)
{
	(void)token_id;
	return fake_allowed(instance_of(self), "covers") && workflow_id && strcmp(workflow_id, FAKE_ID) == 0;
}

static int32_t auth_action_allowed(tappet_instance *self, const char *token_id, tappet_str topic)
{
	(void)token_id;
	return fake_allowed(instance_of(self), "action_allowed") && topic.len % 2 == 0;
}

static int32_t auth_trigger_enabled(tappet_instance *self, const char *workflow_id)
{
	(void)workflow_id;
	return fake_allowed(instance_of(self), "trigger_enabled") ? 1 : 0;
}

static void auth_refuse_workflow(tappet_instance *self, const char *workflow_id, int32_t reason, tappet_str detail)
{
	(void)workflow_id;
	(void)reason;
	(void)detail;
	(void)fake_allowed(instance_of(self), "refuse_workflow");
}

const tappet_auth1 fake_auth = {.struct_size = sizeof(tappet_auth1),
				.check = auth_check,
				.covers = auth_covers,
				.action_allowed = auth_action_allowed,
				.trigger_enabled = auth_trigger_enabled,
				.refuse_workflow = auth_refuse_workflow};

/* ---- Activities ---- */

static void tell_activity(struct fake *f, struct fake_call *c)
{
	static const char document[] = "{\"id\":\"" FAKE_ID "\",\"workflowId\":\"" FAKE_ID
				       "\",\"workflow\":\"probe\",\"status\":\"completed\",\"steps\":[]}";
	fake_enter(f, c->instance, "a callback of tappet.activity/1");
	tappet_activity_info info = {.struct_size = sizeof(info),
				     .workflow_id = fake_lend(f, FAKE_ID, strlen(FAKE_ID)),
				     .status = fake_lend(f, "completed", 9),
				     .document = fake_lend_str(f, tappet_cstr(document))};
	c->cb.activity(c->arg, c->result, c->result == TAPPET_OK ? fake_lend(f, &info, sizeof(info)) : NULL);
	fake_leave(f);
}

static int32_t activity_status(tappet_instance *self, const char *id, tappet_activity_cb cb, void *arg)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "status"))
		return TAPPET_ESTATE;
	if (!id || !cb)
		return TAPPET_EINVAL;
	struct fake_call *c = fake_call_new(i, "status", tell_activity);
	c->result = strcmp(id, FAKE_ID) == 0 ? TAPPET_OK : TAPPET_ENOTFOUND;
	c->cb.activity = cb;
	c->arg = arg;
	return TAPPET_OK;
}

static void tell_done(struct fake *f, struct fake_call *c)
{
	fake_enter(f, c->instance, "the callback of cancel");
	c->cb.done(c->arg, c->result);
	fake_leave(f);
}

static int32_t activity_cancel(tappet_instance *self, const char *id, tappet_done_cb cb, void *arg)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "cancel"))
		return TAPPET_ESTATE;
	if (!id || !cb)
		return TAPPET_EINVAL;
	struct fake_call *c = fake_call_new(i, "cancel", tell_done);
	c->result = i->f->settled % 2 ? TAPPET_ESTATE : TAPPET_OK;
	c->cb.done = cb;
	c->arg = arg;
	return TAPPET_OK;
}

static int32_t activity_wait_end(tappet_instance *self, const char *id, int64_t timeout_ms, tappet_activity_cb cb,
				 void *arg)
{
	(void)timeout_ms;
	return activity_status(self, id, cb, arg);
}

const tappet_activity1 fake_activity = {.struct_size = sizeof(tappet_activity1),
					.status = activity_status,
					.cancel = activity_cancel,
					.wait_end = activity_wait_end};
