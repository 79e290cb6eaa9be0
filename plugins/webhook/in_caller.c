/* Whether a call of /webhook/in may be made: the trigger's checks, and a token where it asks for one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "in.h"

#define URL_MAX 8192

void in_refuse(const struct call *c, struct binding *b, int32_t reason, struct answer answer)
{
	c->w->host->refuse(c->w->self, b->trigger, reason, tappet_cstr(answer.detail));
	if (!c->allowed)
		kept_refused(c->w, b, c->request, answer.status, reason, answer.detail);
	in_problem(c, answer.status, answer.type, answer.detail, answer.retry_after_s);
}

struct header_search {
	const tappet_http1 *http;
	tappet_request *request;
};

static tappet_str find_header(void *arg, const char *name, size_t index)
{
	const struct header_search *search = arg;
	tappet_http_header h;
	/* As a rule the first one is asked for, which the host finds faster. */
	if (index == 0)
		return search->http->header(search->request, name);
	for (size_t i = 0; search->http->header_at(search->request, i, &h) == TAPPET_OK; i++)
		if (h.name.len == strlen(name) && strncasecmp(h.name.ptr, name, h.name.len) == 0 && index-- == 0)
			return h.value;
	return tappet_strn(NULL, 0);
}

static bool has_token(const struct call *c, const struct binding *b, struct answer *ret_answer)
{
	const struct webhook *w = c->w;
	tappet_grant grant = {.struct_size = sizeof(grant)};
	struct token token;
	const enum token_error error = token_find(tappet_strn(NULL, 0), w->http->header(c->request, "Authorization"),
						  w->http->query_value(c->request, "token"), &token);
	*ret_answer = (struct answer){401, 0, "token", "There is no token, or nobody has this one."};
	if (error == TOKEN_CONFLICT)
		*ret_answer = (struct answer){400, 0, "malformed", "The request carries different tokens."};
	if (error)
		return false;
	const int32_t r = w->auth->check(w->self, token.text, &grant);
	token_release(&token);
	if (r < 0)
		return false;
	*ret_answer = (struct answer){403, 0, "scope", "The token is not for this."};
	return (grant.scopes & TAPPET_SCOPE_TRIGGER) && w->auth->covers(w->self, grant.token_id, b->workflow_id) == 1;
}

static void deny(const struct call *c, struct binding *b, const struct verify_result *v)
{
	const tappet_http_header challenge[] = {
		{tappet_cstr("WWW-Authenticate"), tappet_cstr(v->challenge ? v->challenge : "")},
		{tappet_cstr("Content-Type"), tappet_cstr("application/problem+json")},
	};
	struct text body = {0};
	char type[80];
	if (!v->challenge) {
		in_refuse(c, b, v->reason, (struct answer){v->status, 0, v->type, v->detail});
		return;
	}
	c->w->host->refuse(c->w->self, b->trigger, v->reason, tappet_cstr(v->detail));
	kept_refused(c->w, b, c->request, v->status, v->reason, v->detail);
	snprintf(type, sizeof(type), "tappet:%s", v->type);
	text_cstr(&body, "{");
	text_member(&body, "type", tappet_cstr(type));
	text_key(&body, "status");
	text_cstr(&body, "401");
	text_member(&body, "detail", tappet_cstr(v->detail));
	text_cstr(&body, "}");
	c->w->http->respond(c->request, v->status, challenge, 2, tappet_strn(body.bytes, body.len));
	text_release(&body);
}

/* The address as the sender knows it: some sign it. */
static void write_url(const struct call *c, char url[static URL_MAX], char target[static URL_MAX])
{
	const tappet_http1 *http = c->w->http;
	const tappet_str path = http->path(c->request), query = http->query(c->request);
	const tappet_str base = http->public_url(c->w->self);
	snprintf(target, URL_MAX, "%.*s%s%.*s", (int)path.len, path.ptr, query.len ? "?" : "", (int)query.len,
		 query.ptr ? query.ptr : "");
	url[0] = '\0';
	if (base.ptr)
		snprintf(url, URL_MAX, "%.*s%.*s", (int)base.len, base.ptr, (int)(URL_MAX - base.len - 1), target);
}

bool in_is_allowed(struct call *c, struct binding *b)
{
	char url[URL_MAX], target[URL_MAX];
	struct header_search search = {c->w->http, c->request};
	struct verify_result result;
	struct answer answer;
	write_url(c, url, target);
	const struct verify_request request = {
		.method = c->w->http->method(c->request),
		.url = tappet_cstr(url),
		.path_query = tappet_cstr(target),
		.body = c->w->http->body(c->request),
		.remote = c->w->http->remote(c->request),
		.client_subject = c->w->http->client_subject(c->request),
		.now_ms = c->w->host->wall_ms(c->w->self),
		.header = find_header,
		.arg = &search,
	};
	verifier_check(c->settings->verifier, &request, &result);
	if (!result.ok) {
		deny(c, b, &result);
		return false;
	}
	if (!result.wants_token || has_token(c, b, &answer)) {
		usage_note(c->w, b, result.used);
		c->allowed = true;
		return true;
	}
	in_refuse(c, b, answer.status == 403 ? TAPPET_REASON_SCOPE : TAPPET_REASON_TOKEN, answer);
	return false;
}
