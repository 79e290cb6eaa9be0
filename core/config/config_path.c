#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *config_path(const char *folder, const char *path)
{
	char *joined;
	size_t len;

	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (*path == '/')
		joined = strdup(path);
	else if (asprintf(&joined, "%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", path) < 0)
		joined = NULL;
	if (!joined)
		return NULL;
	for (len = strlen(joined); len > 1 && joined[len - 1] == '/'; len--)
		joined[len - 1] = '\0';
	return joined;
}
