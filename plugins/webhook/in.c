/* /webhook/in/WORKFLOW[/TRIGGER] and the paths of triggers' own: for senders that speak as they please. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include "in.h"

#define NAME_MAX_LEN 128
#define DEDUP_KEY_MAX 255
#define URL_MAX 8192

/* ---- Refusals ---- */

static void refuse(const struct call *c, tappet_trigger *trigger, int32_t reason, struct answer answer)
{
	c->w->host->refuse(c->w->self, trigger, reason, tappet_cstr(answer.detail));
	in_problem(c, answer.status, answer.type, answer.detail, answer.retry_after_s);
}

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

/* ---- Who calls ---- */

struct header_search {
	const tappet_http1 *http;
	tappet_request *request;
};

static tappet_str find_header(void *arg, const char *name, size_t index)
{
	const struct header_search *search = arg;
	tappet_http_header h;
	/* As a rule the first one is asked for, which the host finds faster. */
	if (index == 0)
		return search->http->header(search->request, name);
	for (size_t i = 0; search->http->header_at(search->request, i, &h) == TAPPET_OK; i++)
		if (h.name.len == strlen(name) && strncasecmp(h.name.ptr, name, h.name.len) == 0 && index-- == 0)
			return h.value;
	return tappet_strn(NULL, 0);
}

static bool has_token(const struct call *c, const struct binding *b, struct answer *ret_answer)
{
	const struct webhook *w = c->w;
	tappet_grant grant = {.struct_size = sizeof(grant)};
	struct token token;
	const enum token_error error = token_find(tappet_strn(NULL, 0), w->http->header(c->request, "Authorization"),
						  w->http->query_value(c->request, "token"), &token);
	*ret_answer = (struct answer){401, 0, "token", "There is no token, or nobody has this one."};
	if (error == TOKEN_CONFLICT)
		*ret_answer = (struct answer){400, 0, "malformed", "The request carries different tokens."};
	if (error)
		return false;
	const int32_t r = w->auth->check(w->self, token.text, &grant);
	token_release(&token);
	if (r < 0)
		return false;
	*ret_answer = (struct answer){403, 0, "scope", "The token is not for this."};
	return (grant.scopes & TAPPET_SCOPE_TRIGGER) && w->auth->covers(w->self, grant.token_id, b->workflow_id) == 1;
}

static void deny(const struct call *c, const struct binding *b, const struct verify_result *v)
{
	const tappet_http_header challenge[] = {
		{tappet_cstr("WWW-Authenticate"), tappet_cstr(v->challenge ? v->challenge : "")},
		{tappet_cstr("Content-Type"), tappet_cstr("application/problem+json")},
	};
	struct text body = {0};
	char type[80];
	if (!v->challenge) {
		refuse(c, b->trigger, v->reason, (struct answer){v->status, 0, v->type, v->detail});
		return;
	}
	c->w->host->refuse(c->w->self, b->trigger, v->reason, tappet_cstr(v->detail));
	snprintf(type, sizeof(type), "tappet:%s", v->type);
	text_cstr(&body, "{");
	text_member(&body, "type", tappet_cstr(type));
	text_key(&body, "status");
	text_cstr(&body, "401");
	text_member(&body, "detail", tappet_cstr(v->detail));
	text_cstr(&body, "}");
	c->w->http->respond(c->request, v->status, challenge, 2, tappet_strn(body.bytes, body.len));
	text_release(&body);
}

/* The address as the sender knows it: some sign it. */
static void write_url(const struct call *c, char url[static URL_MAX], char target[static URL_MAX])
{
	const tappet_http1 *http = c->w->http;
	const tappet_str path = http->path(c->request), query = http->query(c->request);
	const tappet_str base = http->public_url(c->w->self);
	snprintf(target, URL_MAX, "%.*s%s%.*s", (int)path.len, path.ptr, query.len ? "?" : "", (int)query.len,
		 query.ptr ? query.ptr : "");
	url[0] = '\0';
	if (base.ptr)
		snprintf(url, URL_MAX, "%.*s%.*s", (int)base.len, base.ptr, (int)(URL_MAX - base.len - 1), target);
}

