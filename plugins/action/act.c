/* One action: it is handed over to each trigger that matches and that the sender may start, and to steps that wait. When the
 * host's credit does not reach for all of them, the rest follows when there is some again: what has begun is finished. One
 * that could not begin waits for its turn, as far as there is room for it: whoever sends it is held up meanwhile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "action.h"

/* Under way in the whole plugin: the host takes 4,096 operations of one kind. */
#define ACTIONS_MAX 4000
#define ACTIONS_LOW (ACTIONS_MAX / 2) /* each client that is not held up yet may add one */
#define CREDIT_LOW 16
#define QUEUE_BYTES_MAX (32 << 20)

/* ---- Who is meant ---- */

struct search {
	struct plugin *plugin;
	const char *token_id;
	struct binding **found;
	size_t count, room;
	bool failed;
};

static bool make_room(struct search *s)
{
	if (s->count < s->room)
		return true;
	const size_t room = s->room ? 2 * s->room : 16;
	struct binding **found = realloc(s->found, room * sizeof(struct binding *));
	s->failed = !found;
	if (!found)
		return false;
	s->found = found;
	s->room = room;
	return true;
}

/* One more than may be is enough to see that there are too many. */
static void take(void *arg, void *owner)
{
	struct search *s = arg;
	struct plugin *p = s->plugin;
	struct binding *b = owner;
	if (b->round == p->round || s->failed || s->count > (size_t)p->limits.matches)
		return;
	b->round = p->round;
	if (s->token_id && p->auth->covers(p->self, s->token_id, b->workflow_id) != 1)
		return;
	if (make_room(s))
		s->found[s->count++] = b;
}

static int32_t find_targets(struct search *s, tappet_str topic)
{
	struct plugin *p = s->plugin;
	p->round++;
	matcher_find(p->matcher, topic, take, s);
	if (s->failed)
		return TAPPET_ENOMEM;
	return s->count > (size_t)p->limits.matches ? TAPPET_EREFUSED : TAPPET_OK;
}

/* ---- What is handed over ---- */

static void write_words(struct text *t, tappet_str topic)
{
	struct word words[TOPIC_WORDS_MAX];
	const size_t count = topic_split(topic, words);
	text_key(t, "words");
	text_cstr(t, "[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_cstr(t, ",");
		text_json(t, tappet_strn(words[i].text, words[i].len));
	}
	text_cstr(t, "]");
}

/* Nothing of it changes when a client sends the same once more: it would be another payload under the same key. */
static void write_payload(struct action *a, const struct action_input *in)
{
	struct text *t = &a->payload;
	text_cstr(t, "{");
	text_member(t, "topic", in->topic);
	write_words(t, in->topic);
	if (in->data_is_base64)
		text_member(t, "encoding", tappet_cstr("base64"));
	text_key(t, "data");
	a->data_at = t->len;
	if (in->data.len > 0)
		text_bytes(t, in->data.ptr, in->data.len);
	else
		text_cstr(t, "{}");
	a->data_len = t->len - a->data_at;
	if (in->key.len > 0)
		text_member(t, "key", in->key);
	if (in->event.len > 0) {
		text_key(t, "event");
		text_bytes(t, in->event.ptr, in->event.len);
	}
	text_cstr(t, "}");
}

static void write_cause(struct text *t, const struct action_input *in)
{
	text_cstr(t, "{");
	text_member(t, "remote", in->remote);
	text_member(t, "topic", in->topic);
	if (in->token_id)
		text_member(t, "token", tappet_cstr(in->token_id));
	text_cstr(t, "}");
}

/* ---- The operation ---- */

static void action_free(struct action *a)
{
	for (size_t i = 0; i < a->count; i++) {
		binding_unref(a->targets[i].binding);
		free(a->targets[i].detail);
	}
	text_release(&a->payload);
	text_release(&a->cause);
	free(a);
}

static void write_by(struct action *a, const struct action_input *in)
{
	const tappet_str remote = in->remote;
	snprintf(a->by, sizeof(a->by), "%s%s at %.*s", in->token_id ? "token " : "administrator",
		 in->token_id ? in->token_id : "", (int)(remote.len < 64 ? remote.len : 64),
		 remote.ptr ? remote.ptr : "");
	if (in->token_id)
		snprintf(a->token_id, sizeof(a->token_id), "%s", in->token_id);
}

