/* Activities started by hand: POST /workflows/{workflow}/run, and what an activity was once more: POST
 * /activities/{activity}/replay. Answered after the commit, whatever it says. */
#include "api/internal.h"

#include <errno.h>

/* In front of an Idempotency-Key; the whole key is at most as long as the engine takes. */
#define KEY_PREFIX "manual/"
#define KEY_MAX 255
#define IDEMPOTENCY_KEY_MAX (KEY_MAX - (sizeof(KEY_PREFIX) - 1))

struct refusal_answer {
	int reason, status;
	const char *type, *detail;
	int retry_after_s;
};

static const struct refusal_answer refusal_answers[] = {
	{REASON_DISABLED, 409, "disabled", "the workflow is switched off, or cannot be started by hand", 0},
	{REASON_OVERLAP, 409, "overlap", "another activity of the workflow still runs", 0},
	{REASON_FILTER, 409, "filter", "a filter refused it", 0},
	{REASON_PARAMETERS, 422, "parameters", "a parameter is unknown, missing or of the wrong type", 0},
	{REASON_INVALID, 409, "invalid-workflow", "the workflow's definition cannot run", 0},
	{REASON_RATE, 429, "rate", "more often than allowed", 1},
	{REASON_QUEUE_FULL, 503, "queue-full", "too many activities wait already", 5},
	{REASON_STORE, 503, "store-full", "the store has no room now; nothing was started", 5},
	{REASON_PLUGIN_DOWN, 503, "stopping", "the daemon is stopping", 5},
	{REASON_TOO_LARGE, 413, "too-large", "parameters and payload are too large", 0},
	{REASON_MALFORMED, 400, "invalid-json", "it could not be understood", 0},
};

static void answer_refusal(struct http_request *r, const struct engine_result *result)
{
	const bool plain = result->detail && result->detail[0];
	if (result->reason == REASON_NONE) {
		api_fail(r, -ENOENT, "activity");
		return;
	}
	for (size_t i = 0; i < sizeof(refusal_answers) / sizeof(refusal_answers[0]); i++) {
		const struct refusal_answer *answer = &refusal_answers[i];
		if (answer->reason != result->reason)
			continue;
		http_problem(r, answer->status, answer->type, plain ? result->detail : answer->detail,
			     answer->retry_after_s);
		return;
	}
	http_problem(r, 409, reason_name(result->reason), plain ? result->detail : "it was refused", 0);
}

static void answer_started(struct http_request *r, const char *activity_id, bool duplicate)
{
	struct buf out;
	buf_init(&out, 256);
	jsonw_open(&out, '{');
	api_member(&out, "activityId", activity_id);
	if (duplicate) {
		jsonw_key(&out, "duplicate");
		jsonw_bool(&out, true);
	}
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}

static void settled(void *arg, const struct engine_result *result)
{
	struct api_call *call = arg;
	switch (result->outcome) {
	case ENGINE_OK:
	case ENGINE_DUP:
		answer_started(call->request, result->activity_id, result->outcome == ENGINE_DUP);
		break;
	case ENGINE_CONFLICT:
		http_problem(call->request, 409, "conflict", "the same key was used with another payload", 0);
		break;
	case ENGINE_REFUSED:
		answer_refusal(call->request, result);
		break;
	case ENGINE_CANCELED:
		http_problem(call->request, 503, "not-stored",
			     result->detail && result->detail[0] ? result->detail : "it was not stored; try again", 1);
		break;
	case ENGINE_UNKNOWN:
		api_fail(call->request, -EINPROGRESS, "workflow");
		break;
	}
	api_call_close(call);
}

/* Prints the member into `out`; nothing when it is not there or null. */
static int print_member(const struct json *body, const char *key, struct buf *out)
{
	const struct json *value = json_get(body, key);
	return value && !json_is_null(value) ? json_print(value, out) : 0;
}

