/* A loop with helper processes on it, and questions put to them. */
#ifndef SUPPORT_EXPR_H
#define SUPPORT_EXPR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include "expr/expr.h"

struct world {
	uv_loop_t loop;
	uv_timer_t guard;
	struct expr *expr;
	bool closed;
	size_t fds; /* open before */
};

/* What came of one expr_run; results are copies. */
struct question {
	struct world *world;
	unsigned calls;
	struct expr_result *results;
	size_t count;
};

/* `options` without loop; helper NULL: the one of this build. NULL: the defaults, but with a deadline that a slow machine meets. */
void world_open(struct world *w, const struct expr_options *options);
/* Fails the test when something of it is left behind. */
void world_close(struct world *w);
/* Runs the loop until `done(arg)`; fails the test after 60 seconds. */
void world_until(struct world *w, bool (*done)(void *arg), void *arg);

void ask(struct world *w, struct question *q, const char *const *programs, size_t count, const char *input);
void ask_one(struct world *w, struct question *q, const char *program, const char *input);
/* The callback of a question, for those who call expr_run themselves. */
void question_answered(void *arg, const struct expr_result *results, size_t count);
void await(struct question *q);
void question_release(struct question *q);

/* Asks, waits, and demands. */
void expect(struct world *w, const char *program, const char *input, const char *json);
/* `words` (may be NULL) stand in the message. */
void expect_error(struct world *w, const char *program, const char *input, int status, const char *words);

/* The helper processes of this test, zombies too. */
size_t helper_pids(int *pids, size_t max);

#endif
