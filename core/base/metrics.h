/* Counters, gauges and histograms, shown as Prometheus text (exposition format 0.0.4). Loop thread only; other threads
 * keep their own numbers and hand them over. Label sets are bounded by their callers: never a value from outside. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include "base/buf.h"

struct metrics;
struct metric;

int metrics_open(struct metrics **ret);
void metrics_free(struct metrics *m);

/* The same name and labels give the same metric. `labels` is rendered text such as plugin="webhook", or NULL; values
 * must have been escaped by metrics_label. NULL when out of memory: all metric_* calls accept NULL. Names follow the
 * conventions: tappet_ prefix, _total for counters, _seconds and _bytes for units. `name` and `help` are copied. */
struct metric *metrics_counter(struct metrics *m, const char *name, const char *help, const char *labels);
struct metric *metrics_gauge(struct metrics *m, const char *name, const char *help, const char *labels);
/* `bounds` are upper bounds in ascending order, without +Inf. */
struct metric *metrics_histogram(struct metrics *m, const char *name, const char *help, const char *labels,
				 const double *bounds, size_t bound_count);
/* Appends key="value" (escaped), preceded by a comma when `labels` is not empty. */
void metrics_label(struct buf *labels, const char *key, const char *value);

void metric_add(struct metric *metric, double amount);
void metric_set(struct metric *metric, double value);
void metric_observe(struct metric *metric, double value);
double metric_value(const struct metric *metric);

int metrics_render(const struct metrics *m, struct buf *out);

#endif
