/* What a helper process takes from itself before it reads a request. */
#ifndef EXPR_HELPER_CONFINE_H
#define EXPR_HELPER_CONFINE_H

#include <stddef.h>
#include <sys/types.h>

/* No file, no other process, no network; at most `memory_max` bytes of address space; the end with its parent. 0 or -errno.
 * Standard input and output stay as they are. */
int confine(size_t memory_max, pid_t parent);

#endif
