/* Starts a workflow by POST /@NAME@/WORKFLOW; the body is the payload. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/http.h>
#include <tappet/plugin.h>

struct trigger;

struct plugin {
	const tappet_host *host;
	const tappet_http1 *http;
	tappet_instance *self;
	tappet_route *route;
	struct trigger *triggers;
	int under_way; /* requests that wait for the outcome of their emission */
	int stopping;
};

struct trigger {
	struct trigger *next;
	tappet_trigger *handle;
	char workflow[101];
};

struct call {
	struct plugin *plugin;
	tappet_request *request;
};

static void check_stopped(struct plugin *plugin)
{
	if (!plugin->stopping || plugin->under_way > 0)
		return;
	plugin->http->route_remove(plugin->route);
	plugin->route = NULL;
	plugin->host->stopped(plugin->self);
}

/* Only now is it known whether the activity is on disk: before that nothing is answered. */
static void settled(void *arg, const tappet_result *result)
{
	struct call *call = (struct call *)arg;
	struct plugin *plugin = call->plugin;
	tappet_http_header type = {tappet_cstr("Content-Type"), tappet_cstr("application/json")};
	char body[64];

	if (result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP) {
		snprintf(body, sizeof(body), "{\"activityId\":\"%s\"}", result->activity_id);
		plugin->http->respond(call->request, 202, &type, 1, tappet_cstr(body));
	} else if (result->outcome == TAPPET_EREFUSED) {
		plugin->http->problem(call->request, 409, "refused", "The workflow did not take it.", 0);
	} else {
		plugin->http->problem(call->request, 503, "not-stored", tappet_strerror(result->outcome), 1);
	}
	free(call);
	plugin->under_way--;
	check_stopped(plugin);
}

static tappet_trigger *find(const struct plugin *plugin, tappet_str workflow)
{
	const struct trigger *trigger = plugin->triggers;

	for (; trigger; trigger = trigger->next)
		if (strlen(trigger->workflow) == workflow.len &&
		    memcmp(trigger->workflow, workflow.ptr, workflow.len) == 0)
			return trigger->handle;
	return NULL;
}

static int32_t emit(struct plugin *plugin, tappet_trigger *trigger, tappet_request *request)
{
	struct call *call = (struct call *)malloc(sizeof(*call));
	tappet_emission emission;
	int32_t r;

	if (!call)
		return TAPPET_ENOMEM;
	call->plugin = plugin;
	call->request = request;
	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = plugin->http->body(request);
	emission.dedup_key = plugin->http->header(request, "Idempotency-Key");
	r = plugin->host->emit(trigger, &emission, settled, call);
	if (r == TAPPET_OK)
		plugin->under_way++;
	else
		free(call);
	return r;
}

/* Whoever may reach the listener may call this: see tappet/auth.h for tokens. */
static void on_request(void *arg, tappet_request *request)
{
	struct plugin *plugin = (struct plugin *)arg;
	tappet_trigger *trigger = find(plugin, plugin->http->param(request, "workflow"));
	int32_t r = trigger ? TAPPET_OK : TAPPET_ENOTFOUND;

	if (trigger && plugin->stopping)
		r = TAPPET_ESTATE;
	if (r == TAPPET_OK)
		r = emit(plugin, trigger, request);
	if (r == TAPPET_ENOTFOUND)
		plugin->http->problem(request, 404, "unknown-workflow", "No workflow of this name waits for it.", 0);
	else if (r == TAPPET_EINVAL || r == TAPPET_ETOOBIG)
		plugin->http->problem(request, 400, "malformed", "The body has to be JSON.", 0);
	else if (r != TAPPET_OK)
		plugin->http->problem(request, 503, "busy", tappet_strerror(r), 1);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)calloc(1, sizeof(*plugin));

	(void)config;
	if (!plugin)
		return TAPPET_ENOMEM;
	plugin->host = host;
	plugin->self = self;
	plugin->http = (const tappet_http1 *)host->capability(self, TAPPET_HTTP_1);
	if (!plugin->http) {
		free(plugin);
		return TAPPET_ENOTSUP;
	}
	*ret_state = plugin;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger = (struct trigger *)calloc(1, sizeof(*trigger));

	if (!trigger)
		return TAPPET_ENOMEM;
	trigger->handle = handle;
	snprintf(trigger->workflow, sizeof(trigger->workflow), "%s", info->workflow_slug);
	trigger->next = plugin->triggers;
	plugin->triggers = trigger;
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
	struct plugin *plugin = (struct plugin *)state;

	return plugin->http->route_add(plugin->self, "POST", "/@NAME@/{workflow}", on_request, plugin, &plugin->route);
}

static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	((struct plugin *)state)->stopping = 1;
	check_stopped((struct plugin *)state);
}

static const char *const needs[] = {TAPPET_HTTP_1, NULL};

static const tappet_plugin plugin_descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 0,
	.name = "@NAME@",
	.version = "0.1.0",
	.license = "MIT",
	.summary = "Starts a workflow by POST /@NAME@/WORKFLOW.",
	.options = NULL,
	.option_count = 0,
	.trigger_options = NULL,
	.trigger_option_count = 0,
	.option_size = sizeof(tappet_option),
	.sample = "{\"any\":\"JSON\"}",
	.needs = needs,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = NULL,
	.resume = NULL,
	.stop = stop,
	.destroy = free,
	.clock_set = NULL,
	.check_options = NULL,
	.check_trigger = NULL,
	.open_trigger = 0,
	.list_checkpoints = 0,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &plugin_descriptor;
}
