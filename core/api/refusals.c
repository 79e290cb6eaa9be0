/* What was turned down, counted per trigger, reason and minute. */
#include "api/internal.h"

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
	if (!api_query(r, keys) || !api_query_workflow(a, r, &entry) || !api_query_time(r, "since", &since_ms) ||
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
