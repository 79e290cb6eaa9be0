/* Metrics of plugins: tappet_plugin_NAME{plugin="…"}. Names are the plugin's own constants; at most 100 of them. */
#include "host/internal.h"
#include "base/log.h"

#define METRIC_NAME_MAX 100

static const double seconds_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

static bool name_valid(const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > METRIC_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
		return false;
	/* The host's own ones. */
	return strncmp(name, "callback_", 9) != 0;
}

static struct tappet_metric *find(struct tappet_instance *p, const char *name)
{
	list_each (node, &p->metrics) {
		struct tappet_metric *m = list_entry(node, struct tappet_metric, node);
		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

static struct metric *make(const struct tappet_instance *p, int32_t kind, const char *name, const char *help)
{
	struct metrics *metrics = p->host->options.metrics;
	char full[METRIC_NAME_MAX + 20];
	struct buf labels;
	struct metric *m = NULL;
	snprintf(full, sizeof(full), "tappet_plugin_%s", name);
	buf_init(&labels, 256);
	metrics_label(&labels, "plugin", p->name);
	if (kind == TAPPET_COUNTER)
		m = metrics_counter(metrics, full, help, buf_cstr(&labels));
	else if (kind == TAPPET_GAUGE)
		m = metrics_gauge(metrics, full, help, buf_cstr(&labels));
	else
		m = metrics_histogram(metrics, full, help, buf_cstr(&labels), seconds_bounds,
				      sizeof(seconds_bounds) / sizeof(seconds_bounds[0]));
	buf_release(&labels);
	return m;
}

/* One name has one kind over all plugins: they share a family. */
static bool kind_agrees(struct host *h, const char *name, int32_t kind)
{
	void *known = map_get_str(&h->metric_kinds, name);
	if (known)
		return (int32_t)(intptr_t)known == kind;
	return map_put_str(&h->metric_kinds, name, (void *)(intptr_t)kind, NULL) == 0;
}

static tappet_metric *refuse(const struct tappet_instance *p, const char *name, const char *why)
{
	log_warn("a metric is refused", log_str("plugin", p->name), log_str("metric", name), log_str("reason", why),
		 LOG_END);
	return NULL;
}

tappet_metric *table_metric(tappet_instance *self, int32_t kind, const char *name, const char *help)
{
	if (!plugin_usable(self) || !name || !self->host->options.metrics)
		return NULL;
	if (kind < TAPPET_COUNTER || kind > TAPPET_HISTOGRAM)
		return refuse(self, name, "unknown kind");
	if (!name_valid(name))
		return refuse(self, name, "bad name");
	struct tappet_metric *known = find(self, name);
	if (known)
		return known->kind == kind ? known : refuse(self, name, "it has another kind");
	if (self->metric_count >= METRICS_MAX)
		return refuse(self, name, "too many");
	if (!kind_agrees(self->host, name, kind))
		return refuse(self, name, "another plugin's has another kind");
	struct tappet_metric *m = malloc(sizeof(*m) + strlen(name) + 1);
	if (!m)
		return NULL;
	m->plugin = self;
	m->kind = kind;
	memcpy(m->name, name, strlen(name) + 1);
	m->metric = make(self, kind, name, help ? help : "");
	if (!m->metric) {
		free(m);
		return NULL;
	}
	list_append(&self->metrics, &m->node);
	self->metric_count++;
	return m;
}

void table_metric_add(tappet_metric *metric, double amount)
{
	/* A counter never goes back. */
	if (metric && ((metric->kind == TAPPET_COUNTER && amount >= 0) || metric->kind == TAPPET_GAUGE))
		metric_add(metric->metric, amount);
}

void table_metric_set(tappet_metric *metric, double value)
{
	if (metric && metric->kind == TAPPET_GAUGE)
		metric_set(metric->metric, value);
}

void table_metric_observe(tappet_metric *metric, double value)
{
	if (metric && metric->kind == TAPPET_HISTOGRAM)
		metric_observe(metric->metric, value);
}

void metric_release_all(struct tappet_instance *p)
{
	list_each_safe (node, &p->metrics) {
		list_remove(node);
		free(list_entry(node, struct tappet_metric, node));
	}
	p->metric_count = 0;
}
