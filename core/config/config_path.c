#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without empty components and ".". What ".." leaves may be another folder than the text says, where links are: it stays. */
static void normalise(char *path)
{
	const char *from = path;
	char *to = path + (*path == '/');
	size_t len;

	while (*from) {
		from += strspn(from, "/");
		len = strcspn(from, "/");
		if (len > 0 && !(len == 1 && *from == '.')) {
			if (to > path && to[-1] != '/')
				*to++ = '/';
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	if (to == path)
		*to++ = '.';
	*to = '\0';
}

char *config_path(const char *folder, const char *path)
{
	char *joined;

	if (*path == '/' || !*folder)
		joined = strdup(path);
	else if (asprintf(&joined, "%s/%s", folder, path) < 0)
		joined = NULL;
	if (joined)
		normalise(joined);
	return joined;
}
