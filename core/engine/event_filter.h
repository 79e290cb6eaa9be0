/* Which events somebody wants to see: by workflow, team, activity and type, and by what a token covers. The same for the pages
 * and streams of the interface and for plugins. Read by api/ and host/; loop thread only. */
#ifndef ENGINE_EVENT_FILTER_H
#define ENGINE_EVENT_FILTER_H

#include <stdbool.h>
#include "model/event.h"

struct engine;
struct access_token;

struct event_filter {
	struct engine *engine;
	char workflow_id[ID_SIZE], activity_id[ID_SIZE]; /* "": all */
	char token_id[ID_SIZE];                          /* only what it covers now; "": all */
	char *team;                                      /* of the workflow, as it is now; NULL: all */
	uint64_t types;                                  /* EVENT_BIT */
	/* Of token_id, as it was in this turn of the loop and this state of the tokens: thousands of filters may be asked about
	 * each event. */
	const struct access_token *token;
	uint64_t turn, state;
};

/* All that comes without being named. */
void event_filter_init(struct event_filter *f, struct engine *e);
void event_filter_release(struct event_filter *f);
/* -ENOMEM */
int event_filter_set_team(struct event_filter *f, const char *team);
/* Whether nothing is left out but what has to be asked for. */
bool event_filter_is_open(const struct event_filter *f);
static inline bool event_filter_has(const struct event_filter *f, enum event_type type)
{
	return (f->types & EVENT_BIT(type)) != 0;
}
bool event_filter_matches(struct event_filter *f, const struct event *event);

#endif
