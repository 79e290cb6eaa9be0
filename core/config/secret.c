#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "base/file.h"

int secret_check(const struct json *v, char *message, size_t message_size)
{
	const struct json *member = json_first(v);
	const char *key = json_is_object(v) ? json_key(member) : NULL;

	if (key && !json_next(member) && (strcmp(key, "env") == 0 || strcmp(key, "file") == 0) &&
	    json_is_string(member) && *json_str(member))
		return 0;
	if (message_size > 0)
		(void)snprintf(
			message, message_size,
			"expected a secret as {\"env\": \"NAME\"} or {\"file\": \"PATH\"}, never written in place");
	return -EINVAL;
}

static int read_file(const char *path, char **ret, size_t *ret_len)
{
	char *bytes = NULL, *secret;
	size_t len = 0;
	int r;
	/* Not to hang on a FIFO that nobody writes to. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	bytes = calloc(1, SECRET_SIZE_MAX + 1);
	r = bytes ? file_read(fd, bytes, SECRET_SIZE_MAX + 1, &len) : -ENOMEM;
	(void)close(fd);
	if (r == 0 && len > SECRET_SIZE_MAX)
		r = -EFBIG;
	if (r < 0)
		goto cleanup;
	if (len > 0 && bytes[len - 1] == '\n')
		len--;
	secret = malloc(len + 1);
	r = secret ? 0 : -ENOMEM;
	if (r < 0)
		goto cleanup;
	memcpy(secret, bytes, len);
	secret[len] = '\0';
	*ret = secret;
	*ret_len = len;
cleanup:
	secret_free(bytes, SECRET_SIZE_MAX + 1);
	return r;
}

static int read_variable(const char *name, char **ret, size_t *ret_len)
{
	const char *value = getenv(name);
	char *copy;

	if (!value)
		return -ENOENT;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	*ret_len = strlen(copy);
	if (*ret_len > 0 && copy[*ret_len - 1] == '\n')
		copy[--*ret_len] = '\0';
	*ret = copy;
	return 0;
}

int secret_resolve(const struct json *v, const char *folder, char **ret, size_t *ret_len)
{
	const char *name = json_get_str(v, "env");
	char *path;
	int r;

	if (secret_check(v, NULL, 0) < 0)
		return -EINVAL;
	if (name)
		return read_variable(name, ret, ret_len);
	path = config_path(folder, json_get_str(v, "file"));
	if (!path)
		return -ENOMEM;
	r = read_file(path, ret, ret_len);
	free(path);
	return r;
}

void secret_free(char *secret, size_t len)
{
	if (!secret)
		return;
	explicit_bzero(secret, len);
	free(secret);
}
