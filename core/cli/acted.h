/* What an action did, for people. */
#ifndef CLI_ACTED_H
#define CLI_ACTED_H

#include "base/json.h"
#include "cli/command.h"

/* `answer` has the members of an acknowledgement (docs/actions.md). */
void acted_print(const struct cli *c, const char *topic, const struct json *answer);

#endif
