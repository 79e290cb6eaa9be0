/* The life of a plugin under test: open, create, start, stop, close, and the table of functions that it is given. */
#include <dlfcn.h>
#include <stdio.h>
#include "exchange.h"

#define WALL_AT_START INT64_C(1577836800000)
#define MONO_AT_START INT64_C(1000000)
#define CREDIT_EMISSIONS 1024
#define CREDIT_BYTES (UINT64_C(64) * 1024 * 1024)
#define DEADLINE_MS 10000
#define BATCH 128
#define SLOW_MS 10

static int64_t table_wall_ms(tappet_instance *self)
{
	return call_allowed(self, "wall_ms") ? self->wall_ms : 0;
}

static int64_t table_mono_ms(tappet_instance *self)
{
	return call_allowed(self, "mono_ms") ? self->mono_ms : 0;
}

static const void *table_capability(tappet_instance *self, const char *name)
{
	if (!name || !call_allowed(self, "capability"))
		return NULL;
	/* Pairs of what testkit_capability was given; the newest counts. */
	for (size_t i = self->capabilities.count; i >= 2; i -= 2)
		if (strcmp(self->capabilities.items[i - 2], name) == 0)
			return self->capabilities.items[i - 1];
	if (strcmp(name, TAPPET_HTTP_1) == 0)
		return &http_table;
	if (strcmp(name, TAPPET_AUTH_1) == 0)
		return &auth_table;
	if (strcmp(name, TAPPET_EVENTS_1) == 0)
		return &events_table;
	if (strcmp(name, TAPPET_WS_1) == 0)
		return &ws_table;
	return strcmp(name, TAPPET_ACTIVITY_1) == 0 ? &activity_table : NULL;
}

static void check_unanswered(testkit *kit)
{
	size_t requests = 0, upgrades = 0;
	list_each (node, &kit->requests)
		*(list_entry(node, struct tappet_request, node)->socket ? &upgrades : &requests) += 1;
	if (requests)
		rule_broken(kit, RULE_HTTP_1, "%zu unanswered", requests);
	if (upgrades)
		rule_broken(kit, RULE_WS_1, "%zu unanswered", upgrades);
}

static void check_sockets(testkit *kit)
{
	const size_t count = testkit_ws_count(kit);
	sockets_release(kit);
	if (count)
		rule_broken(kit, RULE_WS_2, "%zu connections", count);
}

static void table_stopped(tappet_instance *self)
{
	if (!call_allowed(self, "stopped"))
		return;
	if (self->stopped || self->phase != STOPPING) {
		rule_broken(self, RULE_LIFE_1, self->stopped ? "a second time" : "without `stop`");
		return;
	}
	self->stopped = true;
	self->phase = STOPPED;
	if (self->emissions_now)
		rule_broken(self, RULE_EMIT_1, "%llu under way", (unsigned long long)self->emissions_now);
	if (self->operations)
		rule_broken(self, RULE_WORK_1, "%zu under way", self->operations);
	check_unanswered(self);
	check_sockets(self);
}

static const tappet_host host_table = {
	.struct_size = sizeof(tappet_host),
	.abi_major = TAPPET_ABI_MAJOR,
	.abi_minor = TAPPET_ABI_MINOR,
	.log = table_log,
	.config_count = table_config_count,
	.config_str = table_config_str,
	.config_int = table_config_int,
	.config_bool = table_config_bool,
	.emit = table_emit,
	.credit = table_credit,
	.account = table_account,
	.refuse = table_refuse,
	.timer_start = table_timer_start,
	.timer_stop = table_timer_stop,
	.wall_ms = table_wall_ms,
	.mono_ms = table_mono_ms,
	.fd_watch = table_fd_watch,
	.fd_unwatch = table_fd_unwatch,
	.kv_put = table_kv_put,
	.kv_get = table_kv_get,
	.metric = table_metric,
	.metric_add = table_metric_add,
	.metric_set = table_metric_set,
	.metric_observe = table_metric_observe,
	.post = table_post,
	.work = table_work,
	.health = table_health,
	.stopped = table_stopped,
	.capability = table_capability,
	.kv_list = table_kv_list,
};

const tappet_host *testkit_host(void)
{
	return &host_table;
}

/* ---- Opening ---- */

static void init_lists(testkit *kit)
{
	struct list *const lists[] = {&kit->handles,    &kit->triggers, &kit->tasks,           &kit->posts,
				      &kit->timers,     &kit->watches,  &kit->outcomes,        &kit->tokens,
				      &kit->activities, &kit->waiters,  &kit->requests,        &kit->readers,
				      &kit->claims,     &kit->sockets,  &kit->credit_task.node};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		list_init(lists[i]);
}

static testkit *kit_new(void)
{
	testkit *kit = kit_alloc(sizeof(*kit));
	init_lists(kit);
	map_init(&kit->known);
	map_init(&kit->kv);
	pthread_mutex_init(&kit->lock, NULL);
	kit->thread = pthread_self();
	kit->wall_ms = WALL_AT_START;
	kit->mono_ms = MONO_AT_START;
	kit->credit_emissions = CREDIT_EMISSIONS;
	kit->credit_bytes = CREDIT_BYTES;
	kit->credit_task.run = credit_run;
	kit->oldest_event = 1;
	kit->batch_max = BATCH;
	kit->slow_ms = SLOW_MS;
	kit->remote = kit_text("192.0.2.1");
	kit->enabled_answer = TAPPET_ENOTFOUND;
	kit->error = kit_text("");
	return kit;
}

