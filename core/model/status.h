/* The statuses of activities and steps, and which may follow which. Pure. */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H

#include <stdbool.h>

/* Stored as numbers: the list only grows. STATUS_SKIPPED is for steps only, STATUS_INVALID for activities only. */
enum status {
	STATUS_NOTSTARTED = 0,
	STATUS_INPROGRESS = 1,
	STATUS_WAITING = 2,
	STATUS_COMPLETED = 3,
	STATUS_FAILURE = 4,
	STATUS_INVALID = 5,
	STATUS_CANCELLED = 6,
	STATUS_SKIPPED = 7,
};

/* As on the wire: "notstarted", "inProgress", ... */
const char *status_name(enum status status);
int status_parse(const char *name, enum status *ret);
bool status_is_final(enum status status);
/* Whether `to` may follow `from`. */
bool status_may_follow(enum status from, enum status to);

#endif
