/* What the files that read a definition share: the reader with the half-made workflow, and what the checks of the whole need
 * to know about the source. Private to core/model/workflow*.c. */
#ifndef MODEL_WORKFLOW_READER_H
#define MODEL_WORKFLOW_READER_H

#include "base/map.h"
#include "model/reader.h"
#include "model/workflow.h"

#define WORKFLOW_PARAMS_MAX 256
#define WORKFLOW_TRIGGERS_MAX 1000

/* Where a step stands in the file. */
struct step_source {
	const struct json *node;
	const struct json *needs;  /* NULL: after the step before it */
	const struct json *action; /* the member run, script or sleep */
};

/* One text with substitutions, to be checked when all parameters and steps are known. */
struct subst_use {
	const struct subst *subst;
	const struct json *at;
	size_t step;
};

struct workflow_reader {
	struct reader reader; /* first: handlers of keys get a pointer to it */
	struct workflow *w;
	int (*read_file)(void *arg, const char *path, char **ret_text, size_t *ret_len);
	void *arg;
	struct step_source *sources; /* one per step */
	struct map steps;            /* id -> struct step_def */
	struct subst_use *uses;
	size_t use_count, use_capacity;
};

/* workflow_step.c: the list of steps; `into` of the handler is the struct workflow. */
void workflow_read_steps(struct reader *r, void *into, const struct json *v);
/* workflow_param.c, workflow_trigger.c: the same for `params` and `triggers`. */
void workflow_read_params(struct reader *r, void *into, const struct json *v);
void workflow_read_triggers(struct reader *r, void *into, const struct json *v);
/* workflow_subst.c: a text with substitutions of one step. */
void workflow_read_subst(struct workflow_reader *wr, const struct json *v, size_t step, struct subst *ret);
/* workflow_env.c: the `env` of one step. */
void workflow_read_env(struct workflow_reader *wr, const struct json *v, size_t step);
/* workflow_subst.c: all of them, when `needs` are known; `order` is NULL when there is none. */
void workflow_check_substs(struct workflow_reader *wr, const size_t *order);
/* workflow_check.c: `needs`, cycles, then the substitutions. */
void workflow_check(struct workflow_reader *wr);
/* workflow_canonical.c: fills canonical, canonical_len and hash. 0, -E2BIG, -ENOMEM. */
int workflow_make_canonical(struct workflow *w, const struct json *source);

#endif
