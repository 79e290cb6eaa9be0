/* /webhook/in/WORKFLOW[/TRIGGER] and the paths of triggers' own: for senders that speak as they please. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "in.h"

#define NAME_MAX_LEN 128
#define DEDUP_KEY_MAX 255

/* ---- Refusals ---- */

/* Nobody who is a stranger learns here which workflows there are; their owners see it. */
static void refuse_absent(const struct webhook *w, tappet_request *request, const char *workflow)
{
	static const char detail[] = "No webhook trigger answers here.";
	const int32_t enabled = w->auth->trigger_enabled(w->self, workflow);
	if (enabled > 0) {
		w->auth->refuse_workflow(w->self, workflow, TAPPET_REASON_PLUGIN_DOWN,
					 tappet_cstr("the trigger does not run"));
		w->http->problem(request, 503, "not-running", "The trigger does not run at the moment.", 1);
		return;
	}
	w->auth->refuse_workflow(w->self, workflow, enabled == 0 ? TAPPET_REASON_DISABLED : TAPPET_REASON_OTHER,
				 tappet_cstr(enabled == 0 ? "the workflow or its trigger is switched off" : detail));
	w->http->problem(request, 404, "not-found", detail, 0);
}

/* ---- Before the emission ---- */

static bool is_within_limit(struct call *c, struct binding *b)
{
	struct limit_state state;
	if (!b->limit)
		return true;
	const bool within =
		limit_take(b->limit, c->w->http->remote(c->request), c->w->host->mono_ms(c->w->self), &state);
	c->limit_left = (int32_t)state.remaining;
	c->limit_reset_s = (int32_t)state.reset_s;
	if (!within)
		in_refuse(c, b, TAPPET_REASON_RATE,
			  (struct answer){429, (int32_t)state.retry_s, "rate",
					  "This address calls more often than is allowed."});
	return within;
}

/* ---- The outcome ---- */

static void answer_refused(const struct call *c, const tappet_result *result)
{
	static const char *const words[] = {[TAPPET_REASON_FILTER] = "filter",
					    [TAPPET_REASON_OVERLAP] = "overlap",
					    [TAPPET_REASON_DISABLED] = "disabled"};
	const struct answer answer = answer_for_result(result);
	const size_t count = sizeof(words) / sizeof(words[0]);
	char body[64], detail[512];
	/* A sender counts anything but success as a failed delivery, and ends by sending nothing at all. */
	if (result->outcome == TAPPET_EREFUSED && (size_t)result->reason < count && words[result->reason]) {
		snprintf(body, sizeof(body), "{\"refused\":\"%s\"}", words[result->reason]);
		in_respond(c, 200, "application/json", tappet_cstr(body));
		return;
	}
	snprintf(detail, sizeof(detail), "%.*s", (int)(result->detail.len < 500 ? result->detail.len : 500),
		 result->detail.ptr ? result->detail.ptr : "");
	in_problem(c, answer.status, answer.type,
		   *detail && result->outcome == TAPPET_EREFUSED ? detail : answer.detail, answer.retry_after_s);
}

/* The answer comes first; what is kept of the request must not be what it waits for. */
static void end_refused(struct call *c, const tappet_result *result)
{
	struct webhook *w = c->w;
	struct kept *kept = c->kept;
	answer_refused(c, result);
	call_free(c);
	kept_settle(w, kept, result);
	webhook_end(w);
}

static void end_accepted(struct call *c, const tappet_result *result)
{
	struct webhook *w = c->w;
	struct kept *kept = c->kept;
	webhook_begin(w);
	in_accepted(c, result->outcome != TAPPET_OK);
	kept_settle(w, kept, result);
	webhook_end(w);
}

static bool has_digest(tappet_str document, const char *digest)
{
	cJSON *tree = cJSON_ParseWithLength(document.ptr, document.len);
	const cJSON *cause = cJSON_GetObjectItemCaseSensitive(tree, "cause");
	const cJSON *first = cJSON_GetObjectItemCaseSensitive(cause, "digest");
	const bool same = cJSON_IsString(first) && strcmp(first->valuestring, digest) == 0;
	cJSON_Delete(tree);
	return same;
}

static void compared(void *arg, int32_t result, const tappet_activity_info *info)
{
	struct call *c = arg;
	char id[sizeof(c->activity_id)];
	const bool known = result == TAPPET_OK || result == TAPPET_ENOTFOUND;
	memcpy(id, c->activity_id, sizeof(id)); /* the call ends before what is kept of it */
	if (result == TAPPET_OK && info && has_digest(info->document, c->digest))
		end_accepted(c, &(tappet_result){.outcome = TAPPET_EDUP, .activity_id = id});
	else
		end_refused(
			c, &(tappet_result){.outcome = known ? TAPPET_ECONFLICT : TAPPET_ECANCELED, .activity_id = id});
}

