/* Results on the loop thread: health and metrics first, then every `done` and every answer. */
#include "store/internal.h"

static const double commit_bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0};

void deliver_metrics_open(struct store *s, struct metrics *m)
{
	if (!m)
		return;
	s->commits = metrics_counter(m, "tappet_store_commits_total", "Transactions committed.", NULL);
	s->operations = metrics_counter(m, "tappet_store_operations_total", "Operations committed.", NULL);
	s->commit_seconds =
		metrics_histogram(m, "tappet_store_commit_seconds", "Time of a transaction with its commit.", NULL,
				  commit_bounds, sizeof(commit_bounds) / sizeof(commit_bounds[0]));
	s->journal_bytes = metrics_gauge(m, "tappet_store_journal_bytes", "Size of the write-ahead log.", NULL);
	s->queued = metrics_gauge(m, "tappet_store_queued_operations", "Operations that wait for the writer.", NULL);
}

static void show_metrics(struct store *s, const struct tally *tally, size_t queued)
{
	metric_add(s->commits, (double)tally->commits);
	metric_add(s->operations, (double)tally->operations);
	for (size_t i = 0; i < tally->commits_timed; i++)
		metric_observe(s->commit_seconds, tally->commit_seconds[i]);
	metric_set(s->journal_bytes, (double)tally->journal_bytes);
	metric_set(s->queued, (double)queued);
}

static void show_health(struct store *s, enum disk disk)
{
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
	s->tally = (struct tally){.journal_bytes = tally.journal_bytes};
	enum disk disk = s->disk;
	size_t queued = s->queue_len;
	uv_mutex_unlock(&s->mutex);

	show_metrics(s, &tally, queued);
	show_health(s, disk);
	backup_deliver(s);
	call_done(&results);
	call_back(&answers);
}
