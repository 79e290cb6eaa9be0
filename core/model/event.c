#include "model/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[EVENT_ACTIVITY_ACCEPTED] = "activity.accepted",
	[EVENT_ACTIVITY_STARTED] = "activity.started",
	[EVENT_ACTIVITY_COMPLETED] = "activity.completed",
	[EVENT_ACTIVITY_FAILED] = "activity.failed",
	[EVENT_ACTIVITY_CANCELLED] = "activity.cancelled",
	[EVENT_ACTIVITY_INVALID] = "activity.invalid",
	[EVENT_STEP_STARTED] = "step.started",
	[EVENT_STEP_ENDED] = "step.ended",
	[EVENT_STEP_WAITING] = "step.waiting",
	[EVENT_WORKFLOW_CHANGED] = "workflow.changed",
	[EVENT_WORKFLOW_DISABLED] = "workflow.disabled",
	[EVENT_WORKFLOW_ENABLED] = "workflow.enabled",
};

const char *event_type_name(enum event_type type)
{
	size_t index = (size_t)type;

	if (index >= sizeof(names) / sizeof(names[0]) || !names[index])
		return "unknown";
	return names[index];
}

int event_copy(struct event *to, const struct event *from)
{
	char *data = NULL;

	if (from->data) {
		data = strdup(from->data);
		if (!data)
			return -ENOMEM;
	}
	*to = *from;
	to->data = data;
	return 0;
}

void event_release(struct event *e)
{
	free(e->data);
	e->data = NULL;
}
