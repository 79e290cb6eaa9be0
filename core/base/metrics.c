#include "base/metrics.h"

#include <errno.h>
#include <math.h>
#include "base/list.h"
#include "base/map.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct metric {
	struct list node; /* of its family */
	char *labels;     /* "" when none */
	double value;     /* of a histogram: the sum */
	uint64_t count;
	const struct family *family;
	uint64_t *buckets; /* of a histogram: not cumulative */
};

struct bound {
	double value;
	char text[16]; /* of a label */
};

struct family {
	struct list node;
	char *name, *help;
	enum kind kind;
	struct list metrics;
	struct bound *bounds;
	size_t bound_count;
};

struct metrics {
	struct list families;
	struct map by_name; /* "name{labels}" -> metric; "name" -> family */
};

int metrics_open(struct metrics **ret)
{
	struct metrics *m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	list_init(&m->families);
	map_init(&m->by_name);
	*ret = m;
	return 0;
}

static void family_free(struct family *f)
{
	list_each_safe (pos, &f->metrics) {
		struct metric *metric = list_entry(pos, struct metric, node);
		free(metric->labels);
		free(metric->buckets);
		free(metric);
	}
	free(f->name);
	free(f->help);
	free(f->bounds);
	free(f);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	list_each_safe (pos, &m->families)
		family_free(list_entry(pos, struct family, node));
	map_release(&m->by_name);
	free(m);
}

static struct family *family_make(struct metrics *m, enum kind kind, const char *name, const char *help,
				  const double *bounds, size_t bound_count)
{
	struct family *f = map_get_str(&m->by_name, name);
	if (f)
		return f->kind == kind ? f : NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	list_init(&f->metrics);
	f->kind = kind;
	f->name = strdup(name);
	f->help = strdup(help);
	f->bound_count = bound_count;
	f->bounds = calloc(bound_count + 1, sizeof(*f->bounds));
	if (!f->name || !f->help || !f->bounds || map_put_str(&m->by_name, name, f, NULL) < 0) {
		family_free(f);
		return NULL;
	}
	for (size_t i = 0; i < bound_count; i++) {
		f->bounds[i].value = bounds[i];
		snprintf(f->bounds[i].text, sizeof(f->bounds[i].text), "%g", bounds[i]);
	}
	list_append(&m->families, &f->node);
	return f;
}

static struct metric *metric_make(struct metrics *m, struct family *f, const char *labels)
{
	struct buf key;
	buf_init(&key, 4096);
	buf_printf(&key, "%s{%s}", f->name, labels);
	struct metric *metric = buf_error(&key) ? NULL : map_get(&m->by_name, key.data, key.len);
	if (metric || buf_error(&key))
		goto out;
	metric = calloc(1, sizeof(*metric));
	if (!metric)
		goto out;
	metric->family = f;
	metric->labels = strdup(labels);
	metric->buckets = f->kind == HISTOGRAM ? calloc(f->bound_count + 1, sizeof(*metric->buckets)) : NULL;
	if (!metric->labels || (f->kind == HISTOGRAM && !metric->buckets) ||
	    map_put(&m->by_name, key.data, key.len, metric, NULL) < 0) {
		free(metric->labels);
		free(metric->buckets);
		free(metric);
		metric = NULL;
		goto out;
	}
	list_append(&f->metrics, &metric->node);
out:
	buf_release(&key);
	return metric;
}

static struct metric *make(struct metrics *m, enum kind kind, const char *name, const char *help, const char *labels,
			   const double *bounds, size_t bound_count)
{
	struct family *f = m ? family_make(m, kind, name, help, bounds, bound_count) : NULL;
	return f ? metric_make(m, f, labels ? labels : "") : NULL;
}

struct metric *metrics_counter(struct metrics *m, const char *name, const char *help, const char *labels)
{
	return make(m, COUNTER, name, help, labels, NULL, 0);
}

struct metric *metrics_gauge(struct metrics *m, const char *name, const char *help, const char *labels)
{
	return make(m, GAUGE, name, help, labels, NULL, 0);
}