static bool is_allowed(const struct call *c, struct binding *b)
{
	char url[URL_MAX], target[URL_MAX];
	struct header_search search = {c->w->http, c->request};
	struct verify_result result;
	struct answer answer;
	write_url(c, url, target);
	const struct verify_request request = {
		.method = c->w->http->method(c->request),
		.url = tappet_cstr(url),
		.path_query = tappet_cstr(target),
		.body = c->w->http->body(c->request),
		.remote = c->w->http->remote(c->request),
		.client_subject = c->w->http->client_subject(c->request),
		.now_ms = c->w->host->wall_ms(c->w->self),
		.header = find_header,
		.arg = &search,
	};
	verifier_check(c->settings->verifier, &request, &result);
	if (!result.ok) {
		deny(c, b, &result);
		return false;
	}
	if (!result.wants_token || has_token(c, b, &answer)) {
		usage_note(c->w, b, result.used);
		return true;
	}
	refuse(c, b->trigger, answer.status == 403 ? TAPPET_REASON_SCOPE : TAPPET_REASON_TOKEN, answer);
	return false;
}

static bool is_within_limit(struct call *c, const struct binding *b)
{
	struct limit_state state;
	if (!b->limit)
		return true;
	const bool within =
		limit_take(b->limit, c->w->http->remote(c->request), c->w->host->mono_ms(c->w->self), &state);
	c->limit_left = (int32_t)state.remaining;
	c->limit_reset_s = (int32_t)state.reset_s;
	if (!within)
		refuse(c, b->trigger, TAPPET_REASON_RATE,
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

static void end_refused(struct call *c, const tappet_result *result)
{
	struct webhook *w = c->w;
	answer_refused(c, result);
	call_free(c);
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
	if (result == TAPPET_OK && info && has_digest(info->document, c->digest))
		in_accepted(c, true);
	else if (result == TAPPET_OK || result == TAPPET_ENOTFOUND)
		end_refused(c, &(tappet_result){.outcome = TAPPET_ECONFLICT});
	else
		end_refused(c, &(tappet_result){.outcome = TAPPET_ECANCELED});
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
		in_accepted(c, result->outcome != TAPPET_OK);
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

static int32_t emit(struct call *c, const struct binding *b, tappet_str payload, tappet_str key)
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
	text_release(&cause);
	return r;
}

/* Takes over the call. */
static void start(struct call *c, const struct binding *b, const struct cloud_event *event, tappet_str key)
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
		refuse(c, b->trigger, TAPPET_REASON_MALFORMED,
		       (struct answer){400, 0, "malformed", payload_error_text(error)});
	else if (key.len > DEDUP_KEY_MAX)
		refuse(c, b->trigger, TAPPET_REASON_MALFORMED,
		       (struct answer){400, 0, "malformed", "The key of the delivery is longer than 255 bytes."});
	else {
		const struct answer answer = answer_for_emit_error(r, &reason);
		refuse(c, b->trigger, reason, answer);
	}
	call_free(c);
}

static void start_events(struct call *c, const struct binding *b)
{
	struct cloud_event *events = NULL;
	const char *problem = NULL;
	size_t count = 0;
	char key[DEDUP_KEY_MAX + 2];
	switch (cloud_read(c->w, c->request, &events, &count, &problem)) {
	case CLOUD_NONE:
		start(c, b, NULL, find_key(c, key));
		break;
	case CLOUD_BATCH:
		batch_start(c, b, events, count);
		break;
	case CLOUD_MALFORMED:
		refuse(c, b->trigger, TAPPET_REASON_MALFORMED, (struct answer){400, 0, "malformed", problem});
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
static bool read_wait(struct call *c, const struct binding *b)
{
	const tappet_str text = c->w->http->query_value(c->request, "wait");
	char copied[32];
	if (!text.ptr)
		return true;
	snprintf(copied, sizeof(copied), "%.*s", (int)text.len, text.ptr);
	if (!duration_read(copied, &c->wait_ms)) {
		refuse(c, b->trigger, TAPPET_REASON_MALFORMED,
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
	const bool over = !is_within_limit(c, b) || in_challenge(c, b->trigger) || !is_allowed(c, b) ||
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
