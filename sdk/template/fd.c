/* Starts a workflow for each line that is written into a FIFO; the line is the payload, as JSON. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/plugin.h>
#include <unistd.h>

struct trigger;

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct trigger *triggers;
	int under_way; /* emissions whose callback has not fired */
	int stopping;
};

struct trigger {
	struct trigger *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_fd *watch; /* NULL while there is no credit: writers of the FIFO wait then */
	int fd;
	size_t used;
	char text[4096]; /* what has been read and not emitted; the longest line */
};

static const tappet_option trigger_options[] = {
	{"path", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The FIFO, made by mkfifo(1).", NULL},
};

static void check_stopped(struct plugin *plugin)
{
	if (plugin->stopping && plugin->under_way == 0)
		plugin->host->stopped(plugin->self);
}

static void settled(void *arg, const tappet_result *result)
{
	struct plugin *plugin = (struct plugin *)arg;
	tappet_field field = {"result", tappet_cstr(tappet_strerror(result->outcome))};

	plugin->host->log(plugin->self, TAPPET_LOG_DEBUG, "a line was handed over", &field, 1);
	plugin->under_way--;
	check_stopped(plugin);
}

static int32_t emit(struct trigger *trigger, tappet_str line)
{
	struct plugin *plugin = trigger->plugin;
	tappet_emission emission;
	int32_t r;

	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = line;
	r = plugin->host->emit(trigger->handle, &emission, settled, plugin);
	if (r == TAPPET_OK)
		plugin->under_way++;
	else if (r != TAPPET_EBUSY)
		plugin->host->refuse(plugin->self, trigger->handle, TAPPET_REASON_MALFORMED,
				     tappet_cstr("a line that is not JSON"));
	return r;
}

/* Emits the lines that are complete. 0 when one has to wait for credit. */
static int emit_lines(struct trigger *trigger)
{
	size_t begin = 0;
	int32_t r = TAPPET_OK;
	char *end;

	while (r != TAPPET_EBUSY && (end = (char *)memchr(trigger->text + begin, '\n', trigger->used - begin))) {
		size_t len = (size_t)(end - trigger->text) - begin;
		r = emit(trigger, tappet_strn(trigger->text + begin, len));
		if (r != TAPPET_EBUSY)
			begin += len + 1;
	}
	trigger->used -= begin;
	memmove(trigger->text, trigger->text + begin, trigger->used);
	return r != TAPPET_EBUSY;
}

static void unwatch(struct trigger *trigger)
{
	if (trigger->watch)
		trigger->plugin->host->fd_unwatch(trigger->watch);
	trigger->watch = NULL;
}

static void on_ready(void *arg, int32_t events, int32_t error)
{
	struct trigger *trigger = (struct trigger *)arg;
	struct plugin *plugin = trigger->plugin;
	ssize_t n;

	(void)events;
	if (error || trigger->used == sizeof(trigger->text)) {
		unwatch(trigger);
		plugin->host->health(plugin->self, trigger->handle, TAPPET_HEALTH_DEAD,
				     error ? "the FIFO cannot be read" : "a line is too long", 0);
		return;
	}
	n = read(trigger->fd, trigger->text + trigger->used, sizeof(trigger->text) - trigger->used);
	if (n > 0)
		trigger->used += (size_t)n;
	if (!emit_lines(trigger))
		unwatch(trigger);
}

static int32_t watch(struct trigger *trigger)
{
	struct plugin *plugin = trigger->plugin;

	return plugin->host->fd_watch(plugin->self, trigger->fd, TAPPET_READABLE, on_ready, trigger, &trigger->watch);
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

/* Opened for writing as well: a FIFO without a writer would be at its end. */
static int32_t open_fifo(const tappet_host *host, const tappet_config *config, int *ret_fd)
{
	tappet_str path;
	int32_t r = host->config_str(config, "path", 0, &path);

	if (r != TAPPET_OK)
		return r;
	*ret_fd = open(path.ptr, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return *ret_fd < 0 ? TAPPET_EIO : TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger = (struct trigger *)calloc(1, sizeof(*trigger));
	int32_t r;

	if (!trigger)
		return TAPPET_ENOMEM;
	trigger->plugin = plugin;
	trigger->handle = handle;
	trigger->fd = -1;
	r = open_fifo(plugin->host, info->config, &trigger->fd);
	if (r == TAPPET_OK)
		r = watch(trigger);
	if (r != TAPPET_OK) {
		if (trigger->fd >= 0)
			close(trigger->fd);
		free(trigger);
		return r;
	}
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
	unwatch((struct trigger *)trigger_state);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	close(((struct trigger *)trigger_state)->fd);
	free(trigger_state);
}

static int32_t start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

/* What is in the FIFO waits there for the next start. */
static void pause_all(void *state)
{
	struct trigger *trigger = ((struct plugin *)state)->triggers;

	for (; trigger; trigger = trigger->next)
		unwatch(trigger);
}

static void resume_all(void *state)
{
	struct trigger *trigger = ((struct plugin *)state)->triggers;

	for (; trigger; trigger = trigger->next)
		if (!trigger->watch && emit_lines(trigger))
			watch(trigger);
}

static void stop(void *state, int64_t deadline_ms)
{
	(void)deadline_ms;
	pause_all(state);
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
	.summary = "Starts a workflow for each line that is written into a FIFO.",
	.options = NULL,
	.option_count = 0,
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"a\":\"line\"}",
	.needs = NULL,
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = pause_all,
	.resume = resume_all,
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
