/* Pages of events and of refusals. */
#include "api/internal.h"

struct events_call {
	struct api_call base;
	uint64_t since;
};

static void write_event(struct api *a, const struct event *event, struct buf *out)
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

/* What was asked for but is not kept any more. */
static void write_gap(uint64_t since, uint64_t oldest, struct buf *out)
{
	if (since + 1 >= oldest)
		return;
	jsonw_key(out, "gap");
	jsonw_open(out, '{');
	jsonw_key(out, "from");
	jsonw_int(out, (int64_t)since + 1);
	jsonw_key(out, "to");
	jsonw_int(out, (int64_t)oldest - 1);
	jsonw_close(out, '}');
}

static void read_events(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct events_call *call = arg;
	struct buf out;
	if (status < 0) {
		api_fail(call->base.request, status, "event");
		api_call_close(call);
		return;
	}
	uint64_t next = call->since;
	if (count > 0)
		next = events[count - 1].seq;
	else if (oldest > 0 && next + 1 < oldest)
		next = oldest - 1;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "events");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < count; i++)
		write_event(call->base.api, &events[i], &out);
	jsonw_close(&out, ']');
	write_gap(call->since, oldest, &out);
	jsonw_key(&out, "next");
	jsonw_int(&out, (int64_t)next);
	jsonw_key(&out, "oldest");
	jsonw_int(&out, (int64_t)oldest);
	jsonw_close(&out, '}');
	api_reply(call->base.request, 200, &out);
	api_call_close(call);
}

void api_events_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"since", "limit", NULL};
	uint64_t since = 0;
	size_t limit;
	if (!api_query(r, keys) || !api_query_number(r, "since", &since) || !api_query_limit(r, 100, 1000, &limit))
		return;
	struct events_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	call->since = since;
	int error = store_read_events(a->options.store, since, limit, read_events, call);
	if (error < 0)
		read_events(call, error, NULL, 0, 0);
}

static void write_refusal(struct api *a, const struct store_refusal *refusal, struct buf *out)
{
	jsonw_open(out, '{');
	api_member_workflow(a, out, refusal->workflow_id);
	if (refusal->trigger_id[0])
		api_member(out, "triggerId", refusal->trigger_id);
	api_member(out, "trigger", refusal->trigger);
	api_member(out, "reason", reason_name(refusal->reason));
	api_member_time(out, "minute", refusal->minute_ms);
	api_member_time(out, "lastAt", refusal->last_ms);
	jsonw_key(out, "count");
	jsonw_int(out, (int64_t)refusal->count);
	api_member(out, "sample", refusal->sample);
	jsonw_close(out, '}');
}

static void read_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct api_call *call = arg;
	struct buf out;
	if (status < 0) {
		api_fail(call->request, status, "refusal");
		api_call_close(call);
		return;
	}
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "refusals");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < count; i++)
		write_refusal(call->api, &rows[i], &out);
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	api_reply(call->request, 200, &out);
	api_call_close(call);
}

void api_refusals_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"workflow", "since", "limit", NULL};
	const struct catalog_entry *entry;
	int64_t since_ms = 0;
	size_t limit;
	if (!api_query(r, keys) || !api_query_workflow(a, r, &entry) || !api_query_since(r, &since_ms) ||
	    !api_query_limit(r, 100, 1000, &limit))
		return;
	struct api_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	int error = store_list_refusals(a->options.store, entry ? entry->id : NULL, since_ms, 0, limit, read_refusals,
					call);
	if (error < 0)
		read_refusals(call, error, NULL, 0);
}
