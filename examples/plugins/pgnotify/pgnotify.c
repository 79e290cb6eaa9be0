/* Starts a workflow for each notification of a channel of PostgreSQL (LISTEN, NOTIFY). It shows how a library with an asynchronous
 * API is driven by a watch: what it waits for changes from step to step, and so may its descriptor. */
#define _GNU_SOURCE 1
#include <libpq-fe.h>
#include "../quote.h"
#include "../source.h"

#define CHANNEL_MAX 63   /* NAMEDATALEN - 1 */
#define PAYLOAD_MAX 8000 /* of NOTIFY */

struct trigger {
	struct source source;
	tappet_fd *watch;
	PGconn *connection;
	PGnotify *current; /* not settled yet */
	int connected;
	char *conninfo;
	char channel[CHANNEL_MAX + 1], payload[QUOTE_MAX(CHANNEL_MAX) + QUOTE_MAX(PAYLOAD_MAX) + 32];
};

static const tappet_option trigger_options[] = {
	{"connection", TAPPET_STRING, TAPPET_REQUIRED | TAPPET_SECRET, NULL,
	 "As libpq takes it; hosts by address (hostaddr) or socket, as looking names up would block.", NULL},
	{"channel", TAPPET_STRING, TAPPET_REQUIRED, NULL, "The channel to listen on.", NULL},
};

static void on_ready(void *arg, int32_t events, int32_t error);

static void unwatch(struct trigger *t)
{
	if (t->watch)
		t->source.plugin->host->fd_unwatch(t->watch);
	t->watch = NULL;
}

/* The watch ends before the library closes its descriptor. */
static void disconnect(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	unwatch(t);
	PQfinish(t->connection);
	t->connection = NULL;
	t->connected = 0;
}

static void give_up(struct trigger *t)
{
	disconnect(&t->source);
	source_back_off(&t->source, "no connection to the database");
}

static void watch(struct trigger *t, int32_t events)
{
	const struct plugin *p = t->source.plugin;
	if (!t->watch &&
	    p->host->fd_watch(p->self, PQsocket(t->connection), events, on_ready, t, &t->watch) != TAPPET_OK)
		give_up(t);
}

static void listen_now(struct trigger *t)
{
	char *name = PQescapeIdentifier(t->connection, t->channel, strlen(t->channel));
	char query[sizeof("LISTEN ") + 2 * (size_t)CHANNEL_MAX + 2];
	snprintf(query, sizeof(query), "LISTEN %s", name ? name : "");
	t->connected = name && PQsendQuery(t->connection, query);
	PQfreemem(name);
	if (t->connected)
		source_go(&t->source);
	else
		give_up(t);
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
		listen_now(t);
		break;
	default:
		give_up(t);
	}
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

static void on_ready(void *arg, int32_t events, int32_t error)
{
	struct trigger *t = arg;
	unwatch(t); /* the library may close this descriptor for another one */
	(void)events;
	if (!error && !t->connected)
		go_on_connecting(t);
	else if (error || !PQconsumeInput(t->connection) || !take_results(t))
		give_up(t);
	else
		source_is_well(&t->source), source_go(&t->source);
}

/* While a notification waits nothing is read, and the server keeps the others. */
static int next_notification(struct source *s, tappet_emission *item)
{
	struct trigger *t = (struct trigger *)s;
	if (!t->current && !t->connection) {
		t->connection = PQconnectStart(t->conninfo);
		if (!t->connection || PQstatus(t->connection) == CONNECTION_BAD)
			give_up(t);
		else
			watch(t, TAPPET_WRITABLE);
		return 0;
	}
	if (!t->current && t->connected && !(t->current = PQnotifies(t->connection)))
		watch(t, TAPPET_READABLE);
	if (!t->current)
		return 0;
	size_t len = (size_t)sprintf(t->payload, "{\"channel\":");
	len += quote(t->payload + len, t->channel, strlen(t->channel));
	len += (size_t)sprintf(t->payload + len, ",\"payload\":");
	len += quote(t->payload + len, t->current->extra, strnlen(t->current->extra, PAYLOAD_MAX));
	t->payload[len++] = '}';
	item->payload = tappet_strn(t->payload, len);
	return 1;
}

static void drop_notification(struct source *s)
{
	struct trigger *t = (struct trigger *)s;
	PQfreemem(t->current);
	t->current = NULL;
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
	const tappet_host *host = ((struct plugin *)state)->host;
	struct trigger *t = *ret_state = calloc(1, sizeof(*t));
	tappet_str conninfo, channel;
	if (!t)
		return TAPPET_ENOMEM;
	t->source = SOURCE(state, handle, next_notification, drop_notification, disconnect);
	int32_t r = host->config_str(info->config, "connection", 0, &conninfo);
	if (r == TAPPET_OK)
		r = host->config_str(info->config, "channel", 0, &channel);
	if (r == TAPPET_OK && (channel.len == 0 || channel.len > CHANNEL_MAX))
		r = TAPPET_EINVAL;
	if (r == TAPPET_OK) {
		memcpy(t->channel, channel.ptr, channel.len);
		t->conninfo = strndup(conninfo.ptr, conninfo.len);
		r = t->conninfo ? source_add(&t->source) : TAPPET_ENOMEM;
	}
	if (r != TAPPET_OK)
		trigger_free(state, t);
	return r;
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "pgnotify",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each notification of a channel of PostgreSQL.",
	.trigger_options = trigger_options,
	.trigger_option_count = 2,
	.option_size = sizeof(tappet_option),
	.sample = "{\"channel\":\"orders\",\"payload\":\"42\"}",
	.trigger_add = trigger_add,
	.trigger_free = trigger_free,
	SOURCE_FUNCTIONS,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
