#include "api/events.h"

#define TYPES_MAX 64

bool event_filter_is_set(const struct event_filter *filter)
{
	return filter->workflow_id[0] || filter->activity_id[0] || filter->team || filter->types;
}

static bool team_matches(const struct event_filter *filter, const char *workflow_id)
{
	const struct catalog_entry *entry = engine_find(filter->engine, workflow_id);
	return entry && entry->workflow && entry->workflow->team && strcmp(entry->workflow->team, filter->team) == 0;
}

bool event_matches(const struct event_filter *filter, const struct event *event)
{
	if (filter->types && !(filter->types & (uint64_t)1 << event->type))
		return false;
	if (filter->workflow_id[0] && strcmp(filter->workflow_id, event->workflow_id) != 0)
		return false;
	if (filter->activity_id[0] && strcmp(filter->activity_id, event->activity_id) != 0)
		return false;
	return !filter->team || team_matches(filter, event->workflow_id);
}

/* "step.ended", "step.*" or "*". */
static bool type_matches(const char *name, const char *pattern, size_t len)
{
	if (pattern[len - 1] != '*')
		return strlen(name) == len && memcmp(name, pattern, len) == 0;
	return (len == 1 || pattern[len - 2] == '.') && strncmp(name, pattern, len - 1) == 0;
}

static uint64_t types_of(const char *pattern, size_t len)
{
	uint64_t types = 0;
	for (int i = 1; i < TYPES_MAX && len > 0; i++) {
		const char *name = event_type_name((enum event_type)i);
		if (strchr(name, '.') && type_matches(name, pattern, len))
			types |= (uint64_t)1 << i;
	}
	return types;
}

static bool read_types(struct http_request *r, uint64_t *ret)
{
	const char *at = http_query_value(r, "types");
	while (at) {
		const size_t len = strcspn(at, ",");
		const uint64_t types = types_of(at, len);
		if (!types) {
			api_problemf(r, 400, "invalid-value",
				     "\"types\" holds \"%.*s\", which is no type of event: step.ended, activity.*, ...",
				     (int)(len < 60 ? len : 60), at);
			return false;
		}
		*ret |= types;
		at = at[len] ? at + len + 1 : NULL;
	}
	return true;
}

bool event_filter_read(struct api *a, struct http_request *r, struct event_filter *ret)
{
	const char *activity = http_query_value(r, "activity");
	const struct catalog_entry *entry;
	*ret = (struct event_filter){.engine = a->options.engine, .team = http_query_value(r, "team")};
	if (!api_query_workflow(a, r, &entry) || !read_types(r, &ret->types))
		return false;
	if (activity && !id_valid(activity)) {
		api_problemf(r, 400, "invalid-value", "\"activity\" must be an id: 24 hex digits");
		return false;
	}
	if (entry)
		memcpy(ret->workflow_id, entry->id, ID_SIZE);
	if (activity)
		memcpy(ret->activity_id, activity, ID_SIZE);
	return true;
}
