#include "webhook.h"

static const tappet_http_header json_type = {
	.name = {.ptr = "Content-Type", .len = 12},
	.value = {.ptr = "application/json", .len = 16},
};

struct answer answer_for_emit_error(int32_t error, int32_t *ret_reason)
{
	switch (error) {
	case TAPPET_EINVAL:
		*ret_reason = TAPPET_REASON_MALFORMED;
		return (struct answer){400, 0, "malformed", "The body is not JSON."};
	case TAPPET_ETOOBIG:
		*ret_reason = TAPPET_REASON_TOO_LARGE;
		return (struct answer){413, 0, "too-large", "The body is larger than what is accepted."};
	case TAPPET_ESTATE:
		*ret_reason = TAPPET_REASON_PLUGIN_DOWN;
		return (struct answer){503, 5, "stopping", "The daemon does not take anything at the moment."};
	default:
		*ret_reason = TAPPET_REASON_QUEUE_FULL;
		return (struct answer){503, 1, "busy", "Too much is under way already; try again later."};
	}
}

static struct answer answer_for_reason(int32_t reason)
{
	switch (reason) {
	case TAPPET_REASON_FILTER:
		return (struct answer){409, 0, "filter", "The trigger's filter turned it down."};
	case TAPPET_REASON_RATE:
		return (struct answer){429, 1, "rate", "More often than is allowed."};
	case TAPPET_REASON_OVERLAP:
		return (struct answer){409, 0, "overlap", "Another activity of the workflow still runs."};
	case TAPPET_REASON_DISABLED:
		return (struct answer){409, 0, "disabled", "The workflow or its trigger is switched off."};
	case TAPPET_REASON_PARAMETERS:
		return (struct answer){422, 0, "parameters", "A property is unknown, missing or of the wrong type."};
	case TAPPET_REASON_QUEUE_FULL:
		return (struct answer){503, 5, "queue-full", "Too many activities wait already."};
	case TAPPET_REASON_PLUGIN_DOWN:
		return (struct answer){503, 5, "stopping", "The daemon does not take anything at the moment."};
	case TAPPET_REASON_STORE:
		return (struct answer){503, 5, "store", "The store cannot take anything at the moment."};
	case TAPPET_REASON_MALFORMED:
		return (struct answer){400, 0, "malformed", "The body could not be understood."};
	case TAPPET_REASON_TOO_LARGE:
		return (struct answer){413, 0, "too-large", "The body is larger than what is accepted."};
	case TAPPET_REASON_INVALID:
		return (struct answer){409, 0, "invalid", "The workflow's definition cannot run."};
	default:
		return (struct answer){409, 0, "refused", "It was turned down."};
	}
}

struct answer answer_for_result(const tappet_result *result)
{
	struct answer answer;
	switch (result->outcome) {
	case TAPPET_ECONFLICT:
		return (struct answer){409, 0, "conflict", "The Idempotency-Key was used for another request."};
	case TAPPET_EREFUSED:
		return answer_for_reason(result->reason);
	case TAPPET_ECANCELED:
		answer = answer_for_reason(result->reason);
		if (answer.status == 503)
			return answer;
		return (struct answer){503, 1, "not-stored", "Nothing was stored; try again."};
	default:
		return (struct answer){
			500, 0, "outcome-unknown",
			"It is not known whether this was stored. Send it again with an Idempotency-Key."};
	}
}

void answer_problem(const struct webhook *w, tappet_request *request, struct answer answer)
{
	w->http->problem(request, answer.status, answer.type, answer.detail, answer.retry_after_s);
}

void answer_unauthorized(const struct webhook *w, tappet_request *request)
{
	static const char body[] = "{\"type\":\"tappet:token\",\"title\":\"Unauthorized\",\"status\":401,"
				   "\"detail\":\"There is no token, or nobody has this one.\"}";
	const tappet_http_header headers[] = {
		{tappet_cstr("Content-Type"), tappet_cstr("application/problem+json")},
		{tappet_cstr("WWW-Authenticate"), tappet_cstr("Bearer")},
	};
	w->http->respond(request, 401, headers, 2, tappet_cstr(body));
}

void answer_json(const struct webhook *w, tappet_request *request, const char *json, size_t len)
{
	w->http->respond(request, 200, &json_type, 1, tappet_strn(json, len));
}
