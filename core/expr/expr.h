/* jq programs (libjq's language, 1.6): filters, mappings and conditions that users write, run over values that strangers send.
 *
 * They run in helper processes, the program `tappet-jq`: no environment, no files, little memory, killed at a deadline. A
 * program that crashes jq, eats memory or never ends costs the request it belongs to and nothing else. This part knows
 * nothing of what programs are for and keeps none; it never blocks the loop (expr_check does: it is for pool threads and for
 * the command line). Used by engine, cli and daemon.
 *
 * jq's numbers are doubles: whole numbers beyond 2^53 are rounded. `env` and $ENV are {}, `input` has no further inputs,
 * `import` finds no module, `halt` is an error. */
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/buf.h"

struct metrics;

/* The path of `tappet-jq` as seen from the running program: beside it (a build) or where it is installed. 0 or negative. */
int expr_helper_path(char **ret);

/* ---- Running: loop thread only ---------------------------------------------------------------------------------- */

struct expr;

/* 0 takes the default that is named. */
struct expr_options {
	uv_loop_t *loop;
	const char *helper;      /* copied */
	size_t processes;        /* 2 */
	int64_t deadline_ms;     /* 1000: a request's programs in all, from when a helper turns to it */
	size_t memory_max;       /* 256 MiB of address space, a helper */
	size_t output_max;       /* 1 MiB, a result */
	size_t queue_max;        /* 10000 requests not yet answered */
	size_t queue_bytes_max;  /* 64 MiB of them */
	struct metrics *metrics; /* may be NULL */
};

struct expr_program {
	const char *text;
	size_t input; /* index into the inputs */
};

struct expr_input {
	const char *json;
	size_t len;
};

/* status  0           `json` is the first output, compact, in valid UTF-8, not deeper than JSON_DEPTH_MAX; further outputs
 *                     are not even computed
 *         -ENODATA    no output (`empty`, and error(null))
 *         -EINVAL     it does not compile, or failed, or its input or result is no JSON
 *         -E2BIG      its output is too large, or those of the request are together (16 MiB)
 *         -ETIMEDOUT  it did not end in time
 *         -ENOMEM     it needs too much memory, or ended the helper in another way
 *         -EIO        no helper could be started
 *         -ECANCELED  expr_close came first
 * With an error other than -ENODATA `message` says more, in one line; otherwise it is NULL. `json` is NUL-terminated, "" with
 * an error. When a program ends its helper, those behind it in the request get the same. */
struct expr_result {
	int status;
	const char *json;
	size_t len;
	const char *message;
};

/* One result for each program, in their order; they live until it returns. It may call expr_run and expr_close. */
typedef void (*expr_cb)(void *arg, const struct expr_result *results, size_t count);

/* No helper is started before it is needed; helpers end with the thread that starts them, the loop's. 0, -EINVAL, -ENOMEM, or an error of libuv. */
int expr_open(const struct expr_options *options, struct expr **ret);
/* What is not answered gets -ECANCELED, then `closed(arg)` is called, both at later turns of the loop. Nothing may be called
 * afterwards. NULL is taken; then `closed` is called at once. */
void expr_close(struct expr *e, void (*closed)(void *arg), void *arg);

/* Copies everything. The programs run one after another, under one deadline. `cb` is called exactly once, at a later turn of the
 * loop. 0; -EBUSY: too much is waiting; -E2BIG: larger than a helper takes (32 MiB, 1024 programs, 1024 inputs); -EINVAL: no program, or an
 * input that is not there; -ECANCELED: it is closed; -ENOMEM. After an error `cb` is not called. */
int expr_run(struct expr *e, const struct expr_program *programs, size_t program_count, const struct expr_input *inputs,
	     size_t input_count, expr_cb cb, void *arg);

/* ---- Results ---------------------------------------------------------------------------------------------------- */

/* As jq sees it: false for false and null, and for no output and errors. */
bool expr_truth(const struct expr_result *result);
/* Appends a string as it is, another value as JSON. 0, the result's status, -EINVAL (a string with a NUL), or `out`'s error. */
int expr_text(const struct expr_result *result, struct buf *out);

/* ---- Checking: blocks ------------------------------------------------------------------------------------------- */

struct expr_check_item {
	const char *program;
	int status;    /* set: 0 or -EINVAL */
	char *message; /* set: with -EINVAL what is wrong, in one line; freed by expr_check_release */
};

/* Compiles each program, in a helper of its own that is gone afterwards; one takes 15 ms, or `deadline_ms` (0: 5000) at most. A
 * program that does not end or kills the helper fails alone. 0; negative: no helper could be started or there is no memory,
 * and nothing is set. */
int expr_check(const char *helper, struct expr_check_item *items, size_t count, int64_t deadline_ms);
void expr_check_release(struct expr_check_item *items, size_t count);

#endif
