/* Starts a workflow for each event of Home Assistant, by its WebSocket API. It shows how a plugin connects out: it logs in and asks
 * for events each time that the connection has come about, which the host sees to; it takes one message at a time, and lets the
 * server wait while nothing can be taken. */
#define _GNU_SOURCE 1
#include <cjson/cJSON.h>
#include <tappet/ws.h>
#include "../quote.h"
#include "../source.h"

#define TEXT_MAX 1024 /* of an option */
#define RETRY_MAX_MS 60000
#define MESSAGE_MAX (8 * 1024 * 1024)

/* It ends with whichever goes last: the trigger, or its connection. */
struct trigger {
	struct source source;
	const tappet_ws1 *capability;
	tappet_ws *ws; /* NULL before the first attempt, and when it is over */
	int is_over, is_freed;
	char *message; /* not settled yet; nothing more is received */
	size_t message_len;
	char *url, *token, *event, *ca_file; /* the last two: NULL when there is none */
};

static const tappet_option trigger_options[] = {
	{"url", TAPPET_STRING, TAPPET_REQUIRED, NULL, "As wss://home.example.org/api/websocket.", NULL},
	{"token", TAPPET_STRING, TAPPET_REQUIRED | TAPPET_SECRET, NULL, "A long-lived access token.", NULL},
	{"event", TAPPET_STRING, 0, NULL, "The type of events, as state_changed; all when it is left out.", NULL},
	{"caFile", TAPPET_STRING, 0, NULL,
	 "Who has signed the server's certificate, PEM; otherwise whom the system trusts.", NULL},
};

static void health(const struct trigger *t, int32_t state, const char *reason, int64_t until_ms)
{
	const struct plugin *p = t->source.plugin;
	if (!t->source.removed && !p->stopping)
		p->host->health(p->self, t->source.handle, state, reason, until_ms);
}

/* ---- What is said ---- */

static void say(struct trigger *t, const char *before, const char *quoted, const char *after)
{
	char text[QUOTE_MAX(TEXT_MAX)];
	const tappet_str parts[] = {
		tappet_cstr(before),
		tappet_strn(text, quote(text, quoted, strlen(quoted))),
		tappet_cstr(after),
	};
	/* Should it not be taken the connection is over, and the next one begins anew. */
	t->capability->send(t->ws, TAPPET_WS_TEXT, parts, 3);
}

static void log_in(struct trigger *t)
{
	say(t, "{\"type\":\"auth\",\"access_token\":", t->token, "}");
}

static void subscribe(struct trigger *t)
{
	if (t->event)
		say(t, "{\"id\":1,\"type\":\"subscribe_events\",\"event_type\":", t->event, "}");
	else
		say(t, "{\"id\":1,\"type\":", "subscribe_events", "}");
	health(t, TAPPET_HEALTH_RUNNING, NULL, 0);
}

/* No further attempt would do better. */
static void give_up(struct trigger *t, const char *reason)
{
	health(t, TAPPET_HEALTH_DEAD, reason, 0);
	t->is_over = 1;
	if (t->ws)
		t->capability->close(t->ws, TAPPET_WS_NORMAL, tappet_cstr(NULL));
}

/* ---- What is heard ---- */

static void take_event(struct trigger *t, tappet_str message)
{
	t->message = malloc(message.len + 1);
	if (!t->message) {
		source_refuse(&t->source, TAPPET_REASON_OTHER, "out of memory");
		return;
	}
	memcpy(t->message, message.ptr, message.len);
	t->message_len = message.len;
	t->capability->pause(t->ws, 1);
	source_go(&t->source);
}

static void on_message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	struct trigger *t = arg;
	cJSON *message = kind == TAPPET_WS_TEXT ? cJSON_ParseWithLength(bytes.ptr, bytes.len) : NULL;
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "success");
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "type"));
	(void)ws;
	if (!type)
		source_refuse(&t->source, TAPPET_REASON_MALFORMED, "a message without a type");
	else if (strcmp(type, "auth_required") == 0)
		log_in(t);
	else if (strcmp(type, "auth_ok") == 0)
		subscribe(t);
	else if (strcmp(type, "auth_invalid") == 0)
		give_up(t, "the token was turned down");
	else if (strcmp(type, "result") == 0 && cJSON_IsFalse(result))
		give_up(t, "the subscription was turned down");
	else if (strcmp(type, "event") == 0)
		take_event(t, bytes);
	cJSON_Delete(message);
}

