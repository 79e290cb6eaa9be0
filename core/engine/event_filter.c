#include "engine/event_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/internal.h"
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

static const struct access_token *token_of(struct event_filter *f)
{
	struct engine *e = f->engine;
	const uint64_t turn = uv_now(e->loop);

	if (!f->state || f->state != e->access.state || f->turn != turn) {
		f->token = access_find(e, f->token_id);
		f->state = e->access.state;
		f->turn = turn;
	}
	return f->token;
}

static bool is_covered(struct event_filter *f, const struct catalog_entry *entry)
{
	const struct access_token *token = entry ? token_of(f) : NULL;

	return token && access_covers(f->engine, token, entry);
}

/* Many filters ask for the same one after another. */
static const struct catalog_entry *entry_of(struct engine *e, const char *workflow_id)
{
	if (!workflow_id[0])
		return NULL;
	if (!e->found || strcmp(e->found->id, workflow_id) != 0)
		e->found = engine_find(e, workflow_id);
	return e->found;
}

bool event_filter_matches(struct event_filter *f, const struct event *event)
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
	entry = entry_of(f->engine, event->workflow_id);
	return (!f->team || is_of_team(entry, f->team)) && (!f->token_id[0] || is_covered(f, entry));
}
