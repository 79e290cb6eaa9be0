/* Written against ABI 1.0, in what C99, C17 and C++17 have in common: emits what is posted to a route, and answers after the
 * commit. */
#include <stdlib.h>
#include <tappet/activity.h>
#include <tappet/auth.h>
#include <tappet/events.h>
#include <tappet/http.h>

struct listener {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	tappet_route *route;
	tappet_trigger *trigger; /* the last one that came */
	void *trigger_state;
	int under_way, stopping;
};

struct posted {
	struct listener *listener;
	tappet_request *request;
};

static void check_stopped(struct listener *l)
{
	if (!l->stopping || l->under_way)
		return;
	l->stopping = 0;
	l->http->route_remove(l->route);
	l->host->stopped(l->self);
}

static void settled(void *arg, const tappet_result *result)
{
	struct posted *p = (struct posted *)arg;
	struct listener *l = p->listener;

	if (result->outcome == TAPPET_OK || result->outcome == TAPPET_EDUP)
		l->http->respond(p->request, 202, NULL, 0, tappet_cstr(result->activity_id));
	else
		l->http->problem(p->request, 503, "not-stored", tappet_strerror(result->outcome), 1);
	free(p);
	l->under_way--;
	check_stopped(l);
}

static void on_post(void *arg, tappet_request *request)
{
	struct listener *l = (struct listener *)arg;
	struct posted *p = (struct posted *)malloc(sizeof(*p));
	tappet_emission emission;
	int32_t r = TAPPET_ENOMEM;

	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = tappet_cstr("{}");
	if (p) {
		p->listener = l;
		p->request = request;
		r = l->trigger ? l->host->emit(l->trigger, &emission, settled, p) : TAPPET_ENOTFOUND;
	}
	if (r == TAPPET_OK) {
		l->under_way++;
		return;
	}
	free(p);
	l->http->problem(request, r == TAPPET_ENOTFOUND ? 404 : 503, "not-taken", tappet_strerror(r), 1);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct listener *l = (struct listener *)calloc(1, sizeof(*l));

	(void)config;
	if (!l)
		return TAPPET_ENOMEM;
	l->host = host;
	l->self = self;
	l->http = (const tappet_http1 *)host->capability(self, TAPPET_HTTP_1);
	*ret_state = l;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct listener *l = (struct listener *)state;

	(void)info;
	l->trigger = handle;
	l->trigger_state = handle;
	*ret_state = handle;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct listener *l = (struct listener *)state;

	if (l->trigger_state == trigger_state)
		l->trigger = NULL;
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	(void)trigger_state;
}

static int32_t start(void *state)
{
	struct listener *l = (struct listener *)state;

	return l->http->route_add(l->self, "POST", "/abi-1-0", on_post, l, &l->route);
}

static void stop(void *state, int64_t deadline_ms)
{
	struct listener *l = (struct listener *)state;

	(void)deadline_ms;
	l->stopping = 1;
	check_stopped(l);
}

static const char *const needs[] = {TAPPET_HTTP_1, NULL};

static const tappet_plugin plugin = {
	sizeof(tappet_plugin),
	TAPPET_ABI_MINOR,
	0,
	"abi-1-0-listener",
	"1.0",
	"MIT",
	"Emits what is posted to a route.",
	NULL,
	0,
	NULL,
	0,
	sizeof(tappet_option),
	"{}",
	needs,
	create,
	trigger_add,
	trigger_remove,
	trigger_free,
	start,
	NULL,
	NULL,
	stop,
	free,
	NULL,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &plugin;
}
