/* The JSON Schema of tappet.json, from the table that validates it. */
#include <string.h>

#include "config/config_reader.h"
#include "model/workflow.h"

static void write_object(const char *prefix, struct buf *out);

static void write_type(const char *type, struct buf *out)
{
	jsonw_key(out, "type");
	jsonw_str(out, type);
}

static void write_members(const struct config_key *key, struct buf *out)
{
	switch (key->kind) {
	case CONFIG_SECTION:
		write_object(key->path, out);
		break;
	case CONFIG_COUNT:
		write_type("integer", out);
		jsonw_key(out, "minimum");
		jsonw_int(out, key->min);
		jsonw_key(out, "maximum");
		jsonw_int(out, key->max);
		break;
	case CONFIG_SIZE:
		jsonw_key(out, "$ref");
		jsonw_str(out, "#/$defs/size");
		break;
	case CONFIG_DURATION:
		jsonw_key(out, "$ref");
		jsonw_str(out, "#/$defs/duration");
		break;
	case CONFIG_PATH:
		write_type("string", out);
		jsonw_key(out, "minLength");
		jsonw_int(out, 1);
		break;
	case CONFIG_CUSTOM:
		jsonw_raw(out, key->schema + 1, strlen(key->schema) - 2);
		break;
	}
}

static void write_key(const struct config_key *key, const char *name, struct buf *out)
{
	jsonw_key(out, name);
	jsonw_open(out, '{');
	if (key->help) {
		jsonw_key(out, "description");
		jsonw_str(out, key->help);
	}
	if (key->fallback) {
		jsonw_key(out, "default");
		jsonw_raw(out, key->fallback, strlen(key->fallback));
	}
	write_members(key, out);
	jsonw_close(out, '}');
}

/* The members of the schema of an object whose keys stand behind `prefix` in the table. Only sections nest, once. */
static void write_object(const char *prefix, struct buf *out)
{
	write_type("object", out);
	jsonw_key(out, "additionalProperties");
	jsonw_bool(out, false);
	jsonw_key(out, "properties");
	jsonw_open(out, '{');
	for (size_t i = 0; i < config_key_count; i++) {
		const char *name = config_name_within(config_keys[i].path, prefix);

		if (name)
			write_key(&config_keys[i], name, out);
	}
	jsonw_close(out, '}');
}

static void write_defs(struct buf *out)
{
	static const char address[] = "{\"type\":\"string\",\"minLength\":1}";
	static const char pair[] = "\"required\":[\"cert\",\"key\"]";

	jsonw_key(out, "listener");
	jsonw_open(out, '{');
	jsonw_key(out, "oneOf");
	jsonw_open(out, '[');
	jsonw_raw(out, address, strlen(address));
	jsonw_open(out, '{');
	write_object("listen[]", out);
	jsonw_raw(out, "\"required\":[\"address\"]", strlen("\"required\":[\"address\"]"));
	jsonw_close(out, '}');
	jsonw_close(out, ']');
	jsonw_close(out, '}');
	jsonw_key(out, "certificate");
	jsonw_open(out, '{');
	write_object("listen[].tls.certificates[]", out);
	jsonw_raw(out, pair, strlen(pair));
	jsonw_close(out, '}');
	jsonw_key(out, "plugin");
	jsonw_open(out, '{');
	write_object("plugins.NAME", out);
	jsonw_close(out, '}');
	workflow_schema_defs(out);
}

void config_schema(struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "$schema");
	jsonw_str(out, "https://json-schema.org/draft/2020-12/schema");
	jsonw_key(out, "title");
	jsonw_str(out, "The configuration of tappet");
	write_object("", out);
	jsonw_key(out, "$defs");
	jsonw_open(out, '{');
	write_defs(out);
	jsonw_close(out, '}');
	jsonw_close(out, '}');
}
