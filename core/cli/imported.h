/* What the imports have in common: the workflow's file as people read it, and notes as JSON. */
#ifndef CLI_IMPORTED_H
#define CLI_IMPORTED_H

#include "base/diag.h"
#include "base/json.h"

/* The definition as it goes into its file. 0 or negative. */
int imported_file(const struct buf *json, struct buf *out);
/* [{"line":…,"message":…}, …] */
void imported_notes(const struct diag *notes, struct buf *out);

#endif
