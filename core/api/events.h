/* What the page of events and the stream of them share: the filter, and how an event is shown. */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "api/internal.h"

struct event_filter {
	const struct engine *engine;
	char workflow_id[ID_SIZE], activity_id[ID_SIZE]; /* "": all */
	const char *team;                                /* NULL: all; in the request */
	uint64_t types;                                  /* one bit each; 0: all */
};

/* The query's workflow, team, activity and types; false after the request was answered. */
bool event_filter_read(struct api *a, struct http_request *r, struct event_filter *ret);
bool event_filter_is_set(const struct event_filter *filter);
bool event_matches(const struct event_filter *filter, const struct event *event);

void event_write(struct api *a, const struct event *event, struct buf *out);

/* events_stream.c */
void api_events_stream(struct api *a, struct http_request *r);

#endif
