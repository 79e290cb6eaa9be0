#include "cli/make.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "cli/command.h"

int make_tell(const char *path, int error)
{
	cli_error("%s: %s", path, log_strerror(error));
	return CLI_FAILED;
}

static int there(const char *path)
{
	cli_error("%s is there already; nothing is overwritten", path);
	return CLI_REFUSED;
}

/* What cannot be noted is not taken away later: better than the other way round. */
static void note(struct make *m, const char *path)
{
	char **made = realloc(m->made, (m->count + 1) * sizeof(*made));
	if (!made)
		return;
	m->made = made;
	if ((m->made[m->count] = strdup(path)))
		m->count++;
}

int make_new_folder(struct make *m, const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? there(path) : make_tell(path, -errno);
	note(m, path);
	return CLI_OK;
}

int make_folder(struct make *m, const char *path)
{
	if (mkdir(path, 0755) == 0)
		note(m, path);
	else if (errno != EEXIST)
		return make_tell(path, -errno);
	return CLI_OK;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int make_with_mode(struct make *m, const char *path, unsigned mode, const char *text, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return errno == EEXIST ? there(path) : make_tell(path, -errno);
	note(m, path);
	int r = write_all(fd, text, len);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r < 0 ? make_tell(path, r) : CLI_OK;
}

int make_file(struct make *m, const char *path, const char *text, size_t len)
{
	return make_with_mode(m, path, 0644, text, len);
}

int make_secret(struct make *m, const char *path, const char *text, size_t len)
{
	return make_with_mode(m, path, 0600, text, len);
}

void make_release(struct make *m)
{
	while (m->count > 0)
		free(m->made[--m->count]);
	free(m->made);
	m->made = NULL;
}

void make_undo(struct make *m)
{
	for (size_t i = m->count; i > 0; i--)
		remove(m->made[i - 1]);
	make_release(m);
}
