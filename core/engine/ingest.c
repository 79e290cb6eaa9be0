/* Emissions: copied, checked against the workflow as it is now, handed to the store, answered after the commit.
 *
 * Where no dedup key is given, the answer carries "auto/" and the activity's id: an emission that comes back
 * with such a key after an unknown outcome is looked up first, and stored under the same id, so that it cannot
 * double and keys that nobody needs cost no row. While one is looked up, later emissions of the same trigger are
 * held back: their order is kept. */
#include "engine/ingest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ingest_init(struct engine *e)
{
	list_init(&e->ingest.lookups);
	list_init(&e->ingest.held);
}

/* ---- The answer ----------------------------------------------------------------------------------------------- */

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
	if (i->order)
		i->order->in_flight--;
	i->cb(i->arg, &result);
	free(i->texts.block);
	free(i->checkpoints);
	free(i);
}

/* Those behind it in the same order are cancelled by the store. */
static void order_broken(struct ingest *i)
{
	if (i->order && i->order->order.epoch == i->admit.order_epoch)
		i->order->order.epoch++;
}

static void answer_stored(struct ingest *i)
{
	struct store_admit *a = &i->admit;

	switch (a->ret_outcome) {
	case STORE_ADMITTED:
		if (i->engine->options.bus)
			bus_publish(i->engine->options.bus, &a->ret_event, 1);
		event_release(&a->ret_event);
		scheduler_admitted(i->engine, a, &i->texts);
		answer(i, ENGINE_OK, REASON_NONE, a->id, "");
		break;
	case STORE_DUPLICATE:
		answer(i, ENGINE_DUP, REASON_NONE, a->ret_existing, "");
		break;
	case STORE_CONFLICT:
		answer(i, ENGINE_CONFLICT, REASON_NONE, a->ret_existing, "");
		break;
	case STORE_OVERLAP:
		answer(i, ENGINE_REFUSED, REASON_OVERLAP, "", "another activity of the workflow still runs");
		break;
	case STORE_QUEUE_FULL:
		order_broken(i);
		answer(i, ENGINE_REFUSED, REASON_QUEUE_FULL, "", "too many activities wait already");
		break;
	case STORE_REFUSED:
		if (i->again && a->refuse_reason == REASON_DUPLICATE)
			answer(i, ENGINE_DUP, REASON_NONE, a->id, "");
		else
			answer(i, ENGINE_REFUSED, a->refuse_reason, "", i->detail);
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

void ingest_decided(struct store_op *op)
{
	struct ingest *i = list_entry(op, struct ingest, admit.op);

	if (op->status == 0) {
		answer_stored(i);
		return;
	}
	order_broken(i);
	if (op->status == -EEXIST)
		answer(i, ENGINE_DUP, REASON_NONE, i->admit.id, "");
	else if (op->status == -EINPROGRESS)
		answer(i, ENGINE_UNKNOWN, REASON_STORE, "", "the commit was not confirmed");
	else
		answer(i, ENGINE_CANCELED, REASON_STORE, "", why_not_stored(op->status));
}

/* ---- Handing it over, in order -------------------------------------------------------------------------------- */

static void submit(struct ingest *i)
{
	if (i->order)
		i->admit.order_epoch = i->order->order.epoch;
	store_submit(i->engine->store, &i->admit.op);
}

static bool waits_in(const struct list *list, const struct catalog_trigger *order)
{
	list_each (node, list)
		if (order && list_entry(node, struct ingest, node)->order == order)
			return true;
	return false;
}

static void release_held(struct engine *e)
{
	struct list held;

	list_init(&held);
	list_splice(&held, &e->ingest.held);
	while (!list_empty(&held)) {
		struct list *first = list_first(&held);

		list_remove(first);
		ingest_dispatch(list_entry(first, struct ingest, node));
	}
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
	struct engine *e = i->engine;

	list_remove(&i->node);
	if (status == 0 && strcmp(row->workflow_id, i->workflow_id) == 0)
		make_duplicate(i);
	if (status == 0 || status == -ENOENT) {
		submit(i);
	} else {
		if (i->order)
			i->admit.order_epoch = i->order->order.epoch;
		order_broken(i);
		answer(i, ENGINE_UNKNOWN, REASON_STORE, "", "the store could not be asked");
	}
	release_held(e);
}

void ingest_dispatch(struct ingest *i)
{
	struct ingest_state *state = &i->engine->ingest;

	if (waits_in(&state->lookups, i->order) || waits_in(&state->held, i->order)) {
		list_append(&state->held, &i->node);
		return;
	}
	if (!i->again) {
		submit(i);
		return;
	}
	list_append(&state->lookups, &i->node);
	if (store_get_activity(i->engine->store, i->admit.id, looked_up, i) < 0) {
		list_remove(&i->node);
		i->admit.op.status = -ECANCELED;
		submit(i);
	}
}
