#include "engine/event_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "model/workflow.h"

void event_filter_init(struct event_filter *f, struct engine *e)
{
	*f = (struct event_filter){.engine = e, .types = event_types_granted(EVENT_TYPES_ALL, 0)};
}

void event_filter_release(struct event_filter *f)
{
	free(f->team);
	f->team = NULL;
}

int event_filter_set_team(struct event_filter *f, const char *team)
{
	char *copy = strdup(team);

	if (!copy)
		return -ENOMEM;
	free(f->team);
	f->team = copy;
	return 0;
}

bool event_filter_is_open(const struct event_filter *f)
{
	return f->types == event_types_granted(EVENT_TYPES_ALL, 0) && !f->workflow_id[0] && !f->activity_id[0] &&
	       !f->token_id[0] && !f->team;
}

static bool is_of_team(const struct catalog_entry *entry, const char *team)
{
	return entry && entry->workflow && entry->workflow->team && strcmp(entry->workflow->team, team) == 0;
}

static bool is_covered(const struct event_filter *f, const struct catalog_entry *entry)
{
	const struct access_token *token = entry ? access_find(f->engine, f->token_id) : NULL;

	return token && access_covers(f->engine, token, entry);
}

bool event_filter_matches(const struct event_filter *f, const struct event *event)
{
	const struct catalog_entry *entry;

	if (!(f->types & EVENT_BIT(event->type)))
		return false;
	if (f->workflow_id[0] && strcmp(f->workflow_id, event->workflow_id) != 0)
		return false;
	if (f->activity_id[0] && strcmp(f->activity_id, event->activity_id) != 0)
		return false;
	if (!f->team && !f->token_id[0])
		return true;
	entry = event->workflow_id[0] ? engine_find(f->engine, event->workflow_id) : NULL;
	return (!f->team || is_of_team(entry, f->team)) && (!f->token_id[0] || is_covered(f, entry));
}
