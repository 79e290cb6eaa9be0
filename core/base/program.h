/* Where the files are that came with the running program: an installation can be moved. Thread-safe. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stddef.h>

/* The first of `places` (relative to the program's folder) that exists, else the last one. *ret is the caller's. 0 or -errno. */
int program_find(const char *const *places, size_t count, char **ret);

#endif
