#include "expr/helper/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int set_limits(size_t memory_max)
{
	const struct {
		__rlimit_resource_t resource;
		rlim_t limit;
	} limits[] = {
		{RLIMIT_AS, memory_max},
		{RLIMIT_CORE, 0},
		{RLIMIT_FSIZE, 0},
		/* What is open stays so. */
		{RLIMIT_NOFILE, 0},
	};
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit limit = {.rlim_cur = limits[i].limit, .rlim_max = limits[i].limit};
		if (setrlimit(limits[i].resource, &limit) < 0)
			return -errno;
	}
	return 0;
}

static int tie_to(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* It may have gone before that. */
	return getppid() == parent ? 0 : -ESRCH;
}

/* A core that a pipe takes does not ask for RLIMIT_CORE; what is not dumpable leaves none. */
static int give_up_rights(void)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* Memory, time, and the way out. */
static const int plain[] = {
	SCMP_SYS(read),      SCMP_SYS(write),          SCMP_SYS(brk),
	SCMP_SYS(munmap),    SCMP_SYS(mremap),         SCMP_SYS(madvise),
	SCMP_SYS(exit),      SCMP_SYS(exit_group),     SCMP_SYS(getpid),
	SCMP_SYS(gettid),    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
	SCMP_SYS(time),      SCMP_SYS(rt_sigaction),   SCMP_SYS(restart_syscall),
	SCMP_SYS(futex),     SCMP_SYS(writev),
};

static int add_rules(scmp_filter_ctx filter)
{
	int r = 0;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
	/* Memory only, none of it to be executed. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0),
				     SCMP_A4(SCMP_CMP_MASKED_EQ, UINT32_MAX, UINT32_MAX));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
	/* abort() sends a signal to itself; nobody else gets one. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	return r;
}

/* Whatever else is asked of the kernel fails, as if it were forbidden to this user: a program that tries sees an error and
 * the helper lives on. */
static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	int r = add_rules(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int confine(size_t memory_max, pid_t parent)
{
	/* Time zones are read from files, which soon cannot be opened. */
	tzset();
	int r = tie_to(parent);
	if (r == 0)
		r = give_up_rights();
	if (r == 0)
		r = set_limits(memory_max);
	return r == 0 ? filter_calls() : r;
}