static struct action *action_new(const struct search *s, const struct action_input *in)
{
	struct action *a = calloc(1, sizeof(*a) + s->count * sizeof(a->targets[0]));
	if (!a)
		return NULL;
	a->plugin = s->plugin;
	a->count = s->count;
	for (size_t i = 0; i < s->count; i++)
		a->targets[i] = (struct action_target){.action = a, .binding = binding_ref(s->found[i])};
	if (in->key.len > 0)
		memcpy(a->key, in->key.ptr, in->key.len);
	a->key_len = in->key.len;
	a->topic_len = in->topic.len;
	write_by(a, in);
	write_payload(a, in);
	write_cause(&a->cause, in);
	if (!a->payload.failed && !a->cause.failed)
		return a;
	action_free(a);
	return NULL;
}

static void check_done(struct action *a)
{
	struct plugin *p = a->plugin;
	if (a->waiting > 0 || a->queued)
		return;
	plugin_count(p, !a->error && action_end(a) == ACTION_DONE ? COUNT_ACTIONS : COUNT_BUSY, 1);
	p->action_count--;
	a->done(a->arg, a);
	action_free(a);
	if (!p->paused && !p->queue)
		connections_release(p, p->action_count > 0 ? 1 : p->connection_count);
	plugin_end(p);
}

static void emitted(void *arg, const tappet_result *result)
{
	struct action_target *t = arg;
	t->outcome = result->outcome;
	t->reason = result->reason;
	if (result->activity_id)
		snprintf(t->activity_id, sizeof(t->activity_id), "%s", result->activity_id);
	if (result->detail.len > 0)
		t->detail = strndup(result->detail.ptr, result->detail.len);
	t->action->waiting--;
	check_done(t->action);
}

static void stored(void *arg, int32_t result, uint64_t seq, uint64_t released)
{
	struct action *a = arg;
	(void)seq;
	a->stored = result;
	a->released = result == TAPPET_OK ? released : 0;
	a->waiting--;
	check_done(a);
}

static int32_t emit_one(const struct action *a, struct action_target *t)
{
	const tappet_emission out = {
		.struct_size = sizeof(out),
		.payload = tappet_strn(a->payload.bytes, a->payload.len),
		.cause = tappet_strn(a->cause.bytes, a->cause.len),
		.dedup_key = tappet_strn(a->key, a->key_len),
		.checkpoint_size = sizeof(tappet_checkpoint),
	};
	/* One that has gone while the action waited keeps it from no other. */
	return t->binding->trigger ? a->plugin->host->emit(t->binding->trigger, &out, emitted, t) : TAPPET_ESTATE;
}

/* As far as there is credit. TAPPET_EBUSY: it did not reach; another error is that of the first one. */
static int32_t emit_some(struct action *a)
{
	for (; a->handed_over < a->count; a->handed_over++) {
		struct action_target *t = &a->targets[a->handed_over];
		const int32_t r = emit_one(a, t);
		if (r == TAPPET_EBUSY || (r < 0 && a->handed_over == 0 && t->binding->trigger))
			return r;
		t->outcome = r;
		a->waiting += r == TAPPET_OK;
	}
	return TAPPET_OK;
}

/* The topic and the data stand in the payload as they were given. */
static int32_t store(struct action *a)
{
	static const char before_topic[] = "{\"topic\":\"";
	const tappet_action action = {
		.struct_size = sizeof(action),
		.topic = tappet_strn(a->payload.bytes + sizeof(before_topic) - 1, a->topic_len),
		.data = tappet_strn(a->payload.bytes + a->data_at, a->data_len),
		.token_id = a->token_id[0] ? a->token_id : NULL,
		.by = tappet_cstr(a->by),
	};
	return a->plugin->activity->action(a->plugin->self, &action, stored, a);
}

