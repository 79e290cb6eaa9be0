/* Running the command line inside the test: what it prints is caught, and a daemon that plays a script answers it. */
#ifndef SUPPORT_CLI_H
#define SUPPORT_CLI_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/cli.h"

struct result {
	int code;
	char *out, *err;
};
/* Runs `tappet` with these words, NULL at the end. */
struct result run_cli(const char *const *words);
#define RUN(...) run_cli((const char *const[]){__VA_ARGS__, NULL})
void result_release(struct result *r);
/* Runs and compares the exit code only. */
#define EXPECT(expected, ...)                                                                                          \
	do {                                                                                                           \
		struct result result_ = RUN(__VA_ARGS__);                                                              \
		if (result_.code != (expected))                                                                        \
			fail_msg("exit %d, not %d: %s%s", result_.code, (expected), result_.out, result_.err);         \
		result_release(&result_);                                                                              \
	} while (0)
/* What the hook `serve` was handed last. */
extern struct serve_options served;
extern int serve_calls;

/* A temporary folder; removed with everything in it. */
int folder_open(void **state);
int folder_close(void **state);
void write_file(const char *folder, const char *name, const char *text);

/* Answers one request after the other, each on its own connection, by the script; wrong requests are told by
 * script_end. */
struct scene {
	const char *request;  /* what the request line begins with: "GET /api/v1/workflows " */
	const char *expected; /* must be in its body; NULL: anything */
	int status;           /* 0: none; with STAYS_OPEN, the connection stays open behind the body until script_end */
	const char *body;
};
#define STAYS_OPEN 1000
struct script;
struct script *script_start(const char *folder, const struct scene *scenes, size_t count);
/* "unix:PATH" */
const char *script_server(const struct script *s);
/* Fails the test unless every scene was played. */
void script_end(struct script *s);

#endif
