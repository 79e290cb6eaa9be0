/* A request as a sender would make it, and what the verification says to it. */
#ifndef TESTS_VERIFY_KIT_H
#define TESTS_VERIFY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <cmocka.h>
#include "../../../plugins/webhook/verify.h"

#define SENT_HEADERS_MAX 12
#define SENT_TEXT_MAX 9000

struct sent {
	struct verify_request request;
	char names[SENT_HEADERS_MAX][64];
	char values[SENT_HEADERS_MAX][SENT_TEXT_MAX];
	size_t count;
};

static inline tappet_str sent_header(void *arg, const char *name, size_t index)
{
	const struct sent *sent = arg;
	for (size_t i = 0; i < sent->count; i++)
		if (strcasecmp(sent->names[i], name) == 0 && index-- == 0)
			return tappet_cstr(sent->values[i]);
	return tappet_strn(NULL, 0);
}

static inline void sent_add(void *arg, const char *name, const char *value)
{
	struct sent *sent = arg;
	assert_true(sent->count < SENT_HEADERS_MAX);
	snprintf(sent->names[sent->count], sizeof(sent->names[0]), "%s", name);
	snprintf(sent->values[sent->count++], sizeof(sent->values[0]), "%s", value);
}

static inline void sent_init(struct sent *sent, tappet_str body, int64_t now_ms)
{
	memset(sent, 0, sizeof(*sent));
	sent->request = (struct verify_request){
		.method = tappet_cstr("POST"),
		.path_query = tappet_cstr("/webhook/in/w"),
		.body = body,
		.remote = tappet_cstr("192.0.2.1"),
		.now_ms = now_ms,
		.header = sent_header,
		.arg = sent,
	};
}

static inline void told_mistake(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	char *out = arg;
	size_t len = strlen(out);
	snprintf(out + len, 2048 - len, "%s[%zu]%s: %s\n", key, index, pointer, message);
}

/* Texts that are mistakes make the test fail. */
static inline struct verifier *verifier_of(const char *signature, const char *auth)
{
	char told[2048] = "";
	struct verify_mistakes mistakes = {.mistake = told_mistake, .arg = told};
	struct verify_options options = {
		.signature = tappet_cstr(signature), .auth = tappet_cstr(auth), .secrets_resolved = true};
	struct verifier *v = NULL;
	int32_t r = verifier_new(&options, &mistakes, &v);
	assert_string_equal(told, "");
	assert_int_equal(r, TAPPET_OK);
	return v;
}

static inline struct verify_result checked(const struct verifier *v, const struct sent *sent)
{
	struct verify_result result;
	verifier_check(v, &sent->request, &result);
	return result;
}

static inline void expect_refused(const struct verifier *v, const struct sent *sent, const char *detail)
{
	struct verify_result result = checked(v, sent);
	assert_false(result.ok);
	assert_string_equal(result.detail, detail);
	assert_int_equal(result.status, 401);
}

#define MISMATCH_DETAIL "The signature does not match."
#define STALE_DETAIL "The signature is too old or from the future: it was replayed, or a clock is wrong."
#define UNREADABLE_DETAIL "The signature, or what belongs to it, cannot be read."
#define TWICE_DETAIL "A header that belongs to the signature comes twice."

#endif
