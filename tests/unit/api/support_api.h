/* The REST interface over a real gateway, engine and store in a temporary folder, and a client on the same loop. */
#ifndef SUPPORT_API_H
#define SUPPORT_API_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uv.h>
#include "api/api.h"
#include "base/json.h"

#define ADMIN_TOKEN "admin-token-for-tests"

struct fixture {
	uv_loop_t loop;
	char folder[64], socket[96];
	int port;
	struct metrics *metrics;
	struct health *health;
	struct bus *bus;
	struct store *store;
	struct gateway *gateway;
	struct engine *engine;
	struct api *api;
	int reload_status; /* what the next reload says */
	const char *reload_mistakes;
	unsigned switched; /* calls of `enabled` */
	bool hold_switch;  /* keeps the answer of `enabled` back */
	void (*in_line)(void *arg);
	void *in_line_arg;
	bool hold_reload; /* keeps the answer back */
	void (*held)(void *arg, int status, const char *mistakes);
	void *held_arg;
};

/* One workflow "hello" (parameter name, a trigger "push" of plugin webhook, steps greet and pause), "slow" (sleeps
 * for an hour), "quick" (sleeps for 1 ms), "talk" (says one, and two when the file of its parameter is there) and
 * "locked" ("manual": false). */
int fixture_open(void **state);
/* With a store that keeps no events for longer than a moment. */
int fixture_open_forgetful(void **state);
int fixture_close(void **state);
/* Opens the api of the fixture; not ready yet. */
void open_api(struct fixture *f);

struct reply {
	int status;
	char *text; /* the whole of it, NUL-terminated */
	const char *body;
	struct json *json;
};
void reply_release(struct reply *r);
/* The value of a header field, or NULL; the text goes on behind it. */
const char *reply_header(const struct reply *r, const char *name);

/* Over the control socket. */
struct reply call(struct fixture *f, const char *method, const char *path, const char *body);
/* Over TCP, with these header lines (each with CRLF) besides Host. */
struct reply call_tcp(struct fixture *f, const char *method, const char *path, const char *host, const char *headers);

void assert_problem(const struct reply *r, int status, const char *type, const char *word);
/* Calls and expects a problem of this status and type, with `word` in its detail. */
void expect_problem(struct fixture *f, const char *method, const char *path, const char *body, int status,
		    const char *type, const char *word);

/* A call that is sent but not waited for. */
struct exchange;
struct exchange *exchange_start(struct fixture *f, const char *method, const char *path, const char *body);
/* With these header lines, each with CRLF. */
struct exchange *exchange_start_with(struct fixture *f, const char *method, const char *path, const char *headers,
				     const char *body);
struct reply exchange_end(struct exchange *x);
/* All that has come, NUL-terminated; valid until the loop turns. */
const char *exchange_so_far(struct exchange *x);
/* Reads nothing until exchange_resume. */
void exchange_pause(struct exchange *x);
void exchange_resume(struct exchange *x);
/* Closes it as it is. */
void exchange_abandon(struct exchange *x);

/* Turns the loop until `ready(arg)`; fails the test after 20 s. */
void turn_until(struct fixture *f, bool (*ready)(void *arg), void *arg);
/* Starts hello or another one; the id goes to `id`. */
void run_workflow(struct fixture *f, const char *slug, char id[static 25]);
/* Asks again until the activity has this status. */
void await_status(struct fixture *f, const char *id, const char *status);

#endif
