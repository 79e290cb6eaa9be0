/* Sockets that were made, bound and set to listen by whoever started this process (sd_listen_fds(3)). Here they are only
 * recognised by their address. */
#ifndef GATEWAY_PASSED_SOCKET_H
#define GATEWAY_PASSED_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whether `fd` is a stream socket that listens at this path. */
bool passed_socket_fits_path(int fd, const char *path);
/* The same for an IPv4 or IPv6 address; port 0 in `address` is any port. */
bool passed_socket_fits_address(int fd, const struct sockaddr_storage *address);
/* Whether the file of a UNIX socket lets in nobody whom `mode` would not. */
bool passed_socket_is_closed_to_others(const char *path, unsigned mode, const char *group);

#endif
