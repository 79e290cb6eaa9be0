/* Files that people hand to a command. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include "base/buf.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)

/* Appends a whole file, "-" for stdin. What went wrong is told on stderr. */
bool input_read(const char *path, struct buf *out);

#endif
