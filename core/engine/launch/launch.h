/* What the files of tappet-exec share. */
#ifndef ENGINE_LAUNCH_LAUNCH_H
#define ENGINE_LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GROUPS_MAX 1024

enum { LIMIT_CPU, LIMIT_MEMORY, LIMIT_FILE_SIZE, LIMIT_FILES, LIMIT_PROCESSES, LIMIT_COUNT };

struct launch {
	const char *what, *file, *folder, *cwd;
	char **argv, **env; /* NULL at the end */
	size_t argc, env_count;
	const char *user; /* NULL: stays who it is */
	uid_t uid;
	gid_t gid, groups[GROUPS_MAX];
	size_t group_count;
	uint64_t limits[LIMIT_COUNT]; /* 0: none */
	bool no_new_privileges;
};

/* Tells the daemon, and ends. */
void launch_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* confine.c: limits and user, in the order in which the former may still be raised; ends on failure. */
void launch_confine(const struct launch *l);
void launch_enter_folder(const struct launch *l);

#endif
