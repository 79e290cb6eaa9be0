/* The messages of tappet.v1, and what is answered to them. */
#include <stdlib.h>
#include <string.h>
#include "action.h"

/* An action that is under way, and what its answer carries. */
struct call {
	struct connection *connection;
	size_t id_len;
	char id[];
};

static tappet_str message_id(const struct message *m)
{
	return tappet_strn(m->id, m->id_len);
}

/* {"type":"…","id":"…" */
static void begin(struct text *t, const char *type, tappet_str id)
{
	text_cstr(t, "{");
	text_member(t, "type", tappet_cstr(type));
	if (id.len > 0)
		text_member(t, "id", id);
}

static void say(struct connection *c, const char *type, tappet_str id)
{
	struct text t = {0};
	begin(&t, type, id);
	text_cstr(&t, "}");
	plugin_count(c->plugin, COUNT_OUT_OTHER, 1);
	connection_say(c, &t);
}

/* ---- Actions ---- */

static void answer(struct connection *c, tappet_str id, const struct action *a)
{
	const enum action_end end = action_end(a);
	struct text t = {0};
	begin(&t, end == ACTION_DONE ? "ack" : "error", id);
	if (end != ACTION_DONE) {
		text_member(&t, "code", tappet_cstr(action_end_code(end)));
		text_member(&t, "message", tappet_cstr(action_end_text(end)));
	}
	if (end == ACTION_BUSY)
		text_number(&t, "retryAfterMs", RETRY_AFTER_MS);
	action_write(a, &t);
	text_cstr(&t, "}");
	plugin_count(c->plugin, end == ACTION_DONE ? COUNT_OUT_ACK : COUNT_OUT_ERROR, 1);
	connection_say(c, &t);
}

static void acted(void *arg, const struct action *a)
{
	struct call *call = arg;
	const tappet_str id = tappet_strn(call->id, call->id_len);
	if (a->error < 0)
		connection_error(call->connection, id, action_error_code(a->error), action_error_text(a->error));
	else
		answer(call->connection, id, a);
	connection_end(call->connection);
	free(call);
}

static int32_t start(struct connection *c, const struct message *m)
{
	struct plugin *p = c->plugin;
	const struct action_input in = {
		.topic = tappet_strn(m->topic, m->topic_len),
		.data = m->data,
		.key = tappet_strn(m->key, m->key_len),
		.token_id = c->token_id,
		.remote = p->ws->remote(c->ws),
		.may_wait = true,
	};
	struct call *call = malloc(sizeof(*call) + m->id_len);
	if (!call)
		return TAPPET_ENOMEM;
	call->connection = c;
	call->id_len = m->id_len;
	memcpy(call->id, m->id, m->id_len);
	connection_begin(c);
	const int32_t r = action_start(p, &in, acted, call);
	if (r < 0) {
		connection_end(c);
		free(call);
	}
	return r;
}

static void serve_action(struct connection *c, const struct message *m)
{
	if (!(c->scopes & TAPPET_SCOPE_ACTION)) {
		c->plugin->host->refuse(c->plugin->self, NULL, TAPPET_REASON_SCOPE,
					tappet_cstr("the token lacks the scope"));
		connection_error(c, message_id(m), "forbidden", "The token is not for actions.");
		return;
	}
	const int32_t r = start(c, m);
	if (r == TAPPET_EDENIED)
		c->plugin->host->refuse(c->plugin->self, NULL, TAPPET_REASON_SCOPE,
					tappet_cstr("the token is not for this topic"));
	if (r < 0)
		connection_error(c, message_id(m), action_error_code(r), action_error_text(r));
	connection_hold_if_short(c, r);
}

/* ---- All ---- */

static void serve_auth(struct connection *c, const struct message *m)
{
	if (connection_auth(c, tappet_strn(m->token, m->token_len)))
		say(c, "authenticated", message_id(m));
}

static void count(const struct connection *c, enum message_type type)
{
	static const enum counter counters[] = {
		[MESSAGE_NONE] = COUNT_IN_OTHER,
		[MESSAGE_AUTH] = COUNT_IN_AUTH,
		[MESSAGE_ACTION] = COUNT_IN_ACTION,
		[MESSAGE_SUBSCRIBE] = COUNT_IN_SUBSCRIBE,
		[MESSAGE_UNSUBSCRIBE] = COUNT_IN_UNSUBSCRIBE,
		[MESSAGE_PING] = COUNT_IN_PING,
	};
	plugin_count(c->plugin, counters[type], 1);
}

static void serve(struct connection *c, const struct message *m)
{
	switch (m->type) {
	case MESSAGE_AUTH:
		serve_auth(c, m);
		break;
	case MESSAGE_ACTION:
		if (connection_is_good(c))
			serve_action(c, m);
		break;
	case MESSAGE_SUBSCRIBE:
		if (connection_is_good(c))
			subscription_open(c, m);
		break;
	case MESSAGE_UNSUBSCRIBE:
		subscription_close(c, m);
		break;
	default:
		say(c, "pong", message_id(m));
		break;
	}
}

void serve_message(struct connection *c, tappet_str bytes)
{
	struct message m;
	struct message_error error;
	const bool fine = message_read(bytes, &m, &error);
	count(c, m.type);
	if (!fine)
		connection_error(c, message_id(&m), error.code, error.text);
	/* A stranger has one message to show a token. */
	if (!c->token_id[0] && (!fine || m.type != MESSAGE_AUTH))
		(void)connection_is_good(c);
	else if (fine)
		serve(c, &m);
}
