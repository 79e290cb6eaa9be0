/* Before a sender sends events it wants to see that somebody means it: challenges, and what browsers ask beforehand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include "in.h"

#define CHALLENGE_MAX 4096

void methods_text(unsigned methods, char text[static 64])
{
	static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	size_t n = 0;
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (methods & 1u << i)
			n += (size_t)snprintf(text + n, 64 - n, "%s, ", names[i]);
	snprintf(text + n, 64 - n, "OPTIONS");
}

/* ---- Cross-origin requests (Fetch standard, section 3.2) ---- */

bool cors_allows(const struct call *c, tappet_str *ret_origin)
{
	const struct cors *cors = c->settings ? c->settings->cors : NULL;
	const tappet_str origin = cors ? c->w->http->header(c->request, "Origin") : tappet_strn(NULL, 0);
	if (!origin.ptr || origin.len > ORIGIN_MAX)
		return false;
	for (char **allowed = cors->origins; *allowed; allowed++) {
		const bool any = strcmp(*allowed, "*") == 0;
		if (!any && (strlen(*allowed) != origin.len || memcmp(*allowed, origin.ptr, origin.len) != 0))
			continue;
		*ret_origin = any ? tappet_cstr("*") : origin;
		return true;
	}
	return false;
}

static void answer_preflight(const struct call *c, tappet_str origin)
{
	const struct cors *cors = c->settings->cors;
	char methods[64], age[24];
	tappet_http_header headers[6] = {
		{tappet_cstr("Access-Control-Allow-Origin"), origin},
		{tappet_cstr("Vary"), tappet_cstr("Origin, Access-Control-Request-Method")},
		{tappet_cstr("Access-Control-Allow-Methods"), {NULL, 0}},
	};
	size_t n = 3;
	methods_text(c->settings->methods, methods);
	headers[2].value = tappet_cstr(methods);
	snprintf(age, sizeof(age), "%lld", (long long)cors->max_age_s);
	if (cors->headers)
		headers[n++] =
			(tappet_http_header){tappet_cstr("Access-Control-Allow-Headers"), tappet_cstr(cors->headers)};
	if (cors->credentials)
		headers[n++] =
			(tappet_http_header){tappet_cstr("Access-Control-Allow-Credentials"), tappet_cstr("true")};
	if (cors->max_age_s > 0)
		headers[n++] = (tappet_http_header){tappet_cstr("Access-Control-Max-Age"), tappet_cstr(age)};
	c->w->http->respond(c->request, 204, headers, n, tappet_cstr(""));
}

/* CloudEvents, HTTP webhooks 1.0.1, section 4: whoever may send is told so. */
static void answer_abuse_protection(const struct call *c, tappet_str origin)
{
	const tappet_http_header headers[] = {
		{tappet_cstr("WebHook-Allowed-Origin"), origin},
		{tappet_cstr("WebHook-Allowed-Rate"), tappet_cstr("*")},
		{tappet_cstr("Allow"), tappet_cstr("POST")},
	};
	c->w->http->respond(c->request, 200, headers, 3, tappet_cstr(""));
}

void in_options(const struct call *c)
{
	const tappet_http1 *http = c->w->http;
	const tappet_str sender = http->header(c->request, "WebHook-Request-Origin");
	char methods[64];
	tappet_str origin;
	methods_text(c->settings->methods, methods);
	const tappet_http_header allow = {tappet_cstr("Allow"), tappet_cstr(methods)};
	if (http->header(c->request, "Access-Control-Request-Method").ptr && cors_allows(c, &origin))
		answer_preflight(c, origin);
	else if (sender.len > 0 && c->settings->handshake == HANDSHAKE_CLOUDEVENTS)
		answer_abuse_protection(c, sender);
	else
		http->respond(c->request, 204, &allow, 1, tappet_cstr(""));
}

/* ---- Challenges ---- */

/* By their hashes: neither the time nor the length of the comparison tells anything. */
static bool same_secret(tappet_str given, const char *secret)
{
	unsigned char a[SHA256_DIGEST_LENGTH], b[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)(given.ptr ? given.ptr : ""), given.len, a);
	SHA256((const unsigned char *)secret, strlen(secret), b);
	return CRYPTO_memcmp(a, b, sizeof(a)) == 0;
}

/* As plain text that no browser takes for anything else: it comes from outside. */
static void echo(const struct call *c, tappet_str challenge)
{
	const tappet_http_header headers[] = {
		{tappet_cstr("Content-Type"), tappet_cstr("text/plain; charset=utf-8")},
		{tappet_cstr("X-Content-Type-Options"), tappet_cstr("nosniff")},
	};
	c->w->http->respond(c->request, 200, headers, 2, challenge);
}

/* "hub.challenge" has its token in "hub.verify_token". */
static tappet_str shown_token(const struct call *c)
{
	char key[256];
	const char *dot = strrchr(c->settings->challenge, '.');
	snprintf(key, sizeof(key), "%.*sverify_token", dot ? (int)(dot - c->settings->challenge) + 1 : 0,
		 c->settings->challenge);
	return c->w->http->query_value(c->request, key);
}

bool in_challenge(const struct call *c, tappet_trigger *trigger)
{
	const struct settings *s = c->settings;
	if (s->handshake != HANDSHAKE_CHALLENGE || !s->challenge)
		return false;
	const tappet_str challenge = c->w->http->query_value(c->request, s->challenge);
	if (!challenge.ptr || !verifier_allows(s->verifier, c->w->http->remote(c->request)))
		return false; /* whoever may not call at all is told so later */
	if (s->verify_token && !same_secret(shown_token(c), s->verify_token)) {
		static const char detail[] = "a handshake with another verify token";
		c->w->host->refuse(c->w->self, trigger, TAPPET_REASON_TOKEN, tappet_cstr(detail));
		in_problem(c, 403, "token", "That is not the verify token.", 0);
	} else if (challenge.len > CHALLENGE_MAX) {
		in_problem(c, 400, "malformed", "The challenge is longer than 4096 bytes.", 0);
	} else {
		echo(c, challenge);
	}
	return true;
}

static bool greet_slack(const struct call *c, const cJSON *body)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(body, "type");
	const cJSON *challenge = cJSON_GetObjectItemCaseSensitive(body, "challenge");
	if (!cJSON_IsString(type) || strcmp(type->valuestring, "url_verification") != 0 || !cJSON_IsString(challenge))
		return false;
	struct text answer = {0};
	text_cstr(&answer, "{");
	text_member(&answer, "challenge", tappet_cstr(challenge->valuestring));
	text_cstr(&answer, "}");
	in_respond(c, 200, "application/json", tappet_strn(answer.bytes, answer.len));
	text_release(&answer);
	return true;
}

/* An interaction of type PING is answered by a PONG, which is the same. */
static bool greet_discord(const struct call *c, const cJSON *body)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(body, "type");
	if (!cJSON_IsNumber(type) || type->valueint != 1)
		return false;
	in_respond(c, 200, "application/json", tappet_cstr("{\"type\":1}"));
	return true;
}

bool in_greeting(const struct call *c)
{
	const enum handshake kind = c->settings->handshake;
	if (kind != HANDSHAKE_SLACK && kind != HANDSHAKE_DISCORD)
		return false;
	const tappet_str text = c->w->http->body(c->request);
	cJSON *body = cJSON_ParseWithLength(text.ptr ? text.ptr : "", text.len);
	const bool answered = body && (kind == HANDSHAKE_SLACK ? greet_slack(c, body) : greet_discord(c, body));
	cJSON_Delete(body);
	return answered;
}
