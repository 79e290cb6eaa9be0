/* Triggers that connect out: what a server sends becomes an activity each, and where it stopped is where it goes on, across
 * broken connections and restarts of the daemon.
 *
 *   connect.c        the connection: opening messages, heartbeat, silence, health
 *   connect_flow.c   its messages on their way into the store, in order, with the cursor
 *   connect_spec.h   the options; connect_path.h, connect_template.h: what it may name
 *
 * The cursor is a checkpoint: it is committed with the activity of the message that it is from. What was received and is not
 * settled yet is kept, bounded, and handed over again when the store took nothing; meanwhile the server is held up by TCP. */
#ifndef ACTION_CONNECT_H
#define ACTION_CONNECT_H

#include <stdbool.h>
#include "tappet/plugin.h"
#include "tappet/ws.h"

struct connect;

/* Of the plugin; it stays until the last struct connect is gone. */
struct connect_owner {
	const tappet_host *host;
	const tappet_ws1 *ws;
	tappet_instance *self;
	/* Something begins that holds up the end of the plugin, and has ended. */
	void (*begin)(void *arg);
	void (*end)(void *arg);
	void *arg;
};

/* For check_trigger: whatever is wrong with the options is told at its place. */
void connect_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config);
/* Of a trigger with the option `connect`. It connects after connect_start. */
int32_t connect_add(const struct connect_owner *owner, tappet_trigger *trigger, const tappet_trigger_info *info,
		    struct connect **ret);
void connect_start(struct connect *c);
/* There is credit again. */
void connect_resume(struct connect *c);
/* Nothing new is taken; what is under way ends. */
void connect_stop(struct connect *c);
/* The trigger was removed: it is let go of when nothing is under way any more. */
void connect_remove(struct connect *c);

#endif
