#include "api/internal.h"

#include <errno.h>
#include "model/surface.h"

static const struct api_endpoint endpoints[] = {
	{SURFACE_API, "GET", "/api/v1", api_system_about},
	{SURFACE_API, "GET", "/api/v1/workflows", api_workflows_list},
	{SURFACE_API, "GET", "/api/v1/workflows/{workflow}", api_workflows_get},
	{SURFACE_API, "PUT", "/api/v1/workflows/{workflow}", api_definitions_put},
	{SURFACE_API, "DELETE", "/api/v1/workflows/{workflow}", api_definitions_delete},
	{SURFACE_API, "GET", "/api/v1/workflows/{workflow}/revisions", api_revisions_list},
	{SURFACE_API, "GET", "/api/v1/workflows/{workflow}/revisions/{revision}", api_revisions_get},
	{SURFACE_API, "GET", "/api/v1/workflows/{workflow}/diff", api_revisions_diff},
	{SURFACE_API, "GET", "/api/v1/workflows/{workflow}/why", api_workflows_why},
	{SURFACE_API, "POST", "/api/v1/workflows/{workflow}/run", api_workflows_run},
	{SURFACE_API, "POST", "/api/v1/workflows/{workflow}/enable", api_workflows_enable},
	{SURFACE_API, "POST", "/api/v1/workflows/{workflow}/disable", api_workflows_disable},
	{SURFACE_API, "POST", "/api/v1/workflows/{workflow}/triggers/{trigger}/enable", api_workflows_enable},
	{SURFACE_API, "POST", "/api/v1/workflows/{workflow}/triggers/{trigger}/disable", api_workflows_disable},
	{SURFACE_API, "GET", "/api/v1/workflows/{workflow}/triggers/{trigger}", api_triggers_get},
	{SURFACE_API, "GET", "/api/v1/triggers", api_triggers_list},
	{SURFACE_API, "GET", "/api/v1/activities", api_activities_list},
	{SURFACE_API, "GET", "/api/v1/activities/{activity}", api_activities_get},
	{SURFACE_API, "POST", "/api/v1/activities/{activity}/cancel", api_activities_cancel},
	{SURFACE_API, "POST", "/api/v1/activities/{activity}/replay", api_activities_replay},
	{SURFACE_API, "POST", "/api/v1/activities/{activity}/steps/{step}/approve", api_steps_approve},
	{SURFACE_API, "POST", "/api/v1/activities/{activity}/steps/{step}/reject", api_steps_reject},
	{SURFACE_API, "GET", "/api/v1/activities/{activity}/logs", api_activities_logs},
	{SURFACE_API, "POST", "/api/v1/actions/{topic}", api_actions_emit},
	{SURFACE_API, "GET", "/api/v1/tokens", api_tokens_list},
	{SURFACE_API, "POST", "/api/v1/tokens", api_tokens_create},
	{SURFACE_API, "POST", "/api/v1/tokens/{token}/renew", api_tokens_renew},
	{SURFACE_API, "DELETE", "/api/v1/tokens/{token}", api_tokens_revoke},
	{SURFACE_API, "GET", "/api/v1/events", api_events_list},
	{SURFACE_API, "GET", "/api/v1/refusals", api_refusals_list},
	{SURFACE_API, "GET", "/api/v1/plugins", api_system_plugins},
	{SURFACE_API, "POST", "/api/v1/reload", api_system_reload},
	{SURFACE_API, "POST", "/api/v1/backup", api_system_backup},
	{SURFACE_API, "GET", "/api/v1/metrics", api_system_metrics},
	{SURFACE_HEALTH, "GET", "/healthz", api_system_health},
	{SURFACE_HEALTH, "GET", "/readyz", api_system_ready},
	{SURFACE_METRICS, "GET", "/metrics", api_system_metrics},
};

#define ENDPOINT_COUNT (sizeof(endpoints) / sizeof(endpoints[0]))

static void serve(void *arg, struct http_request *r)
{
	const struct api_route *route = arg;
	struct api *a = route->api;
	if (!api_authorize(a, r, route->endpoint->surfaces))
		return;
	/* Before the definitions are in, an empty list would be a lie and a 404 as well. */
	if (route->endpoint->surfaces == SURFACE_API && !a->started) {
		http_problem(r, 503, "starting", "the daemon is starting", 1);
		return;
	}
	route->endpoint->serve(a, r);
}

static int add_routes(struct api *a)
{
	a->routes = calloc(ENDPOINT_COUNT, sizeof(*a->routes));
	if (!a->routes)
		return -ENOMEM;
	for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
		struct api_route *route = &a->routes[i];
		const struct api_endpoint *endpoint = &endpoints[i];
		*route = (struct api_route){.api = a, .endpoint = endpoint};
		int r = gateway_route(a->options.gateway, endpoint->surfaces, endpoint->methods, endpoint->pattern,
				      serve, route, &route->route);
		if (r < 0)
			return r;
		a->route_count++;
	}
	return 0;
}

int api_open(const struct api_options *options, struct api **ret)
{
	struct api *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->options = *options;
	a->options.admin_token = NULL;
	a->options.public_url = NULL;
	a->references = 1;
	a->unauthorized =
		metrics_counter(options->metrics, "tappet_api_unauthorized_total",
				"Requests to the API without the admin token, or from a host that may not.", NULL);
	api_set_admin_token(a, options->admin_token);
	int r = api_streams_init(a);
	if (r >= 0)
		r = api_set_public_url(a, options->public_url);
	if (r >= 0)
		r = add_routes(a);
	if (r < 0) {
		api_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void api_ready(struct api *a, bool ready)
{
	a->ready = ready;
	a->started = a->started || ready;
	if (!ready)
		api_streams_end(a);
}

void api_free(struct api *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->route_count; i++)
		gateway_unroute(a->routes[i].route);
	a->route_count = 0;
	a->ready = false;
	a->closed = true;
	api_streams_close(a);
	api_unref(a);
}
