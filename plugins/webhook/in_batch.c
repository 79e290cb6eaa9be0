/* A batch of CloudEvents: one emission for each, and one answer when all are settled. Sent again, those that are known start
 * nothing again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "in.h"

struct batch_item {
	struct batch *batch;
	struct kept *kept;
	int32_t outcome, reason;
	char activity_id[ID_LEN + 1];
};

struct batch {
	struct call *call;
	size_t count, waiting;
	struct batch_item items[];
};

static bool has_failed(const struct batch_item *i)
{
	return i->outcome != TAPPET_OK && i->outcome != TAPPET_EDUP && i->outcome != TAPPET_ECONFLICT &&
	       i->outcome != TAPPET_EREFUSED;
}

/* {"activities":["…",null,…]}: null where an event was refused. */
static void write_answer(const struct batch *b, struct text *out)
{
	text_cstr(out, "{\"activities\":[");
	for (size_t i = 0; i < b->count; i++) {
		if (i)
			text_cstr(out, ",");
		if (b->items[i].activity_id[0])
			text_json(out, tappet_cstr(b->items[i].activity_id));
		else
			text_cstr(out, "null");
	}
	text_cstr(out, "]}");
}

static void finish(struct batch *b)
{
	struct webhook *w = b->call->w;
	struct text body = {0};
	bool failed = false;
	for (size_t i = 0; i < b->count; i++)
		failed = failed || has_failed(&b->items[i]);
	write_answer(b, &body);
	if (failed || body.failed)
		in_problem(b->call, 503, "not-stored", "Not all events were stored; send the batch again.", 1);
	else
		in_respond(b->call, b->call->settings->success, "application/json", tappet_strn(body.bytes, body.len));
	text_release(&body);
	call_free(b->call);
	free(b);
	webhook_end(w);
}

static void emitted(void *arg, const tappet_result *result)
{
	struct batch_item *i = arg;
	i->outcome = result->outcome;
	i->reason = result->reason;
	if (result->activity_id)
		snprintf(i->activity_id, sizeof(i->activity_id), "%s", result->activity_id);
	struct webhook *w = i->batch->call->w;
	struct kept *kept = i->kept;
	webhook_begin(w);
	if (--i->batch->waiting == 0)
		finish(i->batch);
	kept_settle(w, kept, result);
	webhook_end(w);
}

static void emit(struct batch *b, size_t index, struct binding *binding, const struct cloud_event *e)
{
	struct call *c = b->call;
	struct batch_item *item = &b->items[index];
	struct text payload = {0};
	item->batch = b;
	item->outcome = TAPPET_ENOMEM;
	const enum payload_error error = payload_write(c->w, c->settings, c->request, e, &payload);
	const tappet_emission out = {
		.struct_size = sizeof(out),
		.payload = tappet_strn(payload.bytes, payload.len),
		.dedup_key = tappet_cstr(e->key),
		.checkpoint_size = sizeof(tappet_checkpoint),
	};
	if (error == PAYLOAD_OK)
		item->outcome = c->w->host->emit(binding->trigger, &out, emitted, item);
	if (item->outcome == TAPPET_OK)
		item->kept = kept_begin(c->w, binding, &out, e->data.len);
	b->waiting += item->outcome == TAPPET_OK;
	text_release(&payload);
}

void batch_start(struct call *c, struct binding *binding, const struct cloud_event *events, size_t count)
{
	struct batch *b = calloc(1, sizeof(*b) + count * sizeof(b->items[0]));
	if (!b) {
		in_problem(c, 503, "busy", "Out of memory.", 1);
		call_free(c);
		return;
	}
	b->call = c;
	b->count = count;
	webhook_begin(c->w);
	b->waiting = 1; /* callbacks come later, but none of them is to be the last before all are handed over */
	for (size_t i = 0; i < count; i++)
		emit(b, i, binding, &events[i]);
	if (--b->waiting == 0)
		finish(b);
}
