/* What the page of events and the stream of them share: the filter, and how an event is shown. */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "api/internal.h"
#include "engine/event_filter.h"

/* The query's workflow, team, activity and types; false after the request was answered. *ret is to be released. */
bool event_filter_read(struct api *a, struct http_request *r, struct event_filter *ret);

void event_write(struct api *a, const struct event *event, struct buf *out);

/* events_stream.c */
void api_events_stream(struct api *a, struct http_request *r);

#endif
