/* GET /activities/{activity}/logs: a page of records, or all as they come (logs_stream.c). */
#include "api/logs.h"

#include <errno.h>
#include "model/log_line.h"

struct logs_call {
	struct api_call base;
	struct log_view view;
	bool over;
	size_t limit;
};

static const struct json *step_at(const struct json *document, uint32_t index)
{
	const struct json *step = json_first(json_get(document, "steps"));
	while (step && index-- > 0)
		step = json_next(step);
	return step;
}

void log_view_write(const struct log_view *view, const struct store_log_row *row, struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "position");
	jsonw_int(out, (int64_t)row->position);
	api_member(out, "step", json_get_str(step_at(view->document, row->step), "step"));
	jsonw_key(out, "order");
	jsonw_int(out, (int64_t)row->step + 1);
	jsonw_key(out, "attempt");
	jsonw_int(out, row->attempt);
	api_member(out, "stream", log_stream_name(row->stream));
	api_member_time(out, "time", row->time_ms);
	jsonw_key(out, "text");
	jsonw_strn(out, row->text, row->len);
	jsonw_close(out, '}');
}

/* A step by its id, or by its place from 1. */
static bool find_step(struct log_view *view, struct http_request *r)
{
	const char *wanted = http_query_value(r, "step");
	char place[24];
	int index = 0;
	if (!wanted)
		return true;
	const struct json *step = json_first(json_get(view->document, "steps"));
	for (; step; step = json_next(step), index++) {
		const char *name = json_get_str(step, "step");
		snprintf(place, sizeof(place), "%d", index + 1);
		if ((name && strcmp(name, wanted) == 0) || strcmp(place, wanted) == 0) {
			view->step = index;
			return true;
		}
	}
	api_problemf(r, 404, "not-found", "the activity has no step \"%.100s\"", wanted);
	return false;
}

bool log_view_open(struct log_view *view, struct http_request *r, int status, const char *document, size_t len)
{
	view->step = -1;
	if (status >= 0)
		status = json_parse(document, len, &view->document, NULL);
	if (status < 0) {
		api_fail(r, status, "activity");
		return false;
	}
	return find_step(view, r);
}

void log_view_release(struct log_view *view)
{
	json_free(view->document);
	view->document = NULL;
}

static void close_logs(struct logs_call *call)
{
	log_view_release(&call->view);
	api_call_close(call);
}

/* A page may be short because of its bytes, so only an empty one is the last. */
static void read_records(void *arg, int status, const struct store_log_row *rows, size_t count)
{
	struct logs_call *call = arg;
	struct buf out;
	if (status < 0) {
		api_fail(call->base.request, status, "activity");
		close_logs(call);
		return;
	}
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "records");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < count; i++)
		log_view_write(&call->view, &rows[i], &out);
	jsonw_close(&out, ']');
	jsonw_key(&out, "next");
	jsonw_int(&out, (int64_t)(count > 0 ? rows[count - 1].position : call->view.after));
	jsonw_key(&out, "ended");
	jsonw_bool(&out, call->over && count == 0);
	jsonw_close(&out, '}');
	api_reply(call->base.request, 200, &out);
	close_logs(call);
}

static void got_document(void *arg, int status, const char *workflow_id, enum status activity_status,
			 const char *document, size_t len)
{
	struct logs_call *call = arg;
	struct api *a = call->base.api;
	(void)workflow_id;
	if (status >= 0 && a->closed)
		status = -ESHUTDOWN;
	call->over = status_is_final(activity_status);
	if (!log_view_open(&call->view, call->base.request, status, document, len)) {
		close_logs(call);
		return;
	}
	status = store_read_logs(a->options.store, http_param(call->base.request, "activity"), call->view.step,
				 call->view.after, call->limit, read_records, call);
	if (status < 0)
		read_records(call, status, NULL, 0);
}

static void list_logs(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"step", "after", "limit", "follow", NULL};
	const char *id;
	uint64_t after = 0;
	size_t limit;
	if (!api_path_id(r, "activity", &id) || !api_query(r, keys) || !api_query_number(r, "after", &after) ||
	    !api_query_limit(r, 500, 1000, &limit))
		return;
	struct logs_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	call->view.after = after;
	call->limit = limit;
	int error = engine_document(a->options.engine, id, got_document, call);
	if (error < 0)
		got_document(call, error, NULL, STATUS_NOTSTARTED, NULL, 0);
}

void api_activities_logs(struct api *a, struct http_request *r)
{
	bool follow = false;
	if (!api_query_bool(r, "follow", &follow))
		return;
	if (follow)
		api_logs_stream(a, r);
	else
		list_logs(a, r);
}
