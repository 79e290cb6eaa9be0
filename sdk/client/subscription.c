/* Subscriptions: each remembers up to where it has handed events over, and goes on behind that on each new connection. */
#include <errno.h>
#include <stdlib.h>
#include "internal.h"

#define FILTER_SIZE_1 (offsetof(tappet_client_filter, since) + sizeof(uint64_t))
#define FOLLOWER_SIZE_1 (offsetof(tappet_client_follower, ended) + sizeof(void (*)(void)))
#define TYPES_MAX 64

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static bool ask(tappet_subscription *s)
{
	struct buf b;
	buf_init(&b, FILTER_MAX + 256);
	jsonw_open(&b, '{');
	jsonw_key(&b, "type");
	jsonw_str(&b, "subscribe");
	jsonw_key(&b, "id");
	jsonw_str(&b, s->id);
	jsonw_key(&b, "filter");
	jsonw_raw(&b, s->filter, strlen(s->filter));
	jsonw_key(&b, "batch");
	jsonw_bool(&b, true);
	if (s->replay) {
		jsonw_key(&b, "since");
		jsonw_int(&b, (int64_t)s->position);
	}
	jsonw_close(&b, '}');
	bool said = buf_error(&b) == 0 && client_say(s->client, buf_cstr(&b), b.len);
	buf_release(&b);
	return said;
}

void subscriptions_send(tappet_client *c)
{
	list_each (node, &c->subscriptions) {
		tappet_subscription *s = list_entry(node, tappet_subscription, node);
		if (!s->gone && !s->asked)
			s->asked = ask(s);
	}
}

