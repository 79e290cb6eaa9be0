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
	const struct json *action; /* the member run, script, sleep, ... */
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
	const struct workflow_options *options;
	bool foreign;                /* what is being read is not of this file */
	size_t step;                 /* the one that is being read */
	struct step_source *sources; /* one per step */
	struct map steps;            /* id -> struct step_def */
	struct subst_use *uses;
	size_t use_count, use_capacity;
};

static inline struct workflow_reader *workflow_reader_of(struct reader *r)
{
	return (struct workflow_reader *)(void *)r;
}

/* What a step can do, as bits: 1 << STEP_RUN and so on. */
#define STEP_BIT(kind) (1u << (kind))
#define STEP_PROCESS (STEP_BIT(STEP_RUN) | STEP_BIT(STEP_SCRIPT))

/* workflow_step.c: the list of steps; `into` of the handlers is the struct workflow. */
void workflow_read_steps(struct reader *r, void *into, const struct json *v);
/* The step of onFailure, when the others are read. `foreign`: it is of tappet.json. */
void workflow_read_on_failure(struct workflow_reader *wr, const struct json *node, bool foreign);
/* For the schema: the keys that mean nothing beside a kind of step, each false, as an object. */
void workflow_write_useless_keys(enum step_kind kind, struct buf *out);
/* Notes what the step does; a mistake where it does something already. */
void workflow_set_action(struct reader *r, struct step_def *def, enum step_kind kind, const struct json *v);
/* workflow_param.c, workflow_trigger.c, workflow_concurrency.c: the same for these keys. */
void workflow_read_params(struct reader *r, void *into, const struct json *v);
void workflow_read_triggers(struct reader *r, void *into, const struct json *v);
void workflow_read_concurrency(struct reader *r, void *into, const struct json *v);
/* Names of mappings that are no parameters, when all are known. */
void workflow_check_triggers(struct workflow_reader *wr);

/* Handlers of what a step does; `into` is the struct step_def. workflow_process.c, workflow_script.c: */
void workflow_read_run(struct reader *r, void *into, const struct json *v);
void workflow_read_script(struct reader *r, void *into, const struct json *v);
void workflow_read_cwd(struct reader *r, void *into, const struct json *v);
void workflow_read_user(struct reader *r, void *into, const struct json *v);
void workflow_read_limits(struct reader *r, void *into, const struct json *v);
void workflow_read_on_crash(struct reader *r, void *into, const struct json *v);
/* workflow_retry.c */
void workflow_read_retry(struct reader *r, void *into, const struct json *v);
void workflow_check_retry(struct reader *r, const struct step_def *def, const struct json *retry);
/* workflow_http.c */
void workflow_read_http(struct reader *r, void *into, const struct json *v);
/* workflow_call.c: what starts no process and no connection */
void workflow_read_sleep(struct reader *r, void *into, const struct json *v);
void workflow_read_call(struct reader *r, void *into, const struct json *v);
void workflow_read_wait(struct reader *r, void *into, const struct json *v);
void workflow_read_approve(struct reader *r, void *into, const struct json *v);
void workflow_read_set(struct reader *r, void *into, const struct json *v);

/* workflow_value.c. A text with substitutions of the step that is being read. */
void workflow_read_subst(struct workflow_reader *wr, const struct json *v, struct subst *ret);
/* JSON with substitutions in its strings; NULL after a mistake. */
struct template *workflow_read_template(struct workflow_reader *wr, const struct json *v);
/* An object of jq programs by name; outputs: with names that outputs may have. */
void workflow_read_mapping(struct reader *r, const struct json *v, const char *what, struct mapping *ret);
void workflow_read_outputs(struct reader *r, const struct json *v, struct mapping *ret);
bool workflow_output_name(struct reader *r, const struct json *member);
/* workflow_program.c: whether a value of `set` is a jq program and no text. */
bool workflow_is_program(const char *text);
/* workflow_env.c: an object of texts and secrets. `problem` says in words that follow it what is wrong with a name. */
void workflow_read_env(struct reader *r, void *into, const struct json *v);
void workflow_read_texts(struct workflow_reader *wr, const struct json *v, const char *what,
			 const char *(*problem)(const char *name), struct env_def **ret, size_t *ret_count);

/* workflow_subst.c: all substitutions, when `needs` are known; `order` is NULL when there is none. */
void workflow_check_substs(struct workflow_reader *wr, const size_t *order);
/* workflow_check.c: `needs`, cycles, then the substitutions. */
void workflow_check(struct workflow_reader *wr);
/* workflow_canonical.c: fills canonical, canonical_len and hash. 0, -E2BIG, -ENOMEM. */
int workflow_make_canonical(struct workflow *w, const struct json *source, const struct json *on_failure);

/* workflow_free.c: parameters, triggers and steps. */
void workflow_release_parts(struct workflow *w);

/* The tables of keys, for the schema. */
extern const struct reader_table workflow_table, workflow_param_table, workflow_trigger_table,
	workflow_concurrency_table, workflow_step_table, workflow_retry_table, workflow_limits_table,
	workflow_http_table, workflow_call_table, workflow_wait_table, workflow_approve_table;

#endif
