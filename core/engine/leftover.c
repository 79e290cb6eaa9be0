/* What an earlier daemon of this store left running: processes with its TAPPET_RUN in their environment, the leaders that it
 * noted (running.h) with their groups, and what descends from any of these. All are ended before anything is claimed, so
 * that two attempts of one step never overlap. */
#include "engine/internal.h"

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
#include "engine/running.h"

#define TERM_MS 2000 /* for an orderly end */
#define GIVE_UP_MS 30000
#define LOOK_MS 10
#define ENVIRON_MAX ((size_t)8 * 1024 * 1024)

struct leftover {
	uv_work_t work;
	struct engine *engine;
	void (*done)(struct engine *e, int status);
	char mark[128];
	struct running *running; /* as noted */
	size_t running_count;
	struct procs procs, before; /* as they are, and as they were at the last look */
	char *environ_text;
	size_t cap, ended;
	int status;
};

static int read_environ(struct leftover *l, pid_t pid, size_t *ret_len)
{
	char path[64];
	size_t len = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
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

static bool is_marked(struct leftover *l, pid_t pid)
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

/* A group outlives its leader, and as long as it is there nobody else gets its number; but that it is still the same one is
 * certain only while its members are of the session that the leader was in. */
static bool is_noted(const struct leftover *l, const struct proc *p)
{
	for (size_t i = 0; i < l->running_count; i++) {
		const struct running *leader = &l->running[i];

		if (p->pid == leader->pid && p->start == leader->start)
			return true;
		if (p->pid != leader->pid && p->group == leader->pid && p->session == leader->session &&
		    p->start >= leader->start)
			return true;
	}
	return false;
}

/* Child of one of ours, or in a session that one of ours has made. */
static bool is_kin(const struct procs *procs, const struct proc *p)
{
	const struct proc *parent = procs_find(procs, p->parent), *maker = procs_find(procs, p->session);

	return (parent && parent->ours) || (maker && maker->ours);
}

/* What made it one of ours may have ended since. */
static bool was_ours(const struct leftover *l, const struct proc *p)
{
	const struct proc *then = procs_find(&l->before, p->pid);

	return then && then->ours && then->start == p->start;
}

static size_t find_ours(struct leftover *l)
{
	size_t count = 0, before;

	for (size_t i = 0; i < l->procs.count; i++) {
		struct proc *p = &l->procs.items[i];

		p->ours = was_ours(l, p) || is_noted(l, p) || is_marked(l, p->pid);
		count += p->ours;
	}
	/* As deep as their descendants go. */
	do {
		before = count;
		for (size_t i = 0; count > 0 && i < l->procs.count; i++) {
			struct proc *p = &l->procs.items[i];

			if (p->ours || !is_kin(&l->procs, p))
				continue;
			p->ours = true;
			count++;
		}
	} while (count > before);
	return count;
}

/* Its group as well: what was forked since /proc was read hides there. The groups are ours, posix_spawn made them. */
static void end(const struct proc *p, int signal_number)
{
	if (p->group > 1 && p->group != getpgrp())
		(void)kill(-p->group, signal_number);
	(void)kill(p->pid, signal_number);
	(void)kill(p->pid, SIGCONT);
}

static size_t end_ours(struct leftover *l, int signal_number)
{
	struct procs swap = l->before;
	size_t count;

	l->before = l->procs;
	l->procs = swap;
	l->status = procs_read(&l->procs);
	if (l->status < 0)
		return 0;
	count = find_ours(l);
	for (size_t i = 0; signal_number && count > 0 && i < l->procs.count; i++)
		if (l->procs.items[i].ours)
			end(&l->procs.items[i], signal_number);
	return count;
}

static void end_all(uv_work_t *work)
{
	struct leftover *l = work->data;
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	int64_t begin_ms = clock_mono_ms();
	size_t left = 0;

	/* No folder: no step has run yet. */
	l->status = running_read(l->engine->scratch, &l->running, &l->running_count);
	if (l->status == -ENOENT)
		l->status = 0;
	if (l->status == 0)
		left = l->ended = end_ours(l, SIGTERM);
	while (left > 0 && l->status == 0) {
		int64_t passed_ms = clock_mono_ms() - begin_ms;

		if (passed_ms > GIVE_UP_MS) {
			l->status = -EBUSY;
			break;
		}
		(void)nanosleep(&pause, NULL);
		left = end_ours(l, passed_ms > TERM_MS ? SIGKILL : 0);
	}
	if (l->status == 0)
		scratch_remove_attempts(l->engine->scratch);
	free(l->environ_text);
	free(l->running);
	procs_release(&l->procs);
	procs_release(&l->before);
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
