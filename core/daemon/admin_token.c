#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/digest.h"
#include "base/log.h"
#include "daemon/internal.h"

#define TOKEN_MAX 512

static int read_token(int fd, char **ret)
{
	char text[TOKEN_MAX + 1];
	ssize_t got = read(fd, text, TOKEN_MAX);
	if (got < 0)
		return -errno;
	text[got] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	/* A short secret on a listener would be worse than no start. */
	if (strlen(text) < 16)
		return -EINVAL;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int make_token(const char *path, char **ret)
{
	uint8_t secret[32];
	char text[sizeof("tpa_") + 2 * sizeof(secret) + 1];
	digest_random(secret, sizeof(secret));
	memcpy(text, "tpa_", 4);
	digest_hex(secret, sizeof(secret), text + 4);
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	text[len] = '\n';
	int r = write(fd, text, len + 1) == (ssize_t)len + 1 && fsync(fd) == 0 ? 0 : -EIO;
	close(fd);
	text[len] = '\0';
	if (r == 0)
		*ret = strdup(text);
	else
		unlink(path);
	return r == 0 && !*ret ? -ENOMEM : r;
}

int admin_token_load(const char *path, char **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		int r = make_token(path, ret);
		if (r == 0)
			log_info("admin token written", log_str("path", path), LOG_END);
		return r;
	}
	if (fd < 0)
		return -errno;
	int r = read_token(fd, ret);
	close(fd);
	return r;
}
