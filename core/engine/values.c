/* What $(…) stands for in one activity: parameters, outputs, the emission. Any thread, as long as the activity
 * stays. */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/mask.h"

/* The outputs of a step that has completed never change again. */
static int take_outputs(struct values *v, const struct activity *a)
{
	bool any = false;

	for (size_t i = 0; i < a->workflow->step_count && !any; i++)
		any = a->steps[i].status == STATUS_COMPLETED && a->steps[i].outputs;
	if (!any)
		return 0;
	v->outputs = calloc(a->workflow->step_count, sizeof(*v->outputs));
	if (!v->outputs)
		return -ENOMEM;
	for (size_t i = 0; i < a->workflow->step_count; i++)
		if (a->steps[i].status == STATUS_COMPLETED)
			v->outputs[i] = a->steps[i].outputs;
	return 0;
}

int values_init(struct values *v, const struct activity *a)
{
	const struct activity_texts *t = &a->texts;
	int r;

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
	r = take_outputs(v, a);
	if (r == 0 && a->workflow->has_on_failure && run_is_decided(&a->run))
		r = activity_failure(a, &v->failed_step, &v->failure);
	return r == -ENODATA ? 0 : r;
}

void values_release(struct values *v)
{
	json_free(v->params_json);
	json_free(v->payload_json);
	json_free(v->cause_json);
	v->params_json = v->payload_json = v->cause_json = NULL;
	free(v->outputs);
	v->outputs = NULL;
	free(v->failure);
	v->failure = NULL;
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

/* A value that is found: a tree's own, or one that was made for it. */
struct found {
	const struct json *value;
	const char *text;  /* in place of a value */
	struct json *tree; /* to be freed */
};

static bool is_secret(const struct workflow *w, const char *param)
{
	for (size_t i = 0; i < w->param_count; i++)
		if (strcmp(w->params[i].name, param) == 0)
			return w->params[i].type == PARAM_SECRET;
	return false;
}

static void find_param(struct values *v, const char *name, struct found *f)
{
	f->value = json_get(values_params(v), name);
	if (f->value && v->mask && is_secret(v->workflow, name))
		f->text = "***";
}

static int find_output(struct values *v, const struct subst_part *part, struct found *f)
{
	int step = workflow_find_step(v->workflow, part->step);
	int r;

	if (step < 0 || !v->outputs || !v->outputs[step])
		return -ENOENT;
	r = json_parse(v->outputs[step], strlen(v->outputs[step]), &f->tree, NULL);
	f->value = json_get(f->tree, part->text);
	return r;
}

/* trigger.plugin, trigger.id, trigger.cause.PATH; everything else is a path into the payload. */
static void find_trigger(struct values *v, const char *path, struct found *f)
{
	static const char cause[] = "cause.";

	if (strcmp(path, "plugin") == 0)
		f->text = v->trigger;
	else if (strcmp(path, "id") == 0)
		f->text = v->trigger_id;
	else if (strncmp(path, cause, sizeof(cause) - 1) == 0)
		f->value = walk(parsed(&v->cause_json, v->cause, v->cause_len), path + sizeof(cause) - 1);
	else
		f->value = walk(parsed(&v->payload_json, v->payload, v->payload_len), path);
}

static int find(struct values *v, const struct subst_part *part, struct found *f)
{
	switch (part->kind) {
	case SUBST_PARAM:
		find_param(v, part->text, f);
		return 0;
	case SUBST_OUTPUT:
		return find_output(v, part, f);
	case SUBST_ACTIVITY:
		f->text = v->activity_id;
		return 0;
	case SUBST_TRIGGER:
		find_trigger(v, part->text, f);
		return 0;
	case SUBST_FAILURE:
		f->text = strcmp(part->text, "step") == 0 ? v->failed_step : v->failure;
		return 0;
	case SUBST_TEXT:
		break;
	}
	f->text = part->text;
	return 0;
}

static char *as_written(const struct subst_part *part)
{
	switch (part->kind) {
	case SUBST_OUTPUT:
		return text_printf("$(steps.%s.outputs.%s)", part->step, part->text);
	case SUBST_ACTIVITY:
		return text_printf("$(activity.%s)", part->text);
	case SUBST_FAILURE:
		return text_printf("$(failure.%s)", part->text);
	default:
		return NULL;
	}
}

/* 1: it was one of those that stay as they are written. */
static int put_open(const struct subst_part *part, bool as_json, struct buf *out)
{
	char *text = as_written(part);

	if (!text)
		return 0;
	if (as_json)
		jsonw_str(out, text);
	else
		(void)buf_str(out, text);
	free(text);
	return buf_error(out) < 0 ? buf_error(out) : 1;
}

static int put(struct values *v, const struct subst_part *part, bool as_json, struct buf *out)
{
	struct found f = {0};
	const char *text;
	int r = v->open ? put_open(part, as_json, out) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	r = find(v, part, &f);
	text = f.text ? f.text : json_str(f.value);

	if (r == 0 && !text && !f.value)
		r = -ENOENT;
	if (r == 0 && text && as_json) {
		jsonw_str(out, text);
		r = buf_error(out);
	} else if (r == 0) {
		r = text ? buf_str(out, text) : json_print(f.value, out);
	}
	json_free(f.tree);
	return r;
}

static int lookup_text(void *arg, const struct subst_part *part, struct buf *out)
{
	return put(arg, part, false, out);
}

static int lookup_json(void *arg, const struct subst_part *part, struct buf *out)
{
	return put(arg, part, true, out);
}

static void explain(const struct subst_part *part, int error, char *message, size_t size)
{
	if (error != -ENOENT || !part)
		(void)snprintf(message, size, "a substitution is too large");
	else if (part->kind == SUBST_OUTPUT)
		(void)snprintf(message, size, "there is no output \"%.100s\" of step %.100s", part->text, part->step);
	else if (part->kind == SUBST_PARAM)
		(void)snprintf(message, size, "parameter \"%.100s\" has no value", part->text);
	else if (part->kind == SUBST_FAILURE)
		(void)snprintf(message, size, "nothing has failed");
	else
		(void)snprintf(message, size, "the emission has no \"%.100s\"", part->text);
}

int values_expand(struct values *v, const struct subst *s, struct buf *out, char *message, size_t message_size)
{
	const struct subst_part *missing = NULL;
	int r = subst_expand(s, lookup_text, v, out, &missing);

	if (r < 0 && message)
		explain(missing, r, message, message_size);
	return r;
}

int values_template(struct values *v, const struct template *t, bool text, struct buf *out, char *message,
		    size_t message_size)
{
	const struct subst_part *missing = NULL;
	int r;

	if (text)
		r = template_expand_text(t, lookup_text, v, out, &missing);
	else
		r = template_expand(t, lookup_json, lookup_text, v, out, &missing);
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
