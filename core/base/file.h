/* Reading files. Blocking: start-up, or a thread of the pool. Thread-safe. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

/* Reads until the end or until `size` bytes are there; a caller that must not miss a longer file asks for one byte more than
 * it takes. 0 or -errno. */
int file_read(int fd, char *bytes, size_t size, size_t *ret_len);

#endif
