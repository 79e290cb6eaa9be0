/* Numbers of bytes as they stand in the files: 10, 64KiB, 1MiB, 2GiB. Thread-safe. */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdint.h>

/* 0, -EINVAL or -ERANGE (more than 2^62). */
int size_parse(const char *text, uint64_t *ret);

#endif
