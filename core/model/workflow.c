#include "model/workflow_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void workflow_free(struct workflow *w)
{
	workflow_release_parts(w);
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
		[PARAM_OBJECT] = "object", [PARAM_ARRAY] = "array",   [PARAM_CHOICE] = "choice",
		[PARAM_SECRET] = "secret",
	};

	return names[type];
}

const char *step_kind_name(enum step_kind kind)
{
	static const char *const names[] = {
		[STEP_RUN] = "run",         [STEP_SCRIPT] = "script",     [STEP_SLEEP] = "sleep",
		[STEP_HTTP] = "http",       [STEP_WORKFLOW] = "workflow", [STEP_WAIT] = "wait",
		[STEP_APPROVE] = "approve", [STEP_SET] = "set",
	};

	return names[kind];
}
