#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include "in.h"

#define NUMBER_SIZE 24

/* ---- What every answer carries ---- */

struct extras {
	tappet_http_header items[EXTRA_HEADERS_MAX];
	size_t count;
	char numbers[3][NUMBER_SIZE];
};

static void add(struct extras *e, const char *name, tappet_str value)
{
	if (e->count < EXTRA_HEADERS_MAX)
		e->items[e->count++] = (tappet_http_header){tappet_cstr(name), value};
}

static void add_number(struct extras *e, size_t room, const char *name, int64_t value)
{
	snprintf(e->numbers[room], NUMBER_SIZE, "%lld", (long long)value);
	add(e, name, tappet_cstr(e->numbers[room]));
}

static void collect(const struct call *c, struct extras *e)
{
	tappet_str origin;
	if (c->settings && c->settings->cors)
		add(e, "Vary", tappet_cstr("Origin"));
	if (cors_allows(c, &origin)) {
		add(e, "Access-Control-Allow-Origin", origin);
		if (c->settings->cors->credentials)
			add(e, "Access-Control-Allow-Credentials", tappet_cstr("true"));
	}
	if (c->limit_left < 0)
		return;
	add_number(e, 0, "RateLimit-Limit", c->settings->per_address);
	add_number(e, 1, "RateLimit-Remaining", c->limit_left);
	add_number(e, 2, "RateLimit-Reset", c->limit_reset_s);
}

void in_respond(const struct call *c, int32_t status, const char *type, tappet_str body)
{
	struct extras e = {.count = 0};
	if (type)
		add(&e, "Content-Type", tappet_cstr(type));
	collect(c, &e);
	c->w->http->respond(c->request, status, e.items, e.count, body);
}

/* The host's own where nothing is to be added; else the same by hand (RFC 9457). */
void in_problem(const struct call *c, int32_t status, const char *type, const char *detail, int32_t retry_after_s)
{
	struct extras e = {.count = 0};
	struct text body = {0};
	char tagged[80], retry[NUMBER_SIZE];
	collect(c, &e);
	if (e.count == 0) {
		c->w->http->problem(c->request, status, type, detail, retry_after_s);
		return;
	}
	snprintf(tagged, sizeof(tagged), "tappet:%s", type);
	snprintf(retry, sizeof(retry), "%d", retry_after_s);
	text_cstr(&body, "{");
	text_member(&body, "type", tappet_cstr(tagged));
	text_key(&body, "status");
	snprintf(tagged, sizeof(tagged), "%d", status);
	text_cstr(&body, tagged);
	text_member(&body, "detail", tappet_cstr(detail));
	text_cstr(&body, "}");
	add(&e, "Content-Type", tappet_cstr("application/problem+json"));
	if (retry_after_s > 0)
		add(&e, "Retry-After", tappet_cstr(retry));
	c->w->http->respond(c->request, status, e.items, e.count, tappet_strn(body.bytes, body.len));
	text_release(&body);
}

void call_free(struct call *c)
{
	settings_unref(c->settings);
	free(c);
}

static void end_call(struct call *c)
{
	struct webhook *w = c->w;
	call_free(c);
	webhook_end(w);
}

static void answer_id(const struct call *c, int32_t status)
{
	char body[64];
	snprintf(body, sizeof(body), "{\"activityId\":\"%s\"}", c->activity_id);
	in_respond(c, status, "application/json", tappet_cstr(body));
}

/* ---- Templates ---- */

static const cJSON *find_step(const cJSON *document, const char *name, size_t len)
{
	const cJSON *step;
	cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(document, "steps"))
	{
		const cJSON *id = cJSON_GetObjectItemCaseSensitive(step, "step");
		if (cJSON_IsString(id) && strlen(id->valuestring) == len && memcmp(id->valuestring, name, len) == 0)
			return step;
	}
	return NULL;
}

/* NULL: it is not there. */
static const cJSON *resolve(const cJSON *document, const char *name)
{
	const char *outputs = strstr(name, ".outputs.");
	if (strncmp(name, "params.", 7) == 0)
		return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(document, "params"), name + 7);
	if (strcmp(name, "activity.status") == 0)
		return cJSON_GetObjectItemCaseSensitive(document, "status");
	const cJSON *step = outputs ? find_step(document, name + 6, (size_t)(outputs - name - 6)) : NULL;
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(step, "outputs"),
						outputs ? outputs + 9 : "");
}

static void add_value(const cJSON *value, bool in_json, struct text *out)
{
	struct text quoted = {0};
	char *printed = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
	const char *text = cJSON_IsString(value) ? value->valuestring : printed ? printed : "";
	/* Inside of the quotes of a JSON text the value must not end them. */
	if (in_json) {
		text_json(&quoted, tappet_cstr(text));
		if (!quoted.failed)
			text_bytes(out, quoted.bytes + 1, quoted.len - 2);
		out->failed = out->failed || quoted.failed;
	} else {
		text_cstr(out, text);
	}
	text_release(&quoted);
	free(printed);
}

