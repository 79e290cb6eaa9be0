/* One batch: one transaction for all of it; what to do when that fails; and the rule of orders. */
#include "store/internal.h"

#include <errno.h>
#include "base/clock.h"
#include "base/log.h"

#define as_admit(op) list_entry(op, struct store_admit, op)

bool op_is_patient(const struct store_op *op)
{
	switch (op->kind) {
	case STORE_ADMIT:
	case STORE_ACCOUNT:
	case STORE_KV:
	case STORE_DEFINITIONS:
	case STORE_ACTION:
	case STORE_PROGRAMS:
		return true;
	case STORE_TRANSITION:
	case STORE_LOG:
	case STORE_ENABLE:
	case STORE_TOKEN:
	case STORE_REFUSALS:
	case STORE_REMOVE:
	case STORE_TURNS:
	case STORE_EVENT:
		break;
	}
	return false;
}

static size_t definitions_bytes(const struct store_definitions *d)
{
	size_t bytes = 0;
	for (size_t i = 0; i < d->count; i++)
		bytes += d->items[i].canonical_len;
	return bytes;
}

size_t op_bytes(const struct store_op *op)
{
	const struct store_admit *admit = as_admit(op);
	switch (op->kind) {
	case STORE_ADMIT:
		return admit->payload_len + admit->params_len + admit->cause_len;
	case STORE_LOG:
		return list_entry(op, struct store_log, op)->len;
	case STORE_KV:
		return list_entry(op, struct store_kv, op)->value_len;
	case STORE_DEFINITIONS:
		return definitions_bytes(list_entry(op, struct store_definitions, op));
	case STORE_ACTION:
		return list_entry(op, struct store_action, op)->data_len;
	default:
		return 0;
	}
}

static struct store_order *op_order(const struct store_op *op, int64_t *ret_epoch)
{
	if (op->kind == STORE_ADMIT) {
		*ret_epoch = as_admit(op)->order_epoch;
		return as_admit(op)->order;
	}
	if (op->kind == STORE_ACCOUNT) {
		*ret_epoch = list_entry(op, struct store_account, op)->order_epoch;
		return list_entry(op, struct store_account, op)->order;
	}
	return NULL;
}

static bool is_final(const struct store_op *op)
{
	if (op->status < 0)
		return false;
	return op->kind != STORE_ADMIT || as_admit(op)->ret_outcome != STORE_QUEUE_FULL;
}

/* Cancels what is queued behind an operation that ended without a final outcome. */
static void mark_order(const struct store_op *op)
{
	int64_t epoch = 0;
	struct store_order *order = op_order(op, &epoch);
	if (order && !is_final(op) && epoch > order->void_epoch)
		order->void_epoch = epoch;
}

/* The walk over the lanes goes on behind what was committed, and only then. */
static void advance(struct store_turns *t)
{
	t->cursor = t->ret_more ? t->ret_cursor : (struct store_lane_cursor){0};
}

static void settle(struct store *s, struct store_op *op)
{
	list_append(&s->writer.settled, &op->node);
}

void batch_reject(struct store *s, struct store_op *op, int status)
{
	int64_t epoch = 0;
	const struct store_order *order = op_order(op, &epoch);
	/* Of a transaction whose outcome is unknown, that goes for all operations: they are stored together or not
	 * at all. */
	bool cancelled = status != -EINPROGRESS && order && epoch <= order->void_epoch;
	op->status = cancelled ? -ECANCELED : status;
	mark_order(op);
	settle(s, op);
}

/* Where an operation keeps its list of events; false when it has none. */
static bool event_list(struct store_op *op, struct event ***ret_events, size_t **ret_count)
{
	struct store_transition *transition = list_entry(op, struct store_transition, op);
	struct store_definitions *definitions = list_entry(op, struct store_definitions, op);
	struct store_enable *enable = list_entry(op, struct store_enable, op);
	struct store_remove *removal = list_entry(op, struct store_remove, op);
	struct store_refusals *refusals = list_entry(op, struct store_refusals, op);

	if (op->kind == STORE_TRANSITION) {
		*ret_events = &transition->ret_events;
		*ret_count = &transition->ret_event_count;
	} else if (op->kind == STORE_DEFINITIONS) {
		*ret_events = &definitions->ret_events;
		*ret_count = &definitions->ret_event_count;
	} else if (op->kind == STORE_ENABLE) {
		*ret_events = &enable->ret_events;
		*ret_count = &enable->ret_event_count;
	} else if (op->kind == STORE_REMOVE) {
		*ret_events = &removal->ret_events;
		*ret_count = &removal->ret_event_count;
	} else if (op->kind == STORE_REFUSALS) {
		*ret_events = &refusals->ret_events;
		*ret_count = &refusals->ret_event_count;
	} else {
		return false;
	}
	return true;
}

/* What results own is the store's to write: what the submitter left there is not looked at. */
static void clear_results(struct store_op *op)
{
	struct event **events;
	size_t *count;

	op->status = 0;
	if (op->kind == STORE_ADMIT) {
		as_admit(op)->ret_event = (struct event){0};
		as_admit(op)->ret_give_way = NULL;
		as_admit(op)->ret_give_way_count = 0;
	}
	if (op->kind == STORE_LOG)
		list_entry(op, struct store_log, op)->ret_line_count = 0;
	if (event_list(op, &events, &count)) {
		*events = NULL;
		*count = 0;
	}
}

