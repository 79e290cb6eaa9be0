#include "store/sqlite/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Room that must be there beside the ballast before the disk counts as well again. */
#define MARGIN ((size_t)4 << 20)

int file_make(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EEXIST)
		return -errno;
	return chmod(path, 0600) < 0 ? -errno : 0;
}

int file_lock(const char *path, int *ret_fd)
{
	char *name;
	if (asprintf(&name, "%s.lock", path) < 0)
		return -ENOMEM;
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = errno;
	free(name);
	if (fd < 0)
		return -error;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		error = errno;
		close(fd);
		return error == EWOULDBLOCK ? -EBUSY : -error;
	}
	*ret_fd = fd;
	return 0;
}

int file_sync_folder(const char *path)
{
	char *folder = strdup(path);
	if (!folder)
		return -ENOMEM;
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

static char *ballast_name(const char *path)
{
	char *name;
	return asprintf(&name, "%s.ballast", path) < 0 ? NULL : name;
}

static int ballast_fill(const char *name, size_t size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = -posix_fallocate(fd, 0, (off_t)size);
	if (r == 0 && ftruncate(fd, (off_t)size) < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		unlink(name);
	return r;
}

int ballast_make(const char *path, size_t size)
{
	char *name = ballast_name(path);
	if (!name)
		return -ENOMEM;
	int r = size > 0 ? ballast_fill(name, size) : 0;
	free(name);
	return r;
}

bool ballast_free(const char *path)
{
	char *name = ballast_name(path);
	if (!name)
		return false;
	bool freed = unlink(name) == 0;
	free(name);
	return freed;
}

bool file_room(const char *path, size_t size)
{
	struct statvfs about;
	if (statvfs(path, &about) < 0)
		return false;
	return (unsigned long long)about.f_bavail * about.f_frsize >= size;
}

bool ballast_fits(const char *path, size_t size)
{
	char *name = ballast_name(path);
	if (!name)
		return false;
	if (access(name, F_OK) == 0)
		size = 0;
	free(name);
	return file_room(path, size + MARGIN);
}
