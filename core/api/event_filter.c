#include "api/events.h"

static bool read_types(struct http_request *r, struct event_filter *filter)
{
	const char *list = http_query_value(r, "types"), *at;
	uint64_t types, named;
	if (!list)
		return true;
	if (event_types_read(list, &types, &named, &at) < 0) {
		const size_t len = strcspn(at, ",");
		api_problemf(r, 400, "invalid-value",
			     "\"types\" holds \"%.*s\", which is no type of event: step.ended, activity.*, ...",
			     (int)(len < 60 ? len : 60), at);
		return false;
	}
	filter->types = event_types_granted(types, named);
	return true;
}

static bool read_team(struct http_request *r, struct event_filter *filter)
{
	const char *team = http_query_value(r, "team");
	if (!team || event_filter_set_team(filter, team) == 0)
		return true;
	http_problem(r, 503, "no-memory", "out of memory", 1);
	return false;
}

bool event_filter_read(struct api *a, struct http_request *r, struct event_filter *ret)
{
	const char *activity = http_query_value(r, "activity");
	const struct catalog_entry *entry;
	event_filter_init(ret, a->options.engine);
	if (!api_query_workflow(a, r, &entry) || !read_types(r, ret))
		return false;
	if (activity && !id_valid(activity)) {
		api_problemf(r, 400, "invalid-value", "\"activity\" must be an id: 24 hex digits");
		return false;
	}
	if (entry)
		memcpy(ret->workflow_id, entry->id, ID_SIZE);
	if (activity)
		memcpy(ret->activity_id, activity, ID_SIZE);
	return read_team(r, ret);
}
