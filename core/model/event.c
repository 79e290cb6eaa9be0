#include "model/event.h"

#include <errno.h>
#include <stdbool.h>
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
	[EVENT_TRIGGER_HEALTH] = "trigger.health",
	[EVENT_STEP_LOG] = "step.log",
	[EVENT_TRIGGER_REFUSED] = "trigger.refused",
};

const char *event_type_name(enum event_type type)
{
	size_t index = (size_t)type;

	if (index >= sizeof(names) / sizeof(names[0]) || !names[index])
		return "unknown";
	return names[index];
}

uint64_t event_types_on_request(void)
{
	return EVENT_BIT(EVENT_STEP_LOG) | EVENT_BIT(EVENT_TRIGGER_REFUSED);
}

uint64_t event_types_granted(uint64_t types, uint64_t named)
{
	return types & (~event_types_on_request() | named);
}

/* "step.ended", "step.*" or "*". */
static bool type_matches(const char *name, const char *pattern, size_t len)
{
	if (pattern[len - 1] != '*')
		return strlen(name) == len && memcmp(name, pattern, len) == 0;
	return (len == 1 || pattern[len - 2] == '.') && strncmp(name, pattern, len - 1) == 0;
}

void event_types_prefixed(const char *pattern, uint64_t *ret_types, uint64_t *ret_named)
{
	size_t len = strlen(pattern);
	bool is_prefix = len > 0 && pattern[len - 1] == '*';

	*ret_types = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] && (is_prefix ? strncmp(names[i], pattern, len - 1) : strcmp(names[i], pattern)) == 0)
			*ret_types |= EVENT_BIT(i);
	*ret_named = is_prefix ? 0 : *ret_types;
}

static uint64_t types_of(const char *pattern, size_t len)
{
	uint64_t types = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && len > 0; i++)
		if (names[i] && type_matches(names[i], pattern, len))
			types |= EVENT_BIT(i);
	return types;
}

int event_types_read(const char *list, uint64_t *ret_types, uint64_t *ret_named, const char **ret_at)
{
	uint64_t types = 0, named = 0;

	while (list) {
		size_t len = strcspn(list, ",");
		uint64_t some = types_of(list, len);

		if (!some) {
			if (ret_at)
				*ret_at = list;
			return -EINVAL;
		}
		types |= some;
		if (list[len - 1] != '*')
			named |= some;
		list = list[len] ? list + len + 1 : NULL;
	}
	*ret_types = types;
	*ret_named = named;
	return 0;
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

/* The text is behind it, so that it is one piece of memory. */
struct shared {
	struct event event; /* first: the event is the shared one */
	size_t holders, size;
	char data[];
};

const struct event *event_share(const struct event *from)
{
	size_t size = from->data ? strlen(from->data) + 1 : 0;
	struct shared *s = malloc(sizeof(*s) + size);

	if (!s)
		return NULL;
	s->event = *from;
	s->holders = 1;
	s->size = sizeof(*s) + size;
	if (from->data) {
		memcpy(s->data, from->data, size);
		s->event.data = s->data;
	}
	return &s->event;
}

const struct event *event_hold(const struct event *shared)
{
	((struct shared *)(uintptr_t)shared)->holders++;
	return shared;
}

size_t event_bytes(const struct event *shared)
{
	return ((const struct shared *)shared)->size;
}

void event_drop(const struct event *shared)
{
	struct shared *s = (struct shared *)(uintptr_t)shared;

	if (s && --s->holders == 0)
		free(s);
}
