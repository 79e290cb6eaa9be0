/* Watching an activity until it ends: its steps as they change, and what they write. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <stdint.h>
#include "cli/client.h"

/* Both wait through a restart of the daemon. The exit code is the outcome. */
int follow_activity(struct cli *c, const char *id);
/* The records of one activity (step NULL: all steps) from the beginning; `follow`: until it has ended. */
int follow_logs(struct cli *c, const char *id, const char *step, bool follow);

#endif
