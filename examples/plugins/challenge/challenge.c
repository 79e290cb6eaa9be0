/* An HTTP endpoint whose sender first wants to see that we mean it: before it sends events it asks GET PATH with hub.challenge, and
 * expects the challenge back (WebSub does it so). Each POST PATH then starts the workflow. Both show the verify token in the URL. It
 * shows routes of a trigger's own, a secret, an answer only after the commit, and what to answer to each outcome. */
#include <stdlib.h>
#include <string.h>
#include <tappet/http.h>

struct plugin {
	const tappet_host *host;
	const tappet_http1 *http;
	tappet_instance *self;
	int under_way; /* requests that wait for the outcome of their emission */
	int stopping;
};

struct trigger {
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_route *route;
	char token[257];
};

struct call {
	struct plugin *plugin;
	tappet_request *request;
};

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_REQUIRED, NULL, "Where the sender calls, such as /meta/page.", NULL},
	{"verifyToken", TAPPET_STRING, TAPPET_REQUIRED | TAPPET_SECRET, NULL,
	 "What the sender shows as hub.verify_token; at most 256 bytes.", NULL},
};

static void check_stopped(struct plugin *p)
{
	if (p->stopping && p->under_way == 0)
		p->host->stopped(p->self);
}

/* Takes as long for a good guess as for a bad one. */
static int same_secret(const char *secret, tappet_str guess)
{
	const size_t len = strlen(secret);
	unsigned char difference = guess.len != len;
	for (size_t i = 0; i < len; i++)
		difference |= (unsigned char)(secret[i] ^ (i < guess.len ? guess.ptr[i] : 0));
	return difference == 0;
}

/* Plain text, whatever the challenge is: it comes from outside and goes back there. */
static void echo_challenge(const struct plugin *p, tappet_request *request)
{
	const tappet_http_header type = {tappet_cstr("Content-Type"), tappet_cstr("text/plain")};
	const tappet_str challenge = p->http->query_value(request, "hub.challenge");
	p->http->respond(request, challenge.ptr ? 200 : 400, &type, 1, challenge);
}

static void settled(void *arg, const tappet_result *result)
{
	struct call *call = arg;
	struct plugin *p = call->plugin;
	if (result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP)
		p->http->respond(call->request, 202, NULL, 0, tappet_cstr(result->activity_id));
	else if (result->outcome == TAPPET_EREFUSED) /* for good: the sender is not to try again */
		p->http->respond(call->request, 200, NULL, 0, tappet_cstr("not wanted"));
	else if (result->outcome == TAPPET_ECONFLICT)
		p->http->problem(call->request, 409, "conflict", "The same delivery came with another body.", 0);
	else
		p->http->problem(call->request, 503, "not-stored", tappet_strerror(result->outcome), 1);
	free(call);
	p->under_way--;
	check_stopped(p);
}

static int32_t emit(struct trigger *t, tappet_request *request)
{
	struct plugin *p = t->plugin;
	struct call *call = malloc(sizeof(*call));
	if (!call)
		return TAPPET_ENOMEM;
	*call = (struct call){p, request};
	const tappet_emission emission = {
		.struct_size = sizeof(emission),
		.payload = p->http->body(request),
		.dedup_key = p->http->header(request, "Idempotency-Key"),
	};
	const int32_t r = p->host->emit(t->handle, &emission, settled, call);
	if (r == TAPPET_OK)
		p->under_way++;
	else
		free(call);
	return r;
}

static void take_event(struct trigger *t, tappet_request *request)
{
	const struct plugin *p = t->plugin;
	const int32_t r = emit(t, request);
	const int bad = r == TAPPET_EINVAL || r == TAPPET_ETOOBIG;
	if (r == TAPPET_OK)
		return;
	p->host->refuse(p->self, t->handle, bad ? TAPPET_REASON_MALFORMED : TAPPET_REASON_QUEUE_FULL,
			tappet_cstr("no JSON, or too much"));
	p->http->problem(request, bad ? 400 : 503, bad ? "malformed" : "busy", tappet_strerror(r), bad ? 0 : 1);
}

static void on_request(void *arg, tappet_request *request)
{
	struct trigger *t = arg;
	const struct plugin *p = t->plugin;
	if (!same_secret(t->token, p->http->query_value(request, "hub.verify_token"))) {
		p->host->refuse(p->self, t->handle, TAPPET_REASON_TOKEN, tappet_cstr("another verify token"));
		p->http->problem(request, 403, "token", "That is not the verify token.", 0);
	} else if (p->http->method(request).ptr[0] == 'P')
		take_event(t, request);
	else /* GET, or HEAD, which comes with it */
		echo_challenge(p, request);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = *ret_state = calloc(1, sizeof(*p));
	(void)config;
	if (p)
		*p = (struct plugin){.host = host, .http = host->capability(self, TAPPET_HTTP_1), .self = self};
	return p ? TAPPET_OK : TAPPET_ENOMEM;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	tappet_str path, token = {NULL, 0};
	struct trigger *t = *ret_state = calloc(1, sizeof(*t));
	if (!t)
		return TAPPET_ENOMEM;
	*t = (struct trigger){.plugin = p, .handle = handle};
	int32_t r = p->host->config_str(info->config, "verifyToken", 0, &token);
	if (r == TAPPET_OK && (token.len == 0 || token.len >= sizeof(t->token)))
		r = TAPPET_EINVAL;
	if (r == TAPPET_OK)
		r = p->host->config_str(info->config, "path", 0, &path);
	if (r == TAPPET_OK) {
		memcpy(t->token, token.ptr, token.len);
		r = p->http->route_add(p->self, "GET,POST", path.ptr, on_request, t, &t->route);
	}
	if (r != TAPPET_OK)
		free(t);
	return r;
}

static void trigger_remove(void *state, void *trigger_state)
{
	((struct plugin *)state)->http->route_remove(((struct trigger *)trigger_state)->route);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	free(trigger_state);
}

static int32_t start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	((struct plugin *)state)->stopping = 1;
	check_stopped(state);
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "challenge",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Webhooks whose sender wants its challenge back before it sends anything.",
	.trigger_options = trigger_options,
	.trigger_option_count = 2,
	.option_size = sizeof(tappet_option),
	.sample = "{\"any\":\"JSON\"}",
	.needs = (const char *const[]){TAPPET_HTTP_1, NULL},
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
