#include "base/program.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

int program_find(const char *const *places, size_t count, char **ret)
{
	char program[PATH_MAX], *path = NULL;
	const ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (len < 0)
		return -errno;
	program[len] = '\0';
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < count; i++) {
		free(path);
		if (asprintf(&path, "%s/%s", program, places[i]) < 0)
			return -ENOMEM;
		if (access(path, F_OK) == 0)
			break;
	}
	*ret = path;
	return 0;
}
