/* POST /webhook/payload: the hot path. One pass over the body, one copy of it, no tree. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "webhook.h"

#define DEDUP_KEY_MAX 255

struct emission {
	struct webhook *webhook;
	tappet_request *request;
	struct kept *kept;
};

static void answer_accepted(const struct webhook *w, tappet_request *request, const char *activity_id)
{
	char body[64];
	int len = snprintf(body, sizeof(body), "{\"activityId\":\"%.24s\"}", activity_id);
	answer_json(w, request, body, (size_t)len);
}

static void answer_refused(const struct webhook *w, tappet_request *request, const tappet_result *result)
{
	struct answer answer = answer_for_result(result);
	char detail[512];
	if (result->detail.len > 0 && result->outcome == TAPPET_EREFUSED) {
		int len = result->detail.len < sizeof(detail) ? (int)result->detail.len : (int)sizeof(detail) - 1;
		snprintf(detail, sizeof(detail), "%.*s", len, result->detail.ptr);
		answer.detail = detail;
	}
	answer_problem(w, request, answer);
}

static void emitted(void *arg, const tappet_result *result)
{
	struct emission *emission = arg;
	struct webhook *w = emission->webhook;
	if (result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP)
		answer_accepted(w, emission->request, result->activity_id);
	else
		answer_refused(w, emission->request, result);
	kept_settle(w, emission->kept, result);
	free(emission);
	webhook_end(w);
}

/* Addresses need no escapes in JSON; whatever else comes is left out. */
static size_t write_cause(tappet_str remote, char *out, size_t size)
{
	int len = snprintf(out, size, "{\"remote\":\"%.*s\"}", (int)remote.len, remote.ptr ? remote.ptr : "");
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static int32_t emit_payload(struct webhook *w, struct binding *b, tappet_request *request, tappet_str payload,
			    tappet_str properties)
{
	char cause[128];
	tappet_emission out = {
		.struct_size = sizeof(out),
		.payload = payload,
		.parameters = properties,
		.cause = tappet_strn(cause, write_cause(w->http->remote(request), cause, sizeof(cause))),
		.dedup_key = w->http->header(request, "Idempotency-Key"),
		.checkpoint_size = sizeof(tappet_checkpoint),
	};
	struct emission *emission = malloc(sizeof(*emission));
	if (!emission)
		return TAPPET_ENOMEM;
	*emission = (struct emission){.webhook = w, .request = request};
	webhook_begin(w);
	int32_t r = w->host->emit(b->trigger, &out, emitted, emission);
	if (r == TAPPET_OK) {
		emission->kept = kept_begin(w, b, &out, w->http->body(request).len);
	} else {
		free(emission);
		webhook_end(w);
	}
	return r;
}

static int32_t emit_body(struct webhook *w, struct binding *b, tappet_request *request, const struct body *body)
{
	size_t size = body_payload_size(body);
	char *payload = size <= sizeof(w->scratch) ? w->scratch : malloc(size);
	if (!payload)
		return TAPPET_ENOMEM;
	body_payload(body, payload);
	int32_t r = emit_payload(w, b, request, tappet_strn(payload, size), body->properties);
	if (payload != w->scratch)
		free(payload);
	return r;
}

/* In the workflow's name, so that its owner sees why nothing came of the call. */
static void refuse(const struct webhook *w, tappet_request *request, const char *workflow_id, int32_t reason,
		   struct answer answer)
{
	w->auth->refuse_workflow(w->self, workflow_id, reason, tappet_cstr(answer.detail));
	answer_problem(w, request, answer);
}

/* No trigger is here for this token: because of the token, the switch, or since it is not running. */
static void refuse_absent(const struct webhook *w, tappet_request *request, const char *workflow_id)
{
	int32_t enabled = *workflow_id ? w->auth->trigger_enabled(w->self, workflow_id) : TAPPET_ENOTFOUND;
	/* One that is guarded by more than a token is not started by a token alone. */
	if (enabled > 0 && triggers_find(&w->triggers, workflow_id, NULL))
		enabled = TAPPET_ENOTFOUND;
	if (enabled == 0)
		refuse(w, request, workflow_id, TAPPET_REASON_DISABLED,
		       (struct answer){409, 0, "disabled", "The workflow or its webhook trigger is switched off."});
	else if (enabled > 0)
		refuse(w, request, workflow_id, TAPPET_REASON_PLUGIN_DOWN,
		       (struct answer){503, 1, "not-running",
				       "The workflow's webhook trigger does not run at the moment."});
	else
		refuse(w, request, workflow_id, TAPPET_REASON_SCOPE,
		       (struct answer){
			       403, 0, "scope",
			       "The token has to cover exactly one workflow, and that one needs a webhook trigger."});
}

void payload_post(void *arg, tappet_request *request)
{
	struct webhook *w = arg;
	struct body body;
	tappet_grant grant;
	if (!caller_check(w, request, TAPPET_SCOPE_TRIGGER, &body, &grant))
		return;
	struct binding *binding = grant.workflow_id[0] ? triggers_find_plain(&w->triggers, grant.workflow_id) : NULL;
	if (!binding) {
		refuse_absent(w, request, grant.workflow_id);
		return;
	}
	tappet_trigger *trigger = binding->trigger;
	if (w->http->header(request, "Idempotency-Key").len > DEDUP_KEY_MAX) {
		static const char detail[] = "The Idempotency-Key is longer than 255 bytes.";
		w->host->refuse(w->self, trigger, TAPPET_REASON_MALFORMED, tappet_cstr(detail));
		answer_problem(w, request, (struct answer){400, 0, "malformed", detail});
		return;
	}
	int32_t r = emit_body(w, binding, request, &body);
	if (r < 0) {
		int32_t reason;
		struct answer answer = answer_for_emit_error(r, &reason);
		w->host->refuse(w->self, trigger, reason, tappet_cstr(answer.detail));
		answer_problem(w, request, answer);
	}
}
