/* One connection to a daemon: its life, and what comes on it. */
#include <errno.h>
#include <stdlib.h>
#include "internal.h"

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 30000
#define CONNECT_TIMEOUT_MS 20000
#define PING_MS 20000
#define PING_TIMEOUT_MS 10000
#define OPTIONS_SIZE_1 (offsetof(tappet_client_options, arg) + sizeof(void *))

void client_next_id(tappet_client *c, char prefix, char ret[static 24])
{
	snprintf(ret, 24, "%c%llu", prefix, (unsigned long long)++c->last_id);
}

void client_enter(tappet_client *c)
{
	c->inside++;
}

void client_leave(tappet_client *c)
{
	if (--c->inside == 0)
		subscriptions_sweep(c);
}

bool client_say(tappet_client *c, const char *text, size_t len)
{
	return c->open && websocket_send(c->socket, true, &(struct websocket_part){text, len}, 1) == 0;
}

static void on_timer(uv_timer_t *timer)
{
	subscriptions_send(timer->data);
}

void client_ask_again(tappet_client *c, int64_t after_ms)
{
	if (after_ms < 100 || after_ms > 60000)
		after_ms = 1000;
	uv_timer_start(&c->timer, on_timer, (uint64_t)after_ms, 0);
}

/* ---- what it tells ----------------------------------------------------------------------------------------------- */

static int32_t result_of(int error)
{
	switch (error) {
	case 0:
		return TAPPET_OK;
	case -EACCES:
		return TAPPET_EDENIED;
	case -ECONNREFUSED:
		return TAPPET_EREFUSED;
	case -ETIMEDOUT:
		return TAPPET_EGONE;
	case -EINVAL:
		return TAPPET_EINVAL;
	default:
		return TAPPET_EIO;
	}
}

static void tell_state(tappet_client *c, const tappet_client_state *state)
{
	if (c->changed && !c->closing)
		c->changed(c->arg, c, state);
}

static void on_open(void *arg)
{
	tappet_client *c = arg;
	const tappet_client_state state = {.struct_size = sizeof(state), .state = TAPPET_CLIENT_OPEN};
	c->open = true;
	client_enter(c);
	/* First who follows, so that the events of what is sent now are not missed by one that begins anew. */
	subscriptions_send(c);
	actions_send(c);
	tell_state(c, &state);
	client_leave(c);
}

static void on_drained(void *arg)
{
	tappet_client *c = arg;
	subscriptions_send(c);
	actions_send(c);
}

static void take(tappet_client *c, const struct json *message, tappet_str text)
{
	const char *type = json_get_str(message, "type");
	if (!type)
		return;
	if (strcmp(type, "ack") == 0)
		(void)actions_answer(c, message, text);
	else if (strcmp(type, "error") != 0)
		subscriptions_take(c, type, message);
	else if (!actions_answer(c, message, text))
		(void)subscriptions_error(c, message);
}

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
	tappet_client *c = arg;
	struct json *message = NULL;
	if (!is_text || c->closing || json_parse(bytes, len, &message, NULL) < 0)
		return;
	client_enter(c);
	take(c, message, tappet_strn(bytes, len));
	client_leave(c);
	json_free(message);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void on_ws_closed(void *arg)
{
	tappet_client *c = arg;
	void (*closed)(void *arg) = c->closed;
	void *closed_arg = c->closed_arg;
	map_release(&c->action_ids);
	free(c);
	if (closed)
		closed(closed_arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
	tappet_client *c = handle->data;
	ws_client_close(c->ws, on_ws_closed, c);
}

static void end(tappet_client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->timer))
		return;
	client_enter(c);
	actions_fail(c, TAPPET_ECANCELED, "The client was closed.");
	client_leave(c);
	subscriptions_free(c);
	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* A token that is not taken will not be taken the next time either. */
static bool is_denied(const struct websocket_end *e)
{
	return e->error == -EACCES || e->code == CLOSE_UNAUTHORIZED;
}

/* By the daemon, about what we sent: our own end for what it sent has words. */
static bool is_too_big(const struct websocket_end *e)
{
	return e->code == CLOSE_TOO_BIG && e->error == 0 && !e->detail[0];
}

