/* What the fuzz targets of the webhook's verification share: a request whose headers are pieces of the input. */
#ifndef TESTS_VERIFY_FUZZ_H
#define TESTS_VERIFY_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "../../plugins/webhook/verify.h"

#define FUZZ_HEADERS_MAX 8

struct fuzz_request {
	struct verify_request request;
	char names[FUZZ_HEADERS_MAX][128];
	tappet_str values[FUZZ_HEADERS_MAX];
	size_t count;
	char room[8192]; /* of values that were made here */
	size_t used;
};

static inline void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static inline tappet_str fuzz_header(void *arg, const char *name, size_t index)
{
	const struct fuzz_request *r = arg;
	for (size_t i = 0; i < r->count; i++)
		if (strcasecmp(r->names[i], name) == 0 && index-- == 0)
			return r->values[i];
	return tappet_strn(NULL, 0);
}

static inline void fuzz_add_value(struct fuzz_request *r, const char *name, tappet_str value)
{
	if (r->count == FUZZ_HEADERS_MAX)
		return;
	snprintf(r->names[r->count], sizeof(r->names[0]), "%s", name);
	r->values[r->count++] = value;
}

/* For verifier_sign. */
static inline void fuzz_add(void *arg, const char *name, const char *value)
{
	struct fuzz_request *r = arg;
	size_t len = strlen(value);
	if (len >= sizeof(r->room) - r->used)
		return;
	memcpy(r->room + r->used, value, len + 1);
	fuzz_add_value(r, name, tappet_strn(r->room + r->used, len));
	r->used += len + 1;
}

static inline void fuzz_request_init(struct fuzz_request *r, tappet_str body)
{
	memset(r, 0, sizeof(*r));
	r->request = (struct verify_request){
		.method = tappet_cstr("POST"),
		.url = tappet_cstr("https://example.org/w?a=1"),
		.path_query = tappet_cstr("/w?a=1"),
		.body = body,
		.remote = tappet_cstr("192.0.2.1"),
		.now_ms = INT64_C(1614265330000),
		.header = fuzz_header,
		.arg = r,
	};
}

/* Takes the piece up to the next line feed. */
static inline tappet_str fuzz_line(tappet_str *rest)
{
	const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	tappet_str line = tappet_strn(rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len);
	*rest = end ? tappet_strn(end + 1, rest->len - line.len - 1) : tappet_strn(NULL, 0);
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
