#include "model/workflow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void param_release(struct param_def *p)
{
	free(p->name);
	free(p->default_json);
	free(p->description);
}

static void trigger_release(struct trigger_def *t)
{
	free(t->id);
	free(t->plugin);
	free(t->with_json);
}

static void env_release(struct env_def *e)
{
	free(e->name);
	subst_release(&e->value);
	free(e->secret_env);
	free(e->secret_file);
}

static void step_release(struct step_def *s)
{
	for (size_t i = 0; i < s->argc; i++)
		subst_release(&s->argv[i]);
	for (size_t i = 0; i < s->env_count; i++)
		env_release(&s->env[i]);
	free(s->id);
	free(s->name);
	free(s->argv);
	free(s->script);
	subst_release(&s->sleep);
	free(s->env);
	subst_release(&s->cwd);
	free(s->stdin_text);
	free(s->needs);
}

static void workflow_free(struct workflow *w)
{
	for (size_t i = 0; i < w->param_count; i++)
		param_release(&w->params[i]);
	for (size_t i = 0; i < w->trigger_count; i++)
		trigger_release(&w->triggers[i]);
	for (size_t i = 0; i < w->step_count; i++)
		step_release(&w->steps[i]);
	free(w->params);
	free(w->triggers);
	free(w->steps);
	free(w->slug);
	free(w->name);
	free(w->team);
	free(w->description);
	free(w->imported_id);
	free(w->canonical);
	free(w);
}

struct workflow *workflow_ref(struct workflow *w)
{
	w->references++;
	return w;
}

void workflow_unref(struct workflow *w)
{
	if (w && --w->references == 0)
		workflow_free(w);
}

void workflow_task_id(const char *workflow_id, const char *step_id, char ret_text[static 37])
{
	/* 8c7e1b0e-64f4-4c0d-9f0f-3a5f1c2d9b71, made for this purpose. It never changes: callers keep task ids. */
	static const uint8_t space[16] = {0x8c, 0x7e, 0x1b, 0x0e, 0x64, 0xf4, 0x4c, 0x0d,
					  0x9f, 0x0f, 0x3a, 0x5f, 0x1c, 0x2d, 0x9b, 0x71};
	char name[200];
	int len = snprintf(name, sizeof(name), "%.24s/%.64s", workflow_id, step_id);

	digest_uuid5(space, name, (size_t)len, ret_text);
}

int workflow_find_step(const struct workflow *w, const char *step_id)
{
	for (size_t i = 0; i < w->step_count; i++)
		if (strcmp(w->steps[i].id, step_id) == 0)
			return (int)i;
	return -1;
}

int workflow_find_trigger(const struct workflow *w, const char *trigger_id)
{
	for (size_t i = 0; i < w->trigger_count; i++)
		if (strcmp(w->triggers[i].id, trigger_id) == 0)
			return (int)i;
	return -1;
}

const char *param_type_name(enum param_type type)
{
	static const char *const names[] = {
		[PARAM_STRING] = "string", [PARAM_NUMBER] = "number", [PARAM_BOOLEAN] = "boolean",
		[PARAM_OBJECT] = "object", [PARAM_ARRAY] = "array",
	};

	return names[type];
}

const char *step_kind_name(enum step_kind kind)
{
	static const char *const names[] = {[STEP_RUN] = "run", [STEP_SCRIPT] = "script", [STEP_SLEEP] = "sleep"};

	return names[kind];
}
