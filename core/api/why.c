/* GET /workflows/{workflow}/why: why did it, or did it not, start at a time? One timeline, the newest first, of all that the
 * store knows about it: what was accepted and refused, what became of expected occurrences, when it was switched and
 * changed, and by whom; and how it is now.
 *
 * The sources are read one after the other into one list, which is sorted then. */
#include "api/internal.h"

#include <errno.h>
#include "base/clock.h"

#define DAY_MS INT64_C(86400000)
#define WINDOW_MS INT64_C(300000) /* on either side of `at` */
#define MINUTE_MS INT64_C(60000)
#define WINDOW_MOST_MS (3660 * DAY_MS)
#define TIME_MOST_MS INT64_C(253402300799000) /* the end of the year 9999 */
#define LIMIT_MOST 500
#define REVISIONS_PAGE 200

struct item {
	int64_t time_ms;
	size_t order; /* of those of one time the one read first stays first */
	char *json;
	size_t len;
};

struct why_call {
	struct api_call base;
	char workflow_id[ID_SIZE];
	int64_t since_ms, until_ms;
	size_t limit, source;
	uint32_t revision_before; /* the cursor of the revisions; 0: from the newest */
	bool more;                /* some source had more than the limit */
	struct item *items;
	size_t count;
	/* Events of changes by which no revision was made are those whose revision is not among these. */
	int64_t *revision_times;
	size_t revision_count;
};

static void close_call(struct why_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		free(call->items[i].json);
	free(call->items);
	free(call->revision_times);
	api_call_close(call);
}

/* ---- Items ----------------------------------------------------------------------------------------------------- */

static void begin_item(struct buf *out, const char *kind, int64_t time_ms)
{
	buf_init(out, API_ANSWER_MAX);
	jsonw_open(out, '{');
	api_member_time(out, "time", time_ms);
	api_member(out, "kind", kind);
}

static void number(struct buf *out, const char *key, int64_t value)
{
	jsonw_key(out, key);
	jsonw_int(out, value);
}

/* Closes it and adds it to the list. */
static int end_item(struct why_call *call, struct buf *out, int64_t time_ms)
{
	struct item item = {.time_ms = time_ms, .order = call->count};
	jsonw_close(out, '}');
	item.json = buf_detach(out, &item.len);
	struct item *grown = item.json ? reallocarray(call->items, call->count + 1, sizeof(*grown)) : NULL;
	if (!grown) {
		free(item.json);
		return -ENOMEM;
	}
	call->items = grown;
	call->items[call->count++] = item;
	return 0;
}

static int add_activity(struct why_call *call, const struct store_activity_row *row)
{
	struct buf out;
	begin_item(&out, "accepted", row->created_ms);
	api_member(&out, "activityId", row->id);
	api_member(&out, "status", status_name(row->status));
	api_member(&out, "trigger", row->trigger);
	api_member(&out, "triggerId", row->trigger_id);
	if (row->cause) {
		jsonw_key(&out, "cause");
		jsonw_raw(&out, row->cause, strlen(row->cause));
	}
	if (row->message && row->message[0])
		api_member(&out, "message", row->message);
	return end_item(call, &out, row->created_ms);
}

static int add_refusal(struct why_call *call, const struct store_refusal *row)
{
	struct buf out;
	begin_item(&out, "refused", row->last_ms);
	api_member(&out, "reason", reason_name(row->reason));
	number(&out, "count", (int64_t)row->count);
	api_member(&out, "trigger", row->trigger);
	if (row->trigger_id[0])
		api_member(&out, "triggerId", row->trigger_id);
	api_member_time(&out, "minute", row->minute_ms);
	api_member(&out, "sample", row->sample);
	return end_item(call, &out, row->last_ms);
}

/* The numbers are those of TAPPET_ACCOUNT_* in the plugin ABI. */
static const char *outcome_name(int outcome)
{
	static const char *const names[] = {"other", "missed", "skipped", "paused", "dropped"};
	return outcome > 0 && (size_t)outcome < sizeof(names) / sizeof(names[0]) ? names[outcome] : names[0];
}

static int add_account(struct why_call *call, const struct store_account_row *row)
{
	struct buf out;
	begin_item(&out, "account", row->last_ms);
	api_member(&out, "outcome", outcome_name(row->outcome));
	number(&out, "count", row->count);
	api_member(&out, "triggerId", row->trigger_id);
	api_member_time(&out, "first", row->first_ms);
	api_member_time(&out, "last", row->last_ms);
	api_member_time(&out, "recordedAt", row->time_ms);
	return end_item(call, &out, row->last_ms);
}

