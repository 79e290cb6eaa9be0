/* POST /event: CloudEvents, by the HTTP protocol binding, one or a batch. The type of an event is its topic. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "action.h"
#include "common/cloudevents.h"
#include "common/decode.h"
#include "scan.h"

/* A request that waits for the actions of its events. */
struct item {
	struct call *call;
	enum action_end end;
	int32_t error; /* of action_start */
	struct text members;
};

struct call {
	struct plugin *plugin;
	tappet_request *request;
	size_t count, waiting;
	bool batch;
	struct item items[];
};

/* ---- The answer ---- */

static void write_item(const struct item *i, struct text *out)
{
	if (i->error < 0) {
		text_member(out, "code", tappet_cstr(action_error_code(i->error)));
		text_member(out, "message", tappet_cstr(action_error_text(i->error)));
		return;
	}
	if (i->end != ACTION_DONE) {
		text_member(out, "code", tappet_cstr(action_end_code(i->end)));
		text_cstr(out, ",");
	}
	text_bytes(out, i->members.bytes, i->members.len);
}

/* "events":[{…},…], in the order of the batch. */
static void write_items(const struct call *call, struct text *out)
{
	text_cstr(out, "\"events\":[");
	for (size_t i = 0; i < call->count; i++) {
		text_cstr(out, i ? ",{" : "{");
		write_item(&call->items[i], out);
		out->failed = out->failed || call->items[i].members.failed;
		text_cstr(out, "}");
	}
	text_cstr(out, "]");
}

static enum action_end worst(const struct call *call)
{
	enum action_end end = ACTION_DONE;
	for (size_t i = 0; i < call->count; i++) {
		const enum action_end one = call->items[i].error < 0 ? ACTION_BUSY : call->items[i].end;
		end = one > end ? one : end;
	}
	return end;
}

static void finish(struct call *call)
{
	struct plugin *p = call->plugin;
	struct text members = {0};
	if (call->batch) {
		write_items(call, &members);
		answer_end(p, call->request, worst(call), &members);
	} else if (call->items[0].error < 0) {
		answer_error(p, call->request, call->items[0].error);
	} else {
		answer_end(p, call->request, call->items[0].end, &call->items[0].members);
	}
	for (size_t i = 0; i < call->count; i++)
		text_release(&call->items[i].members);
	free(call);
	plugin_end(p);
}

static void acted(void *arg, const struct action *a)
{
	struct item *i = arg;
	i->end = action_end(a);
	action_write(a, &i->members);
	if (--i->call->waiting == 0)
		finish(i->call);
}

/* ---- The data of binary mode: the body, by its type ---- */

static void write_base64(tappet_str body, struct text *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *at = (const unsigned char *)body.ptr;
	text_cstr(out, "\"");
	for (size_t i = 0; i < body.len; i += 3) {
		const size_t n = body.len - i < 3 ? body.len - i : 3;
		const uint32_t bits = (uint32_t)at[i] << 16 | (uint32_t)(n > 1 ? at[i + 1] : 0) << 8 |
				      (uint32_t)(n > 2 ? at[i + 2] : 0);
		const char four[] = {letters[bits >> 18], letters[bits >> 12 & 63],
				     n > 1 ? letters[bits >> 6 & 63] : '=', n > 2 ? letters[bits & 63] : '='};
		text_bytes(out, four, sizeof(four));
	}
	text_cstr(out, "\"");
}

static bool is_json_type(tappet_str type)
{
	const char *end = type.len ? memchr(type.ptr, ';', type.len) : NULL;
	size_t len = end ? (size_t)(end - type.ptr) : type.len;
	while (len > 0 && type.ptr[len - 1] == ' ')
		len--;
	return len == 0 || content_type_is(type, "application/json") ||
	       (len > 5 && strncasecmp(type.ptr + len - 5, "+json", 5) == 0);
}

/* NULL, or what is wrong with it. */
static const char *take_body(struct plugin *p, tappet_request *request, struct cloud_event *e)
{
	const tappet_str body = p->http->body(request);
	if (body.len == 0)
		return NULL;
	if (is_json_type(p->http->header(request, "Content-Type"))) {
		text_bytes(&e->data, body.ptr, body.len);
		return scan_is_value(body) ? NULL : "The body is not JSON, or nested too deeply.";
	}
	e->data_is_base64 = !utf8_is_valid(body);
	if (e->data_is_base64)
		write_base64(body, &e->data);
	else
		text_json(&e->data, body);
	return NULL;
}

