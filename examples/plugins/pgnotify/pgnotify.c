/* Starts a workflow for each notification of a channel of PostgreSQL (LISTEN, NOTIFY). It shows how a library with an asynchronous
 * API is driven by a watch: what it waits for changes from step to step, and so may its descriptor. */
#define _GNU_SOURCE 1
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/plugin.h>
#include "../quote.h"

#define RETRY_MS 1000
#define WAIT_MAX_MS 60000
#define CHANNEL_MAX 63   /* NAMEDATALEN - 1 */
#define PAYLOAD_MAX 8000 /* of NOTIFY */

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct trigger *triggers;
	int under_way; /* emissions whose callback has not fired */
	int stopping, paused;
};

struct trigger {
	struct trigger *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_timer *timer;
	tappet_fd *watch;
	PGconn *connection;
	PGnotify *current; /* not settled yet */
	int connected, in_flight, ending;
	int64_t wait_ms, begun_ms;
	long number; /* of the notification, for its dedup key */
	char *conninfo;
	char channel[CHANNEL_MAX + 1];
};

static const tappet_option trigger_options[] = {
	{"connection", TAPPET_STRING, TAPPET_REQUIRED | TAPPET_SECRET, NULL,
	 "As libpq takes it; hosts by address (hostaddr) or socket, as looking names up would block.", NULL},
	{"channel", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The channel to listen on.", NULL},
};

static void on_timer(void *arg);
static void on_ready(void *arg, int32_t events, int32_t error);

static void unwatch(struct trigger *t)
{
	if (t->watch)
		t->plugin->host->fd_unwatch(t->watch);
	t->watch = NULL;
}

static void wait_for(struct trigger *t, int64_t ms)
{
	const tappet_host *host = t->plugin->host;

	if (!t->timer && host->timer_start(t->plugin->self, ms, 0, on_timer, t, &t->timer) != TAPPET_OK)
		host->health(t->plugin->self, t->handle, TAPPET_HEALTH_DEAD, "no timer", 0);
}

/* The watch ends before the library closes its descriptor. */
static void disconnect(struct trigger *t)
{
	unwatch(t);
	PQfinish(t->connection);
	t->connection = NULL;
	t->connected = 0;
}

static void back_off(struct trigger *t)
{
	struct plugin *p = t->plugin;

	disconnect(t);
	p->host->health(p->self, t->handle, TAPPET_HEALTH_BACKING_OFF, "no connection to the database",
			p->host->wall_ms(p->self) + t->wait_ms);
	wait_for(t, t->wait_ms);
	t->wait_ms = t->wait_ms * 2 < WAIT_MAX_MS ? t->wait_ms * 2 : WAIT_MAX_MS;
}

static void watch(struct trigger *t, int32_t events)
{
	struct plugin *p = t->plugin;

	unwatch(t);
	if (p->host->fd_watch(p->self, PQsocket(t->connection), events, on_ready, t, &t->watch) != TAPPET_OK)
		back_off(t);
}

static void drop_current(struct trigger *t)
{
	PQfreemem(t->current);
	t->current = NULL;
	t->number++;
}

static void take(struct trigger *t);

static void settled(void *arg, const tappet_result *result)
{
	struct trigger *t = arg;
	struct plugin *p = t->plugin;

	t->in_flight = 0;
	p->under_way--;
	if (!t->ending && (result->outcome == TAPPET_ECANCELED || result->outcome == TAPPET_EUNKNOWN)) {
		wait_for(t, RETRY_MS);
	} else {
		drop_current(t);
		if (!t->ending)
			take(t);
	}
	if (p->stopping && p->under_way == 0)
		p->host->stopped(p->self);
}

static int32_t emit(struct trigger *t)
{
	struct plugin *p = t->plugin;
	char payload[QUOTE_MAX(CHANNEL_MAX) + QUOTE_MAX(PAYLOAD_MAX) + 32], key[64];
	size_t len = strnlen(t->current->extra, PAYLOAD_MAX), used = (size_t)sprintf(payload, "{\"channel\":");
	int32_t r;

	used += quote(payload + used, t->channel, strlen(t->channel));
	used += (size_t)sprintf(payload + used, ",\"payload\":");
	used += quote(payload + used, t->current->extra, len);
	payload[used++] = '}';
	snprintf(key, sizeof(key), "%lld-%ld", (long long)t->begun_ms, t->number);
	r = p->host->emit(t->handle,
			  &(tappet_emission){.struct_size = sizeof(tappet_emission),
					     .payload = tappet_strn(payload, used),
					     .dedup_key = tappet_cstr(key)},
			  settled, t);
	t->in_flight = r == TAPPET_OK;
	p->under_way += t->in_flight;
	if (r == TAPPET_ENOMEM)
		wait_for(t, RETRY_MS);
	return r;
}

/* Notifications one by one; while one waits nothing is read, and the server keeps the others. */
static void take(struct trigger *t)
{
	struct plugin *p = t->plugin;

	while (!p->paused && !t->in_flight && !t->timer) {
		if (!t->current && t->connected)
			t->current = PQnotifies(t->connection);
		if (!t->current)
			break;
		if (emit(t) != TAPPET_EINVAL)
			break;
		p->host->refuse(p->self, t->handle, TAPPET_REASON_MALFORMED, tappet_cstr("not UTF-8"));
		drop_current(t);
	}
	if (t->current || p->paused)
		unwatch(t);
	else if (t->connected && !t->watch)
		watch(t, TAPPET_READABLE);
}

/* Results of LISTEN; a failure of it is one of the connection. */
static int take_results(struct trigger *t)
{
	PGresult *result;
	int good = 1;

	while (!PQisBusy(t->connection) && (result = PQgetResult(t->connection))) {
		good = good && PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
	}
	return good;
}

static void on_connected(struct trigger *t)
{
	struct plugin *p = t->plugin;
	char *name = PQescapeIdentifier(t->connection, t->channel, strlen(t->channel));
	char query[sizeof("LISTEN ") + 2 * (size_t)CHANNEL_MAX + 2];

	if (name)
		snprintf(query, sizeof(query), "LISTEN %s", name);
	if (!name || !PQsendQuery(t->connection, query)) {
		PQfreemem(name);
		back_off(t);
		return;
	}
	PQfreemem(name);
	t->connected = 1;
	t->wait_ms = RETRY_MS;
	p->host->health(p->self, t->handle, TAPPET_HEALTH_RUNNING, "", 0);
	watch(t, TAPPET_READABLE);
}

static void go_on_connecting(struct trigger *t)
{
	switch (PQconnectPoll(t->connection)) {
	case PGRES_POLLING_READING:
		watch(t, TAPPET_READABLE);
		break;
	case PGRES_POLLING_WRITING:
		watch(t, TAPPET_WRITABLE);
		break;
	case PGRES_POLLING_OK:
		on_connected(t);
		break;
	default:
		back_off(t);
	}
}

static void on_ready(void *arg, int32_t events, int32_t error)
{
	struct trigger *t = arg;

	(void)events;
	if (!error && !t->connected) {
		/* The library may close this descriptor for another one. */
		unwatch(t);
		go_on_connecting(t);
	} else if (error || !PQconsumeInput(t->connection) || !take_results(t)) {
		back_off(t);
	} else {
		take(t);
	}
}

static void on_timer(void *arg)
{
	struct trigger *t = arg;

	t->timer = NULL;
	if (t->current)
		take(t);
	if (t->connection || t->ending)
		return;
	t->connection = PQconnectStart(t->conninfo);
	if (!t->connection || PQstatus(t->connection) == CONNECTION_BAD)
		back_off(t);
	else
		watch(t, TAPPET_WRITABLE);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));

	(void)config;
	if (!p)
		return TAPPET_ENOMEM;
	p->host = host;
	p->self = self;
	*ret_state = p;
	return TAPPET_OK;
}

