/* A file per running attempt that says which process leads it, for the start after a crash: a process that has
 * overwritten its environment is not to be found by TAPPET_RUN. It can be written only once the process runs: a crash in
 * between leaves that one to TAPPET_RUN alone. It is not synced: a crash of the machine ends the process, too. Pool
 * threads. */
#ifndef ENGINE_RUNNING_H
#define ENGINE_RUNNING_H

#include "engine/proc.h"

struct running {
	pid_t pid, session; /* the session is that of the daemon */
	uint64_t start;
};

int running_write(const char *path, pid_t pid);
/* Those of this start of the machine, from a folder with such files (*.pid); *ret is the caller's to free. */
int running_read(const char *folder, struct running **ret, size_t *ret_count);

#endif
