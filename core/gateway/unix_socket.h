/* The file side of a listening UNIX socket: made with its mode and group before anybody can connect, a stale one
 * replaced, removed at the end if it still is the same. */
#ifndef GATEWAY_UNIX_SOCKET_H
#define GATEWAY_UNIX_SOCKET_H

#include <sys/types.h>

struct unix_socket {
	char *path; /* NULL: none */
	dev_t device;
	ino_t inode;
};

/* Binds but does not listen yet. -EADDRINUSE: somebody answers there; -EEXIST: the path is something else than a
 * socket; -ENAMETOOLONG; -ENOENT: no such folder or group; others of bind, chmod, chown. */
int unix_socket_bind(const char *path, unsigned mode, const char *group, struct unix_socket *ret, int *ret_fd);
/* Removes the file. */
void unix_socket_release(struct unix_socket *s);
/* Closes the descriptor that unix_socket_bind gave. */
void unix_socket_discard(int fd);

/* 0, -ENOENT, -ENOMEM, or what the system says. */
int unix_socket_find_group(const char *name, gid_t *ret);

#endif
