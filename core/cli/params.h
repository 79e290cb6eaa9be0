/* Parameters on the command line: -p NAME=TEXT, -p NAME:=JSON. */
#ifndef CLI_PARAMS_H
#define CLI_PARAMS_H

#include "base/json.h"
#include "cli/command.h"

/* Writes all --param of the command as a JSON object. What is wrong is told on stderr. */
bool params_write(const struct cli *c, struct buf *out);

#endif
