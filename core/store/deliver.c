/* Results on the loop thread: health and metrics first, then every `done` and every answer. */
#include "store/internal.h"

static void show_health(struct store *s, enum disk disk)
{
	metric_set(s->degraded, disk == DISK_FULL || disk == DISK_FAILING);
	if (!s->health || disk == s->told_disk)
		return;
	s->told_disk = disk;
	if (disk == DISK_FULL)
		health_set(s->health, "store", HEALTH_DEGRADED, "disk full: nothing new is admitted");
	else if (disk == DISK_FAILING)
		health_set(s->health, "store", HEALTH_DEGRADED, "the last write failed");
	else
		health_set(s->health, "store", HEALTH_OK, NULL);
}

static void call_done(struct list *results)
{
	struct list *node;
	while ((node = list_first(results))) {
		struct store_op *op = list_entry(node, struct store_op, node);
		list_remove(node);
		if (op->done)
			op->done(op);
	}
}

static void call_back(struct list *answers)
{
	struct list *node;
	while ((node = list_first(answers))) {
		struct store_request *request = list_entry(node, struct store_request, node);
		list_remove(node);
		request_deliver(request);
		store_request_free(request);
	}
}

void deliver_all(struct store *s)
{
	struct list results, answers;
	list_init(&results);
	list_init(&answers);

	uv_mutex_lock(&s->mutex);
	list_splice(&results, &s->results);
	list_splice(&answers, &s->answers);
	struct tally tally = s->tally;
	s->tally = (struct tally){.journal_bytes = tally.journal_bytes, .backlog = tally.backlog};
	enum disk disk = s->disk;
	size_t queued = s->queue_len;
	uv_mutex_unlock(&s->mutex);

	metrics_show(s, &tally, queued);
	show_health(s, disk);
	backup_deliver(s);
	call_done(&results);
	call_back(&answers);
}
