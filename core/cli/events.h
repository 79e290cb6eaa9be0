/* Events as they come, for people or for programs, whichever way they come. */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "base/json.h"
#include "cli/command.h"

#define EVENT_TYPES_MAX 64

/* What is asked for, and how far it is. */
struct events {
	const struct cli *c;
	const char *workflow, *team, *activity; /* or NULL */
	const char *types[EVENT_TYPES_MAX + 1]; /* NULL at the end; none: the usual ones */
	char *type_text;                        /* what `types` point into */
	bool replay;                            /* `position` is the last one that was dealt with */
	int64_t position;
	int64_t left; /* so many more are wanted; 0: no end */
	bool over;
};

/* From the command's options; what is wrong has been told. CLI_OK or CLI_USAGE. */
int events_read(const struct cli *c, struct events *ret);
void events_release(struct events *e);
/* One event as the daemon writes it: printed, unless it was before. */
void events_take(struct events *e, const struct json *event);
/* Some are not kept any more. */
void events_gap(struct events *e, int64_t from, int64_t to);
/* The daemon begins behind this one, which may be a smaller one than was asked for: there are no later ones, or its store was
 * restored and the numbers begin again. */
void events_begin(struct events *e, int64_t position);
/* Nothing up to here is for this filter. */
void events_move(struct events *e, int64_t position);

#endif
