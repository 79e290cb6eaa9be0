/* Whether what substitutions name is there, and there in time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "model/workflow_reader.h"

/* For each step the set of steps that have ended before it begins, as rows of bits. */
struct ancestors {
	uint64_t *bits;
	size_t row; /* words */
};

static int ancestors_fill(struct ancestors *a, const struct workflow *w, const size_t *order)
{
	a->row = (w->step_count + 63) / 64;
	a->bits = calloc(w->step_count * a->row + 1, sizeof(*a->bits));
	if (!a->bits)
		return -ENOMEM;
	for (size_t i = 0; i < w->step_count; i++) {
		const struct step_def *def = &w->steps[order[i]];
		uint64_t *to = a->bits + order[i] * a->row;

		for (size_t k = 0; k < def->needs_count; k++) {
			const uint64_t *from = a->bits + def->needs[k] * a->row;

			for (size_t word = 0; word < a->row; word++)
				to[word] |= from[word];
			to[def->needs[k] / 64] |= UINT64_C(1) << (def->needs[k] % 64);
		}
	}
	return 0;
}

static bool ancestors_has(const struct ancestors *a, size_t step, size_t ancestor)
{
	return (a->bits[step * a->row + ancestor / 64] >> (ancestor % 64)) & 1;
}

static void check_param(struct workflow_reader *wr, const struct subst_use *use, const char *name)
{
	const struct workflow *w = wr->w;
	struct nearest near;

	nearest_init(&near, name);
	for (size_t i = 0; i < w->param_count; i++) {
		if (w->params[i].name && strcmp(w->params[i].name, name) == 0)
			return;
		if (w->params[i].name)
			nearest_offer(&near, w->params[i].name);
	}
	if (near.word)
		reader_mistake(&wr->reader, use->at, false, "\"$(params.%s)\": no such parameter: did you mean \"%s\"?",
			       name, near.word);
	else
		reader_mistake(&wr->reader, use->at, false,
			       "\"$(params.%s)\": no such parameter: declare it in \"params\"", name);
}

static bool is_on_failure(const struct workflow_reader *wr, size_t step)
{
	return wr->w->has_on_failure && step + 1 == wr->w->step_count;
}

static void check_output(struct workflow_reader *wr, const struct ancestors *a, const struct subst_use *use,
			 const struct subst_part *part)
{
	const struct step_def *of = map_get_str(&wr->steps, part->step);
	size_t index;

	if (!of) {
		reader_mistake(&wr->reader, use->at, false, "\"$(steps.%s.outputs.%s)\": no such step", part->step,
			       part->text);
		return;
	}
	index = (size_t)(of - wr->w->steps);
	if (is_on_failure(wr, index)) {
		reader_mistake(&wr->reader, use->at, false,
			       "\"$(steps.%s.outputs.%s)\": the step of \"onFailure\" runs behind all others",
			       part->step, part->text);
		return;
	}
	/* It runs when all others have ended, whatever they need. */
	if (is_on_failure(wr, use->step))
		return;
	if (a->bits && !ancestors_has(a, use->step, index))
		reader_mistake(&wr->reader, use->at, false,
			       "\"$(steps.%s.outputs.%s)\": step \"%s\" has not always ended when this one begins: "
			       "name it in \"needs\"",
			       part->step, part->text, part->step);
}

static void check_part(struct workflow_reader *wr, const struct ancestors *a, const struct subst_use *use,
		       const struct subst_part *part)
{
	if (part->kind == SUBST_PARAM)
		check_param(wr, use, part->text);
	else if (part->kind == SUBST_OUTPUT)
		check_output(wr, a, use, part);
	else if (part->kind == SUBST_FAILURE && !is_on_failure(wr, use->step))
		reader_mistake(&wr->reader, use->at, false,
			       "\"$(failure.%s)\": only the step of \"onFailure\" knows of a failure", part->text);
}

void workflow_check_substs(struct workflow_reader *wr, const size_t *order)
{
	struct ancestors a = {0};

	if (order && wr->use_count > 0 && ancestors_fill(&a, wr->w, order) < 0)
		wr->reader.error = -ENOMEM;
	for (size_t i = 0; i < wr->use_count; i++) {
		const struct subst_use *use = &wr->uses[i];

		for (size_t k = 0; k < use->subst->count; k++)
			check_part(wr, &a, use, &use->subst->parts[k]);
	}
	free(a.bits);
}
