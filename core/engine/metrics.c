#include "engine/internal.h"

#include <stdio.h>

static const char *const outcome_names[METRIC_OUTCOMES] = {
	[ENGINE_OK] = "ok",           [ENGINE_DUP] = "duplicate",     [ENGINE_CONFLICT] = "conflict",
	[ENGINE_REFUSED] = "refused", [ENGINE_CANCELED] = "canceled", [ENGINE_UNKNOWN] = "unknown",
};

static void init_steps(struct engine_metrics *m, struct metrics *all, enum step_kind kind)
{
	static const enum status ends[] = {STATUS_COMPLETED, STATUS_FAILURE, STATUS_CANCELLED, STATUS_SKIPPED};
	char labels[128];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(labels, sizeof(labels), "kind=\"%s\",outcome=\"%s\"", step_kind_name(kind),
			       status_name(ends[i]));
		m->steps[kind][ends[i]] = metrics_counter(all, "tappet_steps_total", "Steps that have ended.", labels);
	}
}

static void init_activities(struct engine_metrics *m, struct metrics *all)
{
	static const enum status ends[] = {STATUS_COMPLETED, STATUS_FAILURE, STATUS_INVALID, STATUS_CANCELLED};
	char labels[64];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(labels, sizeof(labels), "outcome=\"%s\"", status_name(ends[i]));
		m->activities[ends[i]] =
			metrics_counter(all, "tappet_activities_total", "Activities that have ended.", labels);
	}
}

void engine_metrics_init(struct engine *e)
{
	struct engine_metrics *m = &e->metrics;
	struct metrics *all = e->options.metrics;
	char labels[64];

	if (!all)
		return;
	for (size_t i = 0; i < METRIC_OUTCOMES; i++) {
		(void)snprintf(labels, sizeof(labels), "outcome=\"%s\"", outcome_names[i]);
		m->ingest[i] =
			metrics_counter(all, "tappet_emissions_total", "Emissions by what became of them.", labels);
	}
	init_activities(m, all);
	for (int kind = 0; kind < METRIC_KINDS; kind++)
		init_steps(m, all, (enum step_kind)kind);
	m->running = metrics_gauge(all, "tappet_steps_running", "Steps that run now.", NULL);
	m->window =
		metrics_gauge(all, "tappet_window_activities", "Activities in memory that wait to be started.", NULL);
	m->active = metrics_gauge(all, "tappet_activities_active", "Activities under way in memory.", NULL);
	m->parked =
		metrics_gauge(all, "tappet_activities_parked", "Activities that wait for a time, on disk only.", NULL);
}
