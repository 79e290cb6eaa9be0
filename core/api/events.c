/* GET /events: a page of them, or all from a number on as they come (events_stream.c). */
#include "api/events.h"

/* A page that filters reads so many events at once, and so often; then it is given as it is, with its `next`. */
#define STRETCH 1000
#define STRETCHES_MAX 10

struct events_call {
	struct api_call base;
	struct event_filter filter;
	uint64_t since, position;
	uint64_t gap_to; /* not kept any more from `since` up to here; 0: no gap */
	uint64_t oldest;
	size_t limit, found, asked;
	unsigned stretches;
	struct buf out;
};

void event_write(struct api *a, const struct event *event, struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "seq");
	jsonw_int(out, (int64_t)event->seq);
	api_member(out, "event", event_type_name(event->type));
	api_member_time(out, "time", event->time_ms);
	api_member_workflow(a, out, event->workflow_id);
	if (event->activity_id[0])
		api_member(out, "activityId", event->activity_id);
	jsonw_key(out, "data");
	const char *data = event->data ? event->data : "{}";
	jsonw_raw(out, data, strlen(data));
	jsonw_close(out, '}');
}

static void close_events(struct events_call *call)
{
	event_filter_release(&call->filter);
	buf_release(&call->out);
	api_call_close(call);
}

static void answer(struct events_call *call)
{
	struct buf *out = &call->out;
	jsonw_close(out, ']');
	if (call->gap_to) {
		jsonw_key(out, "gap");
		jsonw_open(out, '{');
		jsonw_key(out, "from");
		jsonw_int(out, (int64_t)call->since + 1);
		jsonw_key(out, "to");
		jsonw_int(out, (int64_t)call->gap_to);
		jsonw_close(out, '}');
	}
	jsonw_key(out, "next");
	jsonw_int(out, (int64_t)call->position);
	jsonw_key(out, "oldest");
	jsonw_int(out, (int64_t)call->oldest);
	jsonw_key(out, "newest");
	jsonw_int(out, (int64_t)bus_newest(call->base.api->options.bus));
	jsonw_close(out, '}');
	api_reply(call->base.request, 200, out);
	close_events(call);
}

static void read_on(struct events_call *call);

static void read_events(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct events_call *call = arg;
	if (status < 0) {
		api_fail(call->base.request, status, "event");
		close_events(call);
		return;
	}
	if (call->position + 1 < oldest) {
		call->position = oldest - 1;
		call->gap_to = call->stretches == 1 ? oldest - 1 : call->gap_to;
	}
	call->oldest = oldest;
	for (size_t i = 0; i < count && call->found < call->limit; i++) {
		call->position = events[i].seq;
		if (!event_filter_matches(&call->filter, &events[i]))
			continue;
		event_write(call->base.api, &events[i], &call->out);
		call->found++;
	}
	/* With logs a page may be short because of its bytes. */
	const bool more = event_filter_has(&call->filter, EVENT_STEP_LOG) ? count > 0 : count == call->asked;
	if (more && call->found < call->limit && call->stretches < STRETCHES_MAX)
		read_on(call);
	else
		answer(call);
}

static void read_on(struct events_call *call)
{
	call->stretches++;
	int error = store_read_events(call->base.api->options.store, call->position, call->asked,
				      event_filter_has(&call->filter, EVENT_STEP_LOG), read_events, call);
	if (error < 0)
		read_events(call, error, NULL, 0, 0);
}

static void list_events(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"since", "limit", "workflow", "team", "activity", "types", "stream", NULL};
	struct event_filter filter;
	uint64_t since = 0;
	size_t limit;
	if (!api_query(r, keys) || !api_query_number(r, "since", &since) || !api_query_limit(r, 100, 1000, &limit) ||
	    !event_filter_read(a, r, &filter))
		return;
	struct events_call *call = api_call_open(a, r, sizeof(*call));
	if (!call) {
		event_filter_release(&filter);
		return;
	}
	call->filter = filter;
	call->since = call->position = since;
	call->limit = limit;
	call->asked = event_filter_is_open(&filter) ? limit : STRETCH;
	buf_init(&call->out, API_ANSWER_MAX);
	jsonw_open(&call->out, '{');
	jsonw_key(&call->out, "events");
	jsonw_open(&call->out, '[');
	read_on(call);
}

void api_events_list(struct api *a, struct http_request *r)
{
	bool stream = api_wants_events(r);
	if (!api_query_bool(r, "stream", &stream))
		return;
	if (stream)
		api_events_stream(a, r);
	else
		list_events(a, r);
}
