/* Starts a workflow for each text message of a WebSocket server; the message is the payload, as JSON. */
#include <stdlib.h>
#include <string.h>
#include <tappet/plugin.h>
#include <tappet/ws.h>

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define KEY_MAX 255

struct trigger;

struct plugin {
	const tappet_host *host;
	const tappet_ws1 *ws;
	tappet_instance *self;
	struct trigger *triggers;
	int under_way; /* emissions whose callback has not fired, and connections that are not over */
	int started;
	int stopping;
};

struct trigger {
	struct trigger *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_ws *ws; /* NULL when it is over */
	int removed;   /* it may be gone before its connection is */
	int freed;     /* the same */
	char *kept;    /* a message that waits for credit; nothing is received then */
	size_t kept_len;
	char url[1024];
};

static const tappet_option trigger_options[] = {
	{"url", TAPPET_STRING, TAPPET_REQUIRED, NULL, "Where to connect to: ws://host[:port]/path or wss://...", NULL},
};

static void ended_one(struct plugin *plugin)
{
	plugin->under_way--;
	if (plugin->stopping && plugin->under_way == 0)
		plugin->host->stopped(plugin->self);
}

/* ---- Emissions ---- */

static void settled(void *arg, const tappet_result *result)
{
	struct plugin *plugin = (struct plugin *)arg;
	tappet_field field = {"result", tappet_cstr(tappet_strerror(result->outcome))};

	plugin->host->log(plugin->self, TAPPET_LOG_DEBUG, "a message was handed over", &field, 1);
	/* The disk is full, say. A feed that can send again from a cursor would be asked to; here it is recorded. */
	if (result->outcome == TAPPET_ECANCELED || result->outcome == TAPPET_EUNKNOWN)
		plugin->host->refuse(plugin->self, NULL, TAPPET_REASON_STORE, tappet_cstr("a message was not stored"));
	ended_one(plugin);
}

/* Behind the string that begins here. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && at + 1 < end)
			at++;
	return at < end ? at + 1 : end;
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The string or number that comes, as it is written; nothing when it is something else, or too long for a key. */
static tappet_str scalar_at(const char *at, const char *end)
{
	const char *begin;

	while (at < end && (is_space(*at) || *at == ':'))
		at++;
	begin = at;
	if (at < end && *at == '"')
		at = skip_string(at, end);
	else
		while (at < end && ((*at >= '0' && *at <= '9') || *at == '-'))
			at++;
	return tappet_strn(begin, at - begin <= KEY_MAX ? (size_t)(at - begin) : 0);
}

/* "id" of a message that is an object: a message that comes twice starts one workflow. Whether it is JSON at all is the host's to
 * see. */
static tappet_str key_of(tappet_str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len, *begin;
	int depth = 0, is_name = 0;

	while (at < end) {
		begin = at;
		at = *at == '"' ? skip_string(at, end) : at + 1;
		if (is_name && depth == 1 && at - begin == 4 && memcmp(begin, "\"id\"", 4) == 0)
			return scalar_at(at, end);
		depth += (*begin == '{' || *begin == '[') - (*begin == '}' || *begin == ']');
		is_name = *begin == '{' || *begin == ',' || (is_name && is_space(*begin));
	}
	return tappet_strn(NULL, 0);
}

static int32_t emit(struct trigger *trigger, tappet_str message)
{
	struct plugin *plugin = trigger->plugin;
	tappet_emission emission;
	int32_t r;

	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = message;
	emission.dedup_key = key_of(message);
	r = plugin->host->emit(trigger->handle, &emission, settled, plugin);
	if (r == TAPPET_OK)
		plugin->under_way++;
	else if (r != TAPPET_EBUSY)
		plugin->host->refuse(plugin->self, trigger->handle, TAPPET_REASON_MALFORMED,
				     tappet_cstr("a message that is not JSON"));
	return r;
}

/* ---- The connection ---- */

static void health(const struct trigger *trigger, int32_t state, const char *reason, int64_t until_ms)
{
	if (!trigger->removed)
		trigger->plugin->host->health(trigger->plugin->self, trigger->handle, state, reason, until_ms);
}

static void on_open(void *arg, tappet_ws *ws)
{
	(void)ws;
	health((const struct trigger *)arg, TAPPET_HEALTH_RUNNING, NULL, 0);
}

/* The server waits, as nothing more is received, until there is credit again. */
static void keep(struct trigger *trigger, tappet_str message)
{
	trigger->kept = (char *)malloc(message.len + 1);
	trigger->kept_len = message.len;
	if (!trigger->kept)
		trigger->plugin->host->refuse(trigger->plugin->self, trigger->handle, TAPPET_REASON_OTHER,
					      tappet_cstr("out of memory"));
	else if (message.len)
		memcpy(trigger->kept, message.ptr, message.len);
	trigger->plugin->ws->pause(trigger->ws, 1);
}

/* There will be no credit for it any more. */
static void give_up_kept(struct trigger *trigger)
{
	if (trigger->kept)
		trigger->plugin->host->refuse(trigger->plugin->self, trigger->handle, TAPPET_REASON_PLUGIN_DOWN,
					      tappet_cstr("a message that waited for credit"));
	free(trigger->kept);
	trigger->kept = NULL;
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	struct trigger *trigger = (struct trigger *)arg;

	(void)ws;
	if (kind != TAPPET_WS_TEXT)
		trigger->plugin->host->refuse(trigger->plugin->self, trigger->handle, TAPPET_REASON_MALFORMED,
					      tappet_cstr("a message that is not text"));
	else if (emit(trigger, bytes) == TAPPET_EBUSY)
		keep(trigger, bytes);
}

