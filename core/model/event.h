/* One numbered fact about an activity or a trigger. The numbers never go back and have no holes. */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include "base/id.h"

/* Stored as numbers: the list only grows. */
enum event_type {
	EVENT_ACTIVITY_ACCEPTED = 1,
	EVENT_ACTIVITY_STARTED = 2,
	EVENT_ACTIVITY_COMPLETED = 3,
	EVENT_ACTIVITY_FAILED = 4,
	EVENT_ACTIVITY_CANCELLED = 5,
	EVENT_ACTIVITY_INVALID = 6,
	EVENT_STEP_STARTED = 7,
	EVENT_STEP_ENDED = 8,
	EVENT_STEP_WAITING = 9,
	EVENT_WORKFLOW_CHANGED = 10,
	EVENT_WORKFLOW_DISABLED = 11,
	EVENT_WORKFLOW_ENABLED = 12,
};

struct event {
	uint64_t seq;
	int64_t time_ms;
	enum event_type type;
	char workflow_id[ID_SIZE]; /* "" when there is none */
	char activity_id[ID_SIZE];
	char *data; /* JSON object, owned; NULL means {} */
};

/* "activity.accepted", "step.started", ... */
const char *event_type_name(enum event_type type);
int event_copy(struct event *to, const struct event *from);
/* Frees `data`. */
void event_release(struct event *e);

#endif
