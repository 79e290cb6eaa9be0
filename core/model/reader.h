/* Reads typed values out of files that people write, by tables of keys. Every mistake is put down at its place, and
 * reading goes on: all mistakes of one pass. Called by model/ and config/. */
#ifndef MODEL_READER_H
#define MODEL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/json.h"

struct reader {
	const struct json_file *file; /* NULL: mistakes are told without a place */
	struct diag *d;
	size_t first; /* of d's items, that is ours */
	size_t mistakes;
	int error; /* -ENOMEM: what was read is not complete */
};

enum reader_kind {
	READ_CUSTOM,   /* `read` puts the value where it belongs */
	READ_STRING,   /* char *, of at least min bytes */
	READ_PROGRAM,  /* char *, in the language of jq; only that it is not empty is checked here */
	READ_BOOL,     /* bool */
	READ_INT,      /* a whole number from min to max, in an integer of 4 or 8 bytes */
	READ_NUMBER,   /* double from min to max */
	READ_SIZE,     /* uint64_t or size_t, bytes from min to max */
	READ_DURATION, /* int64_t in milliseconds, at least min */
	READ_ANY,      /* only known: nothing is read, or by somebody else */
};

/* One key of an object. The table validates, and the JSON Schema and the documentation are made of it. */
struct reader_key {
	const char *name;
	enum reader_kind kind;
	size_t offset, size; /* of the value in the struct that the object is read into */
	int64_t min, max;
	void (*read)(struct reader *r, void *into, const struct json *v);
	const char *schema; /* READ_CUSTOM: what an editor can know about the value, as JSON Schema */
	const char *help;
};
#define READER_AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define READER_REF(name) "{\"$ref\":\"#/$defs/" name "\"}"

struct reader_table {
	const char *name; /* in the schema */
	const char *what; /* for messages: "a step" */
	const struct reader_key *keys;
	size_t count;
	const char *more; /* further members of its schema, or NULL */
};

void reader_init(struct reader *r, const struct json_file *file, struct diag *d);
/* Puts the mistakes into the order of their places. 0, -EINVAL when there were mistakes, -ENOMEM. */
int reader_finish(struct reader *r);

/* At `v`, or at its key; v NULL: the file as a whole. */
void reader_mistake(struct reader *r, const struct json *v, bool at_key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* "KEY: expected WHAT, found a number" */
void reader_expected(struct reader *r, const struct json *v, const char *what);
/* NULL, with the error kept, when there is no memory. */
void *reader_calloc(struct reader *r, size_t count, size_t size);
char *reader_strdup(struct reader *r, const char *text);

/* Reads each member of `object` as its key in the table says. */
void reader_object(struct reader *r, const struct reader_table *table, const struct json *object, void *into);
/* reader_schema.c: the members of the JSON Schema (draft 2020-12) of a table's object, and a Markdown table of its keys. The
 * schema refers to "duration" and "size" in $defs. */
void reader_schema_object(const struct reader_table *table, struct buf *out);
/* The JSON Schema of one key's value; for READ_CUSTOM what its own says. */
void reader_schema_value(const struct reader_key *key, struct buf *out);
void reader_document(const struct reader_table *table, struct buf *out);
/* "duration" and "size" themselves, as members of $defs. */
void reader_schema_units(struct buf *out);

/* Each gives false, with the mistake put down and *ret untouched, when the value is not of its kind. */
bool reader_string(struct reader *r, const struct json *v, char **ret); /* a copy, that replaces an older one */
bool reader_bool(struct reader *r, const struct json *v, bool *ret);
bool reader_int(struct reader *r, const struct json *v, int64_t min, int64_t max, int64_t *ret);
bool reader_number(struct reader *r, const struct json *v, int64_t min, int64_t max, double *ret);
bool reader_duration(struct reader *r, const struct json *v, int64_t min_ms, int64_t *ret_ms);
/* A number of bytes, or text such as "64KiB". */
bool reader_size(struct reader *r, const struct json *v, uint64_t min, uint64_t max, uint64_t *ret);

#endif