static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;

	(void)state;
	PQfreemem(t->current);
	free(t->conninfo);
	free(t);
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	struct trigger *t = calloc(1, sizeof(*t));
	tappet_str conninfo, channel;
	int32_t r;

	if (!t)
		return TAPPET_ENOMEM;
	*t = (struct trigger){
		.plugin = p, .handle = handle, .wait_ms = RETRY_MS, .begun_ms = p->host->wall_ms(p->self)};
	r = p->host->config_str(info->config, "connection", 0, &conninfo);
	if (r == TAPPET_OK)
		r = p->host->config_str(info->config, "channel", 0, &channel);
	if (r == TAPPET_OK && (channel.len == 0 || channel.len > CHANNEL_MAX))
		r = TAPPET_EINVAL;
	if (r == TAPPET_OK) {
		memcpy(t->channel, channel.ptr, channel.len);
		t->conninfo = strndup(conninfo.ptr, conninfo.len);
		r = t->conninfo ? p->host->timer_start(p->self, 0, 0, on_timer, t, &t->timer) : TAPPET_ENOMEM;
	}
	if (r != TAPPET_OK) {
		trigger_free(p, t);
		return r;
	}
	t->next = p->triggers;
	p->triggers = t;
	*ret_state = t;
	return TAPPET_OK;
}

static void end(struct trigger *t)
{
	t->ending = 1;
	disconnect(t);
	if (t->timer)
		t->plugin->host->timer_stop(t->timer);
	t->timer = NULL;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct trigger **at = &((struct plugin *)state)->triggers, *t = trigger_state;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	end(t);
}

static int32_t start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

static void pause_all(void *state)
{
	struct plugin *p = state;

	p->paused = 1;
	for (struct trigger *t = p->triggers; t; t = t->next)
		if (t->connected)
			unwatch(t);
}

static void resume_all(void *state)
{
	struct plugin *p = state;

	p->paused = 0;
	for (struct trigger *t = p->triggers; t; t = t->next)
		take(t);
}

static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;

	(void)deadline_ms;
	p->stopping = 1;
	for (struct trigger *t = p->triggers; t; t = t->next)
		end(t);
	if (p->under_way == 0)
		p->host->stopped(p->self);
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "pgnotify",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each notification of a channel of PostgreSQL.",
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"channel\":\"orders\",\"payload\":\"42\"}",
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = pause_all,
	.resume = resume_all,
	.stop = stop,
	.destroy = free,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
