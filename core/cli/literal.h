/* Text that a workflow takes as it is: in what is imported, "$(" never meant a substitution of ours. */
#ifndef CLI_LITERAL_H
#define CLI_LITERAL_H

#include "base/json.h"

/* Writes it as a JSON string, with "$$(" for "$(". */
void literal_write(struct buf *out, const char *text);

#endif
