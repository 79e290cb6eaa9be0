/* How often each address may call a trigger: token buckets in a table of a fixed size. Times are monotonic milliseconds. */
#ifndef WEBHOOK_LIMIT_H
#define WEBHOOK_LIMIT_H

#include <stdbool.h>
#include "tappet/plugin.h"

struct limit;

/* `count` in `per_ms`; NULL: no memory. */
struct limit *limit_new(int64_t count, int64_t per_ms);
void limit_free(struct limit *l);

struct limit_state {
	int64_t remaining; /* calls that are left now */
	int64_t reset_s;   /* until all are there again, and, when there is none left, until the next one */
	int64_t retry_s;
};
/* Whether one more call is within the limit; then it is taken. Of more addresses than the table has places for, those
 * that have called least are forgotten first. */
bool limit_take(struct limit *l, tappet_str address, int64_t now_ms, struct limit_state *ret);

#endif
