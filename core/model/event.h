/* One numbered fact about an activity or a trigger. The numbers never go back, and have no holes for who
 * names every type. */
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
	EVENT_TRIGGER_HEALTH = 13,
	EVENT_STEP_LOG = 14,
	EVENT_TRIGGER_REFUSED = 15,
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

/* Types as sets, one bit each. */
#define EVENT_BIT(type) ((uint64_t)1 << (type))
#define EVENT_TYPES_ALL UINT64_MAX
/* After these an activity has none any more. */
#define EVENT_TYPES_END                                                                                                \
	(EVENT_BIT(EVENT_ACTIVITY_COMPLETED) | EVENT_BIT(EVENT_ACTIVITY_FAILED) |                                      \
	 EVENT_BIT(EVENT_ACTIVITY_CANCELLED) | EVENT_BIT(EVENT_ACTIVITY_INVALID))
/* What comes only to those who name it in full: there may be far more of it than of all the rest. */
uint64_t event_types_on_request(void);
/* Those that a list of patterns stands for: "step.ended,activity.*"; also "*". *ret_named: those that are in it in full.
 * -EINVAL: a pattern of no type, from *ret_at on (may be NULL). */
int event_types_read(const char *list, uint64_t *ret_types, uint64_t *ret_named, const char **ret_at);
/* One pattern, which may end in '*' anywhere, and be of no type. */
void event_types_prefixed(const char *pattern, uint64_t *ret_types, uint64_t *ret_named);
/* What a reader gets that asks for `types` and has named `named` in full. */
uint64_t event_types_granted(uint64_t types, uint64_t named);
int event_copy(struct event *to, const struct event *from);
/* Frees `data`. */
void event_release(struct event *e);

/* A copy that several hold on one thread; the last event_drop frees it. NULL: no memory. event_drop(NULL) is allowed. */
const struct event *event_share(const struct event *from);
const struct event *event_hold(const struct event *shared);
/* How much memory it takes. */
size_t event_bytes(const struct event *shared);
void event_drop(const struct event *shared);

#endif
