/* A command as a process group of its own, so that what it starts ends with it. May block: not for the loop. */
#ifndef EXAMPLES_CHILD_H
#define EXAMPLES_CHILD_H

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/* By /bin/sh, with `output` as its standard output. 0: it did not start. */
static inline pid_t child_start(char *command, int output)
{
	char *const arguments[] = {(char[]){"sh"}, (char[]){"-c"}, command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid = 0;

	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	if (posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments, environ) != 0)
		pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return pid;
}

/* Waits until it has ended, and after a second makes it end. Its number stays its own until child_forget. */
static inline void child_wait(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	for (int i = 0; i < 100 && info.si_pid == 0; i++)
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == 0)
			usleep(10000);
	kill(-pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static inline void child_forget(pid_t pid)
{
	waitpid(pid, NULL, 0);
}

#endif
