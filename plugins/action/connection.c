/* One client: how it comes, who it is, how it leaves. */
#include <stdlib.h>
#include <string.h>
#include "action.h"
#include "common/token.h"

#define CLOSE_UNAUTHORIZED 4401

/* ---- Among the others ---- */

static void link_last(struct connection *c)
{
	struct plugin *p = c->plugin;
	c->next = NULL;
	c->back = p->connections_last;
	*c->back = c;
	p->connections_last = &c->next;
}

static void unlink_connection(struct connection *c)
{
	struct plugin *p = c->plugin;
	*c->back = c->next;
	if (c->next)
		c->next->back = c->back;
	else
		p->connections_last = c->back;
}

static void show_counts(const struct plugin *p)
{
	p->host->metric_set(p->metrics[GAUGE_CONNECTIONS], (double)p->connection_count);
}

/* ---- The end ---- */

void connection_close(struct connection *c, int32_t code, const char *reason)
{
	if (!c->ws || c->closing)
		return;
	c->closing = true;
	subscriptions_release(c);
	(void)c->plugin->ws->close(c->ws, code, tappet_cstr(reason));
}

static void free_if_over(struct connection *c)
{
	struct plugin *p = c->plugin;
	if (c->ws || c->in_flight > 0)
		return;
	free(c);
	plugin_end(p);
}

static void no_longer_stranger(struct connection *c)
{
	struct plugin *p = c->plugin;
	if (!c->auth_timer)
		return;
	p->host->timer_stop(c->auth_timer);
	c->auth_timer = NULL;
	p->stranger_count--;
}

static void closed(void *arg, tappet_ws *ws, const tappet_ws_end *end)
{
	struct connection *c = arg;
	struct plugin *p = c->plugin;
	(void)ws;
	(void)end;
	c->closing = true;
	c->ws = NULL;
	subscriptions_release(c);
	no_longer_stranger(c);
	connection_unhold(c);
	connection_forget_waiting(c);
	unlink_connection(c);
	p->connection_count--;
	show_counts(p);
	if (p->connection_count == 0)
		watch_stop(p);
	free_if_over(c);
}

void connection_begin(struct connection *c)
{
	c->in_flight++;
	connection_update_pause(c);
}

void connection_end(struct connection *c)
{
	c->in_flight--;
	connection_update_pause(c);
	if (c->leaving && c->in_flight == 0)
		connection_close(c, TAPPET_WS_GOING_AWAY, "the daemon stops");
	free_if_over(c);
}

void connections_stop(struct plugin *p)
{
	for (struct connection *c = p->connections; c; c = c->next) {
		c->leaving = true;
		connection_update_pause(c);
		if (c->in_flight == 0)
			connection_close(c, TAPPET_WS_GOING_AWAY, "the daemon stops");
	}
}

/* ---- Who it is ---- */

void connection_look_later(struct connection *c, int64_t now_ms)
{
	c->checked_ms = now_ms;
	unlink_connection(c);
	link_last(c);
}

static void take_grant(struct connection *c, const tappet_grant *grant)
{
	struct plugin *p = c->plugin;
	memcpy(c->token_id, grant->token_id, sizeof(c->token_id));
	c->scopes = grant->scopes;
	connection_look_later(c, p->host->mono_ms(p->self));
}

static void turn_away(struct connection *c, const char *text, const char *reason)
{
	c->plugin->host->refuse(c->plugin->self, NULL, TAPPET_REASON_TOKEN, tappet_cstr(reason));
	connection_error(c, tappet_cstr(""), "unauthorized", text);
	connection_close(c, CLOSE_UNAUTHORIZED, reason);
}

bool connection_auth(struct connection *c, tappet_str token)
{
	struct plugin *p = c->plugin;
	tappet_grant grant = {.struct_size = sizeof(grant)};
	if (p->auth->check(p->self, token, &grant) < 0) {
		turn_away(c, "Nobody has this token.", "unknown, expired or revoked token");
		return false;
	}
	const bool other = c->token_id[0] && strcmp(c->token_id, grant.token_id) != 0;
	no_longer_stranger(c);
	take_grant(c, &grant);
	if (other)
		subscriptions_renew(c);
	return true;
}