/* What comes again differs in more than matters: the sender's address, a signature with its time. A caller's own key is a
 * promise that what is asked for is the same, and that is looked at. */
static void emitted(void *arg, const tappet_result *result)
{
	struct call *c = arg;
	const bool conflict = result->outcome == TAPPET_ECONFLICT;
	if (result->outcome != TAPPET_OK && result->outcome != TAPPET_EDUP && !conflict) {
		end_refused(c, result);
		return;
	}
	snprintf(c->activity_id, sizeof(c->activity_id), "%s", result->activity_id);
	if (!conflict || !c->own_key)
		end_accepted(c, result);
	else if (c->w->activity->status(c->w->self, c->activity_id, compared, c) < 0)
		end_refused(c, &(tappet_result){.outcome = TAPPET_ECANCELED});
}

/* ---- The emission ---- */

/* Some name a delivery in the body alone. */
static void copy_field(const struct call *c, const char *name, char key[static DEDUP_KEY_MAX + 2])
{
	const tappet_str body = c->w->http->body(c->request);
	cJSON *tree = cJSON_ParseWithLength(body.ptr ? body.ptr : "", body.len);
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(tree, name);
	if (cJSON_IsString(id))
		snprintf(key, DEDUP_KEY_MAX + 2, "%s", id->valuestring);
	cJSON_Delete(tree);
}

static tappet_str find_key(struct call *c, char room[static DEDUP_KEY_MAX + 2])
{
	const tappet_http1 *http = c->w->http;
	const tappet_str own = http->header(c->request, "Idempotency-Key");
	const char *name =
		c->settings->dedup_header ? c->settings->dedup_header : verifier_dedup_header(c->settings->verifier);
	const char *field = verifier_dedup_field(c->settings->verifier);
	c->own_key = own.len > 0;
	room[0] = '\0';
	if (c->own_key)
		return own;
	if (name)
		return http->header(c->request, name);
	if (field)
		copy_field(c, field, room);
	return tappet_cstr(room);
}

static int32_t emit(struct call *c, struct binding *b, tappet_str payload, tappet_str key)
{
	struct text cause = {0};
	if (c->own_key && !request_digest(c->w, c->settings, c->request, c->digest))
		return TAPPET_ENOMEM;
	text_cstr(&cause, "{");
	text_member(&cause, "remote", c->w->http->remote(c->request));
	text_member(&cause, "path", c->w->http->path(c->request));
	if (c->own_key)
		text_member(&cause, "digest", tappet_cstr(c->digest));
	text_cstr(&cause, "}");
	const tappet_emission out = {
		.struct_size = sizeof(out),
		.payload = payload,
		.cause = tappet_strn(cause.bytes, cause.failed ? 0 : cause.len),
		.dedup_key = key,
		.checkpoint_size = sizeof(tappet_checkpoint),
	};
	webhook_begin(c->w);
	const int32_t r = c->w->host->emit(b->trigger, &out, emitted, c);
	if (r < 0)
		webhook_end(c->w);
	else
		c->kept = kept_begin(c->w, b, &out, c->w->http->body(c->request).len);
	text_release(&cause);
	return r;
}

/* Takes over the call. */
static void start(struct call *c, struct binding *b, const struct cloud_event *event, tappet_str key)
{
	struct text payload = {0};
	const enum payload_error error = payload_write(c->w, c->settings, c->request, event, &payload);
	int32_t reason, r = TAPPET_OK;
	if (error == PAYLOAD_OK && key.len <= DEDUP_KEY_MAX)
		r = emit(c, b, tappet_strn(payload.bytes, payload.len), key);
	text_release(&payload);
	if (error == PAYLOAD_OK && key.len <= DEDUP_KEY_MAX && r == TAPPET_OK)
		return;
	if (error == PAYLOAD_NO_MEMORY)
		r = TAPPET_ENOMEM;
	if (error == PAYLOAD_NOT_JSON || error == PAYLOAD_FIELDS)
		in_refuse(c, b, TAPPET_REASON_MALFORMED,
			  (struct answer){400, 0, "malformed", payload_error_text(error)});
	else if (key.len > DEDUP_KEY_MAX)
		in_refuse(c, b, TAPPET_REASON_MALFORMED,
			  (struct answer){400, 0, "malformed", "The key of the delivery is longer than 255 bytes."});
	else {
		const struct answer answer = answer_for_emit_error(r, &reason);
		in_refuse(c, b, reason, answer);
	}
	call_free(c);
}

