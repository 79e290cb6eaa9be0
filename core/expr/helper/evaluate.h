/* One compiled program over one value. */
#ifndef EXPR_HELPER_EVALUATE_H
#define EXPR_HELPER_EVALUATE_H

#include <jq.h>
#include "base/buf.h"

/* Parses an input; what is no JSON gives an invalid value that says why. */
jv evaluate_parse(const char *json, size_t len);
/* Takes `input` over. `out` (empty before) gets the first output as compact JSON, or words. 0, -ENODATA, -EINVAL, or -E2BIG
 * (longer than `max`). */
int evaluate(jq_state *jq, jv input, size_t max, struct buf *out);

#endif
