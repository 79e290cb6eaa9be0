/* A temporary folder for one test, and files in it. */
#ifndef TESTS_UNIT_CONFIG_SUPPORT_FOLDER_H
#define TESTS_UNIT_CONFIG_SUPPORT_FOLDER_H

#include <stddef.h>

/* Makes the folder; its path is *state. For cmocka's setup and teardown. */
int folder_setup(void **state);
/* Removes it with all that is in it. */
int folder_teardown(void **state);
/* Writes a file into the folder; its path is valid until the next call. */
const char *folder_write(const char *folder, const char *name, const char *text);
const char *folder_write_bytes(const char *folder, const char *name, const void *bytes, size_t len);

#endif
