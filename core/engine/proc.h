/* The processes of the machine, as /proc shows them. Any thread. */
#ifndef ENGINE_PROC_H
#define ENGINE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	pid_t pid, parent, group, session;
	uint64_t start; /* in ticks since the machine has started: with the pid it names a process for good */
	bool ours;      /* for the caller */
};

struct procs {
	struct proc *items;
	size_t count, cap;
};

/* -ENOENT: there is none, or a zombie, which nothing can happen to any more. */
int proc_read(pid_t pid, struct proc *ret);
/* All but zombies, this process and its own children. */
int procs_read(struct procs *p);
/* NULL: not there. */
const struct proc *procs_find(const struct procs *p, pid_t pid);
void procs_release(struct procs *p);

/* Which start of the machine this is; the ticks begin anew with each. */
int proc_boot_id(char ret[static 40]);

#endif
