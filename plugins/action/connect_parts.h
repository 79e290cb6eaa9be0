/* What the two halves of a trigger that connects out share. */
#ifndef ACTION_CONNECT_PARTS_H
#define ACTION_CONNECT_PARTS_H

#include "common/text.h"
#include "connect.h"
#include "connect_spec.h"
#include "connect_template.h"

#define CURSOR_KEY "cursor"
#define DEDUP_KEY_MAX 255
/* What a checkpoint may have. */
#define CURSOR_MAX ((size_t)64 << 10)
/* Messages that are not settled yet. */
#define WINDOW_COUNT 256
#define WINDOW_BYTES ((size_t)4 << 20)

struct flight;

struct connect {
	const struct connect_owner *owner;
	tappet_trigger *trigger; /* NULL: it was removed */
	struct connect_spec spec;
	size_t refs; /* the trigger, the socket, messages under way */
	tappet_ws *socket;
	bool open; /* messages may be sent */
	bool stopping;
	uint64_t generation; /* of the connection: an answer is for the one that the message came by */
	int64_t heard_ms;    /* monotonic: the last message */
	tappet_timer *heartbeat, *stall, *again;
	/* connect_flow.c */
	struct flight *first, **last; /* in the order in which they came */
	size_t window_count, window_bytes;
	size_t in_flight; /* handed over, and not called back yet */
	bool blocked;     /* no credit: until connect_resume */
	bool holding;     /* the store took something not: until the others are back, and a while longer */
	bool paused;      /* what the host was told */
	int64_t retry_ms; /* the next while */
	tappet_timer *retry;
	struct text cursor; /* JSON, of the last message that came; empty: none yet */
};

void connect_unref(struct connect *c);
/* Sends a message that is made. False: it could not be sent, and the connection is being given up. */
bool connect_say(struct connect *c, const struct connect_message *message, const struct template_values *values);

/* A message came. */
void flow_take(struct connect *c, int32_t kind, tappet_str bytes);
/* Hands over what waits, as far as there is credit. */
void flow_pump(struct connect *c);
/* Nothing more is handed over. */
void flow_stop(struct connect *c);

#endif