bool connection_is_good(struct connection *c)
{
	struct plugin *p = c->plugin;
	tappet_grant grant = {.struct_size = sizeof(grant)};
	if (!c->token_id[0]) {
		turn_away(c, "The first message has to show a token.", "no token");
		return false;
	}
	if (p->auth->check_again(p->self, c->token_id, &grant) < 0) {
		turn_away(c, "The token has expired, or was revoked.", "expired or revoked token");
		return false;
	}
	take_grant(c, &grant);
	return true;
}

static void auth_is_late(void *arg)
{
	struct connection *c = arg;
	c->auth_timer = NULL;
	c->plugin->stranger_count--;
	turn_away(c, "No token came in time.", "no token in time");
}

/* ---- The beginning ---- */

static void message(void *arg, tappet_ws *ws, int32_t kind, tappet_str bytes)
{
	struct connection *c = arg;
	(void)ws;
	if (c->closing || c->leaving)
		return;
	if (kind != TAPPET_WS_TEXT)
		connection_close(c, TAPPET_WS_UNSUPPORTED, "messages are text");
	else if (c->is_cloud)
		serve_cloud_event(c, bytes);
	else
		serve_message(c, bytes);
}

static void drained(void *arg, tappet_ws *ws)
{
	(void)ws;
	connection_drained(arg);
}

static const tappet_ws_handler handler = {
	.struct_size = sizeof(handler),
	.message = message,
	.drained = drained,
	.closed = closed,
};

/* Whoever shows a token already when it connects is told by the status of the answer. */
static bool find_grant(struct plugin *p, tappet_request *request, tappet_grant *ret)
{
	struct token token;
	const enum token_error error = token_of_request(p->http, request, tappet_strn(NULL, 0), &token);
	if (error == TOKEN_MISSING)
		return true;
	if (!error)
		token_release(&token);
	return caller_find(p, request, ret);
}

static bool has_room(struct plugin *p, tappet_request *request, bool stranger)
{
	const char *problem = NULL;
	if (p->stopping)
		problem = "The daemon is stopping.";
	else if (p->connection_count >= (size_t)p->limits.connections)
		problem = "As many clients as may be are connected already.";
	else if (stranger && p->stranger_count >= (size_t)p->limits.strangers)
		problem = "Too many clients are connected that have not shown a token.";
	if (problem)
		answer_problem(p, request, 503, "busy", problem);
	return !problem;
}

static struct connection *connection_new(struct plugin *p, const tappet_grant *grant)
{
	struct connection *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->plugin = p;
	c->waiting_last = &c->waiting;
	memcpy(c->token_id, grant->token_id, sizeof(c->token_id));
	c->scopes = grant->scopes;
	c->checked_ms = p->host->mono_ms(p->self);
	if (!c->token_id[0] &&
	    p->host->timer_start(p->self, p->limits.auth_ms, 0, auth_is_late, c, &c->auth_timer) < 0) {
		free(c);
		return NULL;
	}
	p->stranger_count += c->auth_timer != NULL;
	return c;
}

static void accept(struct plugin *p, tappet_request *request, struct connection *c)
{
	const int32_t r = p->ws->accept(request, &handler, c, &c->ws);
	if (r < 0) {
		no_longer_stranger(c);
		free(c);
		if (r == TAPPET_EINVAL)
			answer_problem(p, request, 503, "busy", "The upgrade could not be taken.");
		return;
	}
	const tappet_str protocol = p->ws->protocol(c->ws);
	c->is_cloud = protocol.len == strlen(PROTOCOL_CLOUD) && memcmp(protocol.ptr, PROTOCOL_CLOUD, protocol.len) == 0;
	link_last(c);
	plugin_begin(p);
	p->connection_count++;
	watch_start(p);
	show_counts(p);
}

void connection_request(void *arg, tappet_request *request)
{
	struct plugin *p = arg;
	tappet_grant grant = {.struct_size = sizeof(grant)};
	if (!find_grant(p, request, &grant) || !has_room(p, request, grant.token_id[0] == '\0'))
		return;
	struct connection *c = connection_new(p, &grant);
	if (c)
		accept(p, request, c);
	else
		answer_problem(p, request, 503, "busy", "Out of memory.");
}
