/* An HTTP endpoint for senders that first prove by a handshake that the endpoint is theirs to call (WebSub, and the many
 * services that took its words): GET /challenge/WORKFLOW echoes hub.challenge, POST /challenge/WORKFLOW is an event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/auth.h>
#include <tappet/http.h>

#define CHALLENGE_MAX 512

struct plugin {
	const tappet_host *host;
	const tappet_http1 *http;
	const tappet_auth1 *auth;
	tappet_instance *self;
	tappet_route *handshake, *events;
	struct trigger *triggers;
	int under_way; /* requests that wait for the outcome of their emission */
	int stopping;
};

struct trigger {
	struct trigger *next;
	tappet_trigger *handle;
	char workflow_id[25], workflow_slug[101];
	char verify_token[257];
};

struct call {
	struct plugin *plugin;
	tappet_request *request;
};

static const tappet_option trigger_options[] = {
	{"verifyToken", TAPPET_STRING, TAPPET_REQUIRED | TAPPET_SECRET, NULL,
	 "What the sender shows as hub.verify_token in its handshake; at most 256 bytes.", NULL},
};

static int same(const char *a, tappet_str b)
{
	return b.ptr && strlen(a) == b.len && memcmp(a, b.ptr, b.len) == 0;
}

/* Takes as long for a good guess as for a bad one. */
static int same_secret(const char *secret, tappet_str guess)
{
	size_t len = strlen(secret);
	unsigned char difference = guess.len != len;

	for (size_t i = 0; i < guess.len && i < len; i++)
		difference |= (unsigned char)(secret[i] ^ guess.ptr[i]);
	return difference == 0;
}

static struct trigger *find(const struct plugin *p, tappet_request *request)
{
	struct trigger *trigger = p->triggers;

	while (trigger && !same(trigger->workflow_slug, p->http->param(request, "workflow")))
		trigger = trigger->next;
	return trigger;
}

/* The text is the caller's own, so a browser must not take it for a page. */
static void on_handshake(void *arg, tappet_request *request)
{
	const tappet_http_header headers[] = {
		{tappet_cstr("Content-Type"), tappet_cstr("text/plain")},
		{tappet_cstr("X-Content-Type-Options"), tappet_cstr("nosniff")},
	};
	struct plugin *p = arg;
	const struct trigger *trigger = find(p, request);
	tappet_str challenge = p->http->query_value(request, "hub.challenge");

	if (!trigger || !same_secret(trigger->verify_token, p->http->query_value(request, "hub.verify_token"))) {
		p->host->refuse(p->self, trigger ? trigger->handle : NULL, TAPPET_REASON_TOKEN,
				tappet_cstr("handshake"));
		p->http->problem(request, 403, "wrong-verify-token", "hub.verify_token is not the workflow's.", 0);
	} else if (!same("subscribe", p->http->query_value(request, "hub.mode")) || challenge.len == 0 ||
		   challenge.len > CHALLENGE_MAX) {
		p->http->problem(request, 400, "malformed",
				 "Expected hub.mode=subscribe and a hub.challenge of 1 to 512 bytes.", 0);
	} else {
		p->http->respond(request, 200, headers, 2, challenge);
	}
}

static void check_stopped(struct plugin *p)
{
	if (!p->stopping || p->under_way > 0)
		return;
	if (p->handshake)
		p->http->route_remove(p->handshake);
	if (p->events)
		p->http->route_remove(p->events);
	p->handshake = p->events = NULL;
	p->host->stopped(p->self);
}

/* Only now is it known whether the activity is on disk. A 2xx any earlier would be a promise that a crash can break: the sender
 * would not send again. */
static void settled(void *arg, const tappet_result *result)
{
	const tappet_http_header type = {tappet_cstr("Content-Type"), tappet_cstr("application/json")};
	struct call *call = arg;
	struct plugin *p = call->plugin;
	char body[64];

	if (result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP) {
		snprintf(body, sizeof(body), "{\"activityId\":\"%s\"}", result->activity_id);
		p->http->respond(call->request, 202, &type, 1, tappet_cstr(body));
	} else if (result->outcome == TAPPET_EREFUSED || result->outcome == TAPPET_ECONFLICT) {
		p->http->problem(call->request, 409, "refused", "The workflow did not take it.", 0);
	} else {
		p->http->problem(call->request, 503, "not-stored", tappet_strerror(result->outcome), 1);
	}
	free(call);
	p->under_way--;
	check_stopped(p);
}

