#include "config/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/option_values.h"
#include "config/secret.h"
#include "model/names.h"

void option_values_free(struct option_values *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->count; i++) {
		struct option_entry *entry = &v->entries[i];

		/* Any text may hold a secret. */
		for (size_t k = 0; k < entry->count; k++)
			secret_free(entry->items[k].text, entry->items[k].len);
		free(entry->items);
		free(entry->key);
	}
	free(v);
}

static const struct option_entry *find(const struct option_values *v, const char *key)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->entries[i].key, key) == 0)
			return &v->entries[i];
	return NULL;
}

size_t option_count(const struct option_values *v, const char *key)
{
	const struct option_entry *entry = find(v, key);

	return entry ? entry->count : 0;
}

static bool is_text(enum option_type type)
{
	return type == OPTION_STRING || type == OPTION_OBJECT || type == OPTION_JSON || type == OPTION_PATH;
}

int option_get_str(const struct option_values *v, const char *key, size_t index, const char **ret, size_t *ret_len)
{
	const struct option_entry *entry = find(v, key);

	if (entry && !is_text(entry->type))
		return -EINVAL;
	if (!entry || index >= entry->count)
		return -ENOENT;
	*ret = entry->items[index].text;
	if (ret_len)
		*ret_len = entry->items[index].len;
	return 0;
}

int option_get_int(const struct option_values *v, const char *key, size_t index, int64_t *ret)
{
	const struct option_entry *entry = find(v, key);

	if (entry && (is_text(entry->type) || entry->type == OPTION_BOOLEAN))
		return -EINVAL;
	if (!entry || index >= entry->count)
		return -ENOENT;
	*ret = entry->items[index].number;
	return 0;
}

int option_get_bool(const struct option_values *v, const char *key, bool *ret)
{
	const struct option_entry *entry = find(v, key);

	if (entry && entry->type != OPTION_BOOLEAN)
		return -EINVAL;
	if (!entry || entry->count == 0)
		return -ENOENT;
	*ret = entry->items[0].number != 0;
	return 0;
}

const char *option_type_name(enum option_type type)
{
	static const char *const names[] = {
		[OPTION_STRING] = "string",     [OPTION_INTEGER] = "integer", [OPTION_BOOLEAN] = "boolean",
		[OPTION_DURATION] = "duration", [OPTION_SIZE] = "size",       [OPTION_OBJECT] = "object",
		[OPTION_JSON] = "any JSON",     [OPTION_PATH] = "path",
	};

	if (type < OPTION_STRING || type > OPTION_PATH)
		return "unknown";
	return names[type];
}

/* A cell of a Markdown table: what would end it is escaped. */
static void write_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			(void)buf_char(out, '\\');
		(void)buf_char(out, *text == '\n' ? ' ' : *text);
	}
}

static void write_default(struct buf *out, const struct option *o)
{
	if (o->flags & OPTION_REQUIRED) {
		(void)buf_str(out, "required");
	} else if (o->default_value) {
		(void)buf_char(out, '`');
		write_cell(out, o->default_value);
		(void)buf_char(out, '`');
	}
}

static void write_row(struct buf *out, const struct option *o)
{
	(void)buf_printf(out, "| `%s` | %s%s%s | ", o->key, option_type_name(o->type),
			 o->flags & OPTION_MULTI ? ", or a list" : "", o->flags & OPTION_SECRET ? ", secret" : "");
	write_default(out, o);
	(void)buf_str(out, " | ");
	if (o->replaced_by)
		(void)buf_printf(out, "Deprecated: use `%s`. ", o->replaced_by);
	write_cell(out, o->help ? o->help : "");
	(void)buf_str(out, " |\n");
}

void option_document(const struct option *table, size_t count, struct buf *out)
{
	if (count == 0) {
		(void)buf_str(out, "None.\n");
		return;
	}
	(void)buf_str(out, "| option | type | default | what it does |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++)
		write_row(out, &table[i]);
}

const char *option_nearest(const struct option *table, size_t count, const char *key)
{
	struct nearest near;

	nearest_init(&near, key);
	for (size_t i = 0; i < count; i++)
		if (!table[i].replaced_by)
			nearest_offer(&near, table[i].key);
	return near.word;
}

/* Under its own name or an older one. */
static const struct json *find_member(const struct option *table, size_t count, const struct json *object,
				      const char *key)
{
	const struct json *v = json_get(object, key);

	for (size_t i = 0; i < count && !v; i++)
		if (table[i].replaced_by && strcmp(table[i].replaced_by, key) == 0)
			v = json_get(object, table[i].key);
	return v;
}

static bool is_multi(const struct option *table, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].key, key) == 0)
			return table[i].flags & OPTION_MULTI;
	return false;
}

const struct json *option_place(const struct option *table, size_t count, const struct json *object, const char *key,
				size_t index, const char *pointer)
{
	const struct json *v = key ? find_member(table, count, object, key) : object;

	if (v && key && json_is_array(v) && is_multi(table, count, key) && json_at(v, index))
		v = json_at(v, index);
	return json_pointer(v, pointer ? pointer : "");
}
