/* YAML as JSON, for files of other programs that come in either (libyaml; YAML 1.1 as it reads it, the core schema of YAML
 * 1.2 for plain scalars). */
#ifndef CLI_YAML_H
#define CLI_YAML_H

#include "base/buf.h"
#include "base/diag.h"

/* Writes the one document of the text as JSON. Mistakes, among them what JSON has no word for (aliases, keys that are no
 * scalars), go to `d` with their place in `file`. 0 or -EINVAL. */
int yaml_to_json(const char *file, const char *text, size_t len, struct buf *out, struct diag *d);

#endif
