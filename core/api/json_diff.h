/* Where two values differ, by JSON pointers (RFC 6901). Pure. */
#ifndef API_JSON_DIFF_H
#define API_JSON_DIFF_H

#include "base/json.h"

/* Appends the items {"path", "from", "to"} of an array that the caller has opened; without "from" where something was added,
 * without "to" where it went. Objects are compared key by key and must be canonical (keys sorted); arrays place by place. */
void json_diff(const struct json *from, const struct json *to, struct buf *out);

#endif
