/* Emissions: copied and checked against the workflow as it is now (ingest_take.c), filtered (ingest_filter.c), handed to
 * the store in the order of their trigger, answered after the commit.
 *
 * Where no dedup key is given, the answer carries "auto/" and the activity's id: an emission that comes back
 * with such a key after an unknown outcome is looked up first, and stored under the same id, so that it cannot
 * double and keys that nobody needs cost no row. */
#include "engine/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

/* ---- The answer ----------------------------------------------------------------------------------------------- */

void ingest_free(struct ingest *i)
{
	filter_release(&i->filter);
	workflow_unref(i->workflow);
	free(i->texts.block);
	free(i->checkpoints);
	free(i->open);
	free(i);
}

static void answer(struct ingest *i, enum engine_outcome outcome, int reason, const char *id, const char *detail)
{
	struct engine *e = i->engine;
	struct engine_result result = {
		.outcome = outcome,
		.reason = reason,
		.activity_id = id,
		.dedup_key = i->key,
		.dedup_key_len = i->key_len,
		.detail = detail,
	};

	metric_add(e->metrics.ingest[outcome], 1);
	metric_source_answered(e, i->source, outcome, reason);
	if (i->order)
		i->order->in_flight--;
	i->cb(i->arg, &result);
	ingest_free(i);
}

/* Those behind it in the same order must not be stored: the store cancels those that it has, release() the others. */
static void order_broken(struct ingest *i)
{
	struct catalog_trigger *order = i->order;
	int64_t epoch = i->admit.order_epoch;

	if (!order)
		return;
	if (order->broken_epoch < epoch)
		order->broken_epoch = epoch;
	if (order->order.epoch == epoch)
		order->order.epoch++;
}

static void answer_admitted(struct ingest *i)
{
	struct engine *e = i->engine;
	struct store_admit *a = &i->admit;

	if (e->options.bus)
		bus_publish(e->options.bus, &a->ret_event, 1);
	event_release(&a->ret_event);
	for (size_t k = 0; k < a->ret_give_way_count; k++)
		engine_give_way(e, a->ret_give_way[k]);
	free(a->ret_give_way);
	scheduler_admitted(e, a, &i->texts);
	answer(i, ENGINE_OK, REASON_NONE, a->id, "");
}

/* The store has recorded it. */
static void refused(struct ingest *i, enum engine_outcome outcome, int reason, const char *detail)
{
	refusals_note(i->engine, &i->admit, reason, detail);
	answer(i, outcome, reason, "", detail);
}

static void answer_overlap(struct ingest *i)
{
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "activity %s has not ended", i->admit.ret_existing);
	refused(i, ENGINE_REFUSED, REASON_OVERLAP, detail);
}

static void answer_stored(struct ingest *i)
{
	struct store_admit *a = &i->admit;

	switch (a->ret_outcome) {
	case STORE_ADMITTED:
		answer_admitted(i);
		break;
	case STORE_DUPLICATE:
		refusals_note(i->engine, a, REASON_DUPLICATE, "");
		answer(i, ENGINE_DUP, REASON_NONE, a->ret_existing, "");
		break;
	case STORE_CONFLICT:
		refusals_note(i->engine, a, REASON_DUPLICATE, "the same key came with another payload");
		answer(i, ENGINE_CONFLICT, REASON_NONE, a->ret_existing, "");
		break;
	case STORE_OVERLAP:
		answer_overlap(i);
		break;
	case STORE_QUEUE_FULL:
		order_broken(i);
		refused(i, ENGINE_REFUSED, REASON_QUEUE_FULL, "too many activities wait already");
		break;
	case STORE_REFUSED:
		if (i->again && a->refuse_reason == REASON_DUPLICATE)
			answer(i, ENGINE_DUP, REASON_NONE, a->id, "");
		else
			refused(i, ENGINE_REFUSED, a->refuse_reason, i->filter.detail);
		break;
	}
}

static const char *why_not_stored(int status)
{
	if (status == -ENOSPC)
		return "the disk is full";
	if (status == -ECANCELED)
		return "an earlier emission was not stored, or the daemon stops";
	return "the store failed";
}

static void decided(struct store_op *op)
{
	struct ingest *i = list_entry(op, struct ingest, admit.op);

	if (op->status == 0) {
		answer_stored(i);
		return;
	}
	order_broken(i);
	if (i->failed != ENGINE_OK) {
		answer(i, i->failed, REASON_STORE, "", i->why_failed);
		return;
	}
	/* Should it be there after all, it is to start. */
	if (op->status == -EINPROGRESS)
		scheduler_turns(i->engine, i->workflow_id);
	if (op->status == -EEXIST)
		answer(i, ENGINE_DUP, REASON_NONE, i->admit.id, "");
	else if (op->status == -EINPROGRESS)
		answer(i, ENGINE_UNKNOWN, REASON_STORE, "", "the commit was not confirmed");
	else
		answer(i, ENGINE_CANCELED, REASON_STORE, "", why_not_stored(op->status));
}

/* ---- Handing it over, in order -------------------------------------------------------------------------------- */

