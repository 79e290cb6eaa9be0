#include "base/program.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "version.h"

int program_helper_path(const char *name, char **ret)
{
	static const char *const places[] = {"", TAPPET_HELPERS_FROM_PROGRAM "/"};
	char program[PATH_MAX], *path = NULL, *slash;
	const ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (len < 0)
		return -errno;
	program[len] = '\0';
	slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		free(path);
		if (asprintf(&path, "%s/%s%s", program, places[i], name) < 0)
			return -ENOMEM;
		if (access(path, X_OK) == 0)
			break;
	}
	*ret = path;
	return 0;
}
