#include "model/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "model/names.h"

/* Finding a place takes a pass over the file: of a hopeless file only the first mistakes are told, the others counted. */
#define MISTAKES_MAX 200

void reader_init(struct reader *r, const struct json_file *file, struct diag *d)
{
	*r = (struct reader){.file = file, .d = d, .first = d->count};
}

static int compare_places(const void *a, const void *b)
{
	const struct diag_item *first = a, *second = b;

	if (first->line != second->line)
		return first->line < second->line ? -1 : 1;
	if (first->column != second->column)
		return first->column < second->column ? -1 : 1;
	return strcmp(first->message, second->message);
}

int reader_finish(struct reader *r)
{
	size_t count = r->d->count - r->first;

	if (count > 1)
		qsort(r->d->items + r->first, count, sizeof(*r->d->items), compare_places);
	if (r->error)
		return r->error;
	return r->mistakes ? -EINVAL : 0;
}

void reader_mistake(struct reader *r, const struct json *v, bool at_key, const char *format, ...)
{
	char text[1000];
	va_list args;

	if (r->mistakes++ >= MISTAKES_MAX) {
		r->d->dropped++;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (r->file)
		json_file_mistake(r->file, r->d, v, at_key, "%s", text);
	else
		diag_add(r->d, NULL, 0, 0, "%s", text);
}

void reader_expected(struct reader *r, const struct json *v, const char *what)
{
	const char *key = json_key(v);
	const char *found = json_type_name(v);
	const char *article = json_is_null(v) ? "" : json_is_object(v) || json_is_array(v) ? "an " : "a ";

	if (key)
		reader_mistake(r, v, false, "\"%s\": expected %s, found %s%s", key, what, article, found);
	else
		reader_mistake(r, v, false, "expected %s, found %s%s", what, article, found);
}

void *reader_calloc(struct reader *r, size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		r->error = -ENOMEM;
	return memory;
}

char *reader_strdup(struct reader *r, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		r->error = -ENOMEM;
	return copy;
}

static void unknown_key(struct reader *r, const struct reader_table *table, const struct json *member)
{
	struct nearest near;

	nearest_init(&near, json_key(member));
	for (size_t i = 0; i < table->count; i++)
		nearest_offer(&near, table->keys[i].name);
	if (near.word)
		reader_mistake(r, member, true, "unknown key \"%.80s\" in %s: did you mean \"%s\"?", near.key,
			       table->what, near.word);
	else
		reader_mistake(r, member, true, "unknown key \"%.80s\" in %s", near.key, table->what);
}

static const struct reader_key *find(const struct reader_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->keys[i].name, name) == 0)
			return &table->keys[i];
	return NULL;
}

static void read_text(struct reader *r, const struct reader_key *key, const struct json *v, char **ret)
{
	int64_t min = key->kind == READ_PROGRAM ? 1 : key->min;

	if (json_is_string(v) && (int64_t)strlen(json_str(v)) < min)
		reader_mistake(r, v, false, "\"%s\" is empty", key->name);
	else if (!json_is_string(v) && key->kind == READ_PROGRAM)
		reader_expected(r, v, "a jq program as a string");
	else
		(void)reader_string(r, v, ret);
}

static void read_int(struct reader *r, const struct reader_key *key, const struct json *v, void *at)
{
	int64_t value;

	if (!reader_int(r, v, key->min, key->max, &value))
		return;
	if (key->size == sizeof(int32_t))
		*(int32_t *)at = (int32_t)value;
	else
		*(int64_t *)at = value;
}

static void read_member(struct reader *r, const struct reader_key *key, const struct json *v, void *into)
{
	void *at = (char *)into + key->offset;

	switch (key->kind) {
	case READ_CUSTOM:
		key->read(r, into, v);
		break;
	case READ_STRING:
	case READ_PROGRAM:
		read_text(r, key, v, at);
		break;
	case READ_BOOL:
		(void)reader_bool(r, v, at);
		break;
	case READ_INT:
		read_int(r, key, v, at);
		break;
	case READ_NUMBER:
		(void)reader_number(r, v, key->min, key->max, at);
		break;
	case READ_SIZE:
		(void)reader_size(r, v, (uint64_t)key->min, (uint64_t)key->max, at);
		break;
	case READ_DURATION:
		(void)reader_duration(r, v, key->min, at);
		break;
	case READ_ANY:
		break;
	}
}