static void release(struct trigger *t)
{
	if (t->ws || !t->is_freed)
		return;
	free(t->message);
	free(t->url);
	free(t->token);
	free(t->event);
	free(t->ca_file);
	free(t);
}

static void on_closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	struct trigger *t = arg;
	struct plugin *p = t->source.plugin;
	const char *reason = end->detail.len ? end->detail.ptr : "the server has closed the connection";
	(void)ws;
	if (end->retry_ms) {
		health(t, TAPPET_HEALTH_BACKING_OFF, reason, p->host->wall_ms(p->self) + end->retry_ms);
		return;
	}
	if (!t->is_over)
		health(t, TAPPET_HEALTH_DEAD, reason, 0);
	t->is_over = 1;
	t->ws = NULL;
	release(t);
	plugin_ended_one(p);
}

static void connect_out(struct trigger *t)
{
	static const tappet_ws_handler handler = {
		.struct_size = sizeof(handler), .message = on_message, .closed = on_closed};
	const tappet_ws_connect_options options = {.struct_size = sizeof(options),
						   .url = t->url,
						   .ca_file = t->ca_file,
						   .message_max = MESSAGE_MAX,
						   .retry_min_ms = RETRY_MS,
						   .retry_max_ms = RETRY_MAX_MS};
	struct plugin *p = t->source.plugin;
	const int32_t r = t->capability->connect(p->self, &options, &handler, t, &t->ws);
	if (r == TAPPET_OK)
		p->under_way++;
	else if (r == TAPPET_ENOMEM)
		source_back_off(&t->source, tappet_strerror(r));
	else
		give_up(t, r == TAPPET_EINVAL ? "url is no address of a WebSocket" : tappet_strerror(r));
}

/* ---- As source.h has it ---- */

static int next_message(struct source *s, tappet_emission *item)
{
	struct trigger *t = (struct trigger *)s;
	if (!t->ws && !t->is_over)
		connect_out(t);
	if (t->message)
		item->payload = tappet_strn(t->message, t->message_len);
	return t->message != NULL;
}

static void drop_message(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	free(t->message);
	t->message = NULL;
	if (t->ws)
		t->capability->pause(t->ws, 0);
}

static void disconnect(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	t->is_over = 1;
	if (t->ws)
		t->capability->close(t->ws, TAPPET_WS_NORMAL, tappet_cstr(NULL));
}

static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;
	(void)state;
	t->is_freed = 1;
	release(t);
}

/* An option that is not set gives NULL. */
static int32_t copy_option(const tappet_host *host, const tappet_config *config, const char *key, char **ret)
{
	tappet_str text;
	int32_t r = host->config_str(config, key, 0, &text);
	if (r != TAPPET_OK)
		return r == TAPPET_ENOTFOUND ? TAPPET_OK : r;
	if (text.len > TEXT_MAX)
		return TAPPET_ETOOBIG;
	*ret = strndup(text.ptr, text.len);
	return *ret ? TAPPET_OK : TAPPET_ENOMEM;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	struct trigger *t = *ret_state = calloc(1, sizeof(*t));
	if (!t)
		return TAPPET_ENOMEM;
	const struct {
		const char *key;
		char **to;
	} options[] = {{"url", &t->url}, {"token", &t->token}, {"event", &t->event}, {"caFile", &t->ca_file}};
	int32_t r = TAPPET_OK;
	t->source = SOURCE(p, handle, next_message, drop_message, disconnect);
	t->capability = p->host->capability(p->self, TAPPET_WS_1);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && r == TAPPET_OK; i++)
		r = copy_option(p->host, info->config, options[i].key, options[i].to);
	if (r == TAPPET_OK)
		r = source_add(&t->source);
	if (r != TAPPET_OK)
		trigger_free(state, t);
	return r;
}

static const char *const needs[] = {TAPPET_WS_1, NULL};

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.abi_minor_needed = 3,
	.name = "homeassistant",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each event of Home Assistant.",
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"id\":1,\"type\":\"event\",\"event\":{\"event_type\":\"state_changed\",\"data\":{\"entity_id\":"
		  "\"light.kitchen\"},\"origin\":\"LOCAL\"}}",
	.needs = needs,
	.trigger_add = trigger_add,
	.trigger_free = trigger_free,
	SOURCE_FUNCTIONS,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
