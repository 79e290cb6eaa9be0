/* Starts a workflow every so often. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/plugin.h>

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	int under_way; /* emissions whose callback has not fired */
	int stopping;
};

struct trigger {
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_timer *timer;
	long ticks;
};

static const tappet_option trigger_options[] = {
	{"every", TAPPET_DURATION, 0, "1m", "How often.", NULL},
};

static void check_stopped(struct plugin *plugin)
{
	if (plugin->stopping && plugin->under_way == 0)
		plugin->host->stopped(plugin->self);
}

/* The activity is on disk, or it never will be. */
static void settled(void *arg, const tappet_result *result)
{
	struct plugin *plugin = (struct plugin *)arg;
	tappet_field field = {"result", tappet_cstr(tappet_strerror(result->outcome))};

	plugin->host->log(plugin->self, TAPPET_LOG_DEBUG, "ticked", &field, 1);
	plugin->under_way--;
	check_stopped(plugin);
}

static void fire(void *arg)
{
	struct trigger *trigger = (struct trigger *)arg;
	struct plugin *plugin = trigger->plugin;
	tappet_emission emission;
	char payload[40];

	if (plugin->stopping)
		return;
	snprintf(payload, sizeof(payload), "{\"tick\":%ld}", ++trigger->ticks);
	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = tappet_cstr(payload);
	/* Without credit (TAPPET_EBUSY) this tick is left out. */
	if (plugin->host->emit(trigger->handle, &emission, settled, plugin) == TAPPET_OK)
		plugin->under_way++;
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)calloc(1, sizeof(*plugin));

	(void)config;
	if (!plugin)
		return TAPPET_ENOMEM;
	plugin->host = host;
	plugin->self = self;
	*ret_state = plugin;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger = (struct trigger *)calloc(1, sizeof(*trigger));
	int64_t every = 0;
	int32_t r;

	if (!trigger)
		return TAPPET_ENOMEM;
	trigger->plugin = plugin;
	trigger->handle = handle;
	r = plugin->host->config_int(info->config, "every", 0, &every);
	if (r == TAPPET_OK)
		r = plugin->host->timer_start(plugin->self, every, every, fire, trigger, &trigger->timer);
	if (r != TAPPET_OK) {
		free(trigger);
		return r;
	}
	*ret_state = trigger;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	((struct plugin *)state)->host->timer_stop(((struct trigger *)trigger_state)->timer);
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
	check_stopped((struct plugin *)state);
}

static const tappet_plugin plugin_descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 0,
	.name = "@NAME@",
	.version = "0.1.0",
	.license = "MIT",
	.summary = "Starts a workflow every so often.",
	.options = NULL,
	.option_count = 0,
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"tick\":1}",
	.needs = NULL,
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
