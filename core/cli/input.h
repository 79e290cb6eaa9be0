/* Files that people hand to a command. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include "base/buf.h"

#define INPUT_MAX ((size_t)64 * 1024 * 1024)

/* Appends a whole file, "-" for stdin. What went wrong is told on stderr. */
bool input_read(const char *path, struct buf *out);
/* A value as it stands on the command line, or with "@" in front the file that holds it (@- is stdin). As above. */
bool input_value(const char *argument, struct buf *out);
/* Appends a JSON text as one value; what is none is told on stderr, where it is called `what`. */
bool input_json(const char *what, const char *text, size_t len, struct buf *out);

#endif
