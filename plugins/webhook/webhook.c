/* Descriptor and lifecycle. webhook.h says what the other parts are for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "webhook.h"

#define VERSION "0.1.0"

static void close_routes(struct webhook *w)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		w->http->route_remove(w->routes[i]);
	api_close(w);
}

static void check_stopped(struct webhook *w)
{
	if (!w->stopping || w->stopped || w->in_flight > 0)
		return;
	w->stopped = true;
	close_routes(w);
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
	w->histories.lost = host->metric(self, TAPPET_COUNTER, "requests_not_kept_total",
					 "Requests that a trigger should have kept and that could not be stored.");
	*ret_state = w;
	return TAPPET_OK;
}

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_MULTI, NULL, "Further paths, such as \"/github\", beside /webhook/in/WORKFLOW.",
	 NULL},
	{"methods", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Of GET, POST, PUT, PATCH and DELETE; the first three by default.", NULL},
	{"signature", TAPPET_OBJECT, TAPPET_SECRET, NULL,
	 "How the sender signs: a preset or a template, and the secret.", NULL},
	{"auth", TAPPET_JSON, TAPPET_SECRET, NULL,
	 "What the caller has to show: \"token\" (by default, without a signature), \"none\", or one of bearer, basic, "
	 "jwt, "
	 "clientSubject and header.",
	 NULL},
	{"allow", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "The addresses that may call, as CIDR (\"192.0.2.0/24\") or \"unix\".", NULL},
	{"perAddress", TAPPET_STRING, 0, NULL, "How often one address may call, such as \"60/1m\".", NULL},
	{"body", TAPPET_STRING, 0, "auto",
	 "How the body is read: auto (by its Content-Type), json, form, text or bytes.", NULL},
	{"headers", TAPPET_STRING, TAPPET_MULTI, NULL,
	 "Headers that go into the emission beside Content-Type, User-Agent and those of the preset; \"*\": all but "
	 "credentials.",
	 NULL},
	{"dedupHeader", TAPPET_STRING, 0, NULL, "The header that names a delivery, if not that of the preset.", NULL},
	{"cloudEvents", TAPPET_BOOLEAN, 0, "false", "Reads CloudEvents in binary, structured and batch mode.", NULL},
	{"handshake", TAPPET_JSON, TAPPET_SECRET, NULL,
	 "How the sender makes sure: \"slack\", \"discord\", \"cloudevents\" or {\"challenge\": KEY, \"verifyToken\": "
	 "SECRET}.",
	 NULL},
	{"wait", TAPPET_DURATION, 0, "1m", "How long ?wait= may be at most; 0s: nobody waits.", NULL},
	{"success", TAPPET_INTEGER, 0, "200", "The status that says accepted.", NULL},
	{"reply", TAPPET_OBJECT, 0, NULL, "The answer, made of the activity: wait, status, headers and body.", NULL},
	{"cors", TAPPET_OBJECT, 0, NULL,
	 "Which pages of other origins may call: origins, headers, credentials, maxAge.", NULL},
	{"keep", TAPPET_OBJECT, 0, NULL,
	 "Keeps the last requests, to be looked at and replayed: requests (20, at most 100) and maxBody (64KiB), "
	 "larger bodies are "
	 "cut.",
	 NULL},
};

#define OPTION_COUNT (sizeof(trigger_options) / sizeof(trigger_options[0]))

static struct settings_source settings_source(const struct webhook *w, const tappet_config *config)
{
	return (struct settings_source){
		.count = w->host->config_count,
		.str = w->host->config_str,
		.integer = w->host->config_int,
		.boolean = w->host->config_bool,
		.config = config,
		.secrets_resolved = true,
	};
}

static int32_t bind(struct webhook *w, tappet_trigger *trigger, const tappet_trigger_info *info, struct settings *s,
		    struct binding **ret)
{
	struct binding *binding;
	int32_t r = triggers_add(&w->triggers, info, trigger, s, &binding);
	if (r < 0)
		return r;
	if (s->per_address > 0 && !(binding->limit = limit_new(s->per_address, s->per_address_ms)))
		r = TAPPET_ENOMEM;
	if (r == TAPPET_OK)
		r = paths_add(w, binding);
	if (r < 0) {
		paths_remove(w, binding);
		triggers_remove(&w->triggers, binding);
		binding_free(binding);
		return r;
	}
	*ret = binding;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_trigger)
{
	struct webhook *w = state;
	const struct settings_source source = settings_source(w, info->config);
	struct settings *settings;
	struct binding *binding;
	int32_t r = settings_take(&w->settings, &source, trigger_options, OPTION_COUNT, &settings);
	if (r < 0)
		return r;
	r = bind(w, trigger, info, settings, &binding);
	settings_unref(settings);
	if (r < 0)
		return r;
	*ret_trigger = binding;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct webhook *w = state;
	triggers_remove(&w->triggers, trigger_state);
	paths_remove(w, trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	struct binding *binding = trigger_state;
	history_unref(state, binding->history);
	binding_free(binding);
}

static int32_t start(void *state)
{
	static const char any[] = "GET,POST,PUT,PATCH,DELETE,OPTIONS";
	struct webhook *w = state;
	const struct {
		const char *methods, *pattern;
		tappet_http_cb cb;
	} routes[ROUTE_COUNT] = {
		{"POST", "/webhook/payload", payload_post},
		{"GET,DELETE", "/webhook/status/{activityId}", status_request},
		{any, "/webhook/in/{workflow}", in_request},
		{any, "/webhook/in/{workflow}/{trigger}", in_request},
	};
	int32_t r = TAPPET_OK;
	for (size_t i = 0; i < ROUTE_COUNT && r == TAPPET_OK; i++)
		r = w->http->route_add(w->self, routes[i].methods, routes[i].pattern, routes[i].cb, w, &w->routes[i]);
	if (r == TAPPET_OK)
		r = api_open(w);
	if (r < 0)
		close_routes(w);
	return r;
}

/* Every request under way ends with a callback of the host, so there is nothing to do here about the deadline. */
static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	struct webhook *w = state;
	w->stopping = true;
	webhook_begin(w);
	usage_stop(w);
	webhook_end(w);
}

