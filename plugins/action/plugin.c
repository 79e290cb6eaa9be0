/* Descriptor and lifecycle. action.h says what the other parts are for. */
#include <stdlib.h>
#include "action.h"

#define VERSION "0.1.0"

static void check_stopped(struct plugin *p)
{
	if (!p->stopping || p->stopped || p->busy > 0)
		return;
	p->stopped = true;
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		p->http->route_remove(p->routes[i]);
	p->ws->endpoint_remove(p->endpoint);
	watch_stop(p);
	p->host->stopped(p->self);
}

void plugin_begin(struct plugin *p)
{
	p->busy++;
}

void plugin_end(struct plugin *p)
{
	p->busy--;
	check_stopped(p);
}

static void begin(void *arg)
{
	plugin_begin(arg);
}

static void end(void *arg)
{
	plugin_end(arg);
}

/* ---- Lifecycle ---- */

static void add_metrics(struct plugin *p)
{
	static const struct {
		int32_t kind;
		const char *name, *help;
	} metrics[COUNTERS] = {
		[COUNT_IN_AUTH] = {TAPPET_COUNTER, "messages_in_auth_total", "Messages that show a token."},
		[COUNT_IN_ACTION] = {TAPPET_COUNTER, "messages_in_action_total", "Messages that are actions."},
		[COUNT_IN_SUBSCRIBE] = {TAPPET_COUNTER, "messages_in_subscribe_total", "Messages that subscribe."},
		[COUNT_IN_UNSUBSCRIBE] = {TAPPET_COUNTER, "messages_in_unsubscribe_total",
					  "Messages that end a subscription."},
		[COUNT_IN_PING] = {TAPPET_COUNTER, "messages_in_ping_total", "Messages that ask for a pong."},
		[COUNT_IN_OTHER] = {TAPPET_COUNTER, "messages_in_other_total",
				    "Messages without a type that is known."},
		[COUNT_OUT_ACK] = {TAPPET_COUNTER, "messages_out_ack_total", "Acknowledgements that were sent."},
		[COUNT_OUT_ERROR] = {TAPPET_COUNTER, "messages_out_error_total", "Errors that were sent."},
		[COUNT_OUT_EVENT] = {TAPPET_COUNTER, "messages_out_event_total",
				     "Messages with one event or several that were sent."},
		[COUNT_OUT_OTHER] = {TAPPET_COUNTER, "messages_out_other_total", "Other messages that were sent."},
		[COUNT_ACTIONS] = {TAPPET_COUNTER, "actions_total", "Actions that were settled, of all ways in."},
		[COUNT_BUSY] = {TAPPET_COUNTER, "actions_busy_total",
				"Actions that were not taken, or not stored for all triggers."},
		[COUNT_DELIVERIES] = {TAPPET_COUNTER, "deliveries_total", "Events that were sent to subscribers."},
		[COUNT_SLOW] = {TAPPET_COUNTER, "slow_total", "Clients that were cut because they read too slowly."},
		[GAUGE_CONNECTIONS] = {TAPPET_GAUGE, "connections", "Clients that are connected."},
		[GAUGE_SUBSCRIPTIONS] = {TAPPET_GAUGE, "subscriptions", "Subscriptions that they have."},
	};
	for (size_t i = 0; i < COUNTERS; i++)
		p->metrics[i] = p->host->metric(p->self, metrics[i].kind, metrics[i].name, metrics[i].help);
}

static void destroy(void *state)
{
	struct plugin *p = state;
	event_texts_release(p);
	matcher_free(p->matcher);
	limits_release(&p->limits);
	free(p);
}