/* ---- The events ---- */

static int32_t start(struct item *i, const struct cloud_event *e, const char *token_id)
{
	struct plugin *p = i->call->plugin;
	const struct action_input in = cloud_action(e, token_id, p->http->remote(i->call->request));
	return e->data.failed ? TAPPET_ENOMEM : action_start(p, &in, acted, i);
}

static void start_all(struct plugin *p, tappet_request *request, const struct cloud_event *events, size_t count,
		      bool batch, const char *token_id)
{
	struct call *call = calloc(1, sizeof(*call) + count * sizeof(call->items[0]));
	if (!call) {
		answer_problem(p, request, 503, "busy", "Out of memory.");
		return;
	}
	*call = (struct call){.plugin = p, .request = request, .count = count, .batch = batch};
	plugin_begin(p);
	call->waiting = 1; /* callbacks come later, but none of them is to be the last before all are handed over */
	for (size_t i = 0; i < count; i++) {
		call->items[i].call = call;
		call->items[i].error = start(&call->items[i], &events[i], token_id);
		call->waiting += call->items[i].error == TAPPET_OK;
	}
	if (--call->waiting == 0)
		finish(call);
}

/* Before any of them is started. NULL, or what is wrong with one. */
static const char *find_problem(struct plugin *p, const struct cloud_event *events, size_t count, const char *token_id,
				bool *ret_denied)
{
	*ret_denied = false;
	for (size_t i = 0; i < count; i++) {
		const tappet_str topic = tappet_cstr(events[i].type);
		if (topic_problem(topic))
			return "The type of an event is no topic: words joined by dots.";
		if (p->auth->action_allowed(p->self, token_id, topic) != 1)
			*ret_denied = true;
	}
	return NULL;
}

static void serve_events(struct plugin *p, tappet_request *request, const tappet_grant *grant,
			 struct cloud_event *events, size_t count, enum cloud_mode mode)
{
	bool denied = false;
	const char *problem = mode == CLOUD_BINARY ? take_body(p, request, &events[0]) : NULL;
	if (!problem)
		problem = find_problem(p, events, count, grant->token_id, &denied);
	if (problem) {
		p->host->refuse(p->self, NULL, TAPPET_REASON_MALFORMED, tappet_cstr(problem));
		answer_problem(p, request, 422, "invalid-value", problem);
	} else if (denied) {
		answer_error(p, request, TAPPET_EDENIED);
	} else {
		start_all(p, request, events, count, mode == CLOUD_BATCH, grant->token_id);
	}
}

static void serve_request(struct plugin *p, tappet_request *request, const tappet_grant *grant)
{
	struct cloud_event *events = NULL;
	const char *problem = NULL;
	size_t count = 0;
	const enum cloud_mode mode = cloud_read(p->http, request, &events, &count, &problem);
	if (mode == CLOUD_NONE)
		problem = "The request carries no CloudEvent.";
	if (problem) {
		p->host->refuse(p->self, NULL, TAPPET_REASON_MALFORMED, tappet_cstr(problem));
		answer_problem(p, request, 422, "malformed", problem);
	} else {
		serve_events(p, request, grant, events, count, mode);
	}
	for (size_t i = 0; i < count; i++)
		cloud_event_release(&events[i]);
	free(events);
}

/* CloudEvents, HTTP webhooks 1.0.1, section 4: whoever may send is told so. Who may is for the token to say. */
static void answer_options(struct plugin *p, tappet_request *request)
{
	const tappet_str origin = p->http->header(request, "WebHook-Request-Origin");
	const tappet_http_header headers[] = {
		{tappet_cstr("Allow"), tappet_cstr("POST, OPTIONS")},
		{tappet_cstr("WebHook-Allowed-Origin"), origin},
		{tappet_cstr("WebHook-Allowed-Rate"), tappet_cstr("*")},
	};
	p->http->respond(request, origin.len > 0 ? 200 : 204, headers, origin.len > 0 ? 3 : 1, tappet_cstr(""));
}

void post_events(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	tappet_grant grant;
	if (p->http->method(request).ptr[0] == 'O')
		answer_options(p, request);
	else if (!caller_find(p, request, &grant))
		return;
	else if (grant.scopes & TAPPET_SCOPE_ACTION)
		serve_request(p, request, &grant);
	else
		answer_error(p, request, TAPPET_EDENIED);
}
