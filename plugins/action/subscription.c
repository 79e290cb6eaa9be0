/* Events to a client, from a number on and then live. A reader of the host hands over one batch after the other; when the
 * socket has no room it is closed, and opened anew behind the last event that was sent: a slow client costs its queue and
 * nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "subscription.h"

/* ---- Reading ---- */

static void close_reader(struct subscription *s)
{
	s->connection->plugin->events->close(s->reader);
	s->reader = NULL;
}

static void on_batch(void *arg, const tappet_event *events, size_t count, size_t event_size, uint64_t last_seq,
		     uint64_t gap_from)
{
	struct subscription *s = arg;
	struct connection *c = s->connection;
	const struct batch b = {(const char *)events, count, event_size};
	const int32_t r = deliver_batch(s, &b, last_seq, gap_from);
	if (r == TAPPET_OK) {
		s->position = last_seq;
		c->plugin->events->more(s->reader);
		return;
	}
	close_reader(s);
	if (r != TAPPET_EBUSY && r != TAPPET_EGONE)
		connection_close(c, TAPPET_WS_FAILED, "out of memory");
}

static int32_t open_reader(struct subscription *s)
{
	struct connection *c = s->connection;
	const struct plugin *p = c->plugin;
	const tappet_events_filter filter = {
		.struct_size = sizeof(filter),
		.workflow_id = s->workflow_id[0] ? s->workflow_id : NULL,
		.activity_id = s->activity[0] ? s->activity : NULL,
		.team = s->team,
		.types = s->types,
		.token_id = c->token_id,
	};
	return p->events->open(p->self, s->position, &filter, on_batch, s, &s->reader);
}

void subscriptions_go_on(struct connection *c)
{
	for (struct subscription *s = c->subscriptions; s; s = s->next) {
		if (s->reader || open_reader(s) == TAPPET_OK)
			continue;
		connection_close(c, TAPPET_WS_TRY_LATER, "the events could not be read");
		return;
	}
}

uint64_t subscriptions_too_slow(struct connection *c)
{
	uint64_t last = UINT64_MAX;
	for (const struct subscription *s = c->subscriptions; s; s = s->next) {
		struct text t = {0};
		text_cstr(&t, "{\"type\":\"error\"");
		text_member(&t, "id", subscription_id(s));
		text_member(&t, "code", tappet_cstr("too-slow"));
		text_member(&t, "message", tappet_cstr("What was sent is not read."));
		deliver_number(&t, "seq", s->position);
		text_cstr(&t, "}");
		const tappet_str part = tappet_strn(t.bytes, t.len);
		if (!t.failed)
			(void)c->plugin->ws->send(c->ws, TAPPET_WS_TEXT, &part, 1); /* where there is room for it */
		text_release(&t);
		last = s->position < last ? s->position : last;
	}
	return last == UINT64_MAX ? 0 : last;
}

/* ---- Beginning and end ---- */

static void show_count(struct connection *c, bool more)
{
	c->subscription_count += more ? 1 : (size_t)-1;
	plugin_count(c->plugin, GAUGE_SUBSCRIPTIONS, more ? 1 : -1);
}

static void subscription_free(struct subscription *s)
{
	close_reader(s);
	show_count(s->connection, false);
	free(s);
}

/* The token is another one, and not for events. */
static void forbid_all(struct connection *c)
{
	while (c->subscriptions) {
		struct subscription *s = c->subscriptions;
		c->subscriptions = s->next;
		connection_error(c, subscription_id(s), "forbidden", "The token is not for events any more.");
		subscription_free(s);
	}
}

void subscriptions_renew(struct connection *c)
{
	if (!(c->scopes & TAPPET_SCOPE_SUBSCRIBE)) {
		forbid_all(c);
		return;
	}
	for (struct subscription *s = c->subscriptions; s; s = s->next)
		close_reader(s);
	if (c->blocked_ms == 0)
		subscriptions_go_on(c);
}

void subscriptions_release(struct connection *c)
{
	while (c->subscriptions) {
		struct subscription *s = c->subscriptions;
		c->subscriptions = s->next;
		subscription_free(s);
	}
}

static struct subscription **find(struct connection *c, const struct message *m)
{
	struct subscription **at = &c->subscriptions;
	while (*at && ((*at)->id_len != m->id_len || memcmp((*at)->texts, m->id, m->id_len) != 0))
		at = &(*at)->next;
	return at;
}

