#include "engine/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static int read_text(const char *path, char *text, size_t size)
{
	size_t len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = file_read(fd, text, size - 1, &len);
	(void)close(fd);
	text[len] = '\0';
	return r;
}

/* proc(5): the name in parentheses may contain anything, so the fields are counted from behind the last one. */
int proc_read(pid_t pid, struct proc *ret)
{
	char path[64], text[1024], state, *at;
	int parent, group, session;
	unsigned long long start;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return -ENOENT;
	at = strrchr(text, ')');
	if (!at || sscanf(at, ") %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
			  &parent, &group, &session, &start) != 5)
		return -ENOENT;
	if (state == 'Z' || state == 'X')
		return -ENOENT;
	*ret = (struct proc){.pid = pid, .parent = parent, .group = group, .session = session, .start = start};
	return 0;
}

static int add(struct procs *p, const struct proc *one)
{
	if (p->count == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 256;
		struct proc *items = realloc(p->items, cap * sizeof(*items));

		if (!items)
			return -ENOMEM;
		p->items = items;
		p->cap = cap;
	}
	p->items[p->count++] = *one;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct proc *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

const struct proc *procs_find(const struct procs *p, pid_t pid)
{
	const struct proc key = {.pid = pid};

	return p->count > 0 ? bsearch(&key, p->items, p->count, sizeof(key), by_pid) : NULL;
}

int procs_read(struct procs *p)
{
	DIR *folder = opendir("/proc");
	struct dirent *d;
	int r = 0;

	if (!folder)
		return -errno;
	p->count = 0;
	while (r == 0 && (d = readdir(folder))) {
		long pid = isdigit((unsigned char)d->d_name[0]) ? strtol(d->d_name, NULL, 10) : 0;
		struct proc one;

		if (pid > 1 && pid != getpid() && proc_read((pid_t)pid, &one) == 0 && one.parent != getpid())
			r = add(p, &one);
	}
	(void)closedir(folder);
	if (p->count > 0)
		qsort(p->items, p->count, sizeof(*p->items), by_pid);
	return r;
}

void procs_release(struct procs *p)
{
	free(p->items);
	*p = (struct procs){0};
}

int proc_boot_id(char ret[static 40])
{
	int r = read_text("/proc/sys/kernel/random/boot_id", ret, 40);

	ret[strcspn(ret, "\n")] = '\0';
	return r;
}
