/* What the files of api/ share: the api itself, one call under way, reading of requests, writing of answers.
 *
 * A handler answers its request exactly once. When the answer has to wait for a commit or a read, it opens a call,
 * which holds the api until api_call_close: api_free may come in between, and the answer still goes out. */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "base/digest.h"
#include "base/list.h"
#include "base/json.h"

#define API_ANSWER_MAX ((size_t)64 * 1024 * 1024)

struct api_endpoint {
	unsigned surfaces;
	const char *methods, *pattern;
	void (*serve)(struct api *a, struct http_request *r);
};

struct api_route {
	struct api *api;
	const struct api_endpoint *endpoint;
	struct route *route;
};

struct api {
	struct api_options options; /* its texts are not kept */
	uint8_t admin_hash[DIGEST_SIZE];
	bool has_admin;
	char *public_host; /* or NULL */
	struct api_route *routes;
	size_t route_count;
	struct metric *unauthorized, *stream_gauge;
	struct list streams;
	size_t stream_count;
	uv_timer_t stream_timer; /* runs while there are streams; one reference */
	bool has_timer;
	size_t references; /* one of the owner, one per call, one of the timer */
	bool ready;
	bool started; /* it was ready once */
	bool closed;
};

/* ---- Calls (call.c) ------------------------------------------------------------------------------------------- */

struct api_call {
	struct api *api;
	struct http_request *request;
};

/* `size` bytes of zeroed memory that begin with a struct api_call. NULL: the request has been answered. */
void *api_call_open(struct api *a, struct http_request *r, size_t size);
/* Frees the call; its request has been answered. NULL is allowed. */
void api_call_close(void *call);
void api_unref(struct api *a);

/* stream.c: the answers that go on (stream.h). */
int api_streams_init(struct api *a);
void api_streams_end(struct api *a);
void api_streams_close(struct api *a);

/* ---- Who may (auth.c) ----------------------------------------------------------------------------------------- */

/* Whether the request may go on; otherwise it has been answered. */
bool api_authorize(struct api *a, struct http_request *r, unsigned surfaces);
int api_set_public_url(struct api *a, const char *url);
void api_set_admin_token(struct api *a, const char *token);

/* ---- Reading requests (input.c). Each returns false after it has answered the request with a problem. ---------- */

enum { BODY_STRING = 1, BODY_OBJECT = 2, BODY_ARRAY = 4, BODY_ANY = 63 };
struct api_key {
	const char *name;
	unsigned types; /* BODY_* */
};

/* Whether the body is no larger than this daemon takes. */
bool api_body_fits(struct api *a, struct http_request *r);
/* The body as an object with no other keys than these; no body reads as {}. *ret is freed by the caller. */
bool api_body(struct api *a, struct http_request *r, const struct api_key *keys, size_t count, struct json **ret);
/* The body as the text of any JSON value; no body reads as {}. */
bool api_body_json(struct api *a, struct http_request *r, const char **ret, size_t *ret_len);
/* The query may hold these keys only; NULL at the end. */
bool api_query(struct http_request *r, const char *const *keys);
bool api_query_limit(struct http_request *r, size_t fallback, size_t most, size_t *ret);
bool api_query_number(struct http_request *r, const char *key, uint64_t *ret);
/* "true" or "false"; untouched when the key is not there. */
bool api_query_bool(struct http_request *r, const char *key, bool *ret);
/* The header Last-Event-ID; *ret is untouched when there is none. */
bool api_last_event_id(struct http_request *r, uint64_t *ret);
/* Who asks, for people: how he came in. Returns `ret`. */
#define API_WHO_MAX 128
const char *api_who(const struct http_request *r, char ret[static API_WHO_MAX]);
/* Whether the client wants server-sent events. */
bool api_wants_events(const struct http_request *r);
/* An instant as RFC 3339, or a duration back from now; untouched when the key is not there. */
bool api_query_time(struct http_request *r, const char *key, int64_t *ret_ms);
/* The workflow in the path, or in the query (then NULL when none is asked for). */
bool api_path_workflow(struct api *a, struct http_request *r, const struct catalog_entry **ret);
bool api_query_workflow(struct api *a, struct http_request *r, const struct catalog_entry **ret);
/* Its trigger in the path, by its place in the definition. */
bool api_path_trigger(struct http_request *r, const struct catalog_entry *entry, size_t *ret_index);
/* The activity id in the path. */
bool api_path_id(struct http_request *r, const char *name, const char **ret);

