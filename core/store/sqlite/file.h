/* The files beside the database: the lock against a second daemon, and the ballast that is given up when the disk is
 * full. */
#ifndef STORE_SQLITE_FILE_H
#define STORE_SQLITE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes an empty file of mode 0600, or sets the mode of the one that is there. It is never opened when it exists:
 * closing it would drop SQLite's own locks. */
int file_make(const char *path);
/* Holds PATH.lock until *ret_fd is closed. -EBUSY: another process holds it. */
int file_lock(const char *path, int *ret_fd);
int file_sync_folder(const char *path);

/* Sets `size` bytes aside in PATH.ballast, unless they are; 0: nothing to do. */
int ballast_make(const char *path, size_t size);
/* Whether there was one. */
bool ballast_free(const char *path);
/* Whether the disk of a file has room for so many bytes more. */
bool file_room(const char *path, size_t size);
/* Whether the disk has room for a ballast of that size (unless it is there) and something beside it. */
bool ballast_fits(const char *path, size_t size);

#endif
