#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/order.h"
#include "model/workflow_reader.h"

#define CYCLE_SHOWN_MAX 10

static void unknown_need(struct workflow_reader *wr, const struct json *item)
{
	struct nearest near;

	nearest_init(&near, json_str(item));
	for (size_t i = 0; i < wr->w->step_count; i++)
		if (wr->w->steps[i].id)
			nearest_offer(&near, wr->w->steps[i].id);
	if (near.word)
		reader_mistake(&wr->reader, item, false, "\"needs\": no step \"%.80s\": did you mean \"%s\"?", near.key,
			       near.word);
	else
		reader_mistake(&wr->reader, item, false, "\"needs\": no step \"%.80s\"", near.key);
}

/* `last_user[n]` is the last step + 1 that named step n: twice by one step is a mistake. */
static void read_need(struct workflow_reader *wr, struct step_def *def, const struct json *item, size_t *last_user)
{
	size_t mark = (size_t)(def - wr->w->steps) + 1;
	const struct step_def *of;
	size_t need;

	if (!json_is_string(item)) {
		reader_expected(&wr->reader, item, "the id of a step");
		return;
	}
	of = map_get_str(&wr->steps, json_str(item));
	if (!of) {
		unknown_need(wr, item);
		return;
	}
	need = (size_t)(of - wr->w->steps);
	if (wr->w->has_on_failure && need + 1 == wr->w->step_count) {
		reader_mistake(&wr->reader, item, false, "\"needs\": \"%s\" is the step of \"onFailure\": it runs last",
			       of->id);
		return;
	}
	if (last_user[need] == mark) {
		reader_mistake(&wr->reader, item, false, "\"needs\": \"%s\" stands twice", of->id);
		return;
	}
	last_user[need] = mark;
	def->needs[def->needs_count++] = need;
}

static void read_needs(struct workflow_reader *wr, size_t *last_user)
{
	struct workflow *w = wr->w;

	for (size_t i = 0; i < w->step_count; i++) {
		const struct json *list = wr->sources[i].needs;
		struct step_def *def = &w->steps[i];

		def->needs = reader_calloc(&wr->reader, list ? json_count(list) : 1, sizeof(*def->needs));
		if (!def->needs)
			return;
		if (!list && i > 0 && !(w->has_on_failure && i + 1 == w->step_count))
			def->needs[def->needs_count++] = i - 1;
		for (const struct json *item = json_first(list); item; item = json_next(item))
			read_need(wr, def, item, last_user);
	}
}

static const char *id_or_dash(const struct workflow *w, size_t step)
{
	return w->steps[step].id ? w->steps[step].id : "-";
}

static void report_cycle(void *arg, const size_t *path, size_t len)
{
	struct workflow_reader *wr = arg;
	const struct step_source *source = &wr->sources[path[0]];
	struct buf text;

	buf_init(&text, 4096);
	for (size_t i = 0; i < len && i < CYCLE_SHOWN_MAX; i++)
		(void)buf_printf(&text, "%s needs ", id_or_dash(wr->w, path[i]));
	if (len > CYCLE_SHOWN_MAX)
		(void)buf_str(&text, "... needs ");
	(void)buf_str(&text, id_or_dash(wr->w, path[0]));
	reader_mistake(&wr->reader, source->needs ? source->needs : source->node, false,
		       "steps that wait for each other: %s", buf_cstr(&text));
	buf_release(&text);
}

void workflow_check(struct workflow_reader *wr)
{
	size_t count = wr->w->step_count;
	size_t *last_user = reader_calloc(&wr->reader, count, sizeof(*last_user));
	size_t *order = reader_calloc(&wr->reader, count, sizeof(*order));
	int r;

	if (!last_user || !order)
		goto cleanup;
	read_needs(wr, last_user);
	if (wr->reader.error)
		goto cleanup;
	r = order_steps(wr->w->steps, count, order, report_cycle, wr);
	if (r == -ENOMEM)
		wr->reader.error = r;
	workflow_check_substs(wr, r == 0 ? order : NULL);
cleanup:
	free(last_user);
	free(order);
}
