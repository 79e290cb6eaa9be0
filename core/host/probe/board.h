/* Where breaches are written: memory shared with the parent, so that they outlive a crash. The first breach of a rule stays. */
#ifndef HOST_PROBE_BOARD_H
#define HOST_PROBE_BOARD_H

#include <stdbool.h>
#include "host/probe/probe.h"

enum rule {
	LINK_SYMBOL,
	LINK_UNDEFINED,
	LINK_TEXTREL,
	DESC_LOAD,
	DESC_PURE,
	DESC_OPTIONS,
	DESC_CHECK,
	LIFE_CREATE,
	LIFE_OPTIONS,
	LIFE_TWICE,
	LIFE_CRASH,
	LIFE_ORDER,
	LIFE_STOP,
	LIFE_STOPPED,
	LIFE_LEFTOVER,
	LIFE_HANDLE,
	LIFE_AFTER,
	EMIT_VALID,
	EMIT_STATE,
	EMIT_BUSY,
	EMIT_RETRY,
	THREAD_LOOP,
	THREAD_SLOW,
	THREAD_LEFT,
	MEM_KEPT,
	MEM_TRIGGERS,
	MEM_INSTANCE,
	MEM_FDS,
	TIME_JUMP,
	TIME_STORM,
	HTTP_ANSWER,
	HTTP_COMMIT,
	HTTP_VALID,
	HTTP_ODD,
	EVENTS_ODD,
	WS_ANSWER,
	WS_VALID,
	WS_ODD,
	RULES
};

struct board {
	struct {
		enum probe_state state;
		char detail[240];
	} rules[RULES];
	char where[160]; /* the callback that is running, for crashes */
	bool finished;   /* the scenario came to its end */
};

struct probe_report {
	struct board *board;
};

void board_broken(struct board *b, enum rule rule, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* There was something to check. */
void board_applies(struct board *b, enum rule rule);

#endif
