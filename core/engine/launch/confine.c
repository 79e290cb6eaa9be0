/* Limits first (root may raise them), then groups and user, then the door is shut behind. */
#include "engine/launch/launch.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <limits.h>
#include <stdio.h>

struct resource {
	__rlimit_resource_t number;
	const char *key; /* in a workflow */
	rlim_t grace;    /* between the signal at the soft limit and the kernel's own end at the hard one */
};

static const struct resource resources[LIMIT_COUNT] = {
	[LIMIT_CPU] = {RLIMIT_CPU, "limits.cpuTime", 2},           [LIMIT_MEMORY] = {RLIMIT_AS, "limits.memory", 0},
	[LIMIT_FILE_SIZE] = {RLIMIT_FSIZE, "limits.fileSize", 0},  [LIMIT_FILES] = {RLIMIT_NOFILE, "limits.files", 0},
	[LIMIT_PROCESSES] = {RLIMIT_NPROC, "limits.processes", 0},
};

static void set_limit(const struct resource *r, rlim_t value)
{
	struct rlimit limit, now;

	if (getrlimit(r->number, &now) < 0)
		launch_fail("%s cannot be set: %s", r->key, strerror(errno));
	limit = (struct rlimit){.rlim_cur = value, .rlim_max = value + r->grace};
	/* The grace is no reason to ask for more than is allowed. */
	if (value <= now.rlim_max && limit.rlim_max > now.rlim_max)
		limit.rlim_max = now.rlim_max;
	if (setrlimit(r->number, &limit) == 0)
		return;
	if (errno == EPERM && value > now.rlim_max)
		launch_fail("%s may not be raised to %llu: the daemon itself may have %llu at most", r->key,
			    (unsigned long long)value, (unsigned long long)now.rlim_max);
	launch_fail("%s cannot be set to %llu: %s", r->key, (unsigned long long)value, strerror(errno));
}

static void may_not_become(const struct launch *l)
{
	if (errno == EPERM)
		launch_fail("may not become user %.100s: the daemon does not run as root", l->user);
	launch_fail("cannot become user %.100s: %s", l->user, strerror(errno));
}

static void become(const struct launch *l)
{
	uid_t real, effective, saved;

	if (setgroups(l->group_count, l->groups) < 0 || setresgid(l->gid, l->gid, l->gid) < 0 ||
	    setresuid(l->uid, l->uid, l->uid) < 0)
		may_not_become(l);
	/* Believed only when seen: what follows is somebody else's code. */
	if (getresuid(&real, &effective, &saved) < 0 || real != l->uid || effective != l->uid || saved != l->uid)
		launch_fail("could not become user %.100s", l->user);
	/* They outlive a change between two users that are both not root. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

void launch_confine(const struct launch *l)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		if (l->limits[i])
			set_limit(&resources[i], (rlim_t)l->limits[i]);
	if (l->user)
		become(l);
	if (l->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		launch_fail("noNewPrivileges cannot be set: %s", strerror(errno));
}

/* Names the folder that bars the way: mostly it is one above. */
static void fail_to_enter(const struct launch *l, const char *path, int error)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	for (size_t i = 1; error == EACCES && path[0] == '/' && i <= len && len < sizeof(part); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (access(part, X_OK) < 0 && errno == EACCES && i < len)
			launch_fail("%s%.100s may not enter %s: others may not pass through %s (chmod o+x)",
				    l->user ? "user " : "it", l->user ? l->user : "", path, part);
	}
	launch_fail("cannot enter %s%s%.100s: %s", path, l->user ? " as user " : "", l->user ? l->user : "",
		    strerror(error));
}

void launch_enter_folder(const struct launch *l)
{
	if (chdir(l->folder) < 0)
		fail_to_enter(l, l->folder, errno);
	if (l->cwd && chdir(l->cwd) < 0)
		fail_to_enter(l, l->cwd, errno);
}
