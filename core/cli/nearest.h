/* The name that somebody probably meant. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* The name with the fewest edits from `typed`, or NULL when none is near enough. */
const char *nearest(const char *const *names, size_t count, const char *typed);

#endif
