/* The writer thread: takes what is queued as one batch, has it committed, hands the results to the loop, does its
 * chores. */
#include "store/internal.h"

#include <errno.h>
#include "base/clock.h"

/* Keeps what is new out of a full disk, and lets it wait for the journal. Mutex held. */
static bool set_aside(struct store *s, struct store_op *op, int64_t now_ms)
{
	struct writer *w = &s->writer;
	if (s->stopping)
		return false;
	if (!op_is_patient(op))
		return w->disk == DISK_FULL && now_ms < w->retry_ms;
	if (w->disk == DISK_FULL) {
		list_remove(&op->node);
		s->queue_len--;
		batch_reject(s, op, -ENOSPC);
		return true;
	}
	if (!w->hold)
		return false;
	list_remove(&op->node);
	list_append(&s->held, &op->node);
	return true;
}

/* Mutex held. */
static void collect(struct store *s)
{
	struct writer *w = &s->writer;
	struct batch *batch = &w->batch;
	int64_t now_ms = clock_mono_ms();

	if (!list_empty(&s->held) && (!w->hold || w->disk == DISK_FULL || s->stopping)) {
		list_splice(&s->held, &s->queue);
		list_splice(&s->queue, &s->held);
	}
	batch->count = batch->bytes = 0;
	list_each_safe (node, &s->queue) {
		struct store_op *op = list_entry(node, struct store_op, node);
		if (batch->count == STORE_BATCH_MAX || batch->bytes >= BATCH_BYTES_MAX)
			return;
		if (set_aside(s, op, now_ms))
			continue;
		list_remove(node);
		s->queue_len--;
		batch->ops[batch->count++] = op;
		batch->bytes += op_bytes(op);
	}
}

/* False when the store is being closed and nothing is left to do. */
static bool wait_for_work(struct store *s)
{
	bool more = true;
	uv_mutex_lock(&s->mutex);
	for (;;) {
		collect(s);
		if (s->writer.batch.count > 0 || !list_empty(&s->writer.settled))
			break;
		if (s->stopping && s->queue_len == 0) {
			more = false;
			break;
		}
		int64_t wait_ms = s->checkpoint_done ? 0 : chores_next_ms(s) - clock_mono_ms();
		if (wait_ms <= 0)
			break;
		uv_cond_timedwait(&s->work, &s->mutex, (uint64_t)wait_ms * 1000000u);
	}
	uv_mutex_unlock(&s->mutex);
	return more;
}

static void publish(struct store *s)
{
	if (list_empty(&s->writer.settled))
		return;
	uv_mutex_lock(&s->mutex);
	list_splice(&s->results, &s->writer.settled);
	uv_mutex_unlock(&s->mutex);
	uv_async_send(&s->wake);
}

void worker_main(void *arg)
{
	struct store *s = arg;
	while (wait_for_work(s)) {
		if (s->writer.batch.count > 0)
			batch_run(s);
		publish(s);
		chores_run(s);
	}
	backup_cancel(s);
	publish(s);
}
