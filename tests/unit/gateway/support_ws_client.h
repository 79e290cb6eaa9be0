/* A connection to a peer, and what its owner was told. */
#ifndef SUPPORT_WS_CLIENT_H
#define SUPPORT_WS_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>
#include <cmocka.h>
#include "base/buf.h"
#include "gateway/websocket.h"

#ifndef WAIT_MS
#define WAIT_MS 20000
#endif
#define ENDS_MAX 16

struct told {
	int code, error;
	char reason[128];
	char detail[320];
	int64_t retry_ms;
};

struct outgoing {
	struct world *world;
	struct websocket *socket; /* NULL: gone */
	unsigned opened, messages, drained;
	struct told ends[ENDS_MAX];
	unsigned end_count;
	bool is_text; /* of the last message */
	struct buf last;
	bool echo;          /* sends back what comes */
	bool close_at_open; /* with 1000 */
	bool pause_at_message;
	bool inside; /* of a call of the test: no callback may come */
};

struct world {
	uv_loop_t loop;
	struct ws_client *client;
	bool closed;
};

void world_open(struct world *w);
/* Closes what is left, and waits for it. */
void world_close(struct world *w);
/* Everything usual; the test changes what it is about. */
void connect_options(struct websocket_connect *o, const char *url);
void outgoing_connect(struct outgoing *o, struct world *w, const struct websocket_connect *options);
void outgoing_release(struct outgoing *o);
int outgoing_say(struct outgoing *o, const char *text);
#define world_wait(w, condition)                                                                                       \
	do {                                                                                                           \
		uint64_t until_ = uv_hrtime() + WAIT_MS * (uint64_t)1000000;                                           \
		while (!(condition)) {                                                                                 \
			if (uv_hrtime() > until_)                                                                      \
				fail_msg("waited too long for: %s", #condition);                                       \
			world_turn(w);                                                                                 \
		}                                                                                                      \
	} while (0)
void world_turn(struct world *w);

#endif
