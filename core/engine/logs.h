/* What a step writes to stdout or stderr: read from the pipe, masked, handed to the store in pieces. Bounded: while too much is
 * with the store nothing is read, and the step has to wait. */
#ifndef ENGINE_LOGS_H
#define ENGINE_LOGS_H

#include "engine/internal.h"
#include "engine/mask.h"
#include "engine/tail.h"

struct log_stream {
	struct engine *engine;
	const struct activity *activity; /* for its id */
	uint32_t step, attempt;
	char stream;
	const struct mask *secrets;
	int fd;
	uv_poll_t poll;
	bool polling, at_end;
	struct list paused;
	struct log_piece *piece; /* being filled; NULL when nothing is */
	size_t taken;            /* bytes so far */
	bool full;               /* beyond the store's limit: only the tail is kept */
	struct mask_stream mask;
	struct tail tail;
	void (*closed)(void *arg);
	void *arg;
	void (*filling)(void *arg); /* the first byte of a piece has come: flush it within a second */
};

/* Takes `fd` over. The caller has set the fields down to `secrets`, and closed, filling, arg. */
int logs_open(struct log_stream *l, int fd);
void logs_flush(struct log_stream *l);
/* Reads what is there now without waiting for an end of file: somebody else may hold the other end for ever. It is the
 * end of the log. */
void logs_drain(struct log_stream *l);
/* true: `closed(arg)` follows. false: nothing was open. */
bool logs_close(struct log_stream *l);

#endif
