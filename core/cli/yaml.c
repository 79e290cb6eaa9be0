#include "cli/yaml.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/json.h"

struct reading {
	yaml_parser_t parser;
	const char *file;
	struct diag *d;
	struct buf *out;
	size_t depth;
};

static int wrong(const struct reading *r, yaml_mark_t at, const char *message)
{
	diag_add(r->d, r->file, (unsigned)at.line + 1, (unsigned)at.column + 1, "%s", message);
	return -EINVAL;
}

static int next_event(struct reading *r, yaml_event_t *ret)
{
	if (yaml_parser_parse(&r->parser, ret))
		return 0;
	return wrong(r, r->parser.problem_mark, r->parser.problem ? r->parser.problem : "no YAML");
}

static bool is_one_of(const char *text, const char *const *words)
{
	while (*words && strcmp(text, *words) != 0)
		words++;
	return *words;
}

/* A plain scalar that is a JSON number as it stands (YAML 1.2 section 10.3.2; octal and hexadecimal stay text). */
static bool is_number(const char *text, size_t len)
{
	struct json *v = NULL;
	if (json_parse(text, len, &v, NULL) < 0)
		return false;
	bool number = json_is_number(v);
	json_free(v);
	return number;
}

static void write_scalar(struct reading *r, const yaml_event_t *e)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL}, *const no[] = {"false", "False", "FALSE",
											NULL};
	const char *text = (const char *)e->data.scalar.value;
	const size_t len = e->data.scalar.length;
	const bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !e->data.scalar.tag;
	if (plain && is_one_of(text, nulls))
		jsonw_null(r->out);
	else if (plain && (is_one_of(text, yes) || is_one_of(text, no)))
		jsonw_bool(r->out, is_one_of(text, yes));
	else if (plain && is_number(text, len))
		jsonw_raw(r->out, text, len);
	else
		jsonw_strn(r->out, text, len);
}

static int read_value(struct reading *r, yaml_event_t *e);

static int read_list(struct reading *r)
{
	yaml_event_t e;
	jsonw_open(r->out, '[');
	for (;;) {
		int error = next_event(r, &e);
		if (error < 0)
			return error;
		const bool end = e.type == YAML_SEQUENCE_END_EVENT;
		error = end ? 0 : read_value(r, &e);
		yaml_event_delete(&e);
		if (end)
			jsonw_close(r->out, ']');
		if (end || error < 0)
			return error;
	}
}

static int read_key(struct reading *r, const yaml_event_t *e)
{
	if (e->type != YAML_SCALAR_EVENT)
		return wrong(r, e->start_mark, "expected a key");
	if (strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
		return wrong(r, e->start_mark, "a key with a NUL in it");
	jsonw_key(r->out, (const char *)e->data.scalar.value);
	return 0;
}

static int read_member(struct reading *r, yaml_event_t *key)
{
	yaml_event_t value;
	int error = read_key(r, key);
	if (error == 0)
		error = next_event(r, &value);
	if (error < 0)
		return error;
	error = read_value(r, &value);
	yaml_event_delete(&value);
	return error;
}

static int read_mapping(struct reading *r)
{
	yaml_event_t e;
	jsonw_open(r->out, '{');
	for (;;) {
		int error = next_event(r, &e);
		if (error < 0)
			return error;
		const bool end = e.type == YAML_MAPPING_END_EVENT;
		error = end ? 0 : read_member(r, &e);
		yaml_event_delete(&e);
		if (end)
			jsonw_close(r->out, '}');
		if (end || error < 0)
			return error;
	}
}

/* The event is the caller's. */
static int read_value(struct reading *r, yaml_event_t *e)
{
	int error = 0;
	if (r->depth == JSON_DEPTH_MAX)
		return wrong(r, e->start_mark, "nested too deep");
	r->depth++;
	if (e->type == YAML_SCALAR_EVENT)
		write_scalar(r, e);
	else if (e->type == YAML_SEQUENCE_START_EVENT)
		error = read_list(r);
	else if (e->type == YAML_MAPPING_START_EVENT)
		error = read_mapping(r);
	else
		error = wrong(r, e->start_mark, "anchors and aliases are not understood here");
	r->depth--;
	return error;
}

static int expect(struct reading *r, yaml_event_type_t type, const char *message)
{
	yaml_event_t e;
	int error = next_event(r, &e);
	if (error < 0)
		return error;
	if (e.type != type)
		error = wrong(r, e.start_mark, message);
	yaml_event_delete(&e);
	return error;
}

static int read_document(struct reading *r)
{
	yaml_event_t e;
	int error = expect(r, YAML_STREAM_START_EVENT, "no YAML");
	if (error == 0)
		error = expect(r, YAML_DOCUMENT_START_EVENT, "the file is empty");
	if (error == 0)
		error = next_event(r, &e);
	if (error < 0)
		return error;
	error = read_value(r, &e);
	yaml_event_delete(&e);
	if (error == 0)
		error = expect(r, YAML_DOCUMENT_END_EVENT, "expected the end of the document");
	return error < 0 ? error : expect(r, YAML_STREAM_END_EVENT, "more than one document");
}

int yaml_to_json(const char *file, const char *text, size_t len, struct buf *out, struct diag *d)
{
	struct reading r = {.file = file, .d = d, .out = out};
	if (!yaml_parser_initialize(&r.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	int error = read_document(&r);
	yaml_parser_delete(&r.parser);
	return error == 0 ? buf_error(out) : error;
}
