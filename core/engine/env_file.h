/* A file of NAME=VALUE lines, as systemd's EnvironmentFile= has them, but one line each: empty lines and lines that begin
 * with # or ; are comments, `export ` in front is allowed, nothing is expanded. A value may stand in single quotes (as it
 * is) or double ones (\" \\ \$ \` stand for the second character); without quotes the white space around it goes.
 * Pure. */
#ifndef ENGINE_ENV_FILE_H
#define ENGINE_ENV_FILE_H

#include <stddef.h>

/* Calls set(arg, name, value) for each, in order, until one is negative; texts are valid during the call. `text` is
 * changed on the way; text[len] is a NUL. -EINVAL with a message that begins with "NAME:LINE: "; it never shows a value. */
int env_file_parse(const char *name, char *text, size_t len, int (*set)(void *arg, const char *name, const char *value),
		   void *arg, char *message, size_t message_size);

#endif
