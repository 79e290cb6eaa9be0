/* Lists folders, on the pool: each is watched first and read then, so that nothing falls between the two. */
#include "filewatch.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define WATCHED_EVENTS                                                                                                 \
	(IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE |                \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

#define LIST_BUFFER 16384
/* Nanoseconds in 64 bits end in 2262. */
#define SECONDS_MAX INT64_C(9223372035)

/* ---- One entry ---- */

static enum entry_type type_of(unsigned int mode)
{
	return S_ISREG(mode) ? ENTRY_FILE : S_ISDIR(mode) ? ENTRY_DIR : S_ISLNK(mode) ? ENTRY_SYMLINK : ENTRY_OTHER;
}

static int64_t nanoseconds(struct statx_timestamp time)
{
	if (time.tv_sec > SECONDS_MAX || time.tv_sec < -SECONDS_MAX)
		return time.tv_sec > 0 ? INT64_MAX : INT64_MIN;
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int look(int folder, const char *name, int flags, struct statx *ret)
{
	return statx(folder, name, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, ret) < 0 ? -errno : 0;
}

int entry_look(int folder, const char *name, bool follow, uint64_t folder_dev, struct entry *ret, bool *ret_linked)
{
	struct statx s, target;
	const int r = look(folder, name, AT_SYMLINK_NOFOLLOW, &s);
	if (r < 0)
		return r;
	*ret_linked = follow && S_ISLNK(s.stx_mode) && look(folder, name, 0, &target) == 0;
	if (*ret_linked)
		s = target;
	*ret = (struct entry){.name = name, .len = strlen(name), .type = type_of(s.stx_mode), .inode = s.stx_ino};
	if (ret->type == ENTRY_DIR) {
		const bool other = folder_dev && makedev(s.stx_dev_major, s.stx_dev_minor) != folder_dev;
		if (!*ret_linked && (other || (s.stx_attributes & STATX_ATTR_MOUNT_ROOT)))
			ret->flags = ENTRY_MOUNT;
		return 0;
	}
	ret->flags = s.stx_nlink > 1 ? ENTRY_NAMES : 0;
	ret->size = s.stx_size;
	ret->mtime_ns = nanoseconds(s.stx_mtime);
	ret->ctime_ns = nanoseconds(s.stx_ctime);
	return 0;
}

/* A lease for reading is only given when nobody has the file open for writing (fcntl(2), F_SETLEASE). It is given back at
 * once; who opens the file in between waits so long, and is told of by a signal that does nothing by default. */
static int lease(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return -1;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN ? 1 : -1;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

int file_writers(int folder, const struct entry *e, bool follow)
{
	struct stat st;
	const int fd =
		openat(folder, e->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return -1;
	const bool same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == e->inode;
	const int writers = same ? lease(fd) : -1;
	close(fd);
	return writers;
}

/* ---- Folders ---- */

/* As openat(2); with `no_links` no part of the path may be a link (openat2(2)). The descriptor, or a negative errno. */
static int open_part(int at, const char *path, int flags, bool no_links)
{
	const struct open_how how = {.flags = (unsigned int)flags | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	long fd = no_links ? syscall(SYS_openat2, at, path, &how, sizeof(how)) : -1;
	/* Older kernels do not have it, and some containers do not let it through. */
	if (!no_links || (fd < 0 && (errno == ENOSYS || errno == EPERM)))
		fd = openat(at, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/* A path that is longer than a system call takes is opened part by part. */
static int open_long(int at, const char *path, int flags, bool no_links)
{
	int own = -1;
	while (strlen(path) >= PATH_MAX) {
		char part[PATH_MAX];
		size_t len = PATH_MAX - 1;
		while (len > 1 && path[len - 1] != '/')
			len--;
		memcpy(part, path, len);
		part[len] = '\0';
		const int next = open_part(own < 0 ? at : own, part, O_PATH | O_DIRECTORY, no_links);
		if (own >= 0)
			close(own);
		if (next < 0)
			return next;
		own = next;
		path += len;
	}
	const int fd = open_part(own < 0 ? at : own, path, flags, no_links);
	if (own >= 0)
		close(own);
	return fd;
}

/* The watched path may be a link; nothing below it is followed, or what has moved would be found where it was. */
int open_top(const struct options *o)
{
	return o->follow ? -ENOTSUP : open_long(AT_FDCWD, o->path, O_PATH | O_DIRECTORY, false);
}

int open_folder(int top, const char *path, const char *relative, int flags)
{
	if (top == -ENOTSUP || relative[0] == '\0')
		return open_long(AT_FDCWD, path, flags | O_DIRECTORY, false);
	return top < 0 ? top : open_long(top, relative, flags | O_DIRECTORY, true);
}

/* By its descriptor: another folder may have come to its path meanwhile (proc(5), /proc/PID/fd). */
static int add_watch(int inotify, int folder)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", folder);
	const int wd = inotify_add_watch(inotify, path, WATCHED_EVENTS);
	return wd < 0 ? -errno : wd;
}

static bool append(struct scan_dir *s, const struct entry *e)
{
	if (s->len + ENTRY_SIZE_MAX > s->room) {
		const size_t room = s->room ? 2 * s->room : 2048;
		uint8_t *bytes = realloc(s->bytes, room);
		if (!bytes)
			return false;
		s->bytes = bytes;
		s->room = room;
	}
	s->len += entry_write(e, s->bytes + s->len);
	return true;
}

/* Whether it is something that the options ask for, as far as can be told without its state in the journal. */
static bool counts(const struct filter *f, const struct entry *e)
{
	if (e->type != ENTRY_DIR && !f->base && !(f->options->types & 1u << e->type))
		return false;
	return filter_allows(f, e->name, e->len, e->type == ENTRY_DIR);
}

/* What cannot be looked at (a dead mount, a bad inode) is there all the same. */
static int add_entry(struct scan_dir *s, const struct filter *f, int folder, const char *name)
{
	struct entry e;
	bool linked = false;
	const int r = entry_look(folder, name, f->options->follow || f->base, s->dev, &e, &linked);
	/* It is gone again, which an event will tell. */
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		e = (struct entry){.name = name, .len = strlen(name), .type = ENTRY_UNKNOWN};
		s->unknown = r;
		return append(s, &e) ? 0 : -ENOMEM;
	}
	s->linked = s->linked || (linked && e.type != ENTRY_DIR);
	return !counts(f, &e) || append(s, &e) ? 0 : -ENOMEM;
}

/* What is surely left out is not even looked at. */
static bool may_count(const struct filter *f, const struct dirent64 *found)
{
	if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
		return false;
	/* Some file systems have longer ones than NAME_MAX. */
	if (strlen(found->d_name) > NAME_MAX)
		return false;
	if (found->d_type != DT_REG && found->d_type != DT_DIR)
		return true;
	return filter_allows(f, found->d_name, strlen(found->d_name), found->d_type == DT_DIR);
}

/* By getdents(2): opendir(3) takes a copy of the descriptor and memory for each folder. */
static int read_folder(struct scan_dir *s, const struct filter *f, int folder)
{
	_Alignas(struct dirent64) char buffer[LIST_BUFFER];
	ssize_t len;
	while ((len = getdents64(folder, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *found = (const struct dirent64 *)(const void *)(buffer + at);
			const int r = may_count(f, found) ? add_entry(s, f, folder, found->d_name) : 0;
			if (r < 0)
				return r;
			at += found->d_reclen;
		}
	}
	return len < 0 ? -errno : 0;
}

static int by_name(const void *a, const void *b)
{
	const uint8_t *first = *(const uint8_t *const *)a, *second = *(const uint8_t *const *)b;
	return name_compare((const char *)first + 2, first[1], (const char *)second + 2, second[1]);
}

static int sort(struct scan_dir *s)
{
	size_t count = 0, len = 0;
	for (size_t at = 0; at < s->len; count++)
		at += entry_skip(s->bytes + at, s->len - at);
	if (count < 2)
		return 0;
	const uint8_t **entries = malloc(count * sizeof(*entries));
	uint8_t *sorted = malloc(s->len);
	if (entries && sorted) {
		for (size_t at = 0, i = 0; i < count; i++) {
			entries[i] = s->bytes + at;
			at += entry_skip(s->bytes + at, s->len - at);
		}
		qsort(entries, count, sizeof(*entries), by_name);
		for (size_t i = 0; i < count; i++) {
			const size_t size = entry_skip(entries[i], s->len - (size_t)(entries[i] - s->bytes));
			/* A name that went and came while the folder was read may be there twice. */
			if (i > 0 && by_name(&entries[i - 1], &entries[i]) == 0)
				continue;
			memcpy(sorted + len, entries[i], size);
			len += size;
		}
		free(s->bytes);
		s->bytes = sorted;
		s->room = s->len;
		s->len = len;
		sorted = NULL;
	}
	const int r = entries && !sorted ? 0 : -ENOMEM;
	free(entries);
	free(sorted);
	return r;
}

static int list(struct scan_dir *s, const struct scan *job, int folder)
{
	struct ignore own = {.above = s->ignore, .folder_len = strlen(s->relative)};
	struct filter f = {.options = job->options,
			   .ignore = s->ignore,
			   .relative = s->relative,
			   .len = strlen(s->relative),
			   .base = s->base};
	if (f.base)
		return add_entry(s, &f, folder, job->options->name);
	if (job->options->gitignore)
		s->patterns = own.patterns = filter_read_ignore(folder, &s->patterns_hash);
	if (own.patterns)
		f.ignore = &own;
	const int r = read_folder(s, &f, folder);
	return r < 0 ? r : sort(s);
}

static void identify(struct scan_dir *s, int folder)
{
	struct statx st;
	s->error = look(folder, "", AT_EMPTY_PATH, &st);
	if (s->error < 0)
		return;
	s->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	s->inode = st.stx_ino;
	s->is_mount = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || s->dev != s->parent_dev;
	/* All of one file system are alike. */
	s->no_events = (s->base || s->is_mount) && file_system_is_silent(folder);
}

static void scan_one(struct scan_dir *s, const struct scan *job, int top)
{
	s->wd = -EAGAIN;
	if (s->base)
		s->mounted_at = mount_of(s->path);
	const int folder = open_folder(top, s->path, s->relative, O_RDONLY | O_NONBLOCK);
	if (folder < 0) {
		s->error = folder;
		return;
	}
	identify(s, folder);
	if (s->error == 0 && s->watch && !s->no_events)
		s->wd = add_watch(job->inotify, folder);
	if (s->error == 0)
		s->error = list(s, job, folder);
	close(folder);
}

void scan_work(void *arg)
{
	struct scan *job = arg;
	const int top = open_top(job->options);
	for (size_t i = 0; i < job->count; i++)
		scan_one(&job->dirs[i], job, top);
	if (top >= 0)
		close(top);
}
