/* What the files of expr/ share. Nothing outside this folder includes it.
 *
 *   expr_run -> waiting -> sent (of one helper) -> done -> callback
 *                  ^          |
 *                  '----------'  its helper died of another request
 */
#ifndef EXPR_INTERNAL_H
#define EXPR_INTERNAL_H

#include <sys/types.h>
#include "base/list.h"
#include "expr/expr.h"
#include "expr/frame.h"

#define EXPR_MEMORY_MAX ((size_t)256 * 1024 * 1024)
#define EXPR_OUTPUT_MAX ((size_t)1024 * 1024)
/* All results of one request. */
#define EXPR_RESULTS_MAX ((size_t)16 * 1024 * 1024)
/* A helper holds as many requests (or bytes) beside the one that it is at, so that it need not wait for the loop. They wait
 * for that one, so there are few. */
#define EXPR_AHEAD_MAX 8
#define EXPR_AHEAD_BYTES ((size_t)256 * 1024)
/* A request that lost its helper this often before its turn came gives up: it may be what kills them. */
#define EXPR_TRIES_MAX 3
/* After that many failed starts in a row what waits is answered; the next start is for what comes later. */
#define EXPR_STARTS_MAX 3
#define EXPR_BACKOFF_MS 50
#define EXPR_BACKOFF_MAX_MS 5000
#define EXPR_START_MS 10000 /* a helper that has not said hello by then never will */

/* ---- A request -------------------------------------------------------------------------------------------------- */

struct request {
	struct list node; /* in waiting, in a helper's sent, or in done */
	uint32_t id;
	struct buf frame;
	expr_cb cb;
	void *arg;
	struct expr_result *results; /* json and message are owned */
	size_t count, answered;
	size_t result_bytes;
	unsigned tries;
	bool begun; /* the helper said so */
	int64_t since_ms;
};

/* request.c: encodes. */
int request_make(const struct expr_program *programs, size_t program_count, const struct expr_input *inputs,
		 size_t input_count, struct request **ret);
void expr_request_free(struct request *r);
void request_set_id(struct request *r, uint32_t id);
/* The next answer; `text` is JSON when the status is 0 and otherwise the message. -ENOMEM leaves it without text. */
void request_answer(struct request *r, int status, const char *text, size_t len);
/* All answers that are missing. */
void request_fail(struct request *r, int status, const char *message);

/* ---- A helper process ------------------------------------------------------------------------------------------- */

/* Blocking only as long as posix_spawn is (0.1 ms). *ret_fd is the socket to it, not blocking. 0 or -errno. */
int spawn_helper(const char *path, size_t memory_max, size_t output_max, pid_t *ret_pid, int *ret_pidfd, int *ret_fd);

/*   DOWN -> STARTING -hello-> READY -> ENDING -reaped, closed-> DOWN
 *               '--- killed, or ended by itself ---^               */
enum helper_state { HELPER_DOWN, HELPER_STARTING, HELPER_READY, HELPER_ENDING };

struct helper {
	struct expr *expr;
	enum helper_state state;
	bool was_ready;
	pid_t pid;
	int pidfd, fd;
	uv_poll_t socket_poll, exit_poll;
	unsigned open; /* poll handles that have not been closed yet */
	uv_timer_t deadline;
	struct frame_reader reader;
	struct list sent; /* requests in the order of their sending; the helper is at the first one */
	size_t sent_count, sent_bytes;
	struct request *writing; /* in `sent`; NULL: all is written */
	size_t written;          /* bytes of it */
};

/* helper.c. A start that fails at once is counted by expr_start_failed. */
int helper_init(struct helper *h, struct expr *e);
void helper_start(struct helper *h);
bool helper_has_room(const struct helper *h, const struct request *r);
void helper_give(struct helper *h, struct request *r);
/* Ends the process, whatever it is at; what was sent stays with the caller to be taken away before. */
void helper_kill(struct helper *h);

/* ---- All of them ------------------------------------------------------------------------------------------------ */

struct expr_metrics {
	struct metric *results[2]; /* well, with an error */
	struct metric *starts, *waiting, *seconds;
};

struct expr {
	uv_loop_t *loop;
	struct expr_options options; /* defaults filled in; `helper` is owned */
	struct helper *helpers;
	struct list waiting, done;
	size_t queued, queued_bytes; /* not in done */
	uint32_t last_id;
	uv_timer_t deliver, restart;
	unsigned start_failures; /* in a row */
	int64_t restart_ms;      /* no start before */
	bool closing;
	unsigned open; /* handles of its own, while it is closed */
	void (*closed)(void *arg);
	void *closed_arg;
	struct expr_metrics metrics;
};

/* expr.c */
void expr_dispatch(struct expr *e);
/* All is answered: the callback is due. Takes `r` out of its list. */
void expr_finish(struct expr *e, struct request *r);
/* Takes back what a helper had been sent, as it had not been. */
void expr_requeue(struct expr *e, struct list *sent);
void expr_start_failed(struct expr *e, const char *message);
void expr_helper_down(struct expr *e);

#endif
