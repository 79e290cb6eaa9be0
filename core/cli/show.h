/* Output for people: aligned tables, times of this time zone, durations, and colour where the caller says so. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/json.h"

#define SHOW_MAX 64

struct table {
	size_t columns;
	char **cells; /* row by row, the heads first */
	size_t count;
	bool failed; /* out of memory */
};

/* `heads`: columns NUL-terminated texts. */
void table_init(struct table *t, const char *const *heads, size_t columns);
void table_release(struct table *t);
/* The next cell, in order; NULL is an empty one. Control characters are shown as '?'. */
void table_add(struct table *t, const char *text);
/* A row of two: a name and what it is. Nothing where the value is NULL or empty. */
void table_fact(struct table *t, const char *name, const char *value);
/* Cells that name a status are coloured. `head`: with the heads. */
void table_print(const struct table *t, bool head, bool colour);

/* "2026-01-31 09:00:00" of an RFC 3339 text; "" for NULL. */
const char *show_time(const char *rfc3339, char ret[static SHOW_MAX]);
/* "12ms", "1.5s", "3m20s", "2h05m"; "" when `ms` is no number. */
const char *show_duration(const struct json *ms, char ret[static SHOW_MAX]);
/* A status in its colour. */
const char *show_colour(const char *status);
/* "enabled", "disabled" or "removed" */
const char *show_workflow_state(const struct json *workflow);
/* The texts of an array, joined. "" when empty. To be freed; NULL: no memory. */
char *show_joined(const struct json *array, const char *separator);

#endif
