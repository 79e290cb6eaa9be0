/* Refusals and outcomes in HTTP. */
#include <stdio.h>
#include "action.h"
#include "common/token.h"

#define RETRY_AFTER_S 1

static const tappet_http_header json_type = {
	.name = {.ptr = "Content-Type", .len = 12},
	.value = {.ptr = "application/json", .len = 16},
};

void answer_problem(struct plugin *p, tappet_request *request, int32_t status, const char *type, const char *detail)
{
	p->http->problem(request, status, type, detail, status == 503 || status == 429 ? RETRY_AFTER_S : 0);
}

/* With a challenge (RFC 6750 section 3). */
static void answer_unauthorized(struct plugin *p, tappet_request *request)
{
	static const char body[] = "{\"type\":\"tappet:token\",\"title\":\"Unauthorized\",\"status\":401,"
				   "\"detail\":\"There is no token, or nobody has this one.\"}";
	const tappet_http_header headers[] = {
		{tappet_cstr("Content-Type"), tappet_cstr("application/problem+json")},
		{tappet_cstr("WWW-Authenticate"), tappet_cstr("Bearer")},
	};
	p->http->respond(request, 401, headers, 2, tappet_cstr(body));
}

static bool check_token(struct plugin *p, tappet_request *request, const struct token *token, tappet_grant *ret)
{
	tappet_grant grant = {.struct_size = sizeof(grant)};
	if (p->auth->check(p->self, token->text, &grant) < 0) {
		p->host->refuse(p->self, NULL, TAPPET_REASON_TOKEN, tappet_cstr("unknown, expired or revoked token"));
		answer_unauthorized(p, request);
		return false;
	}
	*ret = grant;
	return true;
}

bool caller_find(struct plugin *p, tappet_request *request, tappet_grant *ret)
{
	static const char doubled[] = "The request carries different tokens, or one of them twice.";
	struct token token;
	switch (token_of_request(p->http, request, tappet_strn(NULL, 0), &token)) {
	case TOKEN_OK:
		break;
	case TOKEN_CONFLICT:
		p->host->refuse(p->self, NULL, TAPPET_REASON_MALFORMED, tappet_cstr(doubled));
		answer_problem(p, request, 400, "malformed", doubled);
		return false;
	case TOKEN_NO_MEMORY:
		answer_problem(p, request, 503, "busy", "Out of memory.");
		return false;
	default:
		p->host->refuse(p->self, NULL, TAPPET_REASON_TOKEN, tappet_cstr("no token"));
		answer_unauthorized(p, request);
		return false;
	}
	const bool known = check_token(p, request, &token, ret);
	token_release(&token);
	return known;
}

void answer_error(struct plugin *p, tappet_request *request, int32_t error)
{
	static const struct {
		int32_t error, status;
		const char *type;
		int32_t reason;
	} known[] = {
		{TAPPET_EDENIED, 403, "scope", TAPPET_REASON_SCOPE},
		{TAPPET_ETOOBIG, 413, "too-large", TAPPET_REASON_TOO_LARGE},
		{TAPPET_EINVAL, 422, "invalid-value", TAPPET_REASON_MALFORMED},
		{TAPPET_EREFUSED, 429, "too-many", TAPPET_REASON_RATE},
		{TAPPET_ESTATE, 503, "stopping", TAPPET_REASON_PLUGIN_DOWN},
	};
	int32_t status = 503, reason = TAPPET_REASON_QUEUE_FULL;
	const char *type = "busy";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].error != error)
			continue;
		status = known[i].status;
		type = known[i].type;
		reason = known[i].reason;
	}
	p->host->refuse(p->self, NULL, reason, tappet_cstr(action_error_text(error)));
	answer_problem(p, request, status, type, action_error_text(error));
}

static void answer_unsettled(struct plugin *p, tappet_request *request, enum action_end end, const struct text *members)
{
	const tappet_http_header headers[] = {
		{tappet_cstr("Content-Type"), tappet_cstr("application/problem+json")},
		{tappet_cstr("Retry-After"), tappet_cstr("1")},
	};
	const bool unknown = end == ACTION_UNKNOWN;
	struct text body = {0};
	char type[64];
	snprintf(type, sizeof(type), "tappet:%s", unknown ? "outcome-unknown" : "not-stored");
	text_cstr(&body, "{");
	text_member(&body, "type", tappet_cstr(type));
	text_member(&body, "title", tappet_cstr(unknown ? "Internal Server Error" : "Service Unavailable"));
	text_number(&body, "status", unknown ? 500 : 503);
	text_member(&body, "detail", tappet_cstr(action_end_text(end)));
	text_cstr(&body, ",");
	text_bytes(&body, members->bytes, members->len);
	text_cstr(&body, "}");
	if (body.failed)
		answer_problem(p, request, 500, "outcome-unknown", "Out of memory.");
	else
		p->http->respond(request, unknown ? 500 : 503, headers, unknown ? 1 : 2,
				 tappet_strn(body.bytes, body.len));
	text_release(&body);
}

void answer_end(struct plugin *p, tappet_request *request, enum action_end end, struct text *members)
{
	struct text body = {0};
	if (members->failed) {
		answer_problem(p, request, 500, "outcome-unknown", "Out of memory.");
	} else if (end != ACTION_DONE) {
		answer_unsettled(p, request, end, members);
	} else {
		text_cstr(&body, "{");
		text_bytes(&body, members->bytes, members->len);
		text_cstr(&body, "}");
		if (body.failed)
			answer_problem(p, request, 500, "outcome-unknown", "Out of memory.");
		else
			p->http->respond(request, 200, &json_type, 1, tappet_strn(body.bytes, body.len));
	}
	text_release(&body);
	text_release(members);
}
