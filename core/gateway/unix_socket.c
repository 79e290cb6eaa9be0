#include "gateway/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int make_address(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);
	if (len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	if (len == 0)
		return -EINVAL;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

/* A descriptor, or negative. */
static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

/* -EADDRINUSE when somebody listens there, 0 when nobody does. */
static int probe(const struct sockaddr_un *address)
{
	int fd = open_socket();
	if (fd < 0)
		return fd;
	int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	if (r == -ECONNREFUSED || r == -ENOENT)
		return 0;
	/* EAGAIN: its backlog is full. */
	return r == 0 || r == -EAGAIN ? -EADDRINUSE : r;
}

static int clear_stale(const struct sockaddr_un *address)
{
	struct stat st;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int r = probe(address);
	if (r < 0)
		return r;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int unix_socket_find_group(const char *name, gid_t *ret)
{
	long hint = sysconf(_SC_GETGR_R_SIZE_MAX);
	size_t size = hint > 0 ? (size_t)hint : 16384;
	struct group group, *found;
	char *text = malloc(size);
	if (!text)
		return -ENOMEM;
	int r = getgrnam_r(name, &group, text, size, &found);
	if (r == 0 && found)
		*ret = group.gr_gid;
	free(text);
	return r != 0 ? -r : found ? 0 : -ENOENT;
}

static int set_access(const char *path, unsigned mode, const char *group)
{
	gid_t gid = 0;
	int r = group ? unix_socket_find_group(group, &gid) : 0;
	if (r < 0)
		return r;
	if (group && chown(path, (uid_t)-1, gid) < 0)
		return -errno;
	return chmod(path, mode) < 0 ? -errno : 0;
}

/* Nobody can connect before listen(), so the file's mode is right from the first moment on. */
static int bind_file(int fd, const struct sockaddr_un *address, unsigned mode, const char *group,
		     struct unix_socket *ret)
{
	struct stat st;
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	int r = set_access(address->sun_path, mode, group);
	if (r == 0 && lstat(address->sun_path, &st) < 0)
		r = -errno;
	char *path = r == 0 ? strdup(address->sun_path) : NULL;
	if (!path) {
		unlink(address->sun_path);
		return r == 0 ? -ENOMEM : r;
	}
	*ret = (struct unix_socket){.path = path, .device = st.st_dev, .inode = st.st_ino};
	return 0;
}

int unix_socket_bind(const char *path, unsigned mode, const char *group, struct unix_socket *ret, int *ret_fd)
{
	struct sockaddr_un address;
	int r = make_address(path, &address);
	if (r < 0)
		return r;
	r = clear_stale(&address);
	if (r < 0)
		return r;
	int fd = open_socket();
	if (fd < 0)
		return fd;
	r = bind_file(fd, &address, mode, group, ret);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

void unix_socket_release(struct unix_socket *s)
{
	struct stat st;
	if (!s->path)
		return;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		unlink(s->path);
	free(s->path);
	*s = (struct unix_socket){0};
}

void unix_socket_discard(int fd)
{
	close(fd);
}
