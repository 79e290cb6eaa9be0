/* Emissions, refusals and ends by workflow and trigger. Each pair of them has a source that keeps the handles of its
 * counters, so that counting looks nothing up by text. Both sources and label sets are bounded: whoever makes workflows
 * without end makes no metrics without end. Sources live as long as the engine, like the entries that they hang on. */
#include "engine/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "model/names.h"

/* Of each metric, and of sources. */
#define SETS_MAX 1000
#define BEYOND "; beyond 1,000 label sets they count under workflow=\"(others)\"."

struct metric_source {
	struct metric_source *next; /* of its workflow */
	struct list all;
	char trigger[NAME_MAX_LEN + 1];
	char *labels;
	struct metric *emissions[METRIC_OUTCOMES];
	struct metric *refusals[REASON_COUNT];
};

static struct metric *make(struct engine *e, enum metric_by by, const char *own, const char *key, const char *value)
{
	static const struct {
		const char *name, *help, *others;
	} families[METRIC_BY_COUNT] = {
		[METRIC_BY_EMISSION] = {"tappet_trigger_emissions_total",
					"Emissions by workflow, trigger and what became of them" BEYOND,
					"workflow=\"(others)\",trigger=\"\""},
		[METRIC_BY_REFUSAL] = {"tappet_refusals_total",
				       "What started nothing, by workflow, trigger and reason" BEYOND,
				       "workflow=\"(others)\",trigger=\"\""},
		[METRIC_BY_ACTIVITY] = {"tappet_workflow_activities_total",
					"Activities that have ended, by workflow" BEYOND, "workflow=\"(others)\""},
	};
	struct metric *metric = NULL;
	size_t *sets = &e->metrics.sets[by];
	struct buf labels;

	buf_init(&labels, 1024);
	buf_str(&labels, own && *sets < SETS_MAX ? own : families[by].others);
	metrics_label(&labels, key, value);
	if (own && *sets < SETS_MAX)
		++*sets;
	if (!buf_error(&labels))
		metric = metrics_counter(e->options.metrics, families[by].name, families[by].help, buf_cstr(&labels));
	buf_release(&labels);
	return metric;
}

/* ---- Sources -------------------------------------------------------------------------------------------------- */

void metric_sources_init(struct engine *e)
{
	list_init(&e->metrics.sources);
	e->metrics.others = NULL;
	e->metrics.strangers = NULL;
}

static void source_free(struct metric_source *s)
{
	if (s)
		free(s->labels);
	free(s);
}

void metric_sources_release(struct engine *e)
{
	list_each_safe (node, &e->metrics.sources)
		source_free(list_entry(node, struct metric_source, all));
}

/* Without labels (`trigger` NULL) it is that of all others. */
static struct metric_source *source_new(struct engine *e, const char *slug, const char *trigger)
{
	struct metric_source *s = calloc(1, sizeof(*s));
	struct buf labels;

	if (!s)
		return NULL;
	if (trigger) {
		(void)snprintf(s->trigger, sizeof(s->trigger), "%s", trigger);
		buf_init(&labels, 1024);
		metrics_label(&labels, "workflow", slug);
		metrics_label(&labels, "trigger", s->trigger);
		s->labels = buf_error(&labels) ? NULL : strdup(buf_cstr(&labels));
		buf_release(&labels);
		if (!s->labels) {
			source_free(s);
			return NULL;
		}
	}
	list_append(&e->metrics.sources, &s->all);
	e->metrics.source_count++;
	return s;
}

static struct metric_source *others(struct engine *e)
{
	if (!e->metrics.others)
		e->metrics.others = source_new(e, NULL, NULL);
	return e->metrics.others;
}

struct metric_source *metric_source(struct engine *e, const struct catalog_entry *pub, const char *trigger_id,
				    const char *trigger)
{
	struct entry *entry = (struct entry *)(uintptr_t)pub;
	struct metric_source **first = entry ? &entry->sources : &e->metrics.strangers;
	const char *name = trigger_id && *trigger_id ? trigger_id : trigger ? trigger : "";
	struct metric_source *s;

	if (!e->options.metrics)
		return NULL;
	for (s = *first; s; s = s->next)
		if (strncmp(s->trigger, name, NAME_MAX_LEN) == 0)
			return s;
	if (e->metrics.source_count >= SETS_MAX)
		return others(e);
	s = source_new(e, entry ? entry->pub.slug : "", name);
	if (s) {
		s->next = *first;
		*first = s;
	}
	return s;
}

/* ---- Counting ------------------------------------------------------------------------------------------------- */

void metric_source_refused(struct engine *e, struct metric_source *s, int reason)
{
	if (!s)
		return;
	if (reason <= REASON_NONE || reason >= REASON_COUNT)
		reason = REASON_OTHER;
	if (!s->refusals[reason])
		s->refusals[reason] = make(e, METRIC_BY_REFUSAL, s->labels, "reason", reason_name(reason));
	metric_add(s->refusals[reason], 1);
}

void metric_source_answered(struct engine *e, struct metric_source *s, enum engine_outcome outcome, int reason)
{
	if (!s)
		return;
	if (!s->emissions[outcome])
		s->emissions[outcome] = make(e, METRIC_BY_EMISSION, s->labels, "outcome", engine_outcome_name(outcome));
	metric_add(s->emissions[outcome], 1);
	if (outcome == ENGINE_DUP || outcome == ENGINE_CONFLICT)
		metric_source_refused(e, s, REASON_DUPLICATE);
	else if (outcome == ENGINE_REFUSED || outcome == ENGINE_CANCELED)
		metric_source_refused(e, s, reason);
}

void metric_source_ended(struct engine *e, const char *workflow_id, enum status outcome)
{
	struct entry *entry = e->options.metrics ? catalog_find(e, workflow_id) : NULL;
	struct buf own;

	if (!entry)
		return;
	if (!entry->ended[outcome]) {
		buf_init(&own, 1024);
		metrics_label(&own, "workflow", entry->pub.slug);
		entry->ended[outcome] = make(e, METRIC_BY_ACTIVITY, buf_error(&own) ? NULL : buf_cstr(&own), "outcome",
					     status_name(outcome));
		buf_release(&own);
	}
	metric_add(entry->ended[outcome], 1);
}
