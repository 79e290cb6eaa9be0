/* What the tables of keys say to editors and readers. */
#include <string.h>

#include "model/reader.h"

#define ANY "{}"
#define DURATION_SCHEMA "{\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"}"
#define SIZE_SCHEMA                                                                                                    \
	"{\"oneOf\":[{\"type\":\"integer\",\"minimum\":0},"                                                            \
	"{\"type\":\"string\",\"pattern\":\"^[0-9]+(B|KiB|MiB|GiB|TiB)?$\"}]}"

static void write_bounds(const struct reader_key *key, struct buf *out)
{
	jsonw_key(out, "minimum");
	jsonw_int(out, key->min);
	jsonw_key(out, "maximum");
	jsonw_int(out, key->max);
}

static void write_type(const char *type, struct buf *out)
{
	jsonw_key(out, "type");
	jsonw_str(out, type);
}

/* The members of an object that is written as text already. */
static void splice(const char *object, struct buf *out)
{
	size_t len = strlen(object);

	if (len > 2)
		jsonw_raw(out, object + 1, len - 2);
}

static void write_members(const struct reader_key *key, struct buf *out)
{
	switch (key->kind) {
	case READ_CUSTOM:
	case READ_ANY:
		splice(key->schema ? key->schema : ANY, out);
		break;
	case READ_STRING:
	case READ_PROGRAM:
		write_type("string", out);
		if (key->min == 0 && key->kind == READ_STRING)
			break;
		jsonw_key(out, "minLength");
		jsonw_int(out, key->kind == READ_PROGRAM ? 1 : key->min);
		break;
	case READ_BOOL:
		write_type("boolean", out);
		break;
	case READ_INT:
		write_type("integer", out);
		write_bounds(key, out);
		break;
	case READ_NUMBER:
		write_type("number", out);
		write_bounds(key, out);
		break;
	case READ_SIZE:
		splice(READER_REF("size"), out);
		break;
	case READ_DURATION:
		splice(READER_REF("duration"), out);
		break;
	}
}

void reader_schema_value(const struct reader_key *key, struct buf *out)
{
	jsonw_open(out, '{');
	if (key->help) {
		jsonw_key(out, "description");
		jsonw_str(out, key->help);
	}
	write_members(key, out);
	jsonw_close(out, '}');
}

void reader_schema_object(const struct reader_table *table, struct buf *out)
{
	write_type("object", out);
	jsonw_key(out, "additionalProperties");
	jsonw_bool(out, false);
	jsonw_key(out, "properties");
	jsonw_open(out, '{');
	for (size_t i = 0; i < table->count; i++) {
		jsonw_key(out, table->keys[i].name);
		reader_schema_value(&table->keys[i], out);
	}
	jsonw_close(out, '}');
	if (table->more)
		jsonw_raw(out, table->more, strlen(table->more));
}

void reader_schema_units(struct buf *out)
{
	jsonw_key(out, "duration");
	jsonw_raw(out, DURATION_SCHEMA, strlen(DURATION_SCHEMA));
	jsonw_key(out, "size");
	jsonw_raw(out, SIZE_SCHEMA, strlen(SIZE_SCHEMA));
}

void reader_document(const struct reader_table *table, struct buf *out)
{
	(void)buf_str(out, "| key | meaning |\n|---|---|\n");
	for (size_t i = 0; i < table->count; i++)
		(void)buf_printf(out, "| `%s` | %s |\n", table->keys[i].name, table->keys[i].help);
}