static int add_revision(struct why_call *call, const struct store_revision_row *row)
{
	struct buf out;
	int64_t *times = reallocarray(call->revision_times, call->revision_count + 1, sizeof(*times));
	if (!times)
		return -ENOMEM;
	call->revision_times = times;
	times[call->revision_count++] = row->made_ms;
	begin_item(&out, "revision", row->made_ms);
	number(&out, "number", row->number);
	api_member(&out, "revisionId", row->id);
	api_member(&out, "by", row->by);
	return end_item(call, &out, row->made_ms);
}

static bool made_revision(const struct why_call *call, int64_t time_ms)
{
	for (size_t i = 0; i < call->revision_count; i++)
		if (call->revision_times[i] == time_ms)
			return true;
	return false;
}

static int add_switch(struct why_call *call, const struct event *event)
{
	struct json *data = NULL;
	struct buf out;
	const char *text = event->data ? event->data : "{}", *kind;
	int r = json_parse(text, strlen(text), &data, NULL);
	if (r < 0)
		return r;
	if (event->type != EVENT_WORKFLOW_CHANGED)
		kind = event->type == EVENT_WORKFLOW_ENABLED ? "enabled" : "disabled";
	else if (json_bool(json_get(data, "removed")))
		kind = "removed";
	else
		kind = made_revision(call, event->time_ms) ? NULL : "returned";
	if (kind) {
		begin_item(&out, kind, event->time_ms);
		api_member(&out, "triggerId", json_get_str(data, "trigger"));
		api_member(&out, "by", json_get_str(data, "by"));
		r = end_item(call, &out, event->time_ms);
	}
	json_free(data);
	return r;
}

/* ---- Sources --------------------------------------------------------------------------------------------------- */

static void next_source(struct why_call *call);

static void end_source(struct why_call *call, int status)
{
	if (status < 0) {
		api_fail(call->base.request, status, "workflow");
		close_call(call);
		return;
	}
	call->source++;
	next_source(call);
}

/* One more than asked for was read: it tells whether there were more. */
static size_t shown(struct why_call *call, size_t count)
{
	call->more = call->more || count > call->limit;
	return count < call->limit ? count : call->limit;
}

static void got_activities(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct why_call *call = arg;
	count = shown(call, count);
	for (size_t i = 0; i < count && status == 0; i++)
		status = add_activity(call, &rows[i]);
	end_source(call, status);
}

static int read_activities(struct why_call *call)
{
	const struct store_activity_filter filter = {.workflow_id = call->workflow_id,
						     .since_ms = call->since_ms,
						     .until_ms = call->until_ms,
						     .limit = call->limit + 1,
						     .causes = true};
	return store_list_activities(call->base.api->options.store, &filter, got_activities, call);
}

static void got_refusals(void *arg, int status, const struct store_refusal *rows, size_t count)
{
	struct why_call *call = arg;
	count = shown(call, count);
	for (size_t i = 0; i < count && status == 0; i++)
		status = add_refusal(call, &rows[i]);
	end_source(call, status);
}

/* They are counted by the minute: the one in which the window begins is in it. */
static int read_refusals(struct why_call *call)
{
	const int64_t since_ms = call->since_ms - call->since_ms % MINUTE_MS;
	return store_list_refusals(call->base.api->options.store, call->workflow_id, since_ms, call->until_ms,
				   call->limit + 1, got_refusals, call);
}

static void got_accounts(void *arg, int status, const struct store_account_row *rows, size_t count)
{
	struct why_call *call = arg;
	count = shown(call, count);
	for (size_t i = 0; i < count && status == 0; i++)
		status = add_account(call, &rows[i]);
	end_source(call, status);
}

static int read_accounts(struct why_call *call)
{
	return store_list_accounts(call->base.api->options.store, call->workflow_id, call->since_ms, call->until_ms,
				   call->limit + 1, got_accounts, call);
}

/* Page by page back to the begin of the window; of those in it one more than the limit, as everywhere. */
static void got_revisions(void *arg, int status, const struct store_revision_row *rows, size_t count)
{
	struct why_call *call = arg;
	bool past = count < REVISIONS_PAGE;
	for (size_t i = 0; i < count && status == 0; i++) {
		if (rows[i].made_ms < call->since_ms || call->revision_count > call->limit) {
			past = true;
			break;
		}
		if (rows[i].made_ms < call->until_ms)
			status = add_revision(call, &rows[i]);
	}
	if (status == 0 && !past) {
		call->revision_before = rows[count - 1].number;
		next_source(call);
		return;
	}
	call->more = call->more || call->revision_count > call->limit;
	end_source(call, status);
}

