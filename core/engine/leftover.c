/* Children that an earlier daemon of this store left running, found by TAPPET_RUN in their environment. They are
 * ended before anything is claimed, so that two attempts of one step never overlap. */
#include "engine/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define TERM_MS 2000 /* for an orderly end */
#define GIVE_UP_MS 30000
#define LOOK_MS 10
#define ENVIRON_MAX ((size_t)8 * 1024 * 1024)

struct leftover {
	uv_work_t work;
	struct engine *engine;
	void (*done)(struct engine *e, int status);
	char mark[128];
	char *environ_text;
	size_t cap, ended;
	int status;
};

static int read_environ(struct leftover *l, const char *pid, size_t *ret_len)
{
	char path[64];
	size_t len = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.16s/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		if (len == l->cap) {
			size_t cap = l->cap ? 2 * l->cap : 16384;
			char *text = cap <= ENVIRON_MAX ? realloc(l->environ_text, cap) : NULL;

			if (!text)
				break;
			l->environ_text = text;
			l->cap = cap;
		}
		n = read(fd, l->environ_text + len, l->cap - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	(void)close(fd);
	*ret_len = len;
	return 0;
}

static bool is_marked(struct leftover *l, const char *pid)
{
	size_t len = 0, mark_len = strlen(l->mark);
	const char *at, *end;

	if (read_environ(l, pid, &len) < 0)
		return false;
	at = l->environ_text;
	end = at + len;
	while (at < end) {
		size_t n = strnlen(at, (size_t)(end - at));

		if (n >= mark_len && memcmp(at, l->mark, mark_len) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

/* Its group as well: one that cleaned its environment hides there. The groups are ours, posix_spawn made them. */
static void end(pid_t pid, int signal_number)
{
	pid_t group = getpgid(pid);

	if (group > 1 && group != getpgrp())
		(void)kill(-group, signal_number);
	(void)kill(pid, signal_number);
	(void)kill(pid, SIGCONT);
}

static size_t end_marked(struct leftover *l, int signal_number)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	size_t count = 0;

	if (!proc) {
		l->status = -errno;
		return 0;
	}
	while ((d = readdir(proc))) {
		long pid = isdigit((unsigned char)d->d_name[0]) ? strtol(d->d_name, NULL, 10) : 0;

		if (pid <= 1 || pid == getpid() || !is_marked(l, d->d_name))
			continue;
		count++;
		if (signal_number)
			end((pid_t)pid, signal_number);
	}
	(void)closedir(proc);
	return count;
}

static void end_all(uv_work_t *work)
{
	struct leftover *l = work->data;
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	int64_t begin_ms = clock_mono_ms();
	size_t left = l->ended = end_marked(l, SIGTERM);

	while (left > 0 && l->status == 0) {
		int64_t passed_ms = clock_mono_ms() - begin_ms;

		if (passed_ms > GIVE_UP_MS) {
			l->status = -EBUSY;
			break;
		}
		(void)nanosleep(&pause, NULL);
		left = end_marked(l, passed_ms > TERM_MS ? SIGKILL : 0);
	}
	if (l->status == 0)
		scratch_remove_attempts(l->engine->scratch);
	free(l->environ_text);
}

static void all_ended(uv_work_t *work, int status)
{
	struct leftover *l = work->data;
	struct engine *e = l->engine;

	if (l->ended > 0)
		log_warn("processes of an earlier start were ended", log_int("processes", l->ended), LOG_END);
	if (l->status < 0)
		log_error("processes of an earlier start are still there", log_errno(l->status), LOG_END);
	l->done(e, status < 0 ? status : l->status);
	free(l);
	engine_let_go(e);
}

int leftover_end(struct engine *e, void (*done)(struct engine *e, int status))
{
	struct leftover *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->engine = e;
	l->done = done;
	l->work.data = l;
	(void)snprintf(l->mark, sizeof(l->mark), "TAPPET_RUN=%s/", store_identity(e->store));
	r = uv_queue_work(e->loop, &l->work, end_all, all_ended);
	if (r < 0) {
		free(l);
		return r;
	}
	engine_hold(e);
	return 0;
}
