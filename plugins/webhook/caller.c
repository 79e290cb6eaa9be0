/* The checks that all routes share: body, token, scope. */
#include "webhook.h"

static void refuse_malformed(const struct webhook *w, tappet_request *request, const char *detail)
{
	w->host->refuse(w->self, NULL, TAPPET_REASON_MALFORMED, tappet_cstr(detail));
	answer_problem(w, request, (struct answer){400, 0, "malformed", detail});
}

static void refuse_token(const struct webhook *w, tappet_request *request, enum token_error error)
{
	switch (error) {
	case TOKEN_CONFLICT:
		refuse_malformed(w, request, "The request carries different tokens, or one of them twice.");
		return;
	case TOKEN_NO_MEMORY:
		answer_problem(w, request, (struct answer){503, 1, "busy", "Out of memory."});
		return;
	default:
		w->host->refuse(w->self, NULL, TAPPET_REASON_TOKEN, tappet_cstr("no token"));
		answer_unauthorized(w, request);
	}
}

static bool find_grant(const struct webhook *w, tappet_request *request, const struct body *body,
		       tappet_grant *ret_grant)
{
	struct token token;
	enum token_error error = token_of_request(w->http, request, body->token, &token);
	if (error) {
		refuse_token(w, request, error);
		return false;
	}
	tappet_grant grant = {.struct_size = sizeof(grant)};
	int32_t r = w->auth->check(w->self, token.text, &grant);
	token_release(&token);
	if (r < 0) {
		w->host->refuse(w->self, NULL, TAPPET_REASON_TOKEN, tappet_cstr("unknown, expired or revoked token"));
		answer_unauthorized(w, request);
		return false;
	}
	*ret_grant = grant;
	return true;
}

bool caller_check(const struct webhook *w, tappet_request *request, uint32_t scope, struct body *ret_body,
		  tappet_grant *ret_grant)
{
	if (w->stopping) {
		int32_t reason;
		answer_problem(w, request, answer_for_emit_error(TAPPET_ESTATE, &reason));
		w->host->refuse(w->self, NULL, reason, tappet_cstr("stopping"));
		return false;
	}
	struct body body;
	enum body_error error = body_split(w->http->body(request), &body);
	if (error) {
		refuse_malformed(w, request, body_error_text(error));
		return false;
	}
	tappet_grant grant;
	if (!find_grant(w, request, &body, &grant))
		return false;
	if (!(grant.scopes & scope)) {
		w->auth->refuse_workflow(w->self, grant.workflow_id, TAPPET_REASON_SCOPE,
					 tappet_cstr("the token lacks the scope"));
		answer_problem(w, request, (struct answer){403, 0, "scope", "The token is not for this."});
		return false;
	}
	*ret_body = body;
	*ret_grant = grant;
	return true;
}
