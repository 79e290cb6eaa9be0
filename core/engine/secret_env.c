#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/spawn.h"

#define SECRET_MAX (64 * 1024)

static int read_all(int fd, char *text, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, text + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return len < size ? 0 : -E2BIG;
}

static int read_file(const char *folder, const char *path, char **ret)
{
	char *full = path[0] == '/' ? strdup(path) : text_printf("%s/%s", folder, path);
	char *text = malloc(SECRET_MAX + 1);
	size_t len = 0;
	int fd = -1, r = -ENOMEM;

	if (!full || !text)
		goto cleanup;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 ? -errno : read_all(fd, text, SECRET_MAX, &len);
	if (r == 0 && memchr(text, '\0', len))
		r = -EINVAL;
	if (r < 0)
		goto cleanup;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	*ret = text;
	text = NULL;
cleanup:
	if (fd >= 0)
		(void)close(fd);
	free(text);
	free(full);
	return r;
}

int secret_env_read(const char *folder, const struct env_def *def, char **ret)
{
	const char *value;

	if (def->secret_file)
		return read_file(folder, def->secret_file, ret);
	value = getenv(def->secret_env);
	if (!value)
		return -ENOENT;
	*ret = strdup(value);
	return *ret ? 0 : -ENOMEM;
}
