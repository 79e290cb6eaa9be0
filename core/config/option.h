/* Option tables: the one declaration of an option from which its validation, its help and its page in the docs are made. The
 * options of plugins (tappet/plugin.h) are turned into these by host/; the core's own files use them as well. */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/json.h"

enum option_type {
	OPTION_STRING = 1,
	OPTION_INTEGER,
	OPTION_BOOLEAN,
	OPTION_DURATION,
	OPTION_SIZE,
	OPTION_OBJECT,
	OPTION_JSON,
	OPTION_PATH
};
enum { OPTION_REQUIRED = 1, OPTION_SECRET = 2, OPTION_MULTI = 4 };

struct option {
	const char *key;
	enum option_type type;
	int flags;
	const char *default_value; /* as written, without quotes; NULL: none */
	const char *help;
	const char *replaced_by;
};

/* The checked values, one slot per option; secrets resolved, paths absolute. */
struct option_values;

/* Checks `object` (NULL: empty) against the table. Mistakes go to `d` at their place in `file`: unknown key (with the
 * nearest known one), wrong type, required and missing, secret written in place. `folder`: what paths and secret files are
 * relative to; NULL: paths stay relative, and secrets are checked for form but not read. 0 or -EINVAL; *ret may be NULL when
 * only the check is wanted. */
int option_check(const struct option *table, size_t count, const struct json_file *file, const struct json *object,
		 const char *folder, struct diag *d, struct option_values **ret);
/* The same without reading a secret: they are where the options are going to be used, which may be another machine. */
int option_check_form(const struct option *table, size_t count, const struct json_file *file, const struct json *object,
		      const char *folder, struct diag *d, struct option_values **ret);
void option_values_free(struct option_values *v);
/* -ENOENT: not set and without default, or index behind the last; -EINVAL: another type. */
size_t option_count(const struct option_values *v, const char *key);
int option_get_str(const struct option_values *v, const char *key, size_t index, const char **ret, size_t *ret_len);
int option_get_int(const struct option_values *v, const char *key, size_t index, int64_t *ret);
int option_get_bool(const struct option_values *v, const char *key, bool *ret);

/* Where something in `object` is wrong: the index-th value of `key` (NULL: the object), and what is at the JSON Pointer
 * inside of it (or as near to it as there is anything). NULL: the key is not there. */
const struct json *option_place(const struct option *table, size_t count, const struct json *object, const char *key,
				size_t index, const char *pointer);

const char *option_type_name(enum option_type type);
/* A Markdown table of the options. */
void option_document(const struct option *table, size_t count, struct buf *out);
/* The key of the table nearest to a mistyped one, or NULL when none is near. */
const char *option_nearest(const struct option *table, size_t count, const char *key);

#endif
