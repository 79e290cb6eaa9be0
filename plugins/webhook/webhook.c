/* Descriptor and lifecycle. webhook.h says what the other parts are for. */
#include <stdlib.h>
#include "webhook.h"

#define VERSION "0.1.0"

static void check_stopped(struct webhook *w)
{
	if (!w->stopping || w->stopped || w->in_flight > 0)
		return;
	w->stopped = true;
	w->http->route_remove(w->payload_route);
	w->http->route_remove(w->status_route);
	w->host->stopped(w->self);
}

void webhook_begin(struct webhook *w)
{
	w->in_flight++;
}

void webhook_end(struct webhook *w)
{
	w->in_flight--;
	check_stopped(w);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	(void)config;
	struct webhook *w = calloc(1, sizeof(*w));
	if (!w)
		return TAPPET_ENOMEM;
	w->host = host;
	w->self = self;
	w->http = host->capability(self, TAPPET_HTTP_1);
	w->auth = host->capability(self, TAPPET_AUTH_1);
	w->activity = host->capability(self, TAPPET_ACTIVITY_1);
	if (!w->http || !w->auth || !w->activity) {
		free(w);
		return TAPPET_ENOTSUP;
	}
	*ret_state = w;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_trigger)
{
	struct webhook *w = state;
	struct binding *binding;
	int32_t r = triggers_add(&w->triggers, info->workflow_id, trigger, &binding);
	if (r < 0)
		return r;
	*ret_trigger = binding;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct webhook *w = state;
	triggers_remove(&w->triggers, trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	free(trigger_state);
}

static int32_t start(void *state)
{
	struct webhook *w = state;
	int32_t r = w->http->route_add(w->self, "POST", "/webhook/payload", payload_post, w, &w->payload_route);
	if (r < 0)
		return r;
	r = w->http->route_add(w->self, "GET,DELETE", "/webhook/status/{activityId}", status_request, w,
			       &w->status_route);
	if (r < 0)
		w->http->route_remove(w->payload_route);
	return r;
}

/* Every request under way ends with a callback of the host, so there is nothing to do here about the deadline. */
static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	struct webhook *w = state;
	w->stopping = true;
	check_stopped(w);
}

static void destroy(void *state)
{
	struct webhook *w = state;
	triggers_release(&w->triggers);
	free(w);
}

static const char *const needs[] = {TAPPET_HTTP_1, TAPPET_AUTH_1, TAPPET_ACTIVITY_1, NULL};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 1,
	.name = "webhook",
	.version = VERSION,
	.license = "MIT",
	.summary = "Starts a workflow by POST /webhook/payload with a token, and tells its status.",
	.option_size = sizeof(tappet_option),
	.sample = "{\"body\":{\"properties\":{\"branch\":\"main\"}}}",
	.needs = needs,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.stop = stop,
	.destroy = destroy,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
