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

static bool parse_status(const char *text, size_t len, enum status *ret)
{
	char name[24];
	if (len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	return status_parse(name, ret) == 0 && *ret != STATUS_SKIPPED;
}

/* One, or several with commas. */
static bool read_statuses(struct http_request *r, unsigned *ret)
{
	const char *at = http_query_value(r, "status");
	enum status status;
	while (at) {
		const size_t len = strcspn(at, ",");
		if (!parse_status(at, len, &status)) {
			api_problemf(r, 400, "invalid-value",
				     "\"status\" must be notstarted, inProgress, waiting, completed, failure, invalid "
				     "or cancelled, or several of them with commas");
			return false;
		}
		*ret |= 1u << status;
		at = at[len] ? at + len + 1 : NULL;
	}
	return true;
}

struct team {
	const char *name;
	struct buf ids;
};

static void add_member(void *arg, const struct catalog_entry *entry)
{
	struct team *team = arg;
	if (!entry->workflow || !entry->workflow->team || strcmp(entry->workflow->team, team->name) != 0)
		return;
	if (team->ids.len > 0)
		buf_char(&team->ids, ' ');
	buf_str(&team->ids, entry->id);
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
	static const char *const keys[] = {"workflow", "team",  "trigger", "status", "since",
					   "until",    "limit", "before",  NULL};
	struct store_activity_filter filter = {.trigger = http_query_value(r, "trigger")};
	const struct catalog_entry *entry;
	size_t limit;
	if (!api_query(r, keys) || !api_query_workflow(a, r, &entry) || !read_statuses(r, &filter.statuses) ||
	    !api_query_time(r, "since", &filter.since_ms) || !api_query_time(r, "until", &filter.until_ms) ||
	    !api_query_limit(r, 50, 500, &limit) || !read_before(r, &filter.before))
		return;
	struct team team = {.name = http_query_value(r, "team")};
	buf_init(&team.ids, API_ANSWER_MAX);
	if (team.name) {
		engine_each(a->options.engine, add_member, &team);
		filter.workflow_ids = buf_cstr(&team.ids);
	}
	filter.limit = limit + 1;
	filter.workflow_id = entry ? entry->id : NULL;
	int error = buf_error(&team.ids);
	struct list_call *call = api_call_open(a, r, sizeof(*call));
	if (call) {
		call->limit = limit;
		if (error == 0)
			error = store_list_activities(a->options.store, &filter, listed, call);
		if (error < 0)
			listed(call, error, NULL, 0);
	}
	buf_release(&team.ids);
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
