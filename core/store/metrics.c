/* What the store tells of itself, shown on the loop thread. */
#include "store/internal.h"

#include "base/clock.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const double commit_bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0};
static const double size_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, STORE_BATCH_MAX};

void metrics_begin(struct store *s, struct metrics *m)
{
	if (!m)
		return;
	s->commits = metrics_counter(m, "tappet_store_commits_total", "Transactions committed.", NULL);
	s->operations = metrics_counter(m, "tappet_store_operations_total", "Operations committed.", NULL);
	s->commit_seconds =
		metrics_histogram(m, "tappet_store_commit_seconds", "Time of a transaction with its commit.", NULL,
				  commit_bounds, COUNT(commit_bounds));
	s->commit_size = metrics_histogram(m, "tappet_store_commit_operations", "Operations in one transaction.", NULL,
					   size_bounds, COUNT(size_bounds));
	s->journal_bytes = metrics_gauge(m, "tappet_store_journal_bytes", "Size of the write-ahead log.", NULL);
	s->degraded = metrics_gauge(m, "tappet_store_degraded", "1 while the disk is full or failing, else 0.", NULL);
	s->queued = metrics_gauge(m, "tappet_store_queued_operations", "Operations that wait for the writer.", NULL);
	s->waiting = metrics_gauge(m, "tappet_queue_activities", "Activities that wait to be started.", NULL);
	s->oldest = metrics_gauge(m, "tappet_queue_oldest_seconds",
				  "How long the oldest of them has been waiting; 0 when there is none.", NULL);
}

static double age_seconds(const struct backlog *backlog)
{
	int64_t age_ms = clock_wall_ms() - backlog->oldest_ms;
	return backlog->waiting > 0 && age_ms > 0 ? (double)age_ms / 1000 : 0;
}

void metrics_show(struct store *s, const struct tally *tally, size_t queued)
{
	metric_add(s->commits, (double)tally->commits);
	metric_add(s->operations, (double)tally->operations);
	for (size_t i = 0; i < tally->commits_timed; i++) {
		metric_observe(s->commit_seconds, tally->commit_seconds[i]);
		metric_observe(s->commit_size, tally->commit_sizes[i]);
	}
	metric_set(s->journal_bytes, (double)tally->journal_bytes);
	metric_set(s->queued, (double)queued);
	metric_set(s->waiting, (double)tally->backlog.waiting);
	metric_set(s->oldest, age_seconds(&tally->backlog));
}
