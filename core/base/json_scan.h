/* The strict reader of JSON text (RFC 8259) behind json.c: it checks and finds positions, and builds nothing. Private to base/. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/json.h"

/* Called for each value in the order of the text, with the offset of its key (SIZE_MAX: it has none). Non-zero stops the scan,
 * which then returns that. May be NULL. */
typedef int (*json_scan_visit)(void *arg, size_t value_at, size_t key_at);

/* 0, -EINVAL with *ret_error filled, or what `visit` returned. */
int json_scan(const char *text, size_t len, json_scan_visit visit, void *arg, struct json_error *ret_error);
/* Where a value of the tree stands in the text that it was parsed from, and its key (SIZE_MAX: it has none). */
bool json_locate(const char *text, size_t len, const struct json *root, const struct json *wanted, size_t *ret_value_at,
		 size_t *ret_key_at);
/* The length of the UTF-8 sequence (RFC 3629) at `text`, 0 when it is none. */
size_t json_utf8(const char *text, size_t len);

#endif
