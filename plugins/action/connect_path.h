/* Paths into JSON that stands as text: ".meta.seq", ".items[0]", ".[\"odd name\"].id", as jq writes them; "." is the whole. What
 * they find is a piece of that text, so numbers of any size stay as they were sent. */
#ifndef ACTION_CONNECT_PATH_H
#define ACTION_CONNECT_PATH_H

#include <stdbool.h>
#include "tappet/plugin.h"

/* NULL, or what is wrong with it, in words that stand behind "a path". */
const char *path_problem(tappet_str path);
/* The value at a path that has no problem, in `json`, which is JSON. False: it is not there. */
bool path_find(tappet_str json, tappet_str path, tappet_str *ret);

#endif