static int32_t find_capabilities(struct plugin *p)
{
	p->http = p->host->capability(p->self, TAPPET_HTTP_1);
	p->auth = p->host->capability(p->self, TAPPET_AUTH_1);
	p->activity = p->host->capability(p->self, TAPPET_ACTIVITY_1);
	p->events = p->host->capability(p->self, TAPPET_EVENTS_1);
	p->ws = p->host->capability(p->self, TAPPET_WS_1);
	return p->http && p->auth && p->activity && p->events && p->ws ? TAPPET_OK : TAPPET_ENOTSUP;
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));
	if (!p)
		return TAPPET_ENOMEM;
	p->host = host;
	p->self = self;
	p->connections_last = &p->connections;
	p->held_last = &p->held;
	p->queue_last = &p->queue;
	p->matcher = matcher_new();
	int32_t r = p->matcher ? find_capabilities(p) : TAPPET_ENOMEM;
	if (r == TAPPET_OK)
		r = limits_read(host, config, &p->limits);
	if (r < 0) {
		destroy(p);
		return r;
	}
	p->connect_owner =
		(struct connect_owner){.host = host, .ws = p->ws, .self = self, .begin = begin, .end = end, .arg = p};
	add_metrics(p);
	*ret_state = p;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_trigger)
{
	struct binding *b;
	const int32_t r = binding_add(state, trigger, info, &b);
	if (r < 0)
		return r;
	*ret_trigger = b;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	(void)state;
	binding_remove(trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	binding_unref(trigger_state);
}

static int32_t add_endpoint(struct plugin *p)
{
	static const char *const protocols[] = {PROTOCOL_OWN, PROTOCOL_CLOUD, NULL};
	const struct limits *l = &p->limits;
	const tappet_ws_endpoint_options options = {
		.struct_size = sizeof(options),
		.pattern = "/action",
		.surface = TAPPET_SURFACE_ACTION,
		.protocols = protocols,
		.origins = (const char *const *)l->origins,
		.message_max = (uint64_t)l->message_max,
		.queue_max = (uint64_t)l->queue_max,
		.ping_ms = l->ping_ms,
		.timeout_ms = l->ping_timeout_ms,
		.no_compression = !l->compression,
	};
	return p->ws->endpoint_add(p->self, &options, connection_request, p, &p->endpoint);
}

static int32_t start(void *state)
{
	struct plugin *p = state;
	const tappet_http1 *http = p->http;
	p->started_ms = p->host->wall_ms(p->self);
	int32_t r = add_endpoint(p);
	if (r == TAPPET_OK)
		r = http->surface_route_add(p->self, TAPPET_SURFACE_ACTION, "POST", "/action/{topic}", post_action, p,
					    &p->routes[0]);
	if (r == TAPPET_OK)
		r = http->surface_route_add(p->self, TAPPET_SURFACE_ACTION, "POST,OPTIONS", "/event", post_events, p,
					    &p->routes[1]);
	if (r == TAPPET_OK)
		r = http->api_route_add(p->self, "POST", "/actions/{topic}", post_action_admin, p, &p->routes[2]);
	/* A host without an API has no administrators either. */
	if (r == TAPPET_ENOTSUP && p->routes[1])
		r = TAPPET_OK;
	if (r == TAPPET_OK) {
		bindings_start(p);
		return r;
	}
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		http->route_remove(p->routes[i]);
	p->ws->endpoint_remove(p->endpoint);
	return r;
}

static void pause_taking(void *state)
{
	struct plugin *p = state;
	p->paused = true;
}

static void resume(void *state)
{
	struct plugin *p = state;
	p->paused = false;
	p->low = false;
	actions_resume(p);
	bindings_resume(p);
}

/* What is under way ends with callbacks of the host, and so do connections. */
static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;
	(void)deadline_ms;
	plugin_begin(p);
	p->stopping = true;
	connections_stop(p);
	bindings_stop(p);
	actions_stop(p);
	plugin_end(p);
}

/* ---- Descriptor ---- */

static const char *const needs[] = {TAPPET_HTTP_1,   TAPPET_AUTH_1, TAPPET_ACTIVITY_1,
				    TAPPET_EVENTS_1, TAPPET_WS_1,   NULL};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 3,
	.name = "action",
	.version = VERSION,
	.license = "MIT",
	.summary = "Starts workflows by actions on topics, and sends events: by WebSocket, HTTP and CloudEvents.",
	.options = plugin_options,
	.option_count = PLUGIN_OPTIONS,
	.trigger_options = trigger_options,
	.trigger_option_count = TRIGGER_OPTIONS,
	.option_size = sizeof(tappet_option),
	.sample =
		"{\"topic\":\"orders.eu.created\",\"words\":[\"orders\",\"eu\",\"created\"],\"data\":{\"number\":4711},"
		"\"key\":\"order-4711\"}",
	.needs = needs,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = pause_taking,
	.resume = resume,
	.stop = stop,
	.destroy = destroy,
	.check_options = options_check,
	.check_trigger = trigger_check,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
