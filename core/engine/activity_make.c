/* The memory of an activity: its texts in one block, its steps beside its workflow. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *put(char **at, const char *text, size_t len)
{
	char *copy = *at;

	if (!text)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*at += len + 1;
	return copy;
}

int activity_texts_copy(struct activity_texts *to, const struct activity_texts *from, char **ret_rest, size_t extra)
{
	size_t trigger = strlen(from->trigger), trigger_id = strlen(from->trigger_id);
	size_t size = trigger + trigger_id + from->params_len + from->cause_len + from->payload_len + 5 + extra;
	char *block = malloc(size), *at = block;

	if (!block)
		return -ENOMEM;
	*to = *from;
	to->block = block;
	to->trigger = put(&at, from->trigger, trigger);
	to->trigger_id = put(&at, from->trigger_id, trigger_id);
	to->params = put(&at, from->params, from->params_len);
	to->cause = put(&at, from->cause, from->cause_len);
	to->payload = put(&at, from->payload, from->payload_len);
	if (ret_rest)
		*ret_rest = at;
	return 0;
}

struct activity *activity_new(struct engine *e, const char *id, const char *workflow_id, const char *revision_id,
			      struct activity_texts *texts)
{
	struct activity *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->engine = e;
	list_init(&a->node);
	list_init(&a->all);
	list_init(&a->waiters);
	list_init(&a->answers);
	list_init(&a->settling);
	memcpy(a->id, id, ID_SIZE);
	memcpy(a->workflow_id, workflow_id, ID_SIZE);
	memcpy(a->revision_id, revision_id, ID_SIZE);
	a->texts = *texts;
	a->bytes = sizeof(*a) + texts->params_len + texts->cause_len + texts->payload_len;
	texts->block = NULL;
	return a;
}

struct activity *activity_from_row(struct engine *e, const struct store_activity_row *row)
{
	struct activity_texts from =
				      {
					      .trigger = row->trigger,
					      .trigger_id = row->trigger_id,
					      .params = row->params ? row->params : "{}",
					      .cause = row->cause,
					      .payload = row->payload,
				      },
			      texts;
	struct activity *a;

	from.params_len = strlen(from.params);
	from.cause_len = row->cause ? strlen(row->cause) : 0;
	from.payload_len = row->payload ? row->payload_len : 0;
	if (activity_texts_copy(&texts, &from, NULL, 0) < 0)
		return NULL;
	a = activity_new(e, row->id, row->workflow_id, row->revision_id, &texts);
	if (!a) {
		free(texts.block);
		return NULL;
	}
	a->status = row->status;
	a->created_ms = row->created_ms;
	a->started_ms = row->started_ms;
	a->give_way = row->give_way;
	return a;
}

static void free_steps(struct activity *a)
{
	for (size_t i = 0; a->steps && i < a->workflow->step_count; i++) {
		free(a->steps[i].outputs);
		free(a->steps[i].message);
	}
	free(a->steps);
}

void activity_free(struct activity *a)
{
	if (!a)
		return;
	if (a->workflow) {
		free_steps(a);
		run_release(&a->run);
		workflow_unref(a->workflow);
	}
	free(a->changes);
	free(a->message);
	free(a->cancel_message);
	free(a->texts.block);
	free(a);
}

int activity_set_workflow(struct activity *a, struct workflow *w)
{
	int r;

	a->steps = calloc(w->step_count + 1, sizeof(*a->steps));
	a->changes = calloc(w->step_count + 1, sizeof(*a->changes));
	r = a->steps && a->changes ? run_init(&a->run, w) : -ENOMEM;
	if (r < 0) {
		free(a->steps);
		free(a->changes);
		a->steps = NULL;
		a->changes = NULL;
		return r;
	}
	a->workflow = workflow_ref(w);
	for (uint32_t i = 0; i < w->step_count; i++) {
		a->steps[i].activity = a;
		a->steps[i].index = i;
		a->steps[i].exit_code = -1;
	}
	return 0;
}
