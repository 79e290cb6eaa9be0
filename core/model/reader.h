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

/* `read` puts the value where it belongs; NULL: the key is known, but of a later version. */
struct reader_key {
	const char *name;
	void (*read)(struct reader *r, void *into, const struct json *v);
};

void reader_init(struct reader *r, const struct json_file *file, struct diag *d);
/* Puts the mistakes into the order of their places. 0, -EINVAL when there were mistakes, -ENOMEM. */
int reader_finish(struct reader *r);

/* At `v`, or at its key; v NULL: the file as a whole. */
void reader_mistake(struct reader *r, const struct json *v, bool at_key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* "KEY: expected WHAT, found a number" */
void reader_expected(struct reader *r, const struct json *v, const char *what);
void reader_unsupported(struct reader *r, const struct json *member);
/* NULL, with the error kept, when there is no memory. */
void *reader_calloc(struct reader *r, size_t count, size_t size);
char *reader_strdup(struct reader *r, const char *text);

/* Hands each member of `object` to its key's `read`. `what` names the object for messages: "a step". */
void reader_object(struct reader *r, const char *what, const struct reader_key *keys, size_t count,
		   const struct json *object, void *into);
/* Each gives false, with the mistake put down and *ret untouched, when the value is not of its kind. */
bool reader_string(struct reader *r, const struct json *v, char **ret); /* a copy, that replaces an older one */
bool reader_bool(struct reader *r, const struct json *v, bool *ret);
bool reader_int(struct reader *r, const struct json *v, int64_t min, int64_t max, int64_t *ret);
bool reader_duration(struct reader *r, const struct json *v, int64_t min_ms, int64_t *ret_ms);

#endif
