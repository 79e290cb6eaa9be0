/* The file: what it links with, by its ELF tables; and what it says of itself. */
#ifndef HOST_PROBE_OBJECT_H
#define HOST_PROBE_OBJECT_H

#include "host/internal.h"
#include "host/probe/board.h"

/* False: breaches make it useless to go on. */
bool object_check_links(struct board *b, const char *path);
/* Calls tappet_plugin_v1 where it can open and start nothing; before object_load, so that it is the first call. */
void object_check_pure(struct board *b, const char *path);
/* Loads it into this process. `p` is for the descriptor alone. */
bool object_load(struct board *b, const char *path, struct tappet_instance *p);
void object_check_describe(struct board *b, const char *path, const struct tappet_instance *p);
void object_check_options(struct board *b, const struct option *table, size_t count);

size_t count_entries(const char *folder); /* of /proc/self/fd or /proc/self/task */

#endif
