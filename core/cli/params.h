/* Parameters on the command line: -p NAME=TEXT, -p NAME:=JSON. */
#ifndef CLI_PARAMS_H
#define CLI_PARAMS_H

#include "base/json.h"
#include "cli/command.h"

/* Writes all --param of the command as a JSON object. What is wrong is told on stderr. */
bool params_write(const struct cli *c, struct buf *out);
/* Text that has to be JSON; `what` names it in the message. */
bool params_write_json(struct buf *out, const char *what, const char *text, size_t len);

#endif
