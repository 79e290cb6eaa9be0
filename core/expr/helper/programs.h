/* Compiled programs, kept by their text: compiling takes 15 ms, as libjq reads its own library each time, running a
 * small one 4 us. */
#ifndef EXPR_HELPER_PROGRAMS_H
#define EXPR_HELPER_PROGRAMS_H

#include <jq.h>
#include "base/buf.h"
#include "base/list.h"

struct programs {
	struct list used; /* struct program, the last used one first */
	size_t count, max;
	void (*out_of_memory)(void *arg);
	void *arg;
};

/* libjq calls `out_of_memory(arg)` instead of aborting, which must not return. */
void programs_init(struct programs *p, size_t max, void (*out_of_memory)(void *arg), void *arg);
void programs_release(struct programs *p);
/* The program, ready for jq_start; valid until the next call. -EINVAL with words in `message` (empty before), -ENOMEM. */
int programs_get(struct programs *p, const char *text, size_t len, struct buf *message, jq_state **ret);

#endif
