#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/spawn.h"

#define SECRET_MAX (64 * 1024)

int secret_file_read(const char *folder, const char *path, char **ret, size_t *ret_len)
{
	char *full = path[0] == '/' ? strdup(path) : text_printf("%s/%s", folder, path);
	char *text = malloc(SECRET_MAX + 2);
	size_t len = 0;
	int fd = -1, r = -ENOMEM;

	if (!full || !text)
		goto cleanup;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 ? -errno : file_read(fd, text, SECRET_MAX + 1, &len);
	if (r == 0 && len > SECRET_MAX)
		r = -E2BIG;
	if (r < 0)
		goto cleanup;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	text = NULL;
cleanup:
	if (fd >= 0)
		(void)close(fd);
	free(text);
	free(full);
	return r;
}

static int read_value(const char *folder, const char *path, char **ret)
{
	char *text;
	size_t len;
	int r = secret_file_read(folder, path, &text, &len);

	if (r < 0)
		return r;
	if (strlen(text) == len) {
		*ret = text;
		return 0;
	}
	explicit_bzero(text, len);
	free(text);
	return -EINVAL;
}

static int read_variable(const char *name, char **ret)
{
	const char *value = getenv(name);

	if (!value)
		return -ENOENT;
	*ret = strdup(value);
	return *ret ? 0 : -ENOMEM;
}

int secret_env_read(const char *folder, const struct env_def *def, char message[static ENGINE_MESSAGE_MAX], char **ret)
{
	int r = def->secret_file ? read_value(folder, def->secret_file, ret) : read_variable(def->secret_env, ret);

	if (r == -ENOENT && !def->secret_file)
		(void)snprintf(message, ENGINE_MESSAGE_MAX,
			       "the secret for %.100s cannot be read: the daemon's environment has no %.100s",
			       def->name, def->secret_env);
	else if (r < 0)
		(void)snprintf(message, ENGINE_MESSAGE_MAX, "the secret for %.100s cannot be read: %s%s%s", def->name,
			       def->secret_file ? def->secret_file : "", def->secret_file ? ": " : "", strerror(-r));
	return r;
}
