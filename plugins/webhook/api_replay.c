/* POST /requests/{workflow}/{trigger}/{id}/replay: the request once more, on the way that the original took: with the trigger's
 * `when` and `params` of today, and a dedup key of its own. The emission says in "replayOf" which request it repeats, for a
 * trigger whose `dedup` should tell the two apart, and so does the activity's cause. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "api_requests.h"

#define KEY_SIZE 80

static void refuse(struct asked *a, int32_t status, const char *type, const char *detail, int32_t retry_after_s)
{
	a->w->http->problem(a->request, status, type, detail, retry_after_s);
	asked_end(a);
}

static void answer_activity(struct asked *a, const tappet_result *result)
{
	struct text out = {0};
	text_cstr(&out, "{");
	text_member(&out, "activityId", tappet_cstr(result->activity_id));
	text_member(&out, "replayOf", tappet_cstr(a->id));
	if (result->outcome != TAPPET_OK) {
		text_key(&out, "duplicate");
		text_cstr(&out, "true");
	}
	text_cstr(&out, "}");
	api_answer(a->w, a->request, &out);
	asked_end(a);
}

static void note(const struct asked *a, const tappet_result *result)
{
	const tappet_field fields[] = {
		{"workflow", tappet_cstr(a->workflow)},
		{"trigger", tappet_cstr(a->trigger)},
		{"request", tappet_cstr(a->id)},
		{"outcome", tappet_cstr(outcome_name(result->outcome))},
		{"remote", a->w->http->remote(a->request)},
	};
	a->w->host->log(a->w->self, TAPPET_LOG_INFO, "a request was replayed by an administrator", fields, 5);
}

/* A trigger whose own `dedup` finds the original again starts nothing: it is told so, with the activity there is. */
static void emitted(void *arg, const tappet_result *result)
{
	struct asked *a = arg;
	char detail[512];
	const bool duplicate = result->outcome == TAPPET_EDUP || result->outcome == TAPPET_ECONFLICT;
	note(a, result);
	if (result->outcome == TAPPET_OK || duplicate) {
		answer_activity(a, result);
		return;
	}
	const struct answer answer = answer_for_result(result);
	snprintf(detail, sizeof(detail), "%.*s", (int)(result->detail.len < 500 ? result->detail.len : 500),
		 result->detail.ptr ? result->detail.ptr : "");
	refuse(a, answer.status, answer.type, *detail && result->outcome == TAPPET_EREFUSED ? detail : answer.detail,
	       answer.retry_after_s);
}

/* ---- The emission ---- */

/* The payload as it was emitted, byte for byte: a parser would spoil large numbers. It stands last in the record, and nothing before
 * it can look like its beginning, since quotes in texts are escaped. */
static tappet_str find_payload(tappet_str record)
{
	static const char begin[] = ",\"request\":{";
	const char *at = memmem(record.ptr, record.len, begin, sizeof(begin) - 1);
	if (!at)
		return tappet_strn(NULL, 0);
	at += sizeof(begin) - 2;
	return tappet_strn(at, (size_t)(record.ptr + record.len - at) - 1);
}

/* {"replayOf":"ID", and then as it was */
static void write_payload(const struct asked *a, tappet_str payload, struct text *out)
{
	text_cstr(out, "{");
	text_member(out, "replayOf", tappet_cstr(a->id));
	if (payload.len > 2)
		text_cstr(out, ",");
	text_bytes(out, payload.ptr + 1, payload.len - 1);
}

static void write_cause(const struct asked *a, struct text *out)
{
	text_cstr(out, "{");
	text_member(out, "remote", a->w->http->remote(a->request));
	text_member(out, "replayOf", tappet_cstr(a->id));
	text_cstr(out, "}");
}

/* The record's member of this name as a text, to be freed; NULL: it has none. */
static char *copy_text(tappet_str record, const char *key)
{
	cJSON *tree = cJSON_ParseWithLength(record.ptr, record.len);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
	char *copy = text ? strdup(text) : NULL;
	cJSON_Delete(tree);
	return copy;
}

static int32_t emit(struct asked *a, const struct binding *b, tappet_str record)
{
	struct text payload = {0}, cause = {0};
	char *parameters = copy_text(record, "parameters"), key[KEY_SIZE];
	int32_t r = TAPPET_ENOMEM;
	write_payload(a, find_payload(record), &payload);
	write_cause(a, &cause);
	/* Twice in one millisecond is a double click. */
	snprintf(key, sizeof(key), "replay/%s/%lld", a->id, (long long)a->w->host->wall_ms(a->w->self));
	const tappet_emission out = {
		.struct_size = sizeof(out),
		.payload = tappet_strn(payload.bytes, payload.len),
		.parameters = tappet_cstr(parameters),
		.cause = tappet_strn(cause.bytes, cause.len),
		.dedup_key = tappet_cstr(key),
		.checkpoint_size = sizeof(tappet_checkpoint),
	};
	if (!payload.failed && !cause.failed)
		r = a->w->host->emit(b->trigger, &out, emitted, a);
	text_release(&payload);
	text_release(&cause);
	free(parameters);
	return r;
}

static void record_read(void *arg, int32_t result, tappet_str record)
{
	struct asked *a = arg;
	struct binding *b = triggers_find(&a->w->triggers, a->workflow, a->trigger);
	int32_t reason;
	if (result < 0 && result != TAPPET_ENOTFOUND) {
		asked_fail(a, result);
		return;
	}
	if (result < 0 || !asked_is(a, record) || !find_payload(record).ptr) {
		asked_absent(a);
		return;
	}
	if (!b) {
		refuse(a, 409, "not-running", "The trigger does not run any more.", 0);
		return;
	}
	result = emit(a, b, record);
	if (result == TAPPET_OK)
		return;
	const struct answer answer = answer_for_emit_error(result, &reason);
	refuse(a, answer.status, answer.type, answer.detail, answer.retry_after_s);
}

static void replay(struct asked *a)
{
	enum ring_kind kind;
	const struct ring_entry *e = asked_find(a, &kind);
	if (!e)
		asked_absent(a);
	else if (kind == RING_REFUSED)
		refuse(a, 409, "not-verified",
		       "This request was refused: nobody knows that its sender sent it. It can be looked at only.", 0);
	else if (e->cut)
		refuse(a, 409, "cut",
		       "Only the beginning of this request is kept, since it is larger than \"maxBody\".", 0);
	else
		asked_read(a, record_read);
}

void api_requests_replay(void *arg, tappet_request *request)
{
	asked_begin(arg, request, replay);
}
