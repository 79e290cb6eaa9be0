/* A helper process with a socket as its standard input; nothing else of this process is open in it. */
#include "expr/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER_PROGRAMS_MAX 512

static int set_actions(posix_spawn_file_actions_t *actions, int fd)
{
	int r = posix_spawn_file_actions_adddup2(actions, fd, STDIN_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	/* jq's `stderr`, and what libjq says when it aborts. */
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	if (r == 0)
		r = posix_spawn_file_actions_addchdir_np(actions, "/");
	return r;
}

/* An own process group: a signal from the terminal is for Tappet. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int r = posix_spawnattr_setflags(attributes,
					 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setpgroup(attributes, 0);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	return r;
}

static int spawn_with(const char *path, char *const argv[], int fd, pid_t *ret_pid)
{
	char *const no_env[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_actions(&actions, fd);
		if (r == 0)
			r = set_attributes(&attributes);
		if (r == 0)
			r = posix_spawn(ret_pid, path, &actions, &attributes, argv, no_env);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int spawn_on(const char *path, size_t memory_max, size_t output_max, int fd, pid_t *ret_pid)
{
	char memory[24], output[24], programs[24], parent[24];
	char name[] = "tappet-jq";
	char *const argv[] = {name, memory, output, programs, parent, NULL};
	(void)snprintf(memory, sizeof(memory), "%zu", memory_max);
	(void)snprintf(output, sizeof(output), "%zu", output_max);
	(void)snprintf(programs, sizeof(programs), "%d", HELPER_PROGRAMS_MAX);
	(void)snprintf(parent, sizeof(parent), "%lld", (long long)getpid());
	return spawn_with(path, argv, fd, ret_pid);
}

int spawn_helper(const char *path, size_t memory_max, size_t output_max, pid_t *ret_pid, int *ret_pidfd, int *ret_fd)
{
	int fds[2];
	pid_t pid = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	/* Only ours: the helper reads and writes as it comes. */
	int r = fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (r == 0)
		r = spawn_on(path, memory_max, output_max, fds[1], &pid);
	(void)close(fds[1]);
	const int pidfd = r == 0 ? pidfd_open(pid, 0) : -1;
	if (r == 0 && pidfd < 0) {
		r = -errno;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (r < 0) {
		(void)close(fds[0]);
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	*ret_fd = fds[0];
	return 0;
}
