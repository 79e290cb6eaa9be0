#include "model/status.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define BIT(status) (1u << (status))
#define ANY_END (BIT(STATUS_FAILURE) | BIT(STATUS_INVALID) | BIT(STATUS_CANCELLED))

static const struct {
	const char *name;
	unsigned next; /* those that may follow */
} statuses[] = {
	/* Straight to an end: skipped, cancelled before it began, or not to be started at all. */
	[STATUS_NOTSTARTED] = {"notstarted",
			       BIT(STATUS_INPROGRESS) | BIT(STATUS_WAITING) | BIT(STATUS_SKIPPED) | ANY_END},
	/* Followed by itself: the next attempt. */
	[STATUS_INPROGRESS] = {"inProgress",
			       BIT(STATUS_INPROGRESS) | BIT(STATUS_WAITING) | BIT(STATUS_COMPLETED) | ANY_END},
	[STATUS_WAITING] = {"waiting", BIT(STATUS_INPROGRESS) | BIT(STATUS_COMPLETED) | ANY_END},
	[STATUS_COMPLETED] = {"completed", 0},
	[STATUS_FAILURE] = {"failure", 0},
	[STATUS_INVALID] = {"invalid", 0},
	[STATUS_CANCELLED] = {"cancelled", 0},
	[STATUS_SKIPPED] = {"skipped", 0},
};

#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

static bool known(enum status status)
{
	return (size_t)status < STATUS_COUNT;
}

const char *status_name(enum status status)
{
	return known(status) ? statuses[status].name : "unknown";
}

int status_parse(const char *name, enum status *ret)
{
	for (size_t i = 0; i < STATUS_COUNT; i++) {
		if (strcmp(statuses[i].name, name) != 0)
			continue;
		*ret = (enum status)i;
		return 0;
	}
	return -EINVAL;
}

bool status_is_final(enum status status)
{
	return known(status) && statuses[status].next == 0;
}

bool status_may_follow(enum status from, enum status to)
{
	return known(from) && known(to) && (statuses[from].next & BIT(to)) != 0;
}