static void write_cause(struct http_request *r, struct buf *out)
{
	jsonw_open(out, '{');
	api_member(out, "by", "admin");
	api_member(out, "via", http_is_control(r) ? "control" : "api");
	api_member(out, "remote", http_remote(r));
	jsonw_close(out, '}');
}

/* False: the request has been answered. */
static bool read_key(struct http_request *r, struct buf *out)
{
	const char *key = http_header(r, "Idempotency-Key");
	if (!key)
		return true;
	if (key[0] == '\0' || strlen(key) > IDEMPOTENCY_KEY_MAX) {
		api_problemf(r, 400, "invalid-value", "the Idempotency-Key must have from 1 to %zu bytes",
			     IDEMPOTENCY_KEY_MAX);
		return false;
	}
	buf_printf(out, KEY_PREFIX "%s", key);
	return true;
}

static void start(struct api *a, struct http_request *r, const struct catalog_entry *entry, const struct json *body)
{
	struct buf params, payload, cause, key;
	buf_init(&key, KEY_MAX);
	if (!read_key(r, &key))
		return;
	buf_init(&params, API_ANSWER_MAX);
	buf_init(&payload, API_ANSWER_MAX);
	buf_init(&cause, 1024);
	int error = print_member(body, "params", &params);
	if (error >= 0)
		error = buf_error(&key);
	if (error >= 0)
		error = print_member(body, "payload", &payload);
	write_cause(r, &cause);
	struct api_call *call = error < 0 ? NULL : api_call_open(a, r, sizeof(*call));
	if (error < 0)
		api_fail(r, error, "workflow");
	if (!call)
		goto cleanup;
	const struct engine_emission emission = {
		.workflow_id = entry->id,
		.trigger = "manual",
		.trigger_id = "manual",
		.payload = buf_cstr(&payload),
		.payload_len = payload.len,
		.params = buf_cstr(&params),
		.params_len = params.len,
		.cause = buf_cstr(&cause),
		.cause_len = cause.len,
		.dedup_key = buf_cstr(&key),
		.dedup_key_len = key.len,
	};
	error = engine_emit(a->options.engine, &emission, settled, call);
	if (error < 0) {
		api_fail(r, error, "workflow");
		api_call_close(call);
	}
cleanup:
	buf_release(&params);
	buf_release(&payload);
	buf_release(&cause);
	buf_release(&key);
}

void api_workflows_run(struct api *a, struct http_request *r)
{
	static const struct api_key keys[] = {{"params", BODY_OBJECT}, {"payload", BODY_ANY}};
	const struct catalog_entry *entry;
	struct json *body;
	if (!api_path_workflow(a, r, &entry) || !api_body(a, r, keys, 2, &body))
		return;
	start(a, r, entry, body);
	json_free(body);
}

/* "revision": on its own one, or on the latest. */
static bool read_latest(struct http_request *r, const struct json *body, bool *ret)
{
	const char *revision = json_get_str(body, "revision");
	*ret = revision && strcmp(revision, "latest") == 0;
	if (!revision || *ret || strcmp(revision, "same") == 0)
		return true;
	api_problemf(r, 422, "invalid-value", "\"revision\" must be same or latest, not \"%.100s\"", revision);
	return false;
}

void api_activities_replay(struct api *a, struct http_request *r)
{
	static const struct api_key keys[] = {{"revision", BODY_STRING}};
	const char *id;
	struct json *body;
	bool latest;
	if (!api_path_id(r, "activity", &id) || !api_body(a, r, keys, 1, &body))
		return;
	const bool well = read_latest(r, body, &latest);
	json_free(body);
	struct api_call *call = well ? api_call_open(a, r, sizeof(*call)) : NULL;
	if (!call)
		return;
	char by[API_WHO_MAX];
	int error = engine_replay(a->options.engine, id, latest, api_who(r, by), settled, call);
	if (error < 0) {
		api_fail(r, error, "activity");
		api_call_close(call);
	}
}
