/* Events to a client, from a number on and then live. A reader of the host hands over one batch after the other; when the
 * socket has no room it is closed, and opened anew behind the last event that was sent: a slow client costs its queue and
 * nothing else. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "action.h"

#define FRAME_MAX (64 * 1024)

struct subscription {
	struct subscription *next;
	struct connection *connection;
	tappet_reader *reader; /* NULL: it waits for room */
	uint64_t position;     /* everything up to this one was sent, or was not wanted */
	char workflow_id[ID_LEN + 1];
	char activity[ID_LEN + 1];
	bool batch;
	size_t id_len;
	const char *team, *types; /* in `texts`; NULL: all */
	char texts[];             /* the id, then these */
};

static tappet_str subscription_id(const struct subscription *s)
{
	return tappet_strn(s->texts, s->id_len);
}

/* ---- What is sent ---- */

/* {"type":"…","sub":"…" */
static void begin(const struct subscription *s, const char *type, struct text *t)
{
	t->len = 0;
	text_cstr(t, "{");
	text_member(t, "type", tappet_cstr(type));
	text_member(t, "sub", subscription_id(s));
}

static void add_number(struct text *t, const char *key, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	text_key(t, key);
	text_cstr(t, text);
}

static int32_t send_text(const struct subscription *s, const struct text *t)
{
	const tappet_str part = tappet_strn(t->bytes, t->len);
	return t->failed ? TAPPET_ENOMEM : connection_send(s->connection, &part, 1);
}

static int32_t send_notice(const struct subscription *s, const char *type, const char *key, uint64_t number,
			   const char *second_key, uint64_t second)
{
	struct text t = {0};
	begin(s, type, &t);
	add_number(&t, key, number);
	if (second_key)
		add_number(&t, second_key, second);
	text_cstr(&t, "}");
	const int32_t r = send_text(s, &t);
	text_release(&t);
	plugin_count(s->connection->plugin, COUNT_OUT_OTHER, r == TAPPET_OK);
	return r;
}

static void count_events(const struct subscription *s, size_t events)
{
	plugin_count(s->connection->plugin, COUNT_OUT_EVENT, 1);
	plugin_count(s->connection->plugin, COUNT_DELIVERIES, (double)events);
}

/* What no queue could ever take is told by its number. */
static int32_t skip_large(const struct subscription *s, const tappet_event *e)
{
	struct text t = {0};
	begin(s, "event", &t);
	add_number(&t, "seq", e->seq);
	text_member(&t, "event", tappet_cstr(e->type));
	if (e->activity_id[0])
		text_member(&t, "activityId", tappet_cstr(e->activity_id));
	text_cstr(&t, ",\"data\":{},\"tooLarge\":true}");
	const int32_t r = send_text(s, &t);
	text_release(&t);
	return r;
}

static int32_t send_one(struct subscription *s, const struct text *prefix, const tappet_event *e)
{
	const tappet_str body = event_text(s->connection->plugin, e);
	if (!body.ptr)
		return TAPPET_ENOMEM;
	/* The prefix ends where the first member of the event begins. */
	const tappet_str parts[] = {
		{prefix->bytes, prefix->len},
		{body.ptr + 1, body.len - 1},
	};
	int32_t r = connection_send(s->connection, parts, 2);
	if (r == TAPPET_ETOOBIG)
		r = skip_large(s, e);
	if (r < 0)
		return r;
	s->position = e->seq;
	count_events(s, 1);
	return TAPPET_OK;
}

/* A batch as it was handed over. */
struct batch {
	const char *at;
	size_t count, event_size;
};

static const tappet_event *event_at(const struct batch *b, size_t index)
{
	return (const tappet_event *)(const void *)(b->at + index * b->event_size);
}

