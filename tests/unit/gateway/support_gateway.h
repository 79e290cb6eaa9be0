/* A real gateway on loopback inside the test's own loop, and clients that send raw bytes. Everything runs in one
 * thread: each wait turns the loop until its condition holds or WAIT_MS have passed, which fails the test. */
#ifndef SUPPORT_GATEWAY_H
#define SUPPORT_GATEWAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/metrics.h"
#include "gateway/gateway.h"

#ifndef WAIT_MS
#define WAIT_MS 20000
#endif
#define HELD_MAX 128

struct fixture {
	uv_loop_t loop;
	struct metrics *metrics;
	struct gateway *gateway;
	char *address;
	int port;
	/* What /late/{n} has been given and not answered, in order of arrival. */
	struct http_request *held[HELD_MAX];
	size_t held_count;
	unsigned gone;  /* calls of on_gone */
	unsigned calls; /* of any handler */
	bool closed;
};

struct client {
	struct fixture *fixture;
	int fd;
	struct buf in;
	bool ended; /* EOF */
	bool reset;
};

void fixture_options(struct fixture *f, struct gateway_options *options);
/* Surfaces: 1. Serves /ok, /echo (GET, POST, PUT), /late/{n}, /big (4 MiB), /stream (held), /say?... */
void fixture_open(struct fixture *f, const struct gateway_options *options);
/* Closes the gateway without waiting; f->closed is set when it is gone. */
void fixture_begin_close(struct fixture *f);
/* Answers what is held, closes what is open, and waits for it. */
void fixture_close(struct fixture *f);
/* Turns the loop once, waiting a little for something to happen on it or on the client (may be NULL). */
void fixture_turn(struct fixture *f, const struct client *c);
void fixture_route(struct fixture *f, const char *methods, const char *pattern, route_handler handler);
#define fixture_wait(f, condition)                                                                                     \
	do {                                                                                                           \
		uint64_t until_ = uv_hrtime() + WAIT_MS * (uint64_t)1000000;                                           \
		while (!(condition)) {                                                                                 \
			if (uv_hrtime() > until_)                                                                      \
				fail_msg("waited too long for: %s", #condition);                                       \
			fixture_turn((f), NULL);                                                                       \
		}                                                                                                      \
	} while (0)
/* Answers the index-th held request with `text`. */
int fixture_answer(struct fixture *f, size_t index, const char *text);

void client_open(struct client *c, struct fixture *f);
void client_open_unix(struct client *c, struct fixture *f, const char *path);
void client_close(struct client *c);
/* Closes so that the other side gets a reset. */
void client_abort(struct client *c);
/* Sends all of it in pieces of `piece` bytes, turning the loop after each. Stops when the connection is reset. */
void client_send(struct client *c, const char *bytes, size_t len, size_t piece);
void client_say(struct client *c, const char *text);
/* No more will be sent. */
void client_finish(struct client *c);
/* Reads what is there. */
void client_poll(struct client *c);
/* The statuses of all complete answers so far, as "200 404", 1xx too; returns how many. Bodies are framed as HTTP says,
 * which the test fails by when they are not. */
size_t client_statuses(const struct client *c, char *ret_text, size_t size);
/* The body of the index-th answer that is complete. "" when it has none. */
const char *client_body(struct client *c, size_t index, size_t *ret_len);
/* Waits for `count` complete answers. */
void client_wait(struct client *c, size_t count);
/* Waits for the end of the connection. */
void client_wait_end(struct client *c);
/* A request for /ok on a connection of its own is answered 200. */
void assert_still_serves(struct fixture *f);
#define assert_statuses(c, expected)                                                                                   \
	do {                                                                                                           \
		char statuses_[8192];                                                                                  \
		client_statuses((c), statuses_, sizeof(statuses_));                                                    \
		assert_string_equal(statuses_, (expected));                                                            \
	} while (0)

#define HOST "Host: h\r\n"

#endif
