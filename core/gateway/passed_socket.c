#include "gateway/passed_socket.h"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/unix_socket.h"

static bool has_option(int fd, int option, int expected)
{
	int value = 0;
	socklen_t size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

static bool is_listening(int fd)
{
	return has_option(fd, SO_TYPE, SOCK_STREAM) && has_option(fd, SO_ACCEPTCONN, 1);
}

bool passed_socket_fits_path(int fd, const char *path)
{
	struct sockaddr_un bound = {0};
	/* The path need not end by a NUL when it is as long as it can be. */
	socklen_t size = sizeof(bound) - 1;
	if (!is_listening(fd) || getsockname(fd, (struct sockaddr *)&bound, &size) < 0)
		return false;
	return bound.sun_family == AF_UNIX && strncmp(bound.sun_path, path, sizeof(bound.sun_path)) == 0;
}

static bool same_port(in_port_t wanted, in_port_t bound)
{
	return wanted == 0 || wanted == bound;
}

bool passed_socket_fits_address(int fd, const struct sockaddr_storage *address)
{
	struct sockaddr_storage bound = {0};
	socklen_t size = sizeof(bound);
	if (!is_listening(fd) || getsockname(fd, (struct sockaddr *)&bound, &size) < 0 ||
	    bound.ss_family != address->ss_family)
		return false;
	if (bound.ss_family == AF_INET) {
		const struct sockaddr_in *is = (const struct sockaddr_in *)&bound;
		const struct sockaddr_in *wanted = (const struct sockaddr_in *)address;
		return is->sin_addr.s_addr == wanted->sin_addr.s_addr && same_port(wanted->sin_port, is->sin_port);
	}
	const struct sockaddr_in6 *is = (const struct sockaddr_in6 *)&bound;
	const struct sockaddr_in6 *wanted = (const struct sockaddr_in6 *)address;
	return memcmp(&is->sin6_addr, &wanted->sin6_addr, sizeof(is->sin6_addr)) == 0 &&
	       same_port(wanted->sin6_port, is->sin6_port);
}

bool passed_socket_is_closed_to_others(const char *path, unsigned mode, const char *group)
{
	struct stat st;
	gid_t gid = getegid();
	if (lstat(path, &st) < 0 || (st.st_mode & 0777 & ~mode) != 0)
		return false;
	if ((st.st_mode & 0070) == 0)
		return true;
	return (!group || unix_socket_find_group(group, &gid) == 0) && st.st_gid == gid;
}
