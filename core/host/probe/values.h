/* Options for a plugin under check: what was given, what is required beside it, and absurd ones. */
#ifndef HOST_PROBE_VALUES_H
#define HOST_PROBE_VALUES_H

#include "config/option.h"

enum values_kind { VALUES_PLAUSIBLE, VALUES_EMPTY, VALUES_HUGE, VALUES_ODD, VALUES_KINDS };

/* Paths in them are relative to the working folder. VALUES_PLAUSIBLE: `given` (may be NULL) and something for each required option that it lacks. The others: something
 * absurd for every option. -EINVAL with a message: the host would refuse them as well. */
int values_make(const struct option *table, size_t count, const struct json *given, enum values_kind kind,
		struct option_values **ret, char *ret_message, size_t room);
bool values_default_valid(const struct option *o, char *ret_message, size_t room);

#endif