/* Senders repeat what was not answered, so their delivery's id is the dedup key. */
static int32_t emit(struct plugin *p, const struct trigger *trigger, tappet_request *request)
{
	struct call *call = malloc(sizeof(*call));
	int32_t r;

	if (!call)
		return TAPPET_ENOMEM;
	*call = (struct call){p, request};
	r = p->host->emit(trigger->handle,
			  &(tappet_emission){.struct_size = sizeof(tappet_emission),
					     .payload = p->http->body(request),
					     .dedup_key = p->http->header(request, "Idempotency-Key")},
			  settled, call);
	if (r == TAPPET_OK)
		p->under_way++;
	else
		free(call);
	return r;
}

/* The token is part of the URL that the sender was given: few of them can be told to send a header. */
static int32_t authorize(const struct plugin *p, const struct trigger *trigger, tappet_request *request)
{
	tappet_grant grant = {.struct_size = sizeof(grant)};
	int32_t r = p->auth->check(p->self, p->http->query_value(request, "token"), &grant);

	if (r != TAPPET_OK)
		return r;
	if (!trigger || !(grant.scopes & TAPPET_SCOPE_TRIGGER) ||
	    p->auth->covers(p->self, grant.token_id, trigger->workflow_id) != 1)
		return TAPPET_EDENIED;
	return TAPPET_OK;
}

/* A workflow that is not there is denied like one that the token does not cover: nobody can try out names. */
static void on_event(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	const struct trigger *trigger = find(p, request);
	int32_t r = authorize(p, trigger, request);

	if (r != TAPPET_OK)
		p->host->refuse(p->self, trigger ? trigger->handle : NULL, TAPPET_REASON_TOKEN, tappet_cstr("event"));
	else
		r = emit(p, trigger, request);
	if (r == TAPPET_EDENIED)
		p->http->problem(request, 403, "denied", "The token is not good for this workflow.", 0);
	else if (r == TAPPET_EINVAL)
		p->http->problem(request, 400, "malformed", "The body has to be JSON, and the key short.", 0);
	else if (r == TAPPET_ETOOBIG)
		p->http->problem(request, 413, "too-large", "The body is too large.", 0);
	else if (r != TAPPET_OK)
		p->http->problem(request, 503, "busy", tappet_strerror(r), 1);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));

	(void)config;
	if (!p)
		return TAPPET_ENOMEM;
	/* `needs` names both: a host without them does not get this far. */
	*p = (struct plugin){.host = host,
			     .self = self,
			     .http = host->capability(self, TAPPET_HTTP_1),
			     .auth = host->capability(self, TAPPET_AUTH_1)};
	*ret_state = p;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	struct trigger *trigger = calloc(1, sizeof(*trigger));
	tappet_str token;
	int32_t r = trigger ? p->host->config_str(info->config, "verifyToken", 0, &token) : TAPPET_ENOMEM;

	if (r == TAPPET_OK && (token.len == 0 || token.len >= sizeof(trigger->verify_token)))
		r = TAPPET_EINVAL;
	if (r != TAPPET_OK) {
		free(trigger);
		return r;
	}
	trigger->handle = handle;
	memcpy(trigger->verify_token, token.ptr, token.len);
	snprintf(trigger->workflow_id, sizeof(trigger->workflow_id), "%s", info->workflow_id);
	snprintf(trigger->workflow_slug, sizeof(trigger->workflow_slug), "%s", info->workflow_slug);
	trigger->next = p->triggers;
	p->triggers = trigger;
	*ret_state = trigger;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct trigger **at = &((struct plugin *)state)->triggers;

	while (*at != trigger_state)
		at = &(*at)->next;
	*at = (*at)->next;
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	free(trigger_state);
}

static int32_t start(void *state)
{
	struct plugin *p = state;
	int32_t r = p->http->route_add(p->self, "GET", "/challenge/{workflow}", on_handshake, p, &p->handshake);

	if (r == TAPPET_OK)
		r = p->http->route_add(p->self, "POST", "/challenge/{workflow}", on_event, p, &p->events);
	return r;
}

static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	((struct plugin *)state)->stopping = 1;
	check_stopped(state);
}

static const char *const needs[] = {TAPPET_HTTP_1, TAPPET_AUTH_1, NULL};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "challenge",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow by POST /challenge/WORKFLOW, and answers the sender's handshake.",
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"any\":\"JSON\"}",
	.needs = needs,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.stop = stop,
	.destroy = free,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