static void destroy(void *state)
{
	struct webhook *w = state;
	triggers_release(&w->triggers);
	histories_release(&w->histories);
	free(w);
}

/* ---- Checking ---- */

struct checking {
	const tappet_checker *checker;
	tappet_check *check;
};

static void tell_mistake(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	const struct checking *c = arg;
	c->checker->mistake(c->check, key, index, pointer, message);
}

static void check_trigger(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	struct checking checking = {checker, check};
	const struct settings_source source = {
		.count = checker->config_count,
		.str = checker->config_str,
		.integer = checker->config_int,
		.boolean = checker->config_bool,
		.config = config,
		.mistakes = {.mistake = tell_mistake, .arg = &checking},
	};
	struct settings *settings;
	char what[256];
	if (settings_read(&source, &settings) < 0)
		return;
	for (size_t i = 0; settings->paths && settings->paths[i]; i++) {
		snprintf(what, sizeof(what), "path %s", settings->paths[i]);
		checker->claim(check, "path", i, "", what);
	}
	settings_unref(settings);
}

static const char *const needs[] = {TAPPET_HTTP_1, TAPPET_AUTH_1, TAPPET_ACTIVITY_1, NULL};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 1,
	.name = "webhook",
	.version = VERSION,
	.license = "MIT",
	.summary = "Starts workflows by HTTP: with a token, or signed by its sender; and tells their status.",
	.trigger_options = trigger_options,
	.trigger_option_count = OPTION_COUNT,
	.option_size = sizeof(tappet_option),
	.sample = "{\"method\":\"POST\",\"path\":\"/webhook/in/site\",\"query\":{},\"headers\":{\"content-type\":"
		  "\"application/json\"},\"remote\":\"192.0.2.1\",\"bodyType\":\"json\",\"body\":{\"properties\":"
		  "{\"branch\":\"main\"}}}",
	.needs = needs,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.check_trigger = check_trigger,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
