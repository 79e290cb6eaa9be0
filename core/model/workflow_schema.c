/* The JSON Schema and the documentation of definitions, from the tables that validate them. A schema tells less than
 * workflow_parse: it knows no order of steps, no substitutions and no jq. */
#include <string.h>

#include "model/workflow_reader.h"

static const struct {
	const char *name, *schema;
} shared[] = {
	{"id", "{\"type\":\"string\",\"pattern\":\"^[a-z0-9_-]{1,64}$\"}"},
	{"identifier", "{\"pattern\":\"^[A-Za-z_][A-Za-z0-9_]{0,63}$\"}"},
	{"slug",
	 "{\"type\":\"string\",\"pattern\":\"^[a-z0-9][a-z0-9-]{0,99}$\",\"not\":{\"pattern\":\"^[0-9a-f]{24}$\"}}"},
	{"secret",
	 "{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,\"additionalProperties\":false,\"properties\":{"
	 "\"env\":{\"type\":\"string\",\"minLength\":1},\"file\":{\"type\":\"string\",\"minLength\":1}}}"},
	{"texts",
	 "{\"type\":\"object\",\"additionalProperties\":{\"oneOf\":[{\"type\":\"string\"}," READER_REF("secret") "]}}"},
	{"programs", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\",\"minLength\":1}}"},
	{"script", "{\"oneOf\":[{\"type\":\"string\",\"minLength\":1},{\"type\":\"array\",\"minItems\":1,\"items\":{"
		   "\"type\":\"string\"}},"
		   "{\"type\":\"object\",\"required\":[\"file\"],\"additionalProperties\":false,"
		   "\"properties\":{\"file\":{\"type\":\"string\"}}}]}"},
	{"status", "{\"oneOf\":[{\"type\":\"integer\",\"minimum\":100,\"maximum\":599},"
		   "{\"type\":\"string\",\"pattern\":\"^[1-5](xx|[0-9]{2}(-[1-5][0-9]{2})?)$\"}]}"},
	{"onFailure", "{\"oneOf\":[{\"type\":\"null\"},"
		      "{\"$ref\":\"#/$defs/step\",\"properties\":{\"needs\":false,\"always\":false}}]}"},
};

static const struct reader_table *const parts[] = {
	&workflow_param_table, &workflow_trigger_table, &workflow_concurrency_table,
	&workflow_retry_table, &workflow_limits_table,  &workflow_http_table,
	&workflow_call_table,  &workflow_wait_table,    &workflow_approve_table,
};

static const enum step_kind kinds[] = {STEP_RUN,      STEP_SCRIPT, STEP_SLEEP,   STEP_HTTP,
				       STEP_WORKFLOW, STEP_WAIT,   STEP_APPROVE, STEP_SET};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* A step does one thing, and beside that not everything means something. */
static void write_kinds(struct buf *out)
{
	jsonw_key(out, "oneOf");
	jsonw_open(out, '[');
	for (size_t i = 0; i < COUNT(kinds); i++) {
		jsonw_open(out, '{');
		jsonw_key(out, "required");
		jsonw_open(out, '[');
		jsonw_str(out, step_kind_name(kinds[i]));
		jsonw_close(out, ']');
		jsonw_close(out, '}');
	}
	jsonw_close(out, ']');
	jsonw_key(out, "dependentSchemas");
	jsonw_open(out, '{');
	for (size_t i = 0; i < COUNT(kinds); i++) {
		jsonw_key(out, step_kind_name(kinds[i]));
		jsonw_open(out, '{');
		jsonw_key(out, "properties");
		workflow_write_useless_keys(kinds[i], out);
		jsonw_close(out, '}');
	}
	jsonw_close(out, '}');
}

void workflow_schema_defs(struct buf *out)
{
	reader_schema_units(out);
	for (size_t i = 0; i < COUNT(shared); i++) {
		jsonw_key(out, shared[i].name);
		jsonw_raw(out, shared[i].schema, strlen(shared[i].schema));
	}
	for (size_t i = 0; i < COUNT(parts); i++) {
		jsonw_key(out, parts[i]->name);
		jsonw_open(out, '{');
		reader_schema_object(parts[i], out);
		jsonw_close(out, '}');
	}
	jsonw_key(out, workflow_step_table.name);
	jsonw_open(out, '{');
	reader_schema_object(&workflow_step_table, out);
	write_kinds(out);
	jsonw_close(out, '}');
}

void workflow_schema(struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "$schema");
	jsonw_str(out, "https://json-schema.org/draft/2020-12/schema");
	jsonw_key(out, "title");
	jsonw_str(out, "A workflow of tappet");
	reader_schema_object(&workflow_table, out);
	jsonw_key(out, "$defs");
	jsonw_open(out, '{');
	workflow_schema_defs(out);
	jsonw_close(out, '}');
	jsonw_close(out, '}');
}

void workflow_document(struct buf *out)
{
	static const struct {
		const char *title;
		const struct reader_table *table;
	} sections[] = {
		{"A workflow", &workflow_table},        {"A parameter", &workflow_param_table},
		{"A trigger", &workflow_trigger_table}, {"`concurrency`", &workflow_concurrency_table},
		{"A step", &workflow_step_table},       {"`http`", &workflow_http_table},
		{"`workflow`", &workflow_call_table},   {"`wait`", &workflow_wait_table},
		{"`approve`", &workflow_approve_table}, {"`retry`", &workflow_retry_table},
		{"`limits`", &workflow_limits_table},
	};

	for (size_t i = 0; i < COUNT(sections); i++) {
		(void)buf_printf(out, "%s### %s\n\n", i ? "\n" : "", sections[i].title);
		reader_document(sections[i].table, out);
	}
}
