#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/names.h"
#include "model/workflow_reader.h"

static bool has_type(const struct json *v, enum param_type type)
{
	switch (type) {
	case PARAM_STRING:
		return json_is_string(v);
	case PARAM_NUMBER:
		return json_is_number(v);
	case PARAM_BOOLEAN:
		return json_is_bool(v);
	case PARAM_OBJECT:
		return json_is_object(v);
	case PARAM_ARRAY:
		return json_is_array(v);
	}
	return false;
}

/* ---- Declaring ---- */

static void read_type(struct reader *r, void *into, const struct json *v)
{
	static const enum param_type types[] = {PARAM_STRING, PARAM_NUMBER, PARAM_BOOLEAN, PARAM_OBJECT, PARAM_ARRAY};
	struct param_def *param = into;

	for (size_t i = 0; json_is_string(v) && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(json_str(v), param_type_name(types[i])) != 0)
			continue;
		param->type = types[i];
		return;
	}
	reader_mistake(r, v, false, "\"type\": expected \"string\", \"number\", \"boolean\", \"object\" or \"array\"");
}

static void read_default(struct reader *r, void *into, const struct json *v)
{
	struct param_def *param = into;
	struct buf text;

	buf_init(&text, WORKFLOW_SIZE_MAX);
	(void)json_print_canonical(v, &text);
	param->default_json = buf_detach(&text, NULL);
	buf_release(&text);
	if (!param->default_json)
		r->error = -ENOMEM;
}

static void read_description(struct reader *r, void *into, const struct json *v)
{
	struct param_def *param = into;

	(void)reader_string(r, v, &param->description);
}

static void read_required(struct reader *r, void *into, const struct json *v)
{
	struct param_def *param = into;

	(void)reader_bool(r, v, &param->required);
}

static const struct reader_key param_keys[] = {
	{"type", read_type},
	{"default", read_default},
	{"description", read_description},
	{"required", read_required},
};

/* A step sees its parameters as TAPPET_PARAM_NAME in upper case: two may not become one there. */
static void check_name(struct reader *r, const struct workflow *w, const struct json *member)
{
	const char *name = json_key(member);

	if (!name_is_identifier(name, strlen(name)))
		reader_mistake(r, member, true,
			       "\"%.80s\" is no name for a parameter: expected 1 to %d letters, digits and _, "
			       "not a digit first",
			       name, NAME_MAX_LEN);
	for (size_t i = 0; i + 1 < w->param_count; i++)
		if (w->params[i].name && strcasecmp(w->params[i].name, name) == 0)
			reader_mistake(r, member, true, "parameters \"%.80s\" and \"%.80s\" differ only in case",
				       w->params[i].name, name);
}

static void read_param(struct reader *r, struct workflow *w, const struct json *member)
{
	struct param_def *param = &w->params[w->param_count++];
	const struct json *value = json_get(member, "default");

	check_name(r, w, member);
	param->name = reader_strdup(r, json_key(member));
	reader_object(r, "a parameter", param_keys, sizeof(param_keys) / sizeof(param_keys[0]), member, param);
	if (!param->description)
		param->description = reader_strdup(r, "");
	if (value && !has_type(value, param->type))
		reader_mistake(r, value, false, "\"default\": the parameter is of type %s, found %s",
			       param_type_name(param->type), json_type_name(value));
	if (value && param->required)
		reader_mistake(r, value, true, "\"default\" is never used: the parameter is required");
}

static int compare_names(const void *a, const void *b)
{
	const struct param_def *first = a, *second = b;

	return strcmp(first->name, second->name);
}

void workflow_read_params(struct reader *r, void *into, const struct json *v)
{
	struct workflow *w = into;
	size_t count = json_count(v);

	if (!json_is_object(v)) {
		reader_expected(r, v, "an object of parameters");
		return;
	}
	if (count > WORKFLOW_PARAMS_MAX) {
		reader_mistake(r, v, false, "%zu parameters: at most %d are allowed", count, WORKFLOW_PARAMS_MAX);
		return;
	}
	w->params = reader_calloc(r, count, sizeof(*w->params));
	if (!w->params)
		return;
	for (const struct json *member = json_first(v); member; member = json_next(member))
		read_param(r, w, member);
	/* The canonical form knows no order of keys: a definition from there is the same as one from its file. */
	if (!r->error && w->param_count > 1)
		qsort(w->params, w->param_count, sizeof(*w->params), compare_names);
}

/* ---- Giving ---- */

struct message {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct message *m, const char *format, ...)
{
	va_list args;

	if (m->size > 0) {
		va_start(args, format);
		(void)vsnprintf(m->text, m->size, format, args);
		va_end(args);
	}
	return -EINVAL;
}

static int check_known(const struct workflow *w, const struct json *given, const struct message *m)
{
	for (const struct json *member = json_first(given); member; member = json_next(member)) {
		struct nearest near;
		bool known = false;

		nearest_init(&near, json_key(member));
		for (size_t i = 0; i < w->param_count && !known; i++) {
			known = strcmp(w->params[i].name, near.key) == 0;
			nearest_offer(&near, w->params[i].name);
		}
		if (!known && near.word)
			return refuse(m, "unknown parameter \"%.80s\": did you mean \"%s\"?", near.key, near.word);
		if (!known)
			return refuse(m, "unknown parameter \"%.80s\"", near.key);
	}
	return 0;
}

/* A number or boolean given as text, as the command line and forms do. */
static int write_from_text(const struct param_def *param, const char *text, struct buf *out)
{
	struct json *value = NULL;
	bool fits;

	if (param->type != PARAM_NUMBER && param->type != PARAM_BOOLEAN)
		return -EINVAL;
	if (json_parse(text, strlen(text), &value, NULL) < 0)
		return -EINVAL;
	fits = has_type(value, param->type);
	if (fits)
		(void)json_print(value, out);
	json_free(value);
	return fits ? 0 : -EINVAL;
}

static int write_param(const struct param_def *param, const struct json *value, struct buf *out,
		       const struct message *m)
{
	if (!value && param->required)
		return refuse(m, "parameter \"%s\" is required", param->name);
	if (!value && !param->default_json)
		return 0;
	jsonw_key(out, param->name);
	if (!value) {
		jsonw_raw(out, param->default_json, strlen(param->default_json));
		return 0;
	}
	if (has_type(value, param->type)) {
		(void)json_print(value, out);
		return 0;
	}
	if (json_is_string(value) && write_from_text(param, json_str(value), out) == 0)
		return 0;
	return refuse(m, "parameter \"%s\" must be of type %s, not %s", param->name, param_type_name(param->type),
		      json_type_name(value));
}

int workflow_params(const struct workflow *w, const struct json *given, struct buf *ret_params, char *message,
		    size_t message_size)
{
	struct message m = {.text = message, .size = message ? message_size : 0};
	int r;

	if (given && !json_is_object(given))
		return refuse(&m, "parameters must be an object, not %s", json_type_name(given));
	r = check_known(w, given, &m);
	if (r < 0)
		return r;
	jsonw_open(ret_params, '{');
	for (size_t i = 0; i < w->param_count; i++) {
		r = write_param(&w->params[i], json_get(given, w->params[i].name), ret_params, &m);
		if (r < 0)
			return r;
	}
	jsonw_close(ret_params, '}');
	return buf_error(ret_params);
}