void subscriptions_unsend(tappet_client *c)
{
	list_each (node, &c->subscriptions) {
		tappet_subscription *s = list_entry(node, tappet_subscription, node);
		s->asked = s->begun = false;
	}
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static void write_member(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	jsonw_key(b, key);
	jsonw_str(b, value);
}

static char *write_filter(const tappet_client_filter *f)
{
	struct buf b;
	buf_init(&b, FILTER_MAX);
	jsonw_open(&b, '{');
	write_member(&b, "workflow", f->workflow);
	write_member(&b, "team", f->team);
	write_member(&b, "activity", f->activity);
	if (f->types && f->types[0]) {
		jsonw_key(&b, "types");
		jsonw_open(&b, '[');
		for (size_t i = 0; f->types[i] && i < TYPES_MAX; i++)
			jsonw_str(&b, f->types[i]);
		jsonw_close(&b, ']');
	}
	jsonw_close(&b, '}');
	char *text = buf_detach(&b, NULL);
	buf_release(&b);
	return text;
}

static bool has_too_many_types(const tappet_client_filter *f)
{
	size_t count = 0;
	while (f->types && count <= TYPES_MAX && f->types[count])
		count++;
	return count > TYPES_MAX;
}

int32_t tappet_client_subscribe(tappet_client *client, const tappet_client_filter *filter,
				const tappet_client_follower *follower, void *arg, tappet_subscription **ret)
{
	tappet_client_filter f = {0};
	if (!client || !ret || !follower || follower->struct_size < FOLLOWER_SIZE_1 || !follower->event ||
	    (filter && filter->struct_size < FILTER_SIZE_1))
		return TAPPET_EINVAL;
	if (filter)
		memcpy(&f, filter, filter->struct_size < sizeof(f) ? filter->struct_size : sizeof(f));
	if (has_too_many_types(&f) || f.since > (uint64_t)1 << 53)
		return TAPPET_EINVAL;
	if (client->over || client->closing)
		return TAPPET_ESTATE;
	if (client->subscription_count >= SUBSCRIPTIONS_MAX)
		return TAPPET_EBUSY;
	tappet_subscription *s = calloc(1, sizeof(*s));
	char *text = write_filter(&f);
	if (!s || !text) {
		free(s);
		free(text);
		return s ? TAPPET_EINVAL : TAPPET_ENOMEM;
	}
	s->client = client;
	s->arg = arg;
	s->filter = text;
	s->replay = f.replay != 0;
	s->position = s->replay ? f.since : 0;
	memcpy(&s->follower, follower,
	       follower->struct_size < sizeof(s->follower) ? follower->struct_size : sizeof(s->follower));
	client_next_id(client, 's', s->id);
	list_append(&client->subscriptions, &s->node);
	client->subscription_count++;
	s->asked = ask(s);
	*ret = s;
	return TAPPET_OK;
}

uint64_t tappet_client_position(const tappet_subscription *subscription)
{
	return subscription->position;
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void free_subscription(tappet_subscription *s)
{
	list_remove(&s->node);
	free(s->filter);
	free(s);
}

/* In the middle of a batch, its memory is still looked at. */
static void let_go(tappet_subscription *s)
{
	tappet_client *c = s->client;
	if (s->gone)
		return;
	s->gone = true;
	c->subscription_count--;
	if (c->inside == 0)
		free_subscription(s);
}

void subscriptions_sweep(tappet_client *c)
{
	list_each_safe (node, &c->subscriptions) {
		tappet_subscription *s = list_entry(node, tappet_subscription, node);
		if (s->gone)
			free_subscription(s);
	}
}

void subscriptions_free(tappet_client *c)
{
	list_each_safe (node, &c->subscriptions)
		free_subscription(list_entry(node, tappet_subscription, node));
}

void tappet_client_unsubscribe(tappet_subscription *subscription)
{
	char text[80];
	if (!subscription)
		return;
	/* Without room for it, events come in vain until the next connection. */
	if (subscription->asked) {
		int len = snprintf(text, sizeof(text), "{\"type\":\"unsubscribe\",\"id\":\"%s\"}", subscription->id);
		(void)client_say(subscription->client, text, (size_t)len);
	}
	let_go(subscription);
}

/* ---- what comes -------------------------------------------------------------------------------------------------- */

static tappet_subscription *find(const tappet_client *c, const char *id)
{
	if (!id)
		return NULL;
	list_each (node, &c->subscriptions) {
		tappet_subscription *s = list_entry(node, tappet_subscription, node);
		if (!s->gone && strcmp(s->id, id) == 0)
			return s;
	}
	return NULL;
}

static bool read_seq(const struct json *value, uint64_t *ret)
{
	int64_t seq;
	if (json_int(value, &seq) < 0 || seq < 0)
		return false;
	*ret = (uint64_t)seq;
	return true;
}

static void hand_over(tappet_subscription *s, const struct json *e, uint64_t seq)
{
	struct buf data;
	buf_init(&data, MESSAGE_MAX);
	if (json_get(e, "data"))
		(void)json_print(json_get(e, "data"), &data);
	else
		buf_str(&data, "{}");
	const tappet_client_event event = {
		.struct_size = sizeof(event),
		.seq = seq,
		.event = tappet_cstr(json_get_str(e, "event")),
		.time = tappet_cstr(json_get_str(e, "time")),
		.workflow = tappet_cstr(json_get_str(e, "workflow")),
		.activity_id = tappet_cstr(json_get_str(e, "activityId")),
		.data = tappet_strn(buf_cstr(&data), data.len),
		.too_large = json_bool(json_get(e, "tooLarge")),
	};
	/* Before the call, so that who asks for the position in it is told this one. */
	s->position = seq;
	s->follower.event(s->arg, s, &event);
	buf_release(&data);
}

static void take_event(tappet_subscription *s, const struct json *e)
{
	uint64_t seq;
	if (s->gone || s->client->closing || !read_seq(json_get(e, "seq"), &seq) || (s->replay && seq <= s->position))
		return;
	s->replay = true;
	hand_over(s, e, seq);
}

static void take_events(tappet_subscription *s, const struct json *message)
{
	for (const struct json *e = json_first(json_get(message, "events")); e; e = json_next(e))
		take_event(s, e);
}

static void take_position(tappet_subscription *s, const struct json *message)
{
	uint64_t seq;
	if (!read_seq(json_get(message, "seq"), &seq))
		return;
	if (seq > s->position)
		s->position = seq;
	s->replay = true;
}

static void take_gap(tappet_subscription *s, const struct json *message)
{
	uint64_t from, to;
	if (!read_seq(json_get(message, "from"), &from) || !read_seq(json_get(message, "to"), &to))
		return;
	if (to > s->position)
		s->position = to;
	s->replay = true;
	if (s->follower.gap)
		s->follower.gap(s->arg, s, from, to);
}

/* A number smaller than ours: the store was restored from a backup, and the numbers begin again behind it. */
static void take_begin(tappet_subscription *s, const struct json *message)
{
	uint64_t seq;
	if (!read_seq(json_get(message, "seq"), &seq))
		return;
	s->begun = true;
	s->position = seq;
	s->replay = true;
	if (s->follower.begun)
		s->follower.begun(s->arg, s, seq);
}

void subscriptions_take(tappet_client *c, const char *type, const struct json *message)
{
	const bool is_begin = strcmp(type, "subscribed") == 0;
	tappet_subscription *s = find(c, json_get_str(message, is_begin ? "id" : "sub"));
	if (!s)
		return;
	if (is_begin)
		take_begin(s, message);
	else if (strcmp(type, "event") == 0)
		take_event(s, message);
	else if (strcmp(type, "events") == 0)
		take_events(s, message);
	else if (strcmp(type, "position") == 0)
		take_position(s, message);
	else if (strcmp(type, "gap") == 0)
		take_gap(s, message);
}

/* One that is cut for being slow goes on with the next connection, one that met a busy daemon a little later. */
static bool is_for_a_while(tappet_subscription *s, const char *code, const struct json *message)
{
	int64_t after_ms = 0;
	if (!code || strcmp(code, "busy") != 0)
		return code && strcmp(code, "too-slow") == 0;
	json_int(json_get(message, "retryAfterMs"), &after_ms);
	s->asked = false;
	client_ask_again(s->client, after_ms);
	return true;
}

bool subscriptions_error(tappet_client *c, const struct json *message)
{
	const char *code = json_get_str(message, "code");
	tappet_subscription *s = find(c, json_get_str(message, "id"));
	if (!s)
		return false;
	if (is_for_a_while(s, code, message))
		return true;
	if (s->follower.ended)
		s->follower.ended(s->arg, s, error_of_code(code), tappet_cstr(json_get_str(message, "message")));
	let_go(s);
	return true;
}
