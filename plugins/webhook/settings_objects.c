/* The options of a trigger that are JSON objects: reply, cors, handshake, keep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cjson/cJSON.h>
#include "settings_parts.h"

#define KEEP_DEFAULT 20
#define KEEP_MAX 100
#define KEEP_BODY_DEFAULT ((size_t)64 << 10)
#define KEEP_BODY_MAX ((size_t)256 << 10) /* a value of the host's state has 1 MiB, and a quote takes two bytes */

static char *copy(struct settings_reader *r, const char *text)
{
	char *s = text ? strdup(text) : NULL;
	r->no_memory = r->no_memory || (text && !s);
	return s;
}

/* The value of an option as a tree; NULL: not set. */
static cJSON *parse(struct settings_reader *r, const char *key)
{
	tappet_str text;
	if (r->from->str(r->from->config, key, 0, &text) != TAPPET_OK)
		return NULL;
	cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
	r->no_memory = r->no_memory || !tree;
	return tree;
}

/* Whether the object has no other keys; each other one is a mistake. */
static void check_keys(struct settings_reader *r, const char *option, const cJSON *object, const char *const *known,
		       const char *words)
{
	const cJSON *member;
	char pointer[128];
	cJSON_ArrayForEach(member, object)
	{
		size_t i = 0;
		while (known[i] && strcmp(known[i], member->string) != 0)
			i++;
		if (known[i])
			continue;
		snprintf(pointer, sizeof(pointer), "/%.100s", member->string);
		settings_mistake(r, option, 0, pointer, "unknown key \"%.60s\": expected %s", member->string, words);
	}
}

/* ---- Templates: $(activity.id), $(activity.status), $(params.NAME), $(steps.ID.outputs.NAME) ---- */