/* What was rolled back has no results. */
static void forget_results(struct store_op *op)
{
	struct event **events;
	size_t *count;

	if (op->kind == STORE_ADMIT) {
		event_release(&as_admit(op)->ret_event);
		free(as_admit(op)->ret_give_way);
	}
	if (event_list(op, &events, &count))
		store_events_free(*events, *count);
	clear_results(op);
}

static int apply_one(struct store *s, size_t at)
{
	struct batch *batch = &s->writer.batch;
	struct store_op *op = batch->ops[at];
	int64_t epoch = 0;
	const struct store_order *order = op_order(op, &epoch);

	clear_results(op);
	if (order)
		batch->void_before[at] = order->void_epoch;
	if (order && epoch <= order->void_epoch) {
		op->status = -ECANCELED;
		return 0;
	}
	int r = s->driver->apply(s->backend, op);
	if (r == 0)
		mark_order(op);
	return r;
}

/* Nothing of the operations from `first` up to (not with) `end` has happened after all. */
static void take_back(struct store *s, size_t first, size_t end)
{
	struct batch *batch = &s->writer.batch;
	for (size_t i = end; i-- > first;) {
		int64_t epoch;
		struct store_order *order = op_order(batch->ops[i], &epoch);
		if (order)
			order->void_epoch = batch->void_before[i];
		forget_results(batch->ops[i]);
	}
}

static void count_commit(struct store *s, size_t operations, int64_t since_ns)
{
	struct tally *tally = &s->tally;
	double seconds = (double)(clock_mono_ns() - since_ns) / 1e9;
	uv_mutex_lock(&s->mutex);
	tally->commits++;
	tally->operations += operations;
	if (tally->commits_timed < sizeof(tally->commit_seconds) / sizeof(tally->commit_seconds[0])) {
		tally->commit_seconds[tally->commits_timed] = seconds;
		tally->commit_sizes[tally->commits_timed++] = (double)operations;
	}
	uv_mutex_unlock(&s->mutex);
}

/* One transaction. *ret_op: it failed at an operation, not at the transaction as a whole. */
static int transact(struct store *s, size_t first, size_t count, bool *ret_op)
{
	size_t end = first + count, at = first;
	int64_t since_ns = clock_mono_ns();

	*ret_op = false;
	int r = s->driver->begin(s->backend);
	if (r < 0)
		return r;
	while (at < end && r == 0)
		r = apply_one(s, at++);
	if (r < 0) {
		*ret_op = true;
		s->driver->rollback(s->backend);
		take_back(s, first, at);
		return r;
	}
	r = s->driver->commit(s->backend);
	if (r < 0) {
		take_back(s, first, end);
		return r;
	}
	count_commit(s, count, since_ns);
	chores_after_commit(s);
	for (size_t i = first; i < end; i++) {
		struct store_op *op = s->writer.batch.ops[i];
		if (op->kind == STORE_TURNS && op->status == 0)
			advance(list_entry(op, struct store_turns, op));
		settle(s, op);
	}
	return 0;
}

/* What is new is refused; what must be stored goes back to the front of the queue, for when there is room. */
static void no_room(struct store *s, size_t first)
{
	struct batch *batch = &s->writer.batch;
	bool freed = s->driver->free_room(s->backend);

	s->writer.retry_ms = clock_mono_ms() + (freed ? 0 : ROOM_RETRY_MS);
	chores_set_disk(s, DISK_FULL, -ENOSPC);
	uv_mutex_lock(&s->mutex);
	for (size_t i = first; i < batch->count; i++)
		if (op_is_patient(batch->ops[i]))
			batch_reject(s, batch->ops[i], -ENOSPC);
	for (size_t i = batch->count; i-- > first;) {
		struct store_op *op = batch->ops[i];
		if (op_is_patient(op))
			continue;
		if (s->stopping && !freed) {
			batch_reject(s, op, -ECANCELED);
			continue;
		}
		list_prepend(&s->queue, &op->node);
		s->queue_len++;
	}
	uv_mutex_unlock(&s->mutex);
}

static void fail(struct store *s, size_t first, size_t count, int error)
{
	chores_set_disk(s, DISK_FAILING, error);
	for (size_t i = first; i < first + count; i++)
		batch_reject(s, s->writer.batch.ops[i], error);
}

/* An operation alone failed for a reason of its own; the disk may be well. */
static void fail_one(struct store *s, size_t at, int error)
{
	log_error("an operation on the store failed", log_int("kind", s->writer.batch.ops[at]->kind), log_errno(error),
		  LOG_END);
	if (error == -EIO)
		chores_set_disk(s, DISK_FAILING, error);
	batch_reject(s, s->writer.batch.ops[at], error);
}

static void one_by_one(struct store *s)
{
	for (size_t i = 0; i < s->writer.batch.count; i++) {
		bool at_op;
		int r = transact(s, i, 1, &at_op);
		if (r == -ENOSPC) {
			no_room(s, i);
			return;
		}
		if (r < 0 && at_op)
			fail_one(s, i, r);
		else if (r < 0)
			fail(s, i, 1, r);
	}
}

void batch_run(struct store *s)
{
	size_t count = s->writer.batch.count;
	bool at_op;
	int r = transact(s, 0, count, &at_op);

	if (r == 0)
		return;
	if (r == -ENOSPC)
		no_room(s, 0);
	else if (!at_op)
		fail(s, 0, count, r);
	else if (count == 1)
		fail_one(s, 0, r);
	else
		one_by_one(s);
}