static void release(struct trigger *trigger)
{
	if (trigger->ws || !trigger->freed)
		return;
	free(trigger);
}

/* The host tries again by itself, unless it is over. */
static void on_closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	struct trigger *trigger = (struct trigger *)arg;
	struct plugin *plugin = trigger->plugin;
	const char *reason = end->detail.len ? end->detail.ptr : "the server has closed the connection";

	(void)ws;
	if (end->retry_ms > 0) {
		health(trigger, TAPPET_HEALTH_BACKING_OFF, reason, plugin->host->wall_ms(plugin->self) + end->retry_ms);
		return;
	}
	if (!plugin->stopping)
		health(trigger, TAPPET_HEALTH_DEAD, reason, 0);
	trigger->ws = NULL;
	release(trigger);
	ended_one(plugin);
}

static void open_connection(struct trigger *trigger)
{
	static const tappet_ws_handler handler = {sizeof(handler), on_open, on_message, NULL, on_closed};
	struct plugin *plugin = trigger->plugin;
	tappet_ws_connect_options options;
	int32_t r;

	memset(&options, 0, sizeof(options));
	options.struct_size = sizeof(options);
	options.url = trigger->url;
	options.retry_min_ms = RETRY_MIN_MS;
	options.retry_max_ms = RETRY_MAX_MS;
	r = plugin->ws->connect(plugin->self, &options, &handler, trigger, &trigger->ws);
	if (r == TAPPET_OK)
		plugin->under_way++;
	else
		health(trigger, TAPPET_HEALTH_DEAD, r == TAPPET_EINVAL ? "url is no address" : tappet_strerror(r), 0);
}

static void close_connection(struct trigger *trigger)
{
	if (trigger->ws)
		trigger->plugin->ws->close(trigger->ws, TAPPET_WS_NORMAL, tappet_cstr(NULL));
}

/* ---- The plugin ---- */

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)calloc(1, sizeof(*plugin));

	(void)config;
	if (!plugin)
		return TAPPET_ENOMEM;
	plugin->host = host;
	plugin->ws = (const tappet_ws1 *)host->capability(self, TAPPET_WS_1);
	plugin->self = self;
	*ret_state = plugin;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger = (struct trigger *)calloc(1, sizeof(*trigger));
	tappet_str url;
	int32_t r;

	if (!trigger)
		return TAPPET_ENOMEM;
	r = plugin->host->config_str(info->config, "url", 0, &url);
	if (r == TAPPET_OK && url.len >= sizeof(trigger->url))
		r = TAPPET_ETOOBIG;
	if (r != TAPPET_OK) {
		free(trigger);
		return r;
	}
	memcpy(trigger->url, url.ptr, url.len);
	trigger->plugin = plugin;
	trigger->handle = handle;
	trigger->next = plugin->triggers;
	plugin->triggers = trigger;
	if (plugin->started)
		open_connection(trigger);
	*ret_state = trigger;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct trigger **at = &((struct plugin *)state)->triggers, *trigger = (struct trigger *)trigger_state;

	while (*at != trigger)
		at = &(*at)->next;
	*at = trigger->next;
	trigger->removed = 1;
	give_up_kept(trigger);
	close_connection(trigger);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	((struct trigger *)trigger_state)->freed = 1;
	release((struct trigger *)trigger_state);
}

static int32_t start(void *state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger;

	plugin->started = 1;
	for (trigger = plugin->triggers; trigger; trigger = trigger->next)
		open_connection(trigger);
	return TAPPET_OK;
}

static void pause_all(void *state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger;

	for (trigger = plugin->triggers; trigger; trigger = trigger->next)
		if (trigger->ws)
			plugin->ws->pause(trigger->ws, 1);
}

/* What was kept comes first, or the order would be lost. */
static void resume_all(void *state)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger;

	for (trigger = plugin->triggers; trigger; trigger = trigger->next) {
		if (trigger->kept && emit(trigger, tappet_strn(trigger->kept, trigger->kept_len)) == TAPPET_EBUSY)
			continue;
		free(trigger->kept);
		trigger->kept = NULL;
		if (trigger->ws)
			plugin->ws->pause(trigger->ws, 0);
	}
}

static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *plugin = (struct plugin *)state;
	struct trigger *trigger;

	(void)deadline_ms;
	plugin->stopping = 1;
	plugin->under_way++;
	for (trigger = plugin->triggers; trigger; trigger = trigger->next) {
		give_up_kept(trigger);
		close_connection(trigger);
	}
	ended_one(plugin);
}

static const char *const needs[] = {TAPPET_WS_1, NULL};

static const tappet_plugin plugin_descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 3,
	.name = "@NAME@",
	.version = "0.1.0",
	.license = "MIT",
	.summary = "Starts a workflow for each text message of a WebSocket server.",
	.options = NULL,
	.option_count = 0,
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"id\":\"7\",\"a\":\"message\"}",
	.needs = needs,
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
