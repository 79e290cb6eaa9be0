#include "engine/running.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/spawn.h"

int running_write(const char *path, pid_t pid)
{
	char text[128], boot[40];
	struct proc p;
	int r = proc_boot_id(boot);

	/* -ENOENT: it has ended already. */
	if (r == 0)
		r = proc_read(pid, &p);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%s %d %d %llu\n", boot, (int)p.pid, (int)p.session,
		       (unsigned long long)p.start);
	return spawn_write_file(path, text, strlen(text), 0600);
}

/* A file that was cut short, or is of an earlier start of the machine, says nothing. */
static bool read_one(const char *folder, const char *name, const char *boot, struct running *ret)
{
	char path[4096], text[128] = "", its_boot[40];
	unsigned long long start;
	int pid, session;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	(void)fclose(f);
	if (!strchr(text, '\n') || sscanf(text, "%39s %d %d %llu", its_boot, &pid, &session, &start) != 4)
		return false;
	*ret = (struct running){.pid = pid, .session = session, .start = start};
	return pid > 1 && strcmp(boot, its_boot) == 0;
}

static bool is_name(const char *name)
{
	static const char suffix[] = ".pid";
	size_t len = strlen(name);

	return len > sizeof(suffix) && strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0;
}

int running_read(const char *folder, struct running **ret, size_t *ret_count)
{
	struct running *items = NULL, one;
	size_t count = 0;
	char boot[40];
	DIR *d = opendir(folder);
	struct dirent *entry;
	int r = d ? proc_boot_id(boot) : -errno;

	while (r == 0 && (entry = readdir(d))) {
		struct running *more;

		if (!is_name(entry->d_name) || !read_one(folder, entry->d_name, boot, &one))
			continue;
		/* As many as ran at once: few. */
		more = realloc(items, (count + 1) * sizeof(*items));
		if (!more) {
			r = -ENOMEM;
			break;
		}
		items = more;
		items[count++] = one;
	}
	if (d)
		(void)closedir(d);
	if (r < 0) {
		free(items);
		return r;
	}
	*ret = items;
	*ret_count = count;
	return 0;
}