/* ---- Answers (output.c) --------------------------------------------------------------------------------------- */

/* Sends `out` as JSON and releases it. */
void api_reply(struct http_request *r, int status, struct buf *out);
/* The same with an ETag, which it releases as well; the client may keep it, but has to ask before each use. */
void api_reply_tagged(struct http_request *r, int status, struct buf *tag, struct buf *out);
/* The problem that stands for a negative status of engine or store; `what` is not there, with -ENOENT. */
void api_fail(struct http_request *r, int error, const char *what);
void api_problemf(struct http_request *r, int status, const char *type, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* key and text, nothing when text is NULL */
void api_member(struct buf *out, const char *key, const char *text);
void api_member_time(struct buf *out, const char *key, int64_t wall_ms);
/* "workflow" (slug) and "workflowId", nothing when the id is "". */
void api_member_workflow(struct api *a, struct buf *out, const char *workflow_id);
/* The ETag of a workflow. */
void api_write_tag(struct api *a, const struct catalog_entry *entry, struct buf *out);
void api_write_workflow(struct api *a, const struct catalog_entry *entry, struct buf *out);
/* `whole`: with its options. */
void api_write_trigger(struct api *a, const struct catalog_entry *entry, const struct trigger_def *trigger, bool whole,
		       struct buf *out);

/* ---- Endpoints ------------------------------------------------------------------------------------------------- */

void api_workflows_list(struct api *a, struct http_request *r);
void api_workflows_get(struct api *a, struct http_request *r);
void api_workflows_run(struct api *a, struct http_request *r);
void api_workflows_why(struct api *a, struct http_request *r);
void api_workflows_enable(struct api *a, struct http_request *r);
void api_workflows_disable(struct api *a, struct http_request *r);
void api_definitions_put(struct api *a, struct http_request *r);
void api_definitions_delete(struct api *a, struct http_request *r);
void api_revisions_list(struct api *a, struct http_request *r);
void api_revisions_get(struct api *a, struct http_request *r);
void api_revisions_diff(struct api *a, struct http_request *r);
void api_triggers_list(struct api *a, struct http_request *r);
void api_triggers_get(struct api *a, struct http_request *r);
void api_activities_list(struct api *a, struct http_request *r);
void api_activities_get(struct api *a, struct http_request *r);
void api_activities_cancel(struct api *a, struct http_request *r);
void api_activities_replay(struct api *a, struct http_request *r);
void api_steps_approve(struct api *a, struct http_request *r);
void api_steps_reject(struct api *a, struct http_request *r);
void api_actions_emit(struct api *a, struct http_request *r);
void api_activities_logs(struct api *a, struct http_request *r);
void api_tokens_list(struct api *a, struct http_request *r);
void api_tokens_create(struct api *a, struct http_request *r);
void api_tokens_renew(struct api *a, struct http_request *r);
void api_tokens_revoke(struct api *a, struct http_request *r);
void api_events_list(struct api *a, struct http_request *r);
void api_refusals_list(struct api *a, struct http_request *r);
void api_system_about(struct api *a, struct http_request *r);
void api_system_plugins(struct api *a, struct http_request *r);
void api_system_reload(struct api *a, struct http_request *r);
void api_system_backup(struct api *a, struct http_request *r);
void api_system_health(struct api *a, struct http_request *r);
void api_system_ready(struct api *a, struct http_request *r);
void api_system_metrics(struct api *a, struct http_request *r);

#endif
