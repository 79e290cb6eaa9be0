/* What the plugin says of itself: log, health, metrics. */
#include <stdio.h>
#include "internal.h"

#define LINE_MAX_LEN 8192
#define METRICS_MAX 100

struct tappet_metric {
	testkit *kit;
	int32_t kind;
	char *name;
	double value;
	uint64_t count;
};

void table_log(tappet_instance *self, int32_t level, const char *message, const tappet_field *fields,
	       size_t field_count)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};
	struct buf line;
	if (!self || !message)
		return;
	buf_init(&line, LINE_MAX_LEN);
	buf_printf(&line, "%s %s", levels[level >= 0 && level < 4 ? level : 3], message);
	for (size_t i = 0; fields && i < field_count; i++)
		buf_printf(&line, " %s=%.*s", fields[i].key ? fields[i].key : "", (int)fields[i].value.len,
			   fields[i].value.ptr ? fields[i].value.ptr : "");
	pthread_mutex_lock(&self->lock);
	records_add(&self->log, kit_text(buf_cstr(&line)));
	pthread_mutex_unlock(&self->lock);
	buf_release(&line);
}

void table_health(tappet_instance *self, tappet_trigger *trigger, int32_t state, const char *reason, int64_t until_ms)
{
	if (!call_allowed(self, "health") || (trigger && !trigger_usable(trigger)))
		return;
	struct health *health = trigger ? &trigger->health : &self->health;
	free(health->reason);
	*health = (struct health){state, kit_text(reason), until_ms};
}

static struct tappet_metric *find(const testkit *kit, const char *name)
{
	for (size_t i = 0; i < kit->metrics.count; i++) {
		struct tappet_metric *m = kit->metrics.items[i];
		if (strcmp(m->name, name) == 0)
			return m;
	}
	return NULL;
}

static bool name_valid(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len <= 100 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len &&
	       strncmp(name, "callback_", 9) != 0;
}

tappet_metric *table_metric(tappet_instance *self, int32_t kind, const char *name, const char *help)
{
	(void)help;
	if (!name || kind < TAPPET_COUNTER || kind > TAPPET_HISTOGRAM || call_begin(self, "metric") < 0)
		return NULL;
	struct tappet_metric *m = find(self, name);
	if (m)
		return m->kind == kind ? m : NULL;
	if (!name_valid(name) || self->metrics.count >= METRICS_MAX)
		return NULL;
	m = kit_alloc(sizeof(*m));
	m->kit = self;
	m->kind = kind;
	m->name = kit_text(name);
	records_add(&self->metrics, m);
	return m;
}

void table_metric_add(tappet_metric *metric, double amount)
{
	if (metric && call_allowed(metric->kit, "metric_add") &&
	    ((metric->kind == TAPPET_COUNTER && amount >= 0) || metric->kind == TAPPET_GAUGE))
		metric->value += amount;
}

void table_metric_set(tappet_metric *metric, double value)
{
	if (metric && call_allowed(metric->kit, "metric_set") && metric->kind == TAPPET_GAUGE)
		metric->value = value;
}

void table_metric_observe(tappet_metric *metric, double value)
{
	if (!metric || !call_allowed(metric->kit, "metric_observe") || metric->kind != TAPPET_HISTOGRAM)
		return;
	metric->value += value;
	metric->count++;
}

void metrics_release(testkit *kit)
{
	for (size_t i = 0; i < kit->metrics.count; i++)
		free(((struct tappet_metric *)kit->metrics.items[i])->name);
	records_release(&kit->metrics);
}

/* ---- For the test ---- */

static const struct health *health_of(const testkit *kit, const tappet_trigger *trigger)
{
	return trigger ? &trigger->health : &kit->health;
}

int32_t testkit_health(const testkit *kit, const tappet_trigger *trigger)
{
	return health_of(kit, trigger)->state;
}

const char *testkit_health_reason(const testkit *kit, const tappet_trigger *trigger)
{
	const char *reason = health_of(kit, trigger)->reason;
	return reason ? reason : "";
}

int64_t testkit_health_until(const testkit *kit, const tappet_trigger *trigger)
{
	return health_of(kit, trigger)->until_ms;
}

double testkit_metric(const testkit *kit, const char *name)
{
	const struct tappet_metric *m = find(kit, name);
	return m ? m->value : 0;
}

uint64_t testkit_metric_count(const testkit *kit, const char *name)
{
	const struct tappet_metric *m = find(kit, name);
	return m ? m->count : 0;
}

size_t testkit_log_count(const testkit *kit)
{
	return kit->log.count;
}

const char *testkit_log_at(const testkit *kit, size_t index)
{
	return index < kit->log.count ? kit->log.items[index] : NULL;
}

size_t testkit_log_find(const testkit *kit, const char *text)
{
	size_t count = 0;
	for (size_t i = 0; i < kit->log.count; i++)
		count += strstr(kit->log.items[i], text) != NULL;
	return count;
}
