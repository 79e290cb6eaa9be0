/* The helper program's side of a start: what it is told, and what it answers. See launch/plan.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "engine/launch/plan.h"
#include "engine/spawn.h"

#define PLAN_MAX ((size_t)64 * 1024 * 1024)
#define ANSWER_MS 10000 /* it takes well under one */

bool spawn_launch_needed(const struct step_def *def)
{
	const struct limits_def *l = &def->limits;

	return l->user || l->cpu_ms || l->memory || l->file_size || l->files || l->processes || l->no_new_privileges;
}

static void put(struct buf *b, const char *key, const char *value)
{
	(void)buf_printf(b, "%s=%s", key, value);
	(void)buf_append(b, "", 1);
}

static void put_number(struct buf *b, const char *key, uint64_t value)
{
	char text[24];

	if (value == 0)
		return;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	put(b, key, text);
}

static void put_user(struct buf *b, const struct spawn_user *u)
{
	if (!u->name || u->is_daemon)
		return;
	put(b, "user", u->name);
	put_number(b, "uid", u->uid);
	put_number(b, "gid", u->gid);
	for (int i = 0; i < u->group_count; i++) {
		(void)buf_printf(b, "group=%u", u->groups[i]);
		(void)buf_append(b, "", 1);
	}
}

static void put_limits(struct buf *b, const struct limits_def *l)
{
	/* The kernel counts whole seconds. */
	put_number(b, "cpu", (uint64_t)(l->cpu_ms + 999) / 1000);
	put_number(b, "memory", l->memory);
	put_number(b, "file-size", l->file_size);
	put_number(b, "files", l->files);
	put_number(b, "processes", l->processes);
	put_number(b, "no-new-privileges", l->no_new_privileges);
}

static int put_all(struct spawn *s, const struct launch_plan *p, struct buf *b)
{
	put(b, "what", s->script_path ? "the script" : p->argv->items[0]);
	put(b, "file", p->file);
	put(b, "folder", s->folder);
	if (p->cwd)
		put(b, "cwd", p->cwd);
	put_user(b, &s->user);
	put_limits(b, &s->def->limits);
	for (size_t i = 0; i < p->argv->count; i++)
		put(b, "argv", p->argv->items[i]);
	for (size_t i = 0; i < p->env->count; i++)
		put(b, "env", p->env->items[i]);
	return buf_error(b);
}

/* Beyond the numbers that they get in the helper, so that no dup2 there closes another's source. */
static int lift(int fd)
{
	int high = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, LAUNCH_STATUS_FD + 1), error = errno;

	if (fd >= 0)
		(void)close(fd);
	return high < 0 ? -error : high;
}

static int write_plan(const struct buf *b, int *ret_fd)
{
	int fd = lift(memfd_create("launch", MFD_CLOEXEC));
	size_t done = 0;

	if (fd < 0)
		return fd;
	while (done < b->len) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = -errno;

			(void)close(fd);
			return error;
		}
		done += (size_t)n;
	}
	*ret_fd = fd;
	return 0;
}

int spawn_launch_plan(struct spawn *s, struct launch_plan *p)
{
	struct buf b;
	int fds[2], r;

	if (!s->options->launch_helper || access(s->options->launch_helper, X_OK) < 0) {
		(void)snprintf(s->message, sizeof(s->message),
			       "the program tappet-exec, which sets user and limits, cannot be found: %.300s",
			       s->options->launch_helper ? s->options->launch_helper : "no path is known");
		return -ENOENT;
	}
	buf_init(&b, PLAN_MAX);
	r = put_all(s, p, &b);
	if (r == 0)
		r = write_plan(&b, &p->plan_fd);
	if (b.data)
		explicit_bzero(b.data, b.len);
	buf_release(&b);
	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	p->status_fds[0] = fds[0];
	p->status_fds[1] = lift(fds[1]);
	return p->status_fds[1] < 0 ? p->status_fds[1] : 0;
}

/* Until the end of file: 0 and the text, or negative. */
static int read_answer(int fd, char *text, size_t size)
{
	int64_t end_ms = clock_mono_ms() + ANSWER_MS;
	struct pollfd item = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	for (;;) {
		int64_t left_ms = end_ms - clock_mono_ms();
		int r = left_ms > 0 ? poll(&item, 1, (int)left_ms) : 0;
		ssize_t n;

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? -ETIMEDOUT : -errno;
		n = read(fd, text + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return 0;
}

int spawn_launch_answer(struct spawn *s, struct launch_plan *p)
{
	int r;

	(void)close(p->status_fds[1]);
	p->status_fds[1] = -1;
	r = read_answer(p->status_fds[0], s->message, sizeof(s->message));
	if (r == 0 && s->message[0] == '\0')
		return 0;
	if (r < 0)
		(void)snprintf(s->message, sizeof(s->message), "tappet-exec does not answer: %s", strerror(-r));
	(void)kill(-s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = 0;
	return r < 0 ? r : -ECHILD;
}