static const char *append(char **at, const char *text)
{
	const size_t size = strlen(text) + 1;
	const char *copied = *at;
	if (size == 1)
		return NULL;
	memcpy(*at, text, size);
	*at += size;
	return copied;
}

static struct subscription *subscription_new(struct connection *c, const struct message *m)
{
	const struct message_filter *f = &m->filter;
	struct subscription *s = calloc(1, sizeof(*s) + m->id_len + strlen(f->team) + strlen(f->types) + 3);
	if (!s)
		return NULL;
	char *at = s->texts + m->id_len + 1;
	s->connection = c;
	s->batch = m->batch;
	s->id_len = m->id_len;
	memcpy(s->texts, m->id, m->id_len);
	memcpy(s->activity, f->activity, sizeof(s->activity));
	s->team = append(&at, f->team);
	s->types = append(&at, f->types);
	return s;
}

/* One that the token does not cover is as one that does not exist. */
static bool find_workflow(struct connection *c, const char *name, char ret[static ID_LEN + 1])
{
	const struct plugin *p = c->plugin;
	tappet_workflow_info info = {.struct_size = sizeof(info)};
	if (p->events->workflow(p->self, tappet_cstr(name), &info) < 0 ||
	    p->auth->covers(p->self, c->token_id, info.workflow_id) != 1)
		return false;
	snprintf(ret, ID_LEN + 1, "%s", info.workflow_id);
	return true;
}

static void fail(struct connection *c, const struct message *m, const char *code, const char *text)
{
	connection_error(c, tappet_strn(m->id, m->id_len), code, text);
}

/* A number from the future is from another store: only what is new, as the answer tells. */
static uint64_t first_position(const struct connection *c, const struct message *m)
{
	const uint64_t newest = c->plugin->events->newest(c->plugin->self);
	return m->has_since && m->since < newest ? m->since : newest;
}

static void say_subscribed(struct connection *c, const struct subscription *s)
{
	struct text t = {0};
	text_cstr(&t, "{\"type\":\"subscribed\"");
	text_member(&t, "id", subscription_id(s));
	deliver_number(&t, "seq", s->position);
	text_cstr(&t, "}");
	plugin_count(c->plugin, COUNT_OUT_OTHER, 1);
	connection_say(c, &t);
}

static void add(struct connection *c, const struct message *m, struct subscription *s)
{
	s->position = first_position(c, m);
	const int32_t r = open_reader(s);
	if (r < 0) {
		free(s);
		fail(c, m, r == TAPPET_EINVAL ? "invalid-value" : "internal",
		     r == TAPPET_EINVAL ? "The filter has a type that no event can have."
					: "The events cannot be read now.");
		return;
	}
	s->next = c->subscriptions;
	c->subscriptions = s;
	show_count(c, true);
	say_subscribed(c, s);
}

void subscription_open(struct connection *c, const struct message *m)
{
	char workflow_id[ID_LEN + 1] = "";
	if (!(c->scopes & TAPPET_SCOPE_SUBSCRIBE)) {
		fail(c, m, "forbidden", "The token is not for events.");
		return;
	}
	if (*find(c, m)) {
		fail(c, m, "invalid-value", "There is a subscription with this id.");
		return;
	}
	if (c->subscription_count >= (size_t)c->plugin->limits.subscriptions) {
		fail(c, m, "too-many", "The connection has as many subscriptions as it may.");
		return;
	}
	if (m->filter.workflow[0] && !find_workflow(c, m->filter.workflow, workflow_id)) {
		fail(c, m, "not-found", "There is no such workflow.");
		return;
	}
	struct subscription *s = subscription_new(c, m);
	if (!s) {
		fail(c, m, "internal", "Out of memory.");
		return;
	}
	memcpy(s->workflow_id, workflow_id, sizeof(s->workflow_id));
	add(c, m, s);
}

void subscription_close(struct connection *c, const struct message *m)
{
	struct subscription **at = find(c, m);
	struct subscription *s = *at;
	struct text t = {0};
	if (!s) {
		fail(c, m, "not-found", "There is no subscription with this id.");
		return;
	}
	*at = s->next;
	subscription_free(s);
	text_cstr(&t, "{\"type\":\"unsubscribed\"");
	text_member(&t, "id", tappet_strn(m->id, m->id_len));
	text_cstr(&t, "}");
	plugin_count(c->plugin, COUNT_OUT_OTHER, 1);
	connection_say(c, &t);
}