/* Fills in a template. `document` NULL: nothing but the id is known. False with the name in `missing`. */
static bool fill(const struct call *c, const char *template, const cJSON *document, bool in_json, struct text *out,
		 char missing[static 128])
{
	const char *at = template, *mark;
	while ((mark = strstr(at, "$(")) != NULL) {
		const char *end = strchr(mark, ')');
		if (mark > template && mark[-1] == '$') {
			text_bytes(out, at, (size_t)(mark - at) - 1);
			text_cstr(out, "$(");
			at = mark + 2;
			continue;
		}
		text_bytes(out, at, (size_t)(mark - at));
		snprintf(missing, 128, "%.*s", (int)(end - mark - 2), mark + 2);
		const cJSON *value = document ? resolve(document, missing) : NULL;
		if (strcmp(missing, "activity.id") == 0)
			text_cstr(out, c->activity_id);
		else if (value)
			add_value(value, in_json, out);
		else
			return false;
		at = end + 1;
	}
	text_cstr(out, at);
	return true;
}

/* ---- A shaped answer ---- */

struct shaped {
	struct text status, body;
	struct text values[EXTRA_HEADERS_MAX];
	struct extras extras;
};

static bool fill_headers(const struct call *c, const cJSON *document, struct shaped *s, char missing[static 128])
{
	char **h = c->settings->reply->headers;
	for (size_t i = 0; h && h[2 * i] && i < EXTRA_HEADERS_MAX; i++) {
		if (!fill(c, h[2 * i + 1], document, false, &s->values[i], missing))
			return false;
		/* A value from outside must not begin a header of its own. */
		for (char *b = s->values[i].bytes; b && *b; b++)
			if ((unsigned char)*b < 0x20)
				*b = ' ';
		add(&s->extras, h[2 * i], tappet_strn(s->values[i].bytes, s->values[i].len));
	}
	return true;
}

static bool has_type(const struct extras *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcasecmp(e->items[i].name.ptr, "Content-Type") == 0)
			return true;
	return false;
}

static void send_shaped(const struct call *c, struct shaped *s)
{
	const struct reply *reply = c->settings->reply;
	const long status = strtol(s->status.bytes ? s->status.bytes : "", NULL, 10);
	if (reply->body && !has_type(&s->extras))
		add(&s->extras, "Content-Type", tappet_cstr(reply->type ? reply->type : "text/plain; charset=utf-8"));
	collect(c, &s->extras);
	if (status < 200 || status > 599)
		in_problem(c, 500, "reply", "The status that the reply asks for is none.", 0);
	else
		c->w->http->respond(c->request, (int32_t)status, s->extras.items, s->extras.count,
				    tappet_strn(s->body.bytes, s->body.len));
}

static void answer_shaped(const struct call *c, const cJSON *document)
{
	const struct reply *reply = c->settings->reply;
	struct shaped *s = calloc(1, sizeof(*s));
	char missing[128] = "", detail[200];
	bool found = s && fill(c, reply->status, document, false, &s->status, missing) &&
		     fill_headers(c, document, s, missing);
	if (found && reply->body)
		found = fill(c, reply->body, document, reply->type != NULL, &s->body, missing);
	snprintf(detail, sizeof(detail), "The reply asks for %s, which is not there.", missing);
	if (found)
		send_shaped(c, s);
	else
		in_problem(c, 500, "reply", s ? detail : "Out of memory.", 0);
	for (size_t i = 0; s && i < EXTRA_HEADERS_MAX; i++)
		text_release(&s->values[i]);
	if (s) {
		text_release(&s->status);
		text_release(&s->body);
	}
	free(s);
}

/* ---- Waiting ---- */

static void answer_ended(const struct call *c, const tappet_activity_info *info)
{
	char detail[120];
	if (c->settings->reply && strcmp(info->status, "completed") == 0) {
		cJSON *document = cJSON_ParseWithLength(info->document.ptr, info->document.len);
		answer_shaped(c, document);
		cJSON_Delete(document);
		return;
	}
	if (c->settings->reply) {
		snprintf(detail, sizeof(detail), "Activity %s ended as %s.", c->activity_id, info->status);
		in_problem(c, 500, info->status, detail, 0);
		return;
	}
	char *document = document_reshape(info->document);
	if (document)
		in_respond(c, 200, "application/json", tappet_cstr(document));
	else
		answer_id(c, 202);
	free(document);
}

static void ended(void *arg, int32_t result, const tappet_activity_info *info)
{
	struct call *c = arg;
	if (result == TAPPET_OK && info)
		answer_ended(c, info);
	else
		answer_id(c,
			  202); /* the time is over, or the daemon stops: it goes on, and its status can be asked for */
	end_call(c);
}

void in_accepted(struct call *c, bool duplicate)
{
	struct webhook *w = c->w;
	const struct reply *reply = c->settings->reply;
	const int64_t wait_ms = reply && reply->wait_ms > c->wait_ms ? reply->wait_ms : c->wait_ms;
	if (wait_ms > 0 && w->activity->wait_end(w->self, c->activity_id, wait_ms, ended, c) == TAPPET_OK)
		return;
	if (reply && reply->wait_ms == 0)
		answer_shaped(c, NULL);
	else
		answer_id(c, wait_ms > 0 ? 202 : duplicate ? 200 : c->settings->success);
	end_call(c);
}
