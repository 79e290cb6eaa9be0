/* JSON (RFC 8259). Reading builds a tree by cJSON, the only file that knows it; writing goes straight into a buffer.
 *
 * What comes from outside is checked before cJSON sees it: grammar, UTF-8, depth (JSON_DEPTH_MAX), no key twice in one
 * object, no NUL inside a string, nothing behind the value. Look-ups are case-sensitive.
 * A tree belongs to whoever parsed it and is freed as a whole. Not thread-safe per tree. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/diag.h"

#define JSON_DEPTH_MAX 64

struct json; /* one value of a tree */

struct json_error {
	size_t offset; /* in bytes */
	char message[120];
};

/* 0, -EINVAL (with *ret_error filled when not NULL), -ENOMEM. */
int json_parse(const char *text, size_t len, struct json **ret, struct json_error *ret_error);
/* The check alone, without building a tree; it does not see keys that stand twice. */
int json_check(const char *text, size_t len, struct json_error *ret_error);
void json_free(struct json *value);

bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);
bool json_is_number(const struct json *v);
bool json_is_bool(const struct json *v);
bool json_is_null(const struct json *v);
/* "object", "array", "string", "number", "boolean", "null" */
const char *json_type_name(const struct json *v);

/* All accept NULL and values of another type, and then give NULL, 0 or false. */
const struct json *json_get(const struct json *object, const char *key);
const char *json_str(const struct json *v);
const char *json_get_str(const struct json *object, const char *key);
bool json_bool(const struct json *v);
double json_number(const struct json *v);
/* -EINVAL when it is no whole number of at most 2^53. */
int json_int(const struct json *v, int64_t *ret);

/* for (c = json_first(v); c; c = json_next(c)) — the members of an object or the items of an array, in order. */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *item);
const char *json_key(const struct json *member);
size_t json_count(const struct json *v);
/* The index-th item of an array, or NULL. */
const struct json *json_at(const struct json *list, size_t index);
/* What a JSON Pointer (RFC 6901: "/steps/0/id"; "" is `v` itself) leads to, or as far as it leads: for places in messages. */
const struct json *json_pointer(const struct json *v, const char *pointer);

/* Compact text. json_print_canonical sorts the keys of every object: equal values give equal bytes. */
int json_print(const struct json *v, struct buf *out);
/* For people: a line for each member, where all of it does not fit on one. */
int json_print_pretty(const struct json *v, struct buf *out);
int json_print_canonical(const struct json *v, struct buf *out);

/* A file that people write: // and slash-star comments allowed, positions kept for messages. */
struct json_file {
	char *name;
	char *text; /* as in the file, but comments replaced by spaces */
	size_t len;
	struct json *root;
};
/* Errors go to `d`. 0 or negative; *ret is untouched on failure. */
int json_file_read(const char *path, size_t max, struct diag *d, struct json_file **ret);
/* The same from memory; `name` is what messages call it. */
int json_file_parse(const char *name, const char *text, size_t len, struct diag *d, struct json_file **ret);
void json_file_free(struct json_file *f);
/* Adds a mistake at the position of `v` (a value of f's tree), or of its key where `at_key`; v NULL: the whole file. */
void json_file_mistake(const struct json_file *f, struct diag *d, const struct json *v, bool at_key, const char *format,
		       ...) __attribute__((format(printf, 5, 6)));

/* Writing. The caller places the structure; jsonw_ calls add commas by looking at the last byte written, so that
 *   jsonw_open(b, '{'); jsonw_key(b, "a"); jsonw_int(b, 1); jsonw_close(b, '}');
 * is all there is to it. Strings that are not UTF-8 are written with U+FFFD in place of the bad bytes. */
void jsonw_open(struct buf *b, char bracket);
void jsonw_close(struct buf *b, char bracket);
void jsonw_key(struct buf *b, const char *key);
void jsonw_str(struct buf *b, const char *text); /* NULL writes null */
void jsonw_strn(struct buf *b, const char *text, size_t len);
void jsonw_int(struct buf *b, int64_t value);
void jsonw_number(struct buf *b, double value);
void jsonw_bool(struct buf *b, bool value);
void jsonw_null(struct buf *b);
/* Text that is JSON already. */
void jsonw_raw(struct buf *b, const char *json, size_t len);
/* A time as RFC 3339 text, null for 0. */
void jsonw_time(struct buf *b, int64_t wall_ms);

#endif