static bool reference_is_valid(const char *text, size_t len, bool *ret_late)
{
	char name[128];
	if (len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	*ret_late = strcmp(name, "activity.id") != 0;
	if (strncmp(name, "params.", 7) == 0)
		return name[7] != '\0';
	const char *outputs = strstr(name, ".outputs.");
	if (strncmp(name, "steps.", 6) == 0)
		return outputs && outputs > name + 6 && outputs[9] != '\0';
	return !*ret_late || strcmp(name, "activity.status") == 0;
}

bool template_needs_end(const char *text, bool *ret_valid)
{
	bool needs_end = false;
	*ret_valid = true;
	for (const char *at = text; (at = strstr(at, "$(")) != NULL;) {
		const bool literal = at > text && at[-1] == '$';
		const char *end = strchr(at, ')');
		bool late = false;
		if (!literal && (!end || !reference_is_valid(at + 2, (size_t)(end - at - 2), &late)))
			*ret_valid = false;
		needs_end = needs_end || late;
		at += 2;
	}
	return needs_end;
}

/* Notes whether the answer has to wait for the end. */
static char *read_template(struct settings_reader *r, const char *text, const char *pointer, bool *needs_end)
{
	bool valid;
	*needs_end = template_needs_end(text, &valid) || *needs_end;
	if (!valid)
		settings_mistake(
			r, "reply", 0, pointer,
			"expected $(activity.id), $(activity.status), $(params.NAME) or $(steps.ID.outputs.NAME); "
			"$$( is a plain $(");
	return copy(r, text);
}

/* ---- reply ---- */

static void read_status(struct settings_reader *r, const cJSON *v, struct reply *reply, bool *needs_end)
{
	char text[16] = "200";
	if (cJSON_IsString(v)) {
		reply->status = read_template(r, v->valuestring, "/status", needs_end);
		return;
	}
	if (v && (!cJSON_IsNumber(v) || v->valuedouble != v->valueint || v->valueint < 200 || v->valueint > 599))
		settings_mistake(r, "reply", 0, "/status", "expected a status from 200 to 599, or a text with $(...)");
	else if (v)
		snprintf(text, sizeof(text), "%d", v->valueint);
	reply->status = copy(r, text);
}

static bool header_is_reserved(const char *name)
{
	static const char *const names[] = {"content-length", "transfer-encoding", "connection", "date", "upgrade"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return !*name || strpbrk(name, " \t\r\n:,;\"()<>@[]{}\\");
}

static void read_headers(struct settings_reader *r, const cJSON *object, struct reply *reply, bool *needs_end)
{
	const cJSON *member;
	char pointer[160];
	size_t n = 0;
	if (!object)
		return;
	if (!cJSON_IsObject(object)) {
		settings_mistake(r, "reply", 0, "/headers", "expected an object with headers");
		return;
	}
	reply->headers = calloc(2 * (size_t)cJSON_GetArraySize(object) + 1, sizeof(char *));
	if (!reply->headers) {
		r->no_memory = true;
		return;
	}
	cJSON_ArrayForEach(member, object)
	{
		snprintf(pointer, sizeof(pointer), "/headers/%.100s", member->string);
		if (!cJSON_IsString(member) || header_is_reserved(member->string) ||
		    strpbrk(member->valuestring, "\r\n")) {
			settings_mistake(r, "reply", 0, pointer,
					 "expected the value of a header that is not the daemon's own");
			continue;
		}
		reply->headers[n++] = copy(r, member->string);
		reply->headers[n++] = read_template(r, member->valuestring, pointer, needs_end);
	}
}

static void read_reply_body(struct settings_reader *r, const cJSON *v, struct reply *reply, bool *needs_end)
{
	if (!v)
		return;
	if (cJSON_IsString(v)) {
		reply->body = read_template(r, v->valuestring, "/body", needs_end);
		return;
	}
	char *json = cJSON_PrintUnformatted(v);
	reply->type = copy(r, "application/json");
	reply->body = json ? read_template(r, json, "/body", needs_end) : NULL;
	r->no_memory = r->no_memory || !json;
	free(json);
}

static void read_reply_wait(struct settings_reader *r, const cJSON *v, struct reply *reply, bool needs_end)
{
	reply->wait_ms = needs_end ? 30000 : 0;
	if (v && (!cJSON_IsString(v) || !duration_read(v->valuestring, &reply->wait_ms) || reply->wait_ms > 600000))
		settings_mistake(r, "reply", 0, "/wait", "expected a duration of at most 10m");
	else if (needs_end && reply->wait_ms == 0)
		settings_mistake(r, "reply", 0, "/wait", "what is asked for is known only at the end of the activity");
}

static void read_reply(struct settings_reader *r)
{
	static const char *const known[] = {"wait", "status", "headers", "body", NULL};
	cJSON *tree = parse(r, "reply");
	bool needs_end = false;
	if (!tree)
		return;
	struct reply *reply = r->settings->reply = calloc(1, sizeof(*reply));
	if (reply) {
		check_keys(r, "reply", tree, known, "wait, status, headers or body");
		read_status(r, cJSON_GetObjectItemCaseSensitive(tree, "status"), reply, &needs_end);
		read_headers(r, cJSON_GetObjectItemCaseSensitive(tree, "headers"), reply, &needs_end);
		read_reply_body(r, cJSON_GetObjectItemCaseSensitive(tree, "body"), reply, &needs_end);
		read_reply_wait(r, cJSON_GetObjectItemCaseSensitive(tree, "wait"), reply, needs_end);
	}
	r->no_memory = r->no_memory || !reply;
	cJSON_Delete(tree);
}

/* ---- cors ---- */

static bool origin_is_valid(const char *text)
{
	const char *host = strstr(text, "://");
	return strcmp(text, "*") == 0 || (host && host > text && host[3] && !strpbrk(host + 3, "/?# ,"));
}

static void read_origins(struct settings_reader *r, const cJSON *v, struct cors *cors)
{
	const bool list = cJSON_IsArray(v);
	const size_t count = list ? (size_t)cJSON_GetArraySize(v) : 1;
	cors->origins = calloc(count + 1, sizeof(char *));
	r->no_memory = r->no_memory || !cors->origins;
	for (size_t i = 0; cors->origins && i < count; i++) {
		const cJSON *one = list ? cJSON_GetArrayItem(v, (int)i) : v;
		if (!cJSON_IsString(one) || !origin_is_valid(one->valuestring)) {
			settings_mistake(r, "cors", 0, "/origins",
					 "expected origins such as \"https://example.org\", or \"*\"");
			return;
		}
		cors->origins[i] = copy(r, one->valuestring);
	}
	if (cors->origins && (count == 0 || (cors->credentials && cors->origins[0] && *cors->origins[0] == '*')))
		settings_mistake(r, "cors", 0, "/origins",
				 "expected named origins: \"*\" does not go with credentials");
}

static void read_cors_headers(struct settings_reader *r, const cJSON *v, struct cors *cors)
{
	char joined[1024] = "";
	const cJSON *one;
	size_t len = 0;
	cJSON_ArrayForEach(one, v)
	{
		if (!cJSON_IsString(one) || header_is_reserved(one->valuestring) ||
		    len + strlen(one->valuestring) + 3 > sizeof(joined)) {
			settings_mistake(r, "cors", 0, "/headers", "expected a list of names of headers");
			return;
		}
		len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s%s", len ? ", " : "", one->valuestring);
	}
	if (v)
		cors->headers = copy(r, joined);
}

static void read_cors(struct settings_reader *r)
{
	static const char *const known[] = {"origins", "headers", "credentials", "maxAge", NULL};
	cJSON *tree = parse(r, "cors");
	int64_t max_age_ms = 0;
	if (!tree)
		return;
	struct cors *cors = r->settings->cors = calloc(1, sizeof(*cors));
	if (cors) {
		const cJSON *age = cJSON_GetObjectItemCaseSensitive(tree, "maxAge");
		check_keys(r, "cors", tree, known, "origins, headers, credentials or maxAge");
		cors->credentials = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "credentials"));
		read_origins(r, cJSON_GetObjectItemCaseSensitive(tree, "origins"), cors);
		read_cors_headers(r, cJSON_GetObjectItemCaseSensitive(tree, "headers"), cors);
		if (age && (!cJSON_IsString(age) || !duration_read(age->valuestring, &max_age_ms)))
			settings_mistake(r, "cors", 0, "/maxAge", "expected a duration such as \"1h\"");
		cors->max_age_s = max_age_ms / 1000;
	}
	r->no_memory = r->no_memory || !cors;
	cJSON_Delete(tree);
}

