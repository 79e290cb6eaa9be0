/* The numbers of the engine as a whole; those by workflow are in metric_source.c. */
#include "engine/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID_TIME_LEN 12 /* the hex digits of an id that tell when it was made */

static const double activity_bounds[] = {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400};
static const double wait_bounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3600};
static const double step_bounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600};

static const char *const outcome_names[METRIC_OUTCOMES] = {
	[ENGINE_OK] = "ok",           [ENGINE_DUP] = "duplicate",     [ENGINE_CONFLICT] = "conflict",
	[ENGINE_REFUSED] = "refused", [ENGINE_CANCELED] = "canceled", [ENGINE_UNKNOWN] = "unknown",
};

const char *engine_outcome_name(enum engine_outcome outcome)
{
	return outcome_names[outcome];
}

static void init_steps(struct engine_metrics *m, struct metrics *all, enum step_kind kind)
{
	static const enum status ends[] = {STATUS_COMPLETED, STATUS_FAILURE, STATUS_CANCELLED, STATUS_SKIPPED};
	char labels[128];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(labels, sizeof(labels), "kind=\"%s\",outcome=\"%s\"", step_kind_name(kind),
			       status_name(ends[i]));
		m->steps[kind][ends[i]] = metrics_counter(all, "tappet_steps_total", "Steps that have ended.", labels);
	}
	(void)snprintf(labels, sizeof(labels), "kind=\"%s\"", step_kind_name(kind));
	m->step_seconds[kind] =
		metrics_histogram(all, "tappet_step_duration_seconds", "From the first start of a step to its end.",
				  labels, step_bounds, COUNT(step_bounds));
}

static void init_activities(struct engine_metrics *m, struct metrics *all)
{
	static const enum status ends[] = {STATUS_COMPLETED, STATUS_FAILURE, STATUS_INVALID, STATUS_CANCELLED};
	char labels[64];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(labels, sizeof(labels), "outcome=\"%s\"", status_name(ends[i]));
		m->activities[ends[i]] =
			metrics_counter(all, "tappet_activities_total", "Activities that have ended.", labels);
		m->activity_seconds[ends[i]] = metrics_histogram(all, "tappet_activity_duration_seconds",
								 "From the making of an activity to its end.", labels,
								 activity_bounds, COUNT(activity_bounds));
	}
	m->wait_seconds =
		metrics_histogram(all, "tappet_activity_wait_seconds", "From the making of an activity to its start.",
				  NULL, wait_bounds, COUNT(wait_bounds));
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

/* ---- Durations ------------------------------------------------------------------------------------------------ */

/* By the wall clock, which may have been set back meanwhile. */
static void observe_ms(struct metric *metric, int64_t from_ms, int64_t to_ms)
{
	metric_observe(metric, to_ms > from_ms ? (double)(to_ms - from_ms) / 1000 : 0);
}

void engine_metrics_settled(const struct activity *a)
{
	const struct store_transition *t = &a->transition;
	struct engine *e = a->engine;

	if (t->from == STATUS_NOTSTARTED && !status_is_final(t->to))
		observe_ms(e->metrics.wait_seconds, a->created_ms, t->now_ms);
	if (!status_is_final(t->to))
		return;
	observe_ms(e->metrics.activity_seconds[t->to], a->created_ms, t->now_ms);
	metric_source_ended(e, a->workflow_id, t->to);
}

void engine_metrics_row_cancelled(struct engine *e, const struct store_transition *t)
{
	char made[ID_TIME_LEN + 1] = "";

	if (t->op.status < 0 || t->ret_event_count == 0)
		return;
	memcpy(made, t->id, ID_TIME_LEN);
	observe_ms(e->metrics.activity_seconds[t->to], strtoll(made, NULL, 16), t->now_ms);
	metric_source_ended(e, t->ret_events[0].workflow_id, t->to);
}

void engine_metrics_step(const struct step *s)
{
	const struct activity *a = s->activity;

	if (s->started_ms > 0 && s->ended_ms > 0)
		observe_ms(a->engine->metrics.step_seconds[a->workflow->steps[s->index].kind], s->started_ms,
			   s->ended_ms);
}