struct metric *metrics_histogram(struct metrics *m, const char *name, const char *help, const char *labels,
				 const double *bounds, size_t bound_count)
{
	return make(m, HISTOGRAM, name, help, labels, bounds, bound_count);
}

/* Quotes stand for themselves in a HELP line, but not in a label. */
static void escape(struct buf *out, const char *text, bool quotes)
{
	const char *special = quotes ? "\n\\\"" : "\n\\";
	for (size_t len = strcspn(text, special);; len = strcspn(text, special)) {
		buf_append(out, text, len);
		text += len;
		if (!*text)
			return;
		buf_char(out, '\\');
		buf_char(out, *text == '\n' ? 'n' : *text);
		text++;
	}
}

void metrics_label(struct buf *labels, const char *key, const char *value)
{
	if (labels->len > 0)
		buf_char(labels, ',');
	buf_printf(labels, "%s=\"", key);
	escape(labels, value, true);
	buf_char(labels, '"');
}

void metric_add(struct metric *metric, double amount)
{
	if (metric)
		metric->value += amount;
}

void metric_set(struct metric *metric, double value)
{
	if (metric)
		metric->value = value;
}

void metric_observe(struct metric *metric, double value)
{
	/* What is no number belongs into no bucket, and would spoil the sum for good. */
	if (!metric || !metric->buckets || isnan(value))
		return;
	size_t i = 0;
	while (i < metric->family->bound_count && value > metric->family->bounds[i].value)
		i++;
	metric->buckets[i]++;
	metric->count++;
	metric->value += value;
}

double metric_value(const struct metric *metric)
{
	return metric ? metric->value : 0;
}

/* printf takes most of the time of a scrape, and nearly all numbers are whole. */
static void render_whole(struct buf *out, double value)
{
	if (value < 0)
		buf_char(out, '-');
	buf_uint(out, (uint64_t)fabs(value));
	buf_char(out, '\n');
}

static void render_number(struct buf *out, double value)
{
	if (isnan(value))
		buf_str(out, "NaN\n");
	else if (isinf(value))
		buf_str(out, value > 0 ? "+Inf\n" : "-Inf\n");
	else if (value == floor(value) && fabs(value) < 1e15)
		render_whole(out, value);
	else
		buf_printf(out, "%.9g\n", value);
}

static void render_name(const struct metric *metric, const char *suffix, struct buf *out)
{
	buf_str(out, metric->family->name);
	buf_str(out, suffix);
	if (*metric->labels) {
		buf_char(out, '{');
		buf_str(out, metric->labels);
		buf_char(out, '}');
	}
	buf_char(out, ' ');
}

static void render_bucket(const struct metric *metric, const char *bound, uint64_t count, struct buf *out)
{
	buf_str(out, metric->family->name);
	buf_str(out, "_bucket{");
	buf_str(out, metric->labels);
	buf_str(out, *metric->labels ? ",le=\"" : "le=\"");
	buf_str(out, bound);
	buf_str(out, "\"} ");
	buf_uint(out, count);
	buf_char(out, '\n');
}

static void render_histogram(const struct metric *metric, struct buf *out)
{
	const struct family *f = metric->family;
	uint64_t sum = 0;
	for (size_t i = 0; i < f->bound_count; i++) {
		sum += metric->buckets[i];
		render_bucket(metric, f->bounds[i].text, sum, out);
	}
	render_bucket(metric, "+Inf", metric->count, out);
	render_name(metric, "_sum", out);
	render_number(out, metric->value);
	render_name(metric, "_count", out);
	render_number(out, (double)metric->count);
}

int metrics_render(const struct metrics *m, struct buf *out)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};
	list_each (pos, &m->families) {
		struct family *f = list_entry(pos, struct family, node);
		buf_printf(out, "# HELP %s ", f->name);
		escape(out, f->help, false);
		buf_printf(out, "\n# TYPE %s %s\n", f->name, kinds[f->kind]);
		list_each (at, &f->metrics) {
			const struct metric *metric = list_entry(at, struct metric, node);
			if (f->kind == HISTOGRAM) {
				render_histogram(metric, out);
				continue;
			}
			render_name(metric, "", out);
			render_number(out, metric->value);
		}
	}
	return buf_error(out);
}
