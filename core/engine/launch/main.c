/* The program `tappet-exec`: takes on the user, the limits and the privileges that a step asks for, then executes its
 * command. Started by the daemon by posix_spawn, which can do none of this; the command keeps the helper's process id
 * and group. Small on purpose: it is started for each such attempt. */
#include "engine/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/launch/plan.h"

#define PLAN_MAX ((off_t)64 * 1024 * 1024)
#define FAILED 127 /* as shells have it */

void launch_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vdprintf(LAUNCH_STATUS_FD, format, args);
	va_end(args);
	_exit(FAILED);
}

/* Writable: the texts are handed on as they lie here. */
static char *map_plan(size_t *ret_len)
{
	struct stat st;
	char *text;

	if (fstat(LAUNCH_PLAN_FD, &st) < 0 || fcntl(LAUNCH_STATUS_FD, F_SETFD, FD_CLOEXEC) < 0) {
		(void)fputs("tappet-exec executes the commands of steps for tappet, which starts it.\n", stderr);
		_exit(FAILED);
	}
	if (st.st_size <= 0 || st.st_size > PLAN_MAX)
		launch_fail("a plan of %lld bytes", (long long)st.st_size);
	text = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, LAUNCH_PLAN_FD, 0);
	if (text == MAP_FAILED)
		launch_fail("the plan cannot be read: %s", strerror(errno));
	if (text[st.st_size - 1] != '\0')
		launch_fail("the plan has no end");
	(void)close(LAUNCH_PLAN_FD);
	*ret_len = (size_t)st.st_size;
	return text;
}

/* One for each text of the plan is more than enough for both. */
static void make_room(struct launch *l, const char *text, size_t len)
{
	size_t count = 1;

	for (size_t i = 0; i < len; i++)
		count += text[i] == '\0';
	l->argv = calloc(count, sizeof(char *));
	l->env = calloc(count, sizeof(char *));
	if (!l->argv || !l->env)
		launch_fail("%s", strerror(ENOMEM));
}

static uint64_t number(const char *key, const char *value)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (errno || *end || end == value)
		launch_fail("%s is no number", key);
	return n;
}

static bool take_text(struct launch *l, const char *key, const char *value)
{
	const struct {
		const char *key, **to;
	} texts[] = {
		{"what", &l->what}, {"file", &l->file}, {"folder", &l->folder}, {"cwd", &l->cwd}, {"user", &l->user},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(key, texts[i].key) == 0) {
			*texts[i].to = value;
			return true;
		}
	}
	return false;
}

static bool take_limit(struct launch *l, const char *key, const char *value)
{
	static const char *const keys[LIMIT_COUNT] = {"cpu", "memory", "file-size", "files", "processes"};

	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (strcmp(key, keys[i]) == 0) {
			l->limits[i] = number(key, value);
			return true;
		}
	}
	return false;
}

static void take(struct launch *l, const char *key, char *value)
{
	if (take_text(l, key, value) || take_limit(l, key, value))
		return;
	if (strcmp(key, "argv") == 0)
		l->argv[l->argc++] = value;
	else if (strcmp(key, "env") == 0)
		l->env[l->env_count++] = value;
	else if (strcmp(key, "uid") == 0)
		l->uid = (uid_t)number(key, value);
	else if (strcmp(key, "gid") == 0)
		l->gid = (gid_t)number(key, value);
	else if (strcmp(key, "group") == 0 && l->group_count < GROUPS_MAX)
		l->groups[l->group_count++] = (gid_t)number(key, value);
	else if (strcmp(key, "no-new-privileges") == 0)
		l->no_new_privileges = true;
	else
		launch_fail(
			"the daemon asks for \"%s\", which this tappet-exec does not know: are both of one version?",
			key);
}

static void read_plan(struct launch *l)
{
	size_t len = 0;
	char *text = map_plan(&len), *end = text + len;

	make_room(l, text, len);
	while (text < end) {
		size_t whole = strlen(text) + 1;
		char *equals = strchr(text, '=');

		if (!equals)
			launch_fail("the plan cannot be understood");
		*equals = '\0';
		take(l, text, equals + 1);
		text += whole;
	}
	if (!l->what || !l->file || !l->folder || l->argc == 0)
		launch_fail("the plan is not complete");
}

int main(void)
{
	static struct launch l;

	read_plan(&l);
	launch_confine(&l);
	launch_enter_folder(&l);
	(void)execve(l.file, l.argv, l.env);
	if (errno == EAGAIN && l.limits[LIMIT_PROCESSES])
		launch_fail("cannot start %.200s: the user runs more processes than limits.processes allows", l.what);
	launch_fail("cannot start %.200s%s%.100s: %s", l.what, l.user ? " as user " : "", l.user ? l.user : "",
		    strerror(errno));
}