testkit *testkit_open(const tappet_plugin *plugin)
{
	testkit *kit = kit_new();
	load_check(kit, plugin);
	return kit;
}

testkit *testkit_open_file(const char *path)
{
	const tappet_plugin *plugin;
	testkit *kit = kit_new();
	load_open(kit, path, &plugin);
	load_check(kit, plugin);
	return kit;
}

void testkit_on_breach(testkit *kit, testkit_breach_cb cb, void *arg)
{
	kit->breach = cb;
	kit->breach_arg = arg;
}

const char *testkit_error(const testkit *kit)
{
	return kit->error;
}

void testkit_capability(testkit *kit, const char *name, const void *table)
{
	records_add(&kit->capabilities, (void *)(uintptr_t)name);
	records_add(&kit->capabilities, (void *)(uintptr_t)table);
}

void testkit_fail(testkit *kit, size_t nth, int32_t error)
{
	kit->fault = nth;
	kit->fault_error = error;
	kit->failed = 0;
}

int testkit_has_failed(const testkit *kit)
{
	return kit->failed != 0;
}

/* ---- Lifecycle ---- */

int32_t testkit_create(testkit *kit, const char *options)
{
	if (kit->phase != LOADED)
		misuse("testkit_create is called once, first");
	tappet_config *config = config_open(kit, false, "options", options);
	if (!config)
		return TAPPET_EINVAL;
	kit->phase = CREATED;
	callback_begin(kit);
	int32_t r = kit->desc.create(&host_table, kit, config, &kit->state);
	callback_end(kit, "create");
	config_close(config);
	if (r < 0) {
		set_error(kit, "create: %s", tappet_strerror(r));
		kit->phase = STOPPED;
		return r;
	}
	kit->created = true;
	return TAPPET_OK;
}

int32_t testkit_start(testkit *kit)
{
	if (kit->phase != CREATED)
		misuse("testkit_start is called once, behind testkit_create");
	/* Emissions are allowed from inside `start`. */
	kit->phase = STARTED;
	callback_begin(kit);
	int32_t r = kit->desc.start(kit->state);
	callback_end(kit, "start");
	if (r < 0) {
		set_error(kit, "start: %s", tappet_strerror(r));
		kit->phase = STOPPED;
	}
	return r;
}

tappet_trigger *testkit_begin(testkit *kit, const char *options, const char *trigger_options)
{
	tappet_trigger *trigger = NULL;
	if (testkit_create(kit, options) == TAPPET_OK)
		trigger = testkit_trigger_add(kit, "test", trigger_options);
	if (!trigger || testkit_start(kit) < 0)
		misuse("testkit_begin: %s", kit->error);
	testkit_run(kit);
	return trigger;
}

int testkit_stop(testkit *kit, int64_t deadline_ms)
{
	if (kit->phase != STARTED)
		misuse("testkit_stop is called once, behind testkit_start");
	kit->phase = STOPPING;
	kit->deadline_ms = kit->mono_ms + deadline_ms;
	callback_begin(kit);
	kit->desc.stop(kit->state, deadline_ms);
	callback_end(kit, "stop");
	activity_expire(kit);
	testkit_run(kit);
	return kit->stopped;
}

int testkit_has_stopped(const testkit *kit)
{
	return kit->stopped;
}

/* ---- The end ---- */

static void finish(testkit *kit)
{
	testkit_run(kit);
	if (kit->phase == STARTED)
		testkit_stop(kit, DEADLINE_MS);
	kit->hold = false;
	emissions_cancel(kit);
	testkit_run(kit);
	if (kit->phase == STOPPING)
		testkit_advance(kit, kit->deadline_ms - kit->mono_ms);
	kit->phase = STOPPED;
	triggers_end(kit);
	testkit_run(kit);
	timers_release(kit);
	watches_release(kit);
	readers_release(kit);
	if (kit->route_count)
		rule_broken(kit, RULE_HTTP_2, "%zu routes", kit->route_count);
	if (kit->endpoint_count)
		rule_broken(kit, RULE_WS_2, "%zu endpoints", kit->endpoint_count);
	if (!kit->stopped) {
		check_unanswered(kit);
		check_sockets(kit);
	}
}

static void free_kit(testkit *kit)
{
	handles_release(kit);
	posts_release(kit);
	state_release(kit);
	auth_release(kit);
	claims_release(kit);
	activity_release(kit);
	metrics_release(kit);
	router_release(&kit->router);
	map_release(&kit->known);
	list_each_safe (node, &kit->outcomes) {
		free(list_entry(node, struct outcome, node)->detail);
		free(list_entry(node, struct outcome, node));
	}
	records_release(&kit->emissions);
	records_release(&kit->accounts);
	records_release(&kit->refusals);
	records_release(&kit->events);
	records_release(&kit->log);
	records_release(&kit->workflows);
	records_release(&kit->actions);
	free(kit->connects.items);
	records_release(&kit->texts);
	free(kit->capabilities.items);
	free(kit->always.detail);
	free(kit->health.reason);
	free(kit->remote);
	free(kit->client_subject);
	free(kit->public_url);
	free(kit->error);
	free(kit->options);
	free(kit->trigger_options);
	pthread_mutex_destroy(&kit->lock);
	if (kit->object)
		dlclose(kit->object);
	free(kit);
}

void testkit_close(testkit *kit)
{
	if (!kit)
		return;
	if (kit->phase != LOADED)
		finish(kit);
	kit->phase = DESTROYED;
	if (kit->created) {
		callback_begin(kit);
		kit->desc.destroy(kit->state);
		callback_end(kit, "destroy");
	}
	free_kit(kit);
}