static int read_revisions(struct why_call *call)
{
	return store_list_revisions(call->base.api->options.store, call->workflow_id, call->revision_before,
				    REVISIONS_PAGE, got_revisions, call);
}

static void got_switches(void *arg, int status, const struct event *events, size_t count)
{
	struct why_call *call = arg;
	count = shown(call, count);
	for (size_t i = 0; i < count && status == 0; i++)
		status = add_switch(call, &events[i]);
	end_source(call, status);
}

static int read_switches(struct why_call *call)
{
	return store_list_switches(call->base.api->options.store, call->workflow_id, call->since_ms, call->until_ms,
				   call->limit + 1, got_switches, call);
}

/* ---- The answer ------------------------------------------------------------------------------------------------ */

static int newest_first(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	if (a->time_ms != b->time_ms)
		return a->time_ms < b->time_ms ? 1 : -1;
	return a->order > b->order ? 1 : -1;
}

static void answer(struct why_call *call)
{
	struct api *a = call->base.api;
	const struct catalog_entry *entry = engine_find(a->options.engine, call->workflow_id);
	struct buf out;
	if (call->count > 0)
		qsort(call->items, call->count, sizeof(*call->items), newest_first);
	const size_t count = shown(call, call->count);
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	api_member_workflow(a, &out, call->workflow_id);
	api_member_time(&out, "from", call->since_ms);
	api_member_time(&out, "to", call->until_ms);
	jsonw_key(&out, "timeline");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < count; i++)
		jsonw_raw(&out, call->items[i].json, call->items[i].len);
	jsonw_close(&out, ']');
	jsonw_key(&out, "more");
	jsonw_bool(&out, call->more);
	if (entry) {
		jsonw_key(&out, "now");
		api_write_workflow(a, entry, &out);
	}
	jsonw_close(&out, '}');
	api_reply(call->base.request, 200, &out);
	close_call(call);
}

/* Switches come behind revisions, which tell what a change was. */
static void next_source(struct why_call *call)
{
	static int (*const sources[])(struct why_call * call) = {read_activities, read_refusals, read_accounts,
								 read_revisions, read_switches};
	if (call->source == sizeof(sources) / sizeof(sources[0])) {
		answer(call);
		return;
	}
	int error = sources[call->source](call);
	if (error < 0)
		end_source(call, error);
}

/* ---- The request ----------------------------------------------------------------------------------------------- */

static bool read_duration(struct http_request *r, const char *key, int64_t *ret_ms)
{
	const char *text = http_query_value(r, key);
	if (!text || (clock_parse_duration(text, ret_ms) == 0 && *ret_ms > 0 && *ret_ms <= WINDOW_MOST_MS))
		return true;
	api_problemf(r, 400, "invalid-value", "\"%s\" must be a duration such as 5m, 2h or 1d, at most 3660d", key);
	return false;
}

static int64_t bounded(int64_t time_ms)
{
	if (time_ms < 1)
		return 1;
	return time_ms < TIME_MOST_MS ? time_ms : TIME_MOST_MS;
}

/* Around `at`, or up to now. What happens while it is asked is in it as well. */
static bool read_window(struct http_request *r, int64_t *ret_since_ms, int64_t *ret_until_ms)
{
	int64_t at_ms = clock_wall_ms(), window_ms = 0;
	if (!api_query_time(r, "at", &at_ms) || !read_duration(r, "window", &window_ms))
		return false;
	const bool around = http_query_value(r, "at") != NULL;
	if (window_ms == 0)
		window_ms = around ? WINDOW_MS : DAY_MS;
	at_ms = bounded(at_ms);
	*ret_since_ms = bounded(at_ms - window_ms);
	*ret_until_ms = bounded(around ? at_ms + window_ms : at_ms) + 1;
	return true;
}

void api_workflows_why(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"at", "window", "limit", NULL};
	const struct catalog_entry *entry;
	int64_t since_ms, until_ms;
	size_t limit;
	if (!api_query(r, keys) || !api_path_workflow(a, r, &entry) || !read_window(r, &since_ms, &until_ms) ||
	    !api_query_limit(r, 100, LIMIT_MOST, &limit))
		return;
	struct why_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	memcpy(call->workflow_id, entry->id, ID_SIZE);
	call->since_ms = since_ms;
	call->until_ms = until_ms;
	call->limit = limit;
	next_source(call);
}
