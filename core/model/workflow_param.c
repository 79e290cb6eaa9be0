#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/names.h"
#include "model/workflow_reader.h"

#define CHOICES_MAX 1000

static bool has_type(const struct json *v, enum param_type type)
{
	switch (type) {
	case PARAM_STRING:
	case PARAM_CHOICE:
	case PARAM_SECRET:
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
	static const enum param_type types[] = {PARAM_STRING, PARAM_NUMBER, PARAM_BOOLEAN, PARAM_OBJECT,
						PARAM_ARRAY,  PARAM_CHOICE, PARAM_SECRET};
	struct param_def *param = into;

	for (size_t i = 0; json_is_string(v) && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(json_str(v), param_type_name(types[i])) != 0)
			continue;
		param->type = types[i];
		return;
	}
	reader_mistake(r, v, false,
		       "\"type\": expected \"string\", \"number\", \"boolean\", \"object\", \"array\", \"choice\" or "
		       "\"secret\"");
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

static bool is_choice(const struct param_def *param, const char *text)
{
	for (size_t i = 0; i < param->choice_count; i++)
		if (strcmp(param->choices[i], text) == 0)
			return true;
	return false;
}

static void read_choices(struct reader *r, void *into, const struct json *v)
{
	struct param_def *param = into;

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of strings");
		return;
	}
	if (json_count(v) > CHOICES_MAX) {
		reader_mistake(r, v, false, "%zu choices: at most %d are allowed", json_count(v), CHOICES_MAX);
		return;
	}
	if (!json_first(v))
		reader_mistake(r, v, false, "\"choices\" is empty");
	param->choices = reader_calloc(r, json_count(v), sizeof(*param->choices));
	for (const struct json *item = json_first(v); item && param->choices; item = json_next(item)) {
		if (json_is_string(item) && is_choice(param, json_str(item)))
			reader_mistake(r, item, false, "\"choices\": \"%.80s\" stands twice", json_str(item));
		else if (reader_string(r, item, &param->choices[param->choice_count]))
			param->choice_count++;
	}
}

#define AT(member) READER_AT(struct param_def, member)

static const struct reader_key param_keys[] = {
	{"type", READ_CUSTOM, .read = read_type,
	 .schema = "{\"enum\":[\"string\",\"number\",\"boolean\",\"object\",\"array\",\"choice\",\"secret\"]}",
	 .help = "`string` by default; `choice` is one of `choices`, `secret` a string that is masked wherever it "
		 "would be "
		 "shown."},
	{"choices", READ_CUSTOM, .read = read_choices,
	 .schema = "{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,\"items\":{\"type\":\"string\"}}",
	 .help = "What a parameter of type `choice` may be."},
	{"default", READ_CUSTOM, .read = read_default, .schema = "{}", .help = "Its value where none is given."},
	{"required", READ_BOOL, AT(required), .help = "It has to be given."},
	{"description", READ_STRING, AT(description), .help = "For people."},
};

const struct reader_table workflow_param_table = {
	"param", "a parameter", param_keys, sizeof(param_keys) / sizeof(param_keys[0]),
	"\"if\":{\"required\":[\"type\"],\"properties\":{\"type\":{\"const\":\"choice\"}}},\"then\":{\"required\":["
	"\"choices\"]},\"else\":{\"properties\":{\"choices\":false}}"};

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

static void check_choices(struct reader *r, const struct param_def *param, const struct json *node)
{
	const struct json *choices = json_get(node, "choices");

	if (param->type == PARAM_CHOICE && !choices)
		reader_mistake(r, node, false, "a parameter of type choice needs \"choices\": a list of strings");
	else if (param->type != PARAM_CHOICE && choices)
		reader_mistake(r, choices, true, "\"choices\" means nothing beside the type %s: expected \"choice\"",
			       param_type_name(param->type));
}

static void check_default(struct reader *r, const struct param_def *param, const struct json *value)
{
	if (param->type == PARAM_SECRET)
		reader_mistake(r, value, true, "\"default\": a secret is never written in place");
	else if (!has_type(value, param->type))
		reader_mistake(r, value, false, "\"default\": the parameter is of type %s, found %s",
			       param_type_name(param->type), json_type_name(value));
	else if (param->type == PARAM_CHOICE && param->choice_count > 0 && !is_choice(param, json_str(value)))
		reader_mistake(r, value, false, "\"default\": \"%.80s\" is not among \"choices\"", json_str(value));
	if (param->required)
		reader_mistake(r, value, true, "\"default\" is never used: the parameter is required");
}

static void read_param(struct reader *r, struct workflow *w, const struct json *member)
{
	struct param_def *param = &w->params[w->param_count++];
	const struct json *value = json_get(member, "default");

	check_name(r, w, member);
	param->name = reader_strdup(r, json_key(member));
	reader_object(r, &workflow_param_table, member, param);
	if (!param->description)
		param->description = reader_strdup(r, "");
	check_choices(r, param, member);
	if (value)
		check_default(r, param, value);
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

static int refuse_choice(const struct param_def *param, const char *text, const struct message *m)
{
	struct buf names;
	int r;

	buf_init(&names, 600);
	for (size_t i = 0; i < param->choice_count; i++)
		(void)buf_printf(&names, "%s\"%s\"",
				 i == 0                        ? ""
				 : i + 1 < param->choice_count ? ", "
							       : " or ",
				 param->choices[i]);
	r = refuse(m, "parameter \"%s\" must be %s%s, not \"%.80s\"", param->name,
		   buf_error(&names) ? "one of those declared: " : "", buf_cstr(&names), text);
	buf_release(&names);
	return r;
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
	if (param->type == PARAM_CHOICE && json_is_string(value) && !is_choice(param, json_str(value)))
		return refuse_choice(param, json_str(value), m);
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