void reader_object(struct reader *r, const struct reader_table *table, const struct json *object, void *into)
{
	if (!json_is_object(object)) {
		char expected[80];

		(void)snprintf(expected, sizeof(expected), "%s as an object", table->what);
		reader_expected(r, object, expected);
		return;
	}
	for (const struct json *member = json_first(object); member; member = json_next(member)) {
		const struct reader_key *key = find(table, json_key(member));

		if (key)
			read_member(r, key, member, into);
		else
			unknown_key(r, table, member);
	}
}

bool reader_string(struct reader *r, const struct json *v, char **ret)
{
	char *copy;

	if (!json_is_string(v)) {
		reader_expected(r, v, "a string");
		return false;
	}
	copy = reader_strdup(r, json_str(v));
	if (!copy)
		return false;
	free(*ret);
	*ret = copy;
	return true;
}

bool reader_bool(struct reader *r, const struct json *v, bool *ret)
{
	if (!json_is_bool(v)) {
		reader_expected(r, v, "true or false");
		return false;
	}
	*ret = json_bool(v);
	return true;
}

bool reader_int(struct reader *r, const struct json *v, int64_t min, int64_t max, int64_t *ret)
{
	char what[80];
	int64_t value;

	(void)snprintf(what, sizeof(what), "a whole number from %" PRId64 " to %" PRId64, min, max);
	if (!json_is_number(v)) {
		reader_expected(r, v, what);
		return false;
	}
	if (json_int(v, &value) < 0 || value < min || value > max) {
		reader_mistake(r, v, false, "\"%s\": expected %s, found %.17g", json_key(v), what, json_number(v));
		return false;
	}
	*ret = value;
	return true;
}

bool reader_number(struct reader *r, const struct json *v, int64_t min, int64_t max, double *ret)
{
	char what[80];
	double value = json_number(v);

	(void)snprintf(what, sizeof(what), "a number from %" PRId64 " to %" PRId64, min, max);
	if (!json_is_number(v)) {
		reader_expected(r, v, what);
		return false;
	}
	if (value < (double)min || value > (double)max) {
		reader_mistake(r, v, false, "\"%s\": expected %s, found %.17g", json_key(v), what, value);
		return false;
	}
	*ret = value;
	return true;
}

bool reader_duration(struct reader *r, const struct json *v, int64_t min_ms, int64_t *ret_ms)
{
	static const char what[] = "a duration such as \"250ms\", \"10s\", \"5m\", \"2h\" or \"30d\"";
	int64_t value;

	if (!json_is_string(v)) {
		reader_expected(r, v, what);
		return false;
	}
	if (clock_parse_duration(json_str(v), &value) < 0) {
		reader_mistake(r, v, false, "\"%s\": expected %s, found \"%.60s\"", json_key(v), what, json_str(v));
		return false;
	}
	if (value < min_ms) {
		reader_mistake(r, v, false, "\"%s\" must be at least %" PRId64 "ms", json_key(v), min_ms);
		return false;
	}
	*ret_ms = value;
	return true;
}

bool reader_size(struct reader *r, const struct json *v, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const char what[] = "a size such as \"64KiB\" or \"1MiB\"";
	uint64_t value;
	int64_t number;

	if (json_is_number(v)) {
		if (!reader_int(r, v, (int64_t)min, (int64_t)max, &number))
			return false;
		*ret = (uint64_t)number;
		return true;
	}
	if (!json_is_string(v)) {
		reader_expected(r, v, what);
		return false;
	}
	if (size_parse(json_str(v), &value) < 0) {
		reader_mistake(r, v, false, "\"%s\": expected %s, found \"%.60s\"", json_key(v), what, json_str(v));
		return false;
	}
	if (value < min || value > max) {
		reader_mistake(r, v, false, "\"%s\": expected %" PRIu64 " to %" PRIu64 " bytes", json_key(v), min, max);
		return false;
	}
	*ret = value;
	return true;
}