static void tell_end(tappet_client *c, const struct websocket_end *e)
{
	const tappet_client_state state = {
		.struct_size = sizeof(state),
		.state = c->over ? TAPPET_CLIENT_OVER : TAPPET_CLIENT_WAITING,
		.error = is_denied(e) ? TAPPET_EDENIED : result_of(e->error),
		.code = e->code,
		.detail = e->detail[0] ? tappet_cstr(e->detail) : tappet_strn(e->reason, e->reason_len),
		.retry_ms = c->over ? 0 : e->retry_ms,
	};
	client_enter(c);
	if (c->over)
		actions_fail(c, is_denied(e) ? TAPPET_EDENIED : TAPPET_ECANCELED,
			     is_denied(e) ? "The token is not taken." : "There is no connection.");
	tell_state(c, &state);
	client_leave(c);
}

static void on_closed(void *arg, const struct websocket_end *e)
{
	tappet_client *c = arg;
	const bool first = !c->over;
	c->open = false;
	if (e->retry_ms == 0)
		c->socket = NULL;
	c->over = c->over || !c->socket || is_denied(e);
	if (is_too_big(e) && !c->closing)
		actions_fail_largest(c);
	actions_unsend(c);
	subscriptions_unsend(c);
	if (c->over && c->socket)
		websocket_drop(c->socket);
	if (first && !c->closing)
		tell_end(c, e);
	/* Also when it was closed in one of these callbacks. */
	if (c->closing && !c->socket)
		end(c);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int connect_to(tappet_client *c, const tappet_client_options *o)
{
	static const struct websocket_handler handler = {on_open, on_message, on_drained, on_closed};
	static const char *const protocols[] = {"tappet.v1", NULL};
	char *bearer = NULL;
	if (o->token && asprintf(&bearer, "Bearer %s", o->token) < 0)
		return -ENOMEM;
	const struct http_header_field header = {"Authorization", bearer, bearer ? strlen(bearer) : 0};
	const int64_t min_ms = o->retry_min_ms > 0 ? o->retry_min_ms : RETRY_MIN_MS;
	const struct websocket_connect to = {
		.url = o->url,
		.protocols = protocols,
		.headers = &header,
		.header_count = bearer ? 1 : 0,
		.ca_file = o->ca_file,
		.proxy = o->proxy,
		.limits = {MESSAGE_MAX, QUEUE_MAX, PING_MS, PING_TIMEOUT_MS, true},
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.retry_min_ms = o->one_attempt ? 0 : min_ms,
		.retry_max_ms = o->retry_max_ms > 0 ? o->retry_max_ms : RETRY_MAX_MS,
	};
	int r = websocket_connect(c->ws, &to, &handler, c, &c->socket);
	if (bearer)
		memset(bearer, 0, strlen(bearer));
	free(bearer);
	return r;
}

int32_t tappet_client_open(struct uv_loop_s *loop, const tappet_client_options *options, tappet_client **ret)
{
	tappet_client_options o = {0};
	if (!loop || !ret || !options || options->struct_size < OPTIONS_SIZE_1 || !options->url)
		return TAPPET_EINVAL;
	memcpy(&o, options, options->struct_size < sizeof(o) ? options->struct_size : sizeof(o));
	tappet_client *c = calloc(1, sizeof(*c));
	if (!c)
		return TAPPET_ENOMEM;
	c->changed = o.changed;
	c->arg = o.arg;
	list_init(&c->actions);
	list_init(&c->subscriptions);
	map_init(&c->action_ids);
	const struct ws_client_options ws = {.loop = loop};
	int r = ws_client_open(&ws, &c->ws);
	if (r < 0) {
		free(c);
		return TAPPET_ENOMEM;
	}
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	r = connect_to(c, &o);
	if (r < 0) {
		/* What is there of it goes by itself. */
		end(c);
		return r == -EINVAL ? TAPPET_EINVAL : TAPPET_ENOMEM;
	}
	*ret = c;
	return TAPPET_OK;
}

void tappet_client_close(tappet_client *client, void (*closed)(void *arg), void *arg)
{
	if (!client || client->closing)
		return;
	client->closing = true;
	client->closed = closed;
	client->closed_arg = arg;
	if (client->socket)
		websocket_close(client->socket, 1000, "", 0);
	else if (client->inside == 0)
		end(client);
}