static int32_t send_singly(struct subscription *s, const struct batch *b)
{
	struct text prefix = {0};
	int32_t r = TAPPET_OK;
	begin(s, "event", &prefix);
	text_cstr(&prefix, ",");
	if (prefix.failed)
		r = TAPPET_ENOMEM;
	for (size_t i = 0; i < b->count && r == TAPPET_OK; i++)
		r = send_one(s, &prefix, event_at(b, i));
	text_release(&prefix);
	return r;
}

/* A frame that fills the queue would have to wait until all before it is gone. */
static size_t frame_max(const struct plugin *p)
{
	const size_t half = (size_t)p->limits.queue_max / 2;
	return half < FRAME_MAX ? half : FRAME_MAX;
}

/* As many as there are from `first` on, up to the size of a frame. Returns the number that is in it. */
static size_t fill_frame(struct subscription *s, const struct batch *b, size_t first)
{
	struct plugin *p = s->connection->plugin;
	struct text *t = &p->frame;
	const size_t max = frame_max(p);
	size_t n = first;
	begin(s, "events", t);
	text_cstr(t, ",\"events\":[");
	for (; n < b->count; n++) {
		const tappet_str body = event_text(p, event_at(b, n));
		if (!body.ptr || t->len + body.len + 3 > max)
			break;
		if (n > first)
			text_cstr(t, ",");
		text_bytes(t, body.ptr, body.len);
	}
	text_cstr(t, "]}");
	return n - first;
}

static int32_t send_frame(struct subscription *s, const struct batch *b, size_t first, size_t *ret_count)
{
	struct text *frame = &s->connection->plugin->frame;
	const size_t count = fill_frame(s, b, first);
	if (frame->failed) {
		text_release(frame);
		return TAPPET_ENOMEM;
	}
	if (count < 2) {
		const struct batch one = {(const char *)event_at(b, first), 1, b->event_size};
		*ret_count = 1;
		return send_singly(s, &one);
	}
	const int32_t r = send_text(s, frame);
	if (r < 0)
		return r;
	s->position = event_at(b, first + count - 1)->seq;
	count_events(s, count);
	*ret_count = count;
	return TAPPET_OK;
}

static int32_t send_together(struct subscription *s, const struct batch *b)
{
	int32_t r = TAPPET_OK;
	for (size_t i = 0, count = 0; i < b->count && r == TAPPET_OK; i += count)
		r = send_frame(s, b, i, &count);
	return r;
}

/* ---- Reading ---- */

static void close_reader(struct subscription *s)
{
	s->connection->plugin->events->close(s->reader);
	s->reader = NULL;
}

/* What lies before the batch is gone for good, as far as it was wanted. */
static int32_t send_gap(struct subscription *s, uint64_t from, uint64_t to)
{
	const int32_t r = send_notice(s, "gap", "from", from, "to", to);
	if (r == TAPPET_OK)
		s->position = to;
	return r;
}

static int32_t send_batch(struct subscription *s, const struct batch *b, uint64_t last_seq, uint64_t gap_from)
{
	int32_t r = TAPPET_OK;
	if (gap_from)
		r = send_gap(s, gap_from, b->count > 0 ? event_at(b, 0)->seq - 1 : last_seq);
	if (r == TAPPET_OK && b->count == 0 && !gap_from)
		r = send_notice(s, "position", "seq", last_seq, NULL, 0);
	if (r == TAPPET_OK)
		r = s->batch ? send_together(s, b) : send_singly(s, b);
	return r;
}

static void on_batch(void *arg, const tappet_event *events, size_t count, size_t event_size, uint64_t last_seq,
		     uint64_t gap_from)
{
	struct subscription *s = arg;
	struct connection *c = s->connection;
	const struct batch b = {(const char *)events, count, event_size};
	const int32_t r = send_batch(s, &b, last_seq, gap_from);
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

void subscriptions_renew(struct connection *c)
{
	for (struct subscription *s = c->subscriptions; s; s = s->next)
		close_reader(s);
	if (c->blocked_ms == 0)
		subscriptions_go_on(c);
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
		add_number(&t, "seq", s->position);
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
	add_number(&t, "seq", s->position);
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
