/* Events on their way to a client: one by one, or as many together as a frame holds. */
#include <inttypes.h>
#include <stdio.h>
#include "subscription.h"

#define FRAME_MAX (64 * 1024)

void deliver_number(struct text *t, const char *key, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	text_key(t, key);
	text_cstr(t, text);
}

/* {"type":"…","sub":"…" */
static void begin(const struct subscription *s, const char *type, struct text *t)
{
	t->len = 0;
	text_cstr(t, "{");
	text_member(t, "type", tappet_cstr(type));
	text_member(t, "sub", subscription_id(s));
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
	deliver_number(&t, key, number);
	if (second_key)
		deliver_number(&t, second_key, second);
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
	deliver_number(&t, "seq", e->seq);
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

/* What lies before the batch is gone for good, as far as it was wanted. */
static int32_t send_gap(struct subscription *s, uint64_t from, uint64_t to)
{
	const int32_t r = send_notice(s, "gap", "from", from, "to", to);
	if (r == TAPPET_OK)
		s->position = to;
	return r;
}

int32_t deliver_batch(struct subscription *s, const struct batch *b, uint64_t last_seq, uint64_t gap_from)
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
