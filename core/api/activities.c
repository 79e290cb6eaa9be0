#include "api/internal.h"

#include <errno.h>

struct list_call {
	struct api_call base;
	size_t limit;
};

static void listed(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct list_call *call = arg;
	struct buf out;
	if (status < 0) {
		api_fail(call->base.request, status, "activity");
		api_call_close(call);
		return;
	}
	/* One more than asked for was read: it tells whether there is a next page. */
	const size_t shown = count < call->limit ? count : call->limit;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "activities");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < shown; i++)
		engine_summary(call->base.api->options.engine, &rows[i], &out);
	jsonw_close(&out, ']');
	jsonw_key(&out, "next");
	jsonw_str(&out, count > shown ? rows[shown - 1].id : NULL);
	jsonw_close(&out, '}');
	api_reply(call->base.request, 200, &out);
	api_call_close(call);
}

static bool read_status(struct http_request *r, int *ret)
{
	const char *name = http_query_value(r, "status");
	enum status status;
	if (!name)
		return true;
	if (status_parse(name, &status) < 0 || status == STATUS_SKIPPED) {
		api_problemf(
			r, 400, "invalid-value",
			"\"status\" must be notstarted, inProgress, waiting, completed, failure, invalid or cancelled");
		return false;
	}
	*ret = (int)status;
	return true;
}

static bool read_before(struct http_request *r, const char **ret)
{
	*ret = http_query_value(r, "before");
	if (!*ret || id_valid(*ret))
		return true;
	api_problemf(r, 400, "invalid-value", "\"before\" must be the \"next\" of an earlier answer");
	return false;
}

void api_activities_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"workflow", "status", "since", "limit", "before", NULL};
	struct store_activity_filter filter = {.status = -1};
	const struct catalog_entry *entry;
	size_t limit;
	if (!api_query(r, keys) || !api_query_workflow(a, r, &entry) || !read_status(r, &filter.status) ||
	    !api_query_since(r, &filter.since_ms) || !api_query_limit(r, 50, 500, &limit) ||
	    !read_before(r, &filter.before))
		return;
	struct list_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	call->limit = limit;
	filter.limit = limit + 1;
	filter.workflow_id = entry ? entry->id : NULL;
	int error = store_list_activities(a->options.store, &filter, listed, call);
	if (error < 0) {
		api_fail(r, error, "activity");
		api_call_close(call);
	}
}

static void documented(void *arg, int status, const char *workflow_id, enum status activity_status,
		       const char *document, size_t len)
{
	struct api_call *call = arg;
	struct buf out;
	(void)workflow_id;
	(void)activity_status;
	if (status < 0) {
		api_fail(call->request, status, "activity");
	} else {
		buf_init(&out, API_ANSWER_MAX);
		buf_append(&out, document, len);
		api_reply(call->request, 200, &out);
	}
	api_call_close(call);
}

void api_activities_get(struct api *a, struct http_request *r)
{
	const char *id;
	struct api_call *call;
	if (!api_path_id(r, "activity", &id) || !(call = api_call_open(a, r, sizeof(*call))))
		return;
	int error = engine_document(a->options.engine, id, documented, call);
	if (error < 0) {
		api_fail(r, error, "activity");
		api_call_close(call);
	}
}

static void cancelled(void *arg, int status)
{
	struct api_call *call = arg;
	struct buf out;
	if (status == -EALREADY) {
		http_problem(call->request, 409, "ended", "the activity has ended already", 0);
	} else if (status < 0) {
		api_fail(call->request, status, "activity");
	} else {
		buf_init(&out, 256);
		jsonw_open(&out, '{');
		api_member(&out, "activityId", http_param(call->request, "activity"));
		jsonw_close(&out, '}');
		api_reply(call->request, 200, &out);
	}
	api_call_close(call);
}

void api_activities_cancel(struct api *a, struct http_request *r)
{
	const char *id;
	struct json *body;
	struct api_call *call;
	if (!api_path_id(r, "activity", &id) || !api_body(a, r, NULL, 0, &body))
		return;
	json_free(body);
	call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	int error = engine_cancel(a->options.engine, id, cancelled, call);
	if (error < 0)
		cancelled(call, error);
}