static void start_events(struct call *c, struct binding *b)
{
	struct cloud_event *events = NULL;
	const char *problem = NULL;
	size_t count = 0;
	char key[DEDUP_KEY_MAX + 2];
	switch (cloud_read(c->w->http, c->request, &events, &count, &problem)) {
	case CLOUD_NONE:
		start(c, b, NULL, find_key(c, key));
		break;
	case CLOUD_BATCH:
		batch_start(c, b, events, count);
		break;
	case CLOUD_MALFORMED:
		in_refuse(c, b, TAPPET_REASON_MALFORMED, (struct answer){400, 0, "malformed", problem});
		call_free(c);
		break;
	default:
		start(c, b, &events[0], tappet_cstr(events[0].key));
		break;
	}
	for (size_t i = 0; i < count; i++)
		cloud_event_release(&events[i]);
	free(events);
}

/* "30s", up to what the trigger allows. False: it has been answered. */
static bool read_wait(struct call *c, struct binding *b)
{
	const tappet_str text = c->w->http->query_value(c->request, "wait");
	char copied[32];
	if (!text.ptr)
		return true;
	snprintf(copied, sizeof(copied), "%.*s", (int)text.len, text.ptr);
	if (!duration_read(copied, &c->wait_ms)) {
		in_refuse(c, b, TAPPET_REASON_MALFORMED,
			  (struct answer){400, 0, "malformed", "\"wait\" has to be a duration such as 30s."});
		return false;
	}
	if (c->wait_ms > c->settings->wait_ms)
		c->wait_ms = c->settings->wait_ms;
	return true;
}

/* Takes over the call. */
static void serve_call(struct call *c, struct binding *b)
{
	char key[DEDUP_KEY_MAX + 2];
	const bool over = !is_within_limit(c, b) || in_challenge(c, b->trigger) || !in_is_allowed(c, b) ||
			  in_greeting(c) || !read_wait(c, b);
	if (over)
		call_free(c);
	else if (c->settings->cloud_events)
		start_events(c, b);
	else
		start(c, b, NULL, find_key(c, key));
}

static void answer_method(const struct call *c)
{
	char methods[64];
	methods_text(c->settings->methods, methods);
	const tappet_http_header headers[] = {
		{tappet_cstr("Allow"), tappet_cstr(methods)},
		{tappet_cstr("Content-Type"), tappet_cstr("application/problem+json")},
	};
	c->w->http->respond(c->request, 405, headers, 2,
			    tappet_cstr("{\"type\":\"tappet:method-not-allowed\",\"title\":\"Method Not Allowed\","
					"\"status\":405,\"detail\":\"The trigger does not take this method.\"}"));
}

static void serve(struct webhook *w, struct binding *b, tappet_request *request)
{
	const tappet_str method = w->http->method(request);
	struct call *c = calloc(1, sizeof(*c));
	int32_t reason;
	if (!c || w->stopping) {
		const struct answer answer = answer_for_emit_error(c ? TAPPET_ESTATE : TAPPET_ENOMEM, &reason);
		w->host->refuse(w->self, b->trigger, reason, tappet_cstr(answer.detail));
		answer_problem(w, request, answer);
		free(c);
		return;
	}
	*c = (struct call){.w = w, .request = request, .settings = settings_ref(b->settings), .limit_left = -1};
	if (method.len == 7 && memcmp(method.ptr, "OPTIONS", 7) == 0)
		in_options(c);
	else if (!(c->settings->methods & method_bit(method)))
		answer_method(c); /* HEAD as well: nothing is started by it */
	else {
		serve_call(c, b);
		return;
	}
	call_free(c);
}

static bool copy_param(const struct webhook *w, tappet_request *request, const char *name,
		       char out[static NAME_MAX_LEN])
{
	const tappet_str text = w->http->param(request, name);
	if (!text.ptr || text.len >= NAME_MAX_LEN || memchr(text.ptr, '\0', text.len))
		return false;
	memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return true;
}

void in_request(void *arg, tappet_request *request)
{
	struct webhook *w = arg;
	char workflow[NAME_MAX_LEN] = "", trigger[NAME_MAX_LEN];
	const bool named = copy_param(w, request, "trigger", trigger);
	struct binding *b = NULL;
	if (copy_param(w, request, "workflow", workflow))
		b = triggers_find(&w->triggers, workflow, named ? trigger : NULL);
	if (b)
		serve(w, b, request);
	else
		refuse_absent(w, request, workflow);
}

void in_path_request(void *arg, tappet_request *request)
{
	struct path *p = arg;
	serve(p->webhook, p->binding, request);
}
