/* What a schedule leaves out; inside of the library only. */
#ifndef SCHEDULE_EXCLUDE_H
#define SCHEDULE_EXCLUDE_H

#include "pattern.h"

/* A range of local days, or a pattern. */
struct exclude {
	bool is_pattern;
	int64_t from_day, to_day; /* both included */
	struct pattern pattern;
};

/* -EINVAL with *ret_error filled. */
int exclude_parse(const char *text, const struct pattern_options *options, struct exclude *ret,
		  struct pattern_error *ret_error);

/* Whether a local time is left out. If so, *ret_until is the first local time that may not be: for whole days that is
 * their end. */
bool exclude_covers(const struct exclude *e, int64_t local_s, int64_t *ret_until);

#endif
