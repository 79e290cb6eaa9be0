/* The subprotocol cloudevents.json (CloudEvents, WebSocket protocol binding): each message is one event in the JSON format.
 * What goes back are events as well. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "action.h"
#include "common/cloudevents.h"

/* What an answer says of the event that it answers: its attributes. */
struct call {
	struct connection *connection;
	struct text attributes;
};

void cloud_write(struct plugin *p, const char *type, tappet_str data, struct text *out)
{
	char id[48], time[TIME_SIZE];
	snprintf(id, sizeof(id), "%" PRId64 "-%" PRIu64, p->started_ms, ++p->message_number);
	text_cstr(out, "{");
	text_member(out, "specversion", tappet_cstr("1.0"));
	text_member(out, "id", tappet_cstr(id));
	text_member(out, "source", tappet_cstr("/action"));
	text_member(out, "type", tappet_cstr(type));
	text_member(out, "time", tappet_cstr(time_format(p->host->wall_ms(p->self), time)));
	text_member(out, "datacontenttype", tappet_cstr("application/json"));
	text_key(out, "data");
	text_bytes(out, data.ptr, data.len);
	text_cstr(out, "}");
}

/* Of the event that came: {"event":{…},…}. */
static void say(struct connection *c, const char *type, const struct text *event, struct text *members)
{
	struct text data = {0}, out = {0};
	text_cstr(&data, "{");
	if (event) {
		text_key(&data, "event");
		text_bytes(&data, event->bytes, event->len);
	}
	if (members && members->len > 0) {
		text_cstr(&data, ",");
		text_bytes(&data, members->bytes, members->len);
	}
	text_cstr(&data, "}");
	cloud_write(c->plugin, type, tappet_strn(data.bytes, data.len), &out);
	out.failed = out.failed || data.failed || (members && members->failed);
	text_release(&data);
	connection_say(c, &out);
}

static void say_error(struct connection *c, const struct text *event, const char *code, const char *text,
		      const struct action *a)
{
	struct text members = {0};
	text_cstr(&members, "\"code\":");
	text_json(&members, tappet_cstr(code));
	text_member(&members, "message", tappet_cstr(text));
	if (strcmp(code, "busy") == 0)
		text_number(&members, "retryAfterMs", RETRY_AFTER_MS);
	if (a)
		action_write(a, &members);
	plugin_count(c->plugin, COUNT_OUT_ERROR, 1);
	say(c, "tappet.error", event, &members);
	text_release(&members);
}

static void acted(void *arg, const struct action *a)
{
	struct call *call = arg;
	struct connection *c = call->connection;
	const enum action_end end = action_end(a);
	struct text members = {0}, bare = {0};
	if (a->error < 0) {
		say_error(c, &call->attributes, action_error_code(a->error), action_error_text(a->error), NULL);
	} else if (end == ACTION_DONE) {
		text_cstr(&bare, "{");
		action_write(a, &bare);
		text_bytes(&members, bare.bytes + 1, bare.failed ? 0 : bare.len - 1);
		members.failed = members.failed || bare.failed;
		plugin_count(c->plugin, COUNT_OUT_ACK, 1);
		say(c, "tappet.ack", &call->attributes, &members);
	} else {
		say_error(c, &call->attributes, action_end_code(end), action_end_text(end), a);
	}
	text_release(&bare);
	text_release(&members);
	text_release(&call->attributes);
	free(call);
	connection_end(c);
}

struct action_input cloud_action(const struct cloud_event *e, const char *token_id, tappet_str remote)
{
	return (struct action_input){
		.topic = tappet_cstr(e->type),
		.data = e->data.len > 0 ? tappet_strn(e->data.bytes, e->data.len) : tappet_cstr("null"),
		.key = tappet_cstr(e->key),
		.event = tappet_strn(e->attributes.bytes, e->attributes.len),
		.data_is_base64 = e->data_is_base64,
		.token_id = token_id,
		.remote = remote,
	};
}

static int32_t start(struct connection *c, struct cloud_event *e)
{
	struct plugin *p = c->plugin;
	struct action_input in = cloud_action(e, c->token_id, p->ws->remote(c->ws));
	in.may_wait = true;
	struct call *call = calloc(1, sizeof(*call));
	if (!call)
		return TAPPET_ENOMEM;
	call->connection = c;
	connection_begin(c);
	const int32_t r = action_start(p, &in, acted, call);
	if (r < 0) {
		connection_end(c);
		free(call);
		return r;
	}
	call->attributes = e->attributes;
	e->attributes = (struct text){0};
	return r;
}

static void serve_event(struct connection *c, struct cloud_event *e)
{
	if (topic_problem(tappet_cstr(e->type))) {
		say_error(c, &e->attributes, "invalid-value", "The event's type is no topic: words joined by dots.",
			  NULL);
		return;
	}
	const int32_t r = c->scopes & TAPPET_SCOPE_ACTION ? start(c, e) : TAPPET_EDENIED;
	if (r == TAPPET_EDENIED)
		c->plugin->host->refuse(c->plugin->self, NULL, TAPPET_REASON_SCOPE,
					tappet_cstr("the token is not for this topic"));
	if (r < 0)
		say_error(c, &e->attributes, action_error_code(r), action_error_text(r), NULL);
	connection_hold_if_short(c, r);
}

/* {"type":"auth","token":"T"} as in the other protocol: a token has no place in an event. */
static void serve_auth(struct connection *c, tappet_str bytes)
{
	struct message m;
	struct message_error error;
	plugin_count(c->plugin, COUNT_IN_AUTH, 1);
	if (!message_read(bytes, &m, &error) || m.type != MESSAGE_AUTH)
		(void)connection_is_good(c);
	else if (connection_auth(c, tappet_strn(m.token, m.token_len)))
		say(c, "tappet.authenticated", NULL, NULL);
}

void serve_cloud_event(struct connection *c, tappet_str bytes)
{
	struct cloud_event event;
	if (!c->token_id[0]) {
		serve_auth(c, bytes);
		return;
	}
	if (!connection_is_good(c))
		return;
	const char *problem = cloud_read_event(bytes, &event);
	plugin_count(c->plugin, COUNT_IN_ACTION, 1);
	if (problem)
		connection_error(c, tappet_cstr(""), "bad-message", problem);
	else
		serve_event(c, &event);
	cloud_event_release(&event);
}