static void hash_content(struct ingest *i)
{
	uint8_t both[2 * DIGEST_SIZE];

	digest_sha256(i->texts.payload ? i->texts.payload : "", i->texts.payload_len, both);
	digest_sha256(i->texts.params, i->texts.params_len, both + DIGEST_SIZE);
	digest_sha256(both, sizeof(both), i->admit.payload_hash);
}

static void fill_texts(struct ingest *i)
{
	struct store_admit *a = &i->admit;
	const struct activity_texts *t = &i->texts;

	a->trigger = t->trigger;
	a->trigger_id = i->open ? i->open : t->trigger_id;
	a->subject = i->has_subject ? t->trigger_id : NULL;
	a->payload = t->payload;
	a->payload_len = t->payload_len;
	a->params = t->params;
	a->params_len = t->params_len;
	a->cause = t->cause;
	a->cause_len = t->cause_len;
	if (a->dedup_key)
		hash_content(i);
}

/* One that has failed goes the same way: what became of those before it has to be known before a new epoch begins. */
static void submit(struct ingest *i)
{
	i->admit.op = (struct store_op){.kind = STORE_ADMIT, .done = decided};
	i->admit.failed = i->failed != ENGINE_OK;
	if (!i->admit.failed && i->order && i->admit.order_epoch <= i->order->broken_epoch)
		answer(i, ENGINE_CANCELED, REASON_STORE, "", why_not_stored(-ECANCELED));
	else
		store_submit(i->engine->store, &i->admit.op);
}

/* All that is ready at the front of the queue. */
static void release(struct catalog_trigger *order)
{
	struct list *first;

	/* An answer may make the plugin emit again, which comes back to this function. */
	if (order->releasing)
		return;
	order->releasing = true;
	while ((first = list_first(&order->queue))) {
		struct ingest *i = list_entry(first, struct ingest, node);

		if (!i->ready)
			break;
		list_remove(first);
		submit(i);
	}
	order->releasing = false;
}

static void get_ready(struct ingest *i)
{
	i->ready = true;
	if (i->order)
		release(i->order);
	else
		submit(i);
}

void ingest_enter(struct ingest *i)
{
	if (!i->order)
		return;
	i->admit.order_epoch = i->order->order.epoch;
	i->admit.order = &i->order->order;
	i->order->in_flight++;
	list_append(&i->order->queue, &i->node);
}

static void fail(struct ingest *i, enum engine_outcome outcome, const char *why)
{
	i->failed = outcome;
	i->why_failed = why;
	get_ready(i);
}

/* It is there already: only the checkpoints are left to be stored, with a record of why nothing was started. */
static void make_duplicate(struct ingest *i)
{
	i->admit.refuse_reason = REASON_DUPLICATE;
	i->admit.refuse_detail = "its outcome had been unknown";
}

static void looked_up(void *arg, int status, const struct store_activity_row *row)
{
	struct ingest *i = arg;

	if (status == 0 && strcmp(row->workflow_id, i->workflow_id) == 0)
		make_duplicate(i);
	if (status == 0 || status == -ENOENT)
		get_ready(i);
	else
		fail(i, ENGINE_UNKNOWN, "the store could not be asked");
}

/* ---- After the filter ----------------------------------------------------------------------------------------- */

/* The complete parameters take the place of those that came. */
static int take_params(struct ingest *i)
{
	struct activity_texts texts = i->texts;
	int r;

	texts.params = i->filter.complete;
	texts.params_len = i->filter.complete_len;
	r = activity_texts_copy(&i->texts, &texts, NULL, 0);
	if (r == 0)
		free(texts.block);
	return r;
}

static void take_lane(struct ingest *i)
{
	static const enum store_overlap overlaps[] = {
		[OVERLAP_SKIP] = STORE_OVERLAP_SKIP,
		[OVERLAP_QUEUE] = STORE_OVERLAP_QUEUE,
		[OVERLAP_CANCEL] = STORE_OVERLAP_CANCEL,
	};
	const struct concurrency_def *c = &i->workflow->concurrency;

	i->lane = (struct store_lane){
		.key = i->filter.lane ? i->filter.lane : "",
		.key_len = i->filter.lane_len,
		.overlap = overlaps[c->overlap],
		.limit = c->limit,
		.queue_max = c->queue_max,
	};
	i->admit.lane = &i->lane;
}

void ingest_filtered(struct ingest *i, int status)
{
	const struct filter *f = &i->filter;

	if (status == 0)
		status = take_params(i);
	if (status < 0) {
		fail(i, ENGINE_CANCELED,
		     status == -ECANCELED ? why_not_stored(status) : "its filter could not be asked");
		return;
	}
	if (f->key)
		ingest_set_identity(i, f->key, f->key_len);
	i->admit.refuse_reason = f->reason;
	i->admit.refuse_detail = f->detail;
	if (f->has_lane && !f->reason)
		take_lane(i);
	fill_texts(i);
	if (!i->again)
		get_ready(i);
	else if (store_get_activity(i->engine->store, i->admit.id, looked_up, i) < 0)
		fail(i, ENGINE_CANCELED, "the store could not be asked");
}
