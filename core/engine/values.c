/* What $(…) stands for in one activity: parameters, outputs, the emission. Any thread, as long as the activity
 * stays. */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mask.h"

int values_init(struct values *v, const struct activity *a)
{
	const struct activity_texts *t = &a->texts;
	bool any = false;

	*v = (struct values){
		.activity_id = a->id,
		.trigger = t->trigger,
		.trigger_id = t->trigger_id,
		.params = t->params,
		.payload = t->payload,
		.cause = t->cause,
		.params_len = t->params_len,
		.payload_len = t->payload_len,
		.cause_len = t->cause_len,
		.workflow = a->workflow,
	};
	for (size_t i = 0; i < a->workflow->step_count && !any; i++)
		any = a->steps[i].status == STATUS_COMPLETED && a->steps[i].outputs;
	if (!any)
		return 0;
	v->outputs = calloc(a->workflow->step_count, sizeof(*v->outputs));
	if (!v->outputs)
		return -ENOMEM;
	/* The outputs of a step that has completed never change again. */
	for (size_t i = 0; i < a->workflow->step_count; i++)
		if (a->steps[i].status == STATUS_COMPLETED)
			v->outputs[i] = a->steps[i].outputs;
	return 0;
}

void values_release(struct values *v)
{
	json_free(v->params_json);
	json_free(v->payload_json);
	json_free(v->cause_json);
	v->params_json = v->payload_json = v->cause_json = NULL;
	free(v->outputs);
	v->outputs = NULL;
}

static const struct json *parsed(struct json **tree, const char *text, size_t len)
{
	if (!*tree && text && len > 0)
		(void)json_parse(text, len, tree, NULL);
	return *tree;
}

const struct json *values_params(struct values *v)
{
	return parsed(&v->params_json, v->params, v->params_len);
}

int values_mask_params(struct values *v, struct mask *m)
{
	int r = 0;

	for (size_t i = 0; i < v->workflow->param_count && r == 0; i++) {
		const struct param_def *param = &v->workflow->params[i];
		const char *text = NULL;

		if (param->type == PARAM_SECRET)
			text = json_get_str(values_params(v), param->name);
		r = text ? mask_add(m, text, strlen(text)) : 0;
	}
	return r;
}

static int put(const struct json *value, struct buf *out)
{
	const char *text = json_str(value);

	if (!value)
		return -ENOENT;
	return text ? buf_str(out, text) : json_print(value, out);
}

static const struct json *walk(const struct json *value, const char *path)
{
	while (value && *path) {
		size_t len = strcspn(path, ".");
		char *key = strndup(path, len);

		value = key ? json_get(value, key) : NULL;
		free(key);
		path += len + (path[len] == '.');
	}
	return value;
}

/* trigger.plugin, trigger.id, trigger.cause.PATH; everything else is a path into the payload. */
static int put_trigger(struct values *v, const char *path, struct buf *out)
{
	static const char cause[] = "cause.";

	if (strcmp(path, "plugin") == 0)
		return buf_str(out, v->trigger);
	if (strcmp(path, "id") == 0)
		return buf_str(out, v->trigger_id);
	if (strncmp(path, cause, sizeof(cause) - 1) == 0)
		return put(walk(parsed(&v->cause_json, v->cause, v->cause_len), path + sizeof(cause) - 1), out);
	return put(walk(parsed(&v->payload_json, v->payload, v->payload_len), path), out);
}

static int put_output(struct values *v, const struct subst_part *part, struct buf *out)
{
	int step = workflow_find_step(v->workflow, part->step);
	struct json *outputs = NULL;
	int r;

	if (step < 0 || !v->outputs || !v->outputs[step])
		return -ENOENT;
	r = json_parse(v->outputs[step], strlen(v->outputs[step]), &outputs, NULL);
	if (r == 0)
		r = put(json_get(outputs, part->text), out);
	json_free(outputs);
	return r;
}

static int lookup(void *arg, const struct subst_part *part, struct buf *out)
{
	struct values *v = arg;

	switch (part->kind) {
	case SUBST_PARAM:
		return put(json_get(values_params(v), part->text), out);
	case SUBST_OUTPUT:
		return put_output(v, part, out);
	case SUBST_ACTIVITY:
		return buf_str(out, v->activity_id);
	case SUBST_TRIGGER:
		return put_trigger(v, part->text, out);
	case SUBST_FAILURE:
		return -ENOENT;
	case SUBST_TEXT:
		break;
	}
	return buf_str(out, part->text);
}

static void explain(const struct subst_part *part, int error, char *message, size_t size)
{
	if (error != -ENOENT || !part)
		(void)snprintf(message, size, "a substitution is too large");
	else if (part->kind == SUBST_OUTPUT)
		(void)snprintf(message, size, "there is no output \"%.100s\" of step %.100s", part->text, part->step);
	else if (part->kind == SUBST_PARAM)
		(void)snprintf(message, size, "parameter \"%.100s\" has no value", part->text);
	else
		(void)snprintf(message, size, "the emission has no \"%.100s\"", part->text);
}

int values_expand(struct values *v, const struct subst *s, struct buf *out, char *message, size_t message_size)
{
	const struct subst_part *missing = NULL;
	int r = subst_expand(s, lookup, v, out, &missing);

	if (r < 0 && message)
		explain(missing, r, message, message_size);
	return r;
}

const char *duration_text(int64_t ms, char *text, size_t size)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms % units[i].ms != 0 || ms < units[i].ms)
			continue;
		(void)snprintf(text, size, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
		return text;
	}
	(void)snprintf(text, size, "%lldms", (long long)ms);
	return text;
}
