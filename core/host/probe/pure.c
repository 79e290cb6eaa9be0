/* Whether tappet_plugin_v1 is pure, seen from the kernel: a process of its own calls it with a filter that traps what opens,
 * starts, sends or changes something. What is opened and closed again would leave no trace otherwise. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "host/probe/object.h"

struct call {
	uint32_t number;
	const char *name;
};

/* Reading the clock, memory and what is written to standard error are left to it. */
static const struct call calls[] = {
#ifdef SYS_open /* not on newer architectures, which have the ...at calls alone */
	{SYS_open, "open"},
	{SYS_creat, "creat"},
	{SYS_unlink, "unlink"},
	{SYS_rename, "rename"},
	{SYS_mkdir, "mkdir"},
	{SYS_rmdir, "rmdir"},
	{SYS_symlink, "symlink"},
	{SYS_link, "link"},
	{SYS_pipe, "pipe"},
	{SYS_fork, "fork"},
	{SYS_vfork, "vfork"},
	{SYS_inotify_init, "inotify_init"},
	{SYS_epoll_create, "epoll_create"},
	{SYS_eventfd, "eventfd"},
#endif
	{SYS_openat, "openat"},
	{SYS_unlinkat, "unlinkat"},
	{SYS_renameat2, "renameat2"},
	{SYS_mkdirat, "mkdirat"},
	{SYS_symlinkat, "symlinkat"},
	{SYS_linkat, "linkat"},
	{SYS_pipe2, "pipe2"},
	{SYS_clone, "clone"},
	{SYS_clone3, "clone3"},
	{SYS_execve, "execve"},
	{SYS_execveat, "execveat"},
	{SYS_socket, "socket"},
	{SYS_socketpair, "socketpair"},
	{SYS_inotify_init1, "inotify_init1"},
	{SYS_epoll_create1, "epoll_create1"},
	{SYS_eventfd2, "eventfd2"},
	{SYS_timerfd_create, "timerfd_create"},
	{SYS_signalfd4, "signalfd4"},
	{SYS_memfd_create, "memfd_create"},
	{SYS_setitimer, "setitimer"},
	{SYS_timer_create, "timer_create"},
	{SYS_chdir, "chdir"},
	{SYS_umask, "umask"},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* A signal handler has no other way to it; of the process that makes the call. */
static struct board *told;

static void on_trap(int number, siginfo_t *info, void *context)
{
	const char *name = "a system call";
	(void)number;
	(void)context;
	for (size_t i = 0; i < CALLS; i++)
		if ((int)calls[i].number == info->si_syscall)
			name = calls[i].name;
	board_broken(told, DESC_PURE, "tappet_plugin_v1 called %s", name);
	_exit(0);
}

static bool trap_calls(void)
{
	struct sock_filter code[2 * CALLS + 2];
	size_t n = 0;
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void call(struct board *b, const char *path)
{
	/* To the linker the file is opened before; its constructors are not meant. */
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const tappet_plugin *(*describe)(void) = NULL;
	if (object)
		*(void **)&describe = dlsym(object, "tappet_plugin_v1");
	told = b;
	sigaction(SIGSYS, &(struct sigaction){.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO}, NULL);
	/* Whoever cannot be loaded, or crashes, is told of when it is loaded for good. */
	if (describe && trap_calls())
		describe();
	_exit(0);
}

void object_check_pure(struct board *b, const char *path)
{
	board_applies(b, DESC_PURE);
	const pid_t pid = fork();
	if (pid == 0)
		call(b, path);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
