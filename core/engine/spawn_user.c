/* The user that a step runs as: looked up here, so that the helper program needs no name service, and made the owner of
 * what the step is to read and write. Pool threads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/spawn.h"

#define ENTRY_MAX ((size_t)64 * 1024)
#define GROUPS_MAX 1024 /* of which the helper knows, too */
#define DEPTH_MAX 512

/* ---- Who it is ------------------------------------------------------------------------------------------------ */

static bool as_number(const char *name, uid_t *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(name, &end, 10);
	if (errno || *end || end == name || name[0] == '-' || name[0] == '+' || n >= (uid_t)-1)
		return false;
	*ret = (uid_t)n;
	return true;
}

/* *ret_found NULL: there is none. */
static int find_entry(const char *name, struct passwd *entry, char *text, struct passwd **ret_found)
{
	uid_t uid;
	int r = getpwnam_r(name, entry, text, ENTRY_MAX, ret_found);

	if (!*ret_found && as_number(name, &uid))
		r = getpwuid_r(uid, entry, text, ENTRY_MAX, ret_found);
	return *ret_found || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM ? 0 : -r;
}

static int take_groups(struct spawn_user *u)
{
	u->group_count = GROUPS_MAX;
	u->groups = calloc(GROUPS_MAX, sizeof(*u->groups));
	if (!u->groups)
		return -ENOMEM;
	return getgrouplist(u->name, u->gid, u->groups, &u->group_count) < 0 ? -E2BIG : 0;
}

static int take_entry(struct spawn_user *u, const struct passwd *entry)
{
	u->uid = entry->pw_uid;
	u->gid = entry->pw_gid;
	u->name = strdup(entry->pw_name);
	u->home = strdup(entry->pw_dir && *entry->pw_dir ? entry->pw_dir : "/");
	u->shell = strdup(entry->pw_shell && *entry->pw_shell ? entry->pw_shell : "/bin/sh");
	return u->name && u->home && u->shell ? take_groups(u) : -ENOMEM;
}

/* A number that belongs to nobody: its group has the same one. */
static int take_number(struct spawn_user *u, const char *name)
{
	u->gid = (gid_t)u->uid;
	u->name = strdup(name);
	u->home = strdup("/");
	u->shell = strdup("/bin/sh");
	return u->name && u->home && u->shell ? 0 : -ENOMEM;
}

static int look_up(struct spawn *s, const char *name)
{
	char *text = malloc(ENTRY_MAX);
	struct passwd entry, *found = NULL;
	int r = text ? find_entry(name, &entry, text, &found) : -ENOMEM;

	if (r == 0 && found)
		r = take_entry(&s->user, found);
	else if (r == 0 && as_number(name, &s->user.uid))
		r = take_number(&s->user, name);
	else if (r == 0) {
		(void)snprintf(s->message, sizeof(s->message), "user \"%.100s\" does not exist", name);
		r = -ENOENT;
	}
	free(text);
	return r;
}

int spawn_user_find(struct spawn *s)
{
	const char *name = s->def->limits.user;
	int r = name ? look_up(s, name) : 0;

	if (r < 0 && s->message[0] == '\0')
		(void)snprintf(s->message, sizeof(s->message), "user \"%.100s\" cannot be looked up: %s", name,
			       strerror(-r));
	if (r < 0 || !name || geteuid() == 0)
		return r;
	if (s->user.uid != geteuid()) {
		(void)snprintf(s->message, sizeof(s->message),
			       "may not become user %.100s: the daemon does not run as root", name);
		return -EPERM;
	}
	/* It is that user already, with the groups that it has. */
	s->user.is_daemon = true;
	return 0;
}

void spawn_user_release(struct spawn_user *u)
{
	free(u->name);
	free(u->home);
	free(u->shell);
	free(u->groups);
	*u = (struct spawn_user){0};
}

/* ---- What belongs to it --------------------------------------------------------------------------------------- */

static int give_folder(int parent, const char *name, const struct spawn_user *u, int depth);

/* By descriptor, and never what has a second name: that one may lie anywhere. No link is followed. */
static int give_entry(int parent, const char *name, const struct spawn_user *u, int depth)
{
	int fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && S_ISDIR(st.st_mode))
		r = give_folder(parent, name, u, depth + 1);
	else if (r == 0 && st.st_nlink == 1 && fchownat(fd, "", u->uid, u->gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

static int give_contents(DIR *folder, const struct spawn_user *u, int depth)
{
	struct dirent *d;
	int r = 0;

	while (r == 0 && (d = readdir(folder)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = give_entry(dirfd(folder), d->d_name, u, depth);
	return r;
}

static int give_folder(int parent, const char *name, const struct spawn_user *u, int depth)
{
	int fd = depth < DEPTH_MAX ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	int r;

	if (!folder) {
		r = depth < DEPTH_MAX ? -errno : -ELOOP;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	r = give_contents(folder, u, depth);
	/* Last: until then its earlier owner keeps it, and a start that failed half-way is done again. */
	if (r == 0 && fchown(dirfd(folder), u->uid, u->gid) < 0)
		r = -errno;
	(void)closedir(folder);
	return r;
}

/* The steps of an activity share one folder, with all that is in it, one user after the other. */
static int give_scratch(const struct spawn *s, const struct spawn_user *u)
{
	struct stat st;

	if (lstat(s->folder, &st) < 0)
		return -errno;
	return st.st_uid == u->uid ? 0 : give_folder(AT_FDCWD, s->folder, u, 0);
}

static int give_file(const char *path, const struct spawn_user *u)
{
	return path && lchown(path, u->uid, u->gid) < 0 ? -errno : 0;
}

int spawn_user_give(struct spawn *s, int out_fd, int err_fd)
{
	const struct spawn_user self = {.uid = geteuid(), .gid = getegid()}, *u = s->user.name ? &s->user : &self;
	int r;

	if (self.uid != 0)
		return 0;
	r = give_scratch(s, u);
	if (r < 0 || u == &self)
		goto done;
	/* Others may pass through to what is theirs, and see no names. */
	if (chmod(s->options->scratch, 0711) < 0)
		r = -errno;
	if (r == 0)
		r = give_file(s->input_path, u);
	if (r == 0)
		r = give_file(s->output_path, u);
	if (r == 0)
		r = give_file(s->script_path, u);
	/* So that it can open /dev/stdout. */
	if (r == 0 && (fchown(out_fd, u->uid, u->gid) < 0 || fchown(err_fd, u->uid, u->gid) < 0))
		r = -errno;
done:
	if (r < 0)
		(void)snprintf(s->message, sizeof(s->message),
			       "the files of the step cannot be given to user %.100s: %s",
			       s->user.name ? s->user.name : "root", strerror(-r));
	return r;
}
