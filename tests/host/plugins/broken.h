/* A plugin that breaks no rule, as the ground for the broken_*.c: each has one hook that breaks the rule that its file is called
 * after. */
#ifndef TESTS_HOST_BROKEN_H
#define TESTS_HOST_BROKEN_H

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <tappet/http.h>
#include <unistd.h>

struct state {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	tappet_route *route;
	void *kept; /* for the hooks */
	int count;
};

struct binding {
	struct state *state;
	tappet_trigger *handle;
	tappet_timer *timer;
};

struct hooks {
	void (*describe)(void);
	void (*check)(const tappet_checker *checker, tappet_check *check);
	int32_t (*create)(struct state *s, const tappet_config *config);
	void (*add)(struct state *s, tappet_trigger *handle);
	void (*start)(struct state *s);
	void (*fire)(struct binding *b); /* each second, for each trigger */
	void (*settled)(struct binding *b, const tappet_result *result);
	tappet_http_cb request;
	void (*pause)(struct state *s);
	void (*clock)(struct state *s);
	void (*stop)(struct state *s);
	void (*destroy)(struct state *s);
	int never_stops;
	const tappet_option *options;
	size_t option_count;
};

static const struct hooks hooks; /* in the file that includes this */

static inline void broken_settled(void *arg, const tappet_result *result)
{
	if (hooks.settled)
		hooks.settled(arg, result);
}

static inline int32_t broken_emit(struct state *s, tappet_trigger *trigger, const char *payload, void *arg)
{
	const tappet_emission emission = {.struct_size = sizeof(emission), .payload = tappet_cstr(payload)};
	return s->host->emit(trigger, &emission, broken_settled, arg);
}

static inline void broken_fire(void *arg)
{
	hooks.fire(arg);
}

static inline void broken_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	(void)config;
	hooks.check(checker, check);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct state *s = calloc(1, sizeof(*s));
	if (!s)
		return TAPPET_ENOMEM;
	s->host = host;
	s->self = self;
	s->http = host->capability(self, TAPPET_HTTP_1);
	const int32_t r = hooks.create ? hooks.create(s, config) : TAPPET_OK;
	if (r < 0)
		free(s);
	else
		*ret_state = s;
	return r;
}

static int32_t trigger_add(void *state, tappet_trigger *trigger, const tappet_trigger_info *info, void **ret_state)
{
	struct state *s = state;
	struct binding *b = calloc(1, sizeof(*b));
	(void)info;
	if (!b)
		return TAPPET_ENOMEM;
	*b = (struct binding){.state = s, .handle = trigger};
	if (hooks.fire)
		s->host->timer_start(s->self, 1000, 1000, broken_fire, b, &b->timer);
	if (hooks.add)
		hooks.add(s, trigger);
	*ret_state = b;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct binding *b = trigger_state;
	((struct state *)state)->host->timer_stop(b->timer);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	free(trigger_state);
}

static int32_t start(void *state)
{
	struct state *s = state;
	if (hooks.start)
		hooks.start(s);
	return hooks.request ? s->http->route_add(s->self, "POST", "/broken", hooks.request, s, &s->route) : TAPPET_OK;
}

static void pause_all(void *state)
{
	if (hooks.pause)
		hooks.pause(state);
}

static void clock_set(void *state)
{
	if (hooks.clock)
		hooks.clock(state);
}

static void stop(void *state, int64_t deadline_ms)
{
	struct state *s = state;
	(void)deadline_ms;
	if (hooks.stop)
		hooks.stop(s);
	if (s->route)
		s->http->route_remove(s->route);
	if (!hooks.never_stops)
		s->host->stopped(s->self);
}

static void destroy(void *state)
{
	if (hooks.destroy)
		hooks.destroy(state);
	free(state);
}

#ifndef BROKEN_NAME
#define BROKEN_NAME "broken"
#endif

const tappet_plugin *tappet_plugin_v1(void)
{
	static tappet_plugin plugin;
	if (hooks.describe)
		hooks.describe();
	plugin = (tappet_plugin){
		.struct_size = sizeof(tappet_plugin),
		.abi_minor = TAPPET_ABI_MINOR,
		.name = BROKEN_NAME,
		.version = "1.0",
		.license = "MIT",
		.summary = "Breaks one rule.",
		.options = hooks.options,
		.option_count = hooks.option_count,
		.option_size = sizeof(tappet_option),
		.create = create,
		.trigger_add = trigger_add,
		.trigger_remove = trigger_remove,
		.trigger_free = trigger_free,
		.start = start,
		.pause = pause_all,
		.stop = stop,
		.destroy = destroy,
		.clock_set = clock_set,
		.check_trigger = hooks.check ? broken_check : NULL,
	};
	return &plugin;
}

#endif
