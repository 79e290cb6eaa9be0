/* Secrets are referred to, never written in place: {"env": "NAME"} or {"file": "PATH"} (relative to the folder of the
 * file that names it). Reading one is blocking I/O: at load, or on a pool thread. */
#ifndef CONFIG_SECRET_H
#define CONFIG_SECRET_H

#include <stddef.h>
#include "base/json.h"

#define SECRET_SIZE_MAX (64 * 1024)

/* 0 when `v` has the form of a reference; else -EINVAL and *message says what was expected. */
int secret_check(const struct json *v, char *message, size_t message_size);
/* The secret without one trailing newline; *ret is freed with secret_free. -ENOENT: not set or no such file;
 * -EFBIG: more than SECRET_SIZE_MAX; -EINVAL: no reference; other -errno of reading the file. */
int secret_resolve(const struct json *v, const char *folder, char **ret, size_t *ret_len);
/* Wipes, then frees. NULL is allowed. */
void secret_free(char *secret, size_t len);

#endif
