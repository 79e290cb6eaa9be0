/* POST /action/{topic}: the body is the data. Administrators have the same at /api/v1/plugins/action/actions/{topic}, and no
 * token. */
#include <stdio.h>
#include <stdlib.h>
#include "action.h"
#include "scan.h"

/* A request that waits for its action. */
struct call {
	struct plugin *plugin;
	tappet_request *request;
};

static void acted(void *arg, const struct action *a)
{
	struct call *call = arg;
	struct plugin *p = call->plugin;
	struct text members = {0};
	action_write(a, &members);
	answer_end(p, call->request, action_end(a), &members);
	free(call);
	plugin_end(p);
}

/* False: it has been answered. */
static bool check_input(struct plugin *p, tappet_request *request, const struct action_input *in)
{
	const char *problem = topic_problem(in->topic);
	char detail[192];
	if (problem) {
		snprintf(detail, sizeof(detail), "A topic %s.", problem);
		p->host->refuse(p->self, NULL, TAPPET_REASON_MALFORMED, tappet_cstr(detail));
		answer_problem(p, request, 422, "topic", detail);
		return false;
	}
	if (in->data.len > 0 && !scan_is_value(in->data)) {
		p->host->refuse(p->self, NULL, TAPPET_REASON_MALFORMED, tappet_cstr("the body is not JSON"));
		answer_problem(p, request, 422, "invalid-value", "The body is not JSON, or nested too deeply.");
		return false;
	}
	if (in->key.len > MESSAGE_KEY_MAX) {
		answer_problem(p, request, 422, "invalid-value", "The Idempotency-Key is longer than 255 bytes.");
		return false;
	}
	return true;
}

static void serve(struct plugin *p, tappet_request *request, const char *token_id)
{
	const struct action_input in = {
		.topic = p->http->param(request, "topic"),
		.data = p->http->body(request),
		.key = p->http->header(request, "Idempotency-Key"),
		.token_id = token_id,
		.remote = p->http->remote(request),
	};
	if (!check_input(p, request, &in))
		return;
	struct call *call = malloc(sizeof(*call));
	int32_t r = TAPPET_ENOMEM;
	if (call) {
		*call = (struct call){p, request};
		plugin_begin(p);
		r = action_start(p, &in, acted, call);
	}
	if (r == TAPPET_OK)
		return;
	answer_error(p, request, r);
	free(call);
	if (call)
		plugin_end(p);
}

void post_action(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	tappet_grant grant;
	if (!caller_find(p, request, &grant))
		return;
	if (grant.scopes & TAPPET_SCOPE_ACTION)
		serve(p, request, grant.token_id);
	else
		answer_error(p, request, TAPPET_EDENIED);
}

void post_action_admin(void *arg, tappet_request *request)
{
	serve(arg, request, NULL);
}
