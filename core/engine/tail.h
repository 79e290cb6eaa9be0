/* The last lines of what a process wrote, for the message that says why it failed. */
#ifndef ENGINE_TAIL_H
#define ENGINE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

/* More than is shown: escape sequences and empty lines take room. */
#define TAIL_KEPT 1536

struct tail {
	char bytes[TAIL_KEPT];
	size_t len;
	bool cut; /* there was more before */
};

void tail_put(struct tail *t, const char *text, size_t len);
/* Appends at most 5 lines and 400 bytes, joined by " | ": UTF-8, without control characters and escape sequences. */
void tail_write(const struct tail *t, struct buf *out);

#endif
