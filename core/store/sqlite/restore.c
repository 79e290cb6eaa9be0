/* Putting a copy in the place of a store. What was there is first given a second name, so that it is there in whole whenever
 * the power goes; its journal leaves before the copy takes the place, since SQLite would carry it over into that. */
#include "store/sqlite/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "store/store.h"

#define PIECE ((size_t)1 << 20)

static int name_with(char **ret, const char *path, const char *suffix)
{
	return asprintf(ret, "%s%s", path, suffix) < 0 ? -ENOMEM : 0;
}

static int copy_bytes(int from, int to)
{
	char *piece = malloc(PIECE);
	ssize_t n = piece ? 1 : 0;
	int r = piece ? 0 : -ENOMEM;
	while (r == 0 && (n = read(from, piece, PIECE)) > 0) {
		for (ssize_t at = 0; r == 0 && at < n;) {
			ssize_t written = write(to, piece + at, (size_t)(n - at));
			if (written < 0 && errno != EINTR)
				r = -errno;
			at += written > 0 ? written : 0;
		}
	}
	if (r == 0 && n < 0)
		r = -errno;
	free(piece);
	return r;
}

static int copy_file(const char *from_path, const char *to_path)
{
	int from = open(from_path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return -errno;
	int to = unlink(to_path) < 0 && errno != ENOENT ? -1
							: open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = to < 0 ? -errno : copy_bytes(from, to);
	if (r == 0 && fsync(to) < 0)
		r = -errno;
	if (to >= 0 && close(to) < 0 && r == 0)
		r = -errno;
	close(from);
	if (r < 0 && to >= 0)
		unlink(to_path);
	return r;
}

/* A file that is somebody's store has a journal with something in it; copied without that, it would be an older one. */
static int check_copy(const char *path, const char *copy)
{
	struct stat one, other;
	char *journal;
	int r = name_with(&journal, copy, "-wal");
	if (r < 0)
		return r;
	if (stat(copy, &one) < 0)
		r = -errno;
	else if (stat(path, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino)
		r = -EINVAL;
	else if (stat(journal, &other) == 0 && other.st_size > 0)
		r = -ETXTBSY;
	free(journal);
	return r;
}

/* A second name; where there are no such, another one. -ENOENT: there is no such file. */
static int set_aside(const char *path, const char *aside, const char *suffix)
{
	char *from, *to = NULL;
	int r = name_with(&from, path, suffix);
	if (r == 0)
		r = name_with(&to, aside, suffix);
	if (r == 0 && link(from, to) < 0)
		r = -errno;
	if ((r == -EPERM || r == -EOPNOTSUPP) && access(to, F_OK) < 0)
		r = rename(from, to) < 0 ? -errno : 0;
	free(to);
	free(from);
	return r;
}

static int drop(const char *path, const char *suffix)
{
	char *name;
	int r = name_with(&name, path, suffix);
	if (r < 0)
		return r;
	if (unlink(name) < 0 && errno != ENOENT)
		r = -errno;
	free(name);
	return r;
}

/* -ENOENT: there was none. */
static int set_store_aside(const char *path, char **ret_aside)
{
	char stamp[32], *aside;
	const time_t now = time(NULL);
	struct tm parts;
	if (!gmtime_r(&now, &parts) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &parts) == 0)
		return -EINVAL;
	if (asprintf(&aside, "%s.before-%s", path, stamp) < 0)
		return -ENOMEM;
	int r = set_aside(path, aside, "");
	if (r == 0)
		r = set_aside(path, aside, "-wal");
	else if (r == -ENOENT)
		r = -ENODATA;
	if (r == 0 || r == -ENOENT)
		r = file_sync_folder(path);
	if (r == 0)
		*ret_aside = aside;
	else
		free(aside);
	return r;
}

static int replace(const char *path, const char *fresh, char **ret_aside)
{
	int r = set_store_aside(path, ret_aside);
	if (r == -ENODATA)
		r = 0;
	if (r == 0)
		r = drop(path, "-wal");
	if (r == 0)
		r = drop(path, "-shm");
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r == 0 ? file_sync_folder(path) : r;
}

int store_restore(const char *path, const char *copy, char **ret_aside)
{
	char *fresh, *aside = NULL;
	int lock = -1;
	int r = check_copy(path, copy);
	if (r == 0)
		r = file_lock(path, &lock);
	if (r < 0)
		return r;
	r = name_with(&fresh, path, ".restoring");
	if (r == 0) {
		r = copy_file(copy, fresh);
		if (r == 0)
			r = replace(path, fresh, &aside);
		if (r < 0)
			unlink(fresh);
		free(fresh);
	}
	close(lock);
	*ret_aside = aside;
	return r;
}
