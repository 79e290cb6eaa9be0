/* A loop with one connection on it, for the commands that use the client library. */
#ifndef CLI_SOCKET_LINK_H
#define CLI_SOCKET_LINK_H

#include <tappet/client.h>
#include <uv.h>
#include "cli/command.h"

struct link {
	struct cli *c;
	uv_loop_t loop;
	tappet_client *client;
	int code;            /* what the process ends with */
	bool was_open;       /* it has come about */
	int64_t patience_ms; /* how long it may be away after that; 0: for ever */
	uint64_t lost;       /* since when it is, or was, without an answer since; 0: it is there */
	bool told;           /* that it is gone */
	bool unanswered;     /* something is to be sent, or was, and its answer has not come */
	uv_timer_t *timer;   /* of who uses it: closed with the connection. NULL: none */
};

/* The token is that of $TAPPET_TOKEN. CLI_OK, or what has been told. */
int link_open(struct link *l, struct cli *c, int64_t patience_ms);
/* Runs until link_end. Returns the code. */
int link_run(struct link *l);
/* An answer came: the daemon is well. */
void link_answered(struct link *l);
/* Ends it with this code; in callbacks. */
void link_end(struct link *l, int code);

#endif