/* Nothing was started when it fails, unless it has begun: then the rest is to follow (TAPPET_EBUSY). */
static int32_t hand_over(struct action *a)
{
	const int32_t r = emit_some(a);
	if (a->begun || (r < 0 && a->handed_over == 0))
		return r;
	a->stored = store(a);
	if (a->stored < 0 && a->waiting == 0)
		return a->stored;
	a->waiting += a->stored == TAPPET_OK;
	a->begun = true;
	return r;
}

/* Whoever sends more is held up before the host has to turn something away. */
static bool is_low(const struct action *a)
{
	uint64_t credit = CREDIT_LOW;
	if (a->plugin->queue || a->plugin->action_count >= ACTIONS_LOW)
		return true;
	if (a->count > 0 && a->targets[0].binding->trigger)
		a->plugin->host->credit(a->targets[0].binding->trigger, &credit, NULL);
	return credit < CREDIT_LOW;
}

static int32_t begin(struct plugin *p, const struct action_input *in, struct search *s, struct action **ret)
{
	if (p->stopping)
		return TAPPET_ESTATE;
	if (in->token_id && p->auth->action_allowed(p->self, in->token_id, in->topic) != 1)
		return TAPPET_EDENIED;
	if (p->action_count >= ACTIONS_MAX)
		return TAPPET_EBUSY;
	const int32_t r = find_targets(s, in->topic);
	if (r < 0)
		return r;
	*ret = action_new(s, in);
	return *ret ? TAPPET_OK : TAPPET_ENOMEM;
}

static void queue_action(struct action *a)
{
	struct plugin *p = a->plugin;
	a->queued = true;
	a->next = NULL;
	*p->queue_last = a;
	p->queue_last = &a->next;
	p->queue_bytes += a->payload.len;
}

/* In the order in which they came. */
static int32_t start_or_queue(struct action *a, bool may_wait)
{
	struct plugin *p = a->plugin;
	const bool has_room = may_wait && p->queue_bytes + a->payload.len <= QUEUE_BYTES_MAX;
	const int32_t r = has_room && p->queue ? TAPPET_EBUSY : hand_over(a);
	if (r != TAPPET_EBUSY || (!a->begun && !has_room))
		return r;
	queue_action(a);
	return TAPPET_OK;
}

int32_t action_start(struct plugin *p, const struct action_input *input,
		     void (*done)(void *arg, const struct action *action), void *arg)
{
	struct search s = {.plugin = p, .token_id = input->token_id};
	struct action *a = NULL;
	int32_t r = begin(p, input, &s, &a);
	free(s.found);
	if (r == TAPPET_OK) {
		a->done = done;
		a->arg = arg;
		r = start_or_queue(a, input->may_wait);
		p->low = is_low(a);
	}
	if (r < 0) {
		if (a)
			action_free(a);
		plugin_count(p, COUNT_BUSY, r == TAPPET_EBUSY);
		return r;
	}
	p->action_count++;
	plugin_begin(p);
	return TAPPET_OK;
}

/* ---- Those that wait ---- */

static struct action *queue_take(struct plugin *p)
{
	struct action *a = p->queue;
	p->queue = a->next;
	if (!p->queue)
		p->queue_last = &p->queue;
	p->queue_bytes -= a->payload.len;
	a->queued = false;
	return a;
}

void actions_resume(struct plugin *p)
{
	while (p->queue) {
		const int32_t r = hand_over(p->queue);
		if (r == TAPPET_EBUSY)
			return;
		struct action *a = queue_take(p);
		if (!a->begun)
			a->error = r;
		check_done(a);
	}
	/* Credit is one thing, how many are under way another: of these each lets one client go on, and the last one all. */
	if (p->action_count == 0)
		connections_release(p, p->connection_count);
	else if (p->action_count < ACTIONS_LOW)
		connections_release(p, ACTIONS_LOW - p->action_count);
}

void actions_stop(struct plugin *p)
{
	while (p->queue) {
		struct action *a = queue_take(p);
		if (!a->begun)
			a->error = TAPPET_ESTATE;
		for (; a->handed_over < a->count; a->handed_over++)
			a->targets[a->handed_over].outcome = TAPPET_ESTATE;
		check_done(a);
	}
}