/* ---- handshake ---- */

static enum handshake handshake_named(const char *name)
{
	if (strcmp(name, "slack") == 0)
		return HANDSHAKE_SLACK;
	if (strcmp(name, "discord") == 0)
		return HANDSHAKE_DISCORD;
	return strcmp(name, "cloudevents") == 0 ? HANDSHAKE_CLOUDEVENTS : HANDSHAKE_NONE;
}

/* While a definition is checked the reference stands where the secret will be; what stands in place the host refuses. */
static void read_verify_token(struct settings_reader *r, const cJSON *v)
{
	if (cJSON_IsString(v))
		r->settings->verify_token = copy(r, v->valuestring);
	else if (cJSON_IsObject(v) && !r->from->secrets_resolved)
		r->settings->verify_token = copy(r, "");
	else if (v)
		settings_mistake(r, "handshake", 0, "/verifyToken",
				 "expected a secret: {\"env\": \"NAME\"} or {\"file\": \"PATH\"}");
}

static void read_challenge(struct settings_reader *r, const cJSON *tree)
{
	static const char *const known[] = {"challenge", "verifyToken", NULL};
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(tree, "challenge");
	check_keys(r, "handshake", tree, known, "challenge or verifyToken");
	if (!cJSON_IsString(key) || !key->valuestring[0])
		settings_mistake(r, "handshake", 0, "/challenge",
				 "expected the key of the query, such as \"hub.challenge\"");
	else
		r->settings->challenge = copy(r, key->valuestring);
	r->settings->handshake = HANDSHAKE_CHALLENGE;
	read_verify_token(r, cJSON_GetObjectItemCaseSensitive(tree, "verifyToken"));
}

static void read_handshake(struct settings_reader *r)
{
	const char *implied = r->settings->verifier ? verifier_handshake(r->settings->verifier) : NULL;
	cJSON *tree = parse(r, "handshake");
	if (implied)
		r->settings->handshake = handshake_named(implied);
	else if (r->settings->cloud_events)
		r->settings->handshake = HANDSHAKE_CLOUDEVENTS;
	if (!tree)
		return;
	if (cJSON_IsObject(tree))
		read_challenge(r, tree);
	else if (cJSON_IsString(tree))
		r->settings->handshake = handshake_named(tree->valuestring);
	if (r->settings->handshake == HANDSHAKE_NONE)
		settings_mistake(r, "handshake", 0, "",
				 "expected \"slack\", \"discord\", \"cloudevents\" or {\"challenge\": KEY}");
	cJSON_Delete(tree);
}

/* ---- keep ---- */

/* "64KiB", "1MiB" or a number of bytes. */
static bool read_size(const cJSON *v, size_t *ret)
{
	char *end = NULL;
	if (cJSON_IsNumber(v) && v->valuedouble == v->valueint && v->valueint >= 0) {
		*ret = (size_t)v->valueint;
		return true;
	}
	if (!cJSON_IsString(v) || v->valuestring[0] < '0' || v->valuestring[0] > '9')
		return false;
	const unsigned long n = strtoul(v->valuestring, &end, 10);
	const unsigned shift = strcmp(end, "KiB") == 0 ? 10 : strcmp(end, "MiB") == 0 ? 20 : 0;
	if ((!shift && *end) || n > (1u << 20))
		return false;
	*ret = (size_t)n << shift;
	return true;
}

static void read_keep(struct settings_reader *r)
{
	static const char *const known[] = {"requests", "maxBody", NULL};
	cJSON *tree = parse(r, "keep");
	struct settings *s = r->settings;
	if (!tree)
		return;
	const cJSON *count = cJSON_GetObjectItemCaseSensitive(tree, "requests");
	const cJSON *body = cJSON_GetObjectItemCaseSensitive(tree, "maxBody");
	check_keys(r, "keep", tree, known, "requests or maxBody");
	s->keep_requests = KEEP_DEFAULT;
	s->keep_body = KEEP_BODY_DEFAULT;
	if (count && (!cJSON_IsNumber(count) || count->valuedouble != count->valueint || count->valueint < 0 ||
		      count->valueint > KEEP_MAX))
		settings_mistake(r, "keep", 0, "/requests", "expected how many requests are kept, from 0 to %d",
				 KEEP_MAX);
	else if (count)
		s->keep_requests = (size_t)count->valueint;
	if (body && (!read_size(body, &s->keep_body) || s->keep_body < 1 || s->keep_body > KEEP_BODY_MAX))
		settings_mistake(
			r, "keep", 0, "/maxBody",
			"expected the size of the largest body that is kept whole, such as \"64KiB\", at most 256KiB");
	cJSON_Delete(tree);
}

void settings_read_objects(struct settings_reader *r)
{
	read_reply(r);
	read_cors(r);
	read_handshake(r);
	read_keep(r);
}
