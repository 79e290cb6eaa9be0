/* The list of mistakes found in files that people write: each with file, line, column and words that say what was
 * expected. A reader of files collects all mistakes of one pass here instead of stopping at the first. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stddef.h>
#include "base/buf.h"

struct diag_item {
	char *file;
	unsigned line, column; /* from 1; 0: the file as a whole */
	char *message;
};

struct diag {
	struct diag_item *items;
	size_t count;
	size_t dropped; /* beyond DIAG_MAX */
};

#define DIAG_MAX 1000

void diag_init(struct diag *d);
void diag_release(struct diag *d);
void diag_add(struct diag *d, const char *file, unsigned line, unsigned column, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* One line per mistake: FILE:LINE:COLUMN: message */
void diag_print(const struct diag *d, struct buf *out);

#endif
