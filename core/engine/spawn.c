/* posix_spawn of one attempt: measured at 0.075 ms whatever the daemon's size, where fork of a large one blocks
 * for 40 ms. */
#include "engine/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/launch/plan.h"
#include "engine/running.h"

#define ARGUMENT_MAX ((size_t)2 * 1024 * 1024)
#define BUSY_TRIES 100

struct plan {
	struct texts argv, env;
	char *file; /* what is executed */
	char *cwd;
	int in_fd, out_fds[2], err_fds[2];
	bool by_helper;
	struct launch_plan launch;
};

/* ---- What to execute ------------------------------------------------------------------------------------------ */

static int expand(struct spawn *s, const struct subst *text, char **ret)
{
	struct buf b;
	int r;

	buf_init(&b, ARGUMENT_MAX);
	r = values_expand(&s->values, text, &b, s->message, sizeof(s->message));
	if (r == 0) {
		*ret = buf_detach(&b, NULL);
		r = *ret ? 0 : -ENOMEM;
	}
	buf_release(&b);
	return r;
}

static int plan_arguments(struct spawn *s, struct plan *p)
{
	int r = 0;

	for (size_t i = 0; i < s->def->argc && r == 0; i++) {
		char *text;

		r = expand(s, &s->def->argv[i], &text);
		if (r == 0)
			r = texts_add(&p->argv, text);
	}
	return r;
}

/* A text that does not say by what it wants to be read is for the shell. */
static int plan_script(struct spawn *s, struct plan *p)
{
	const char *script = s->def->script;
	int r = spawn_write_file(s->script_path, script, strlen(script), 0700);

	if (r == 0 && strncmp(script, "#!", 2) != 0)
		r = texts_add(&p->argv, strdup("/bin/sh"));
	return r < 0 ? r : texts_add(&p->argv, strdup(s->script_path));
}

static const char *env_value(const struct texts *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
			return env->items[i] + len + 1;
	return "";
}

/* By the child's PATH; posix_spawnp would take the daemon's. */
static int find_program(const struct texts *env, const char *name, char **ret)
{
	const char *path = env_value(env, "PATH");
	int r = -ENOENT;

	if (strchr(name, '/')) {
		*ret = strdup(name);
		return *ret ? 0 : -ENOMEM;
	}
	while (*path && *name) {
		size_t len = strcspn(path, ":");
		char *full = len > 0 && *path == '/' ? text_printf("%.*s/%s", (int)len, path, name) : NULL;

		if (full && access(full, X_OK) == 0) {
			*ret = full;
			return 0;
		}
		if (full && errno == EACCES)
			r = -EACCES;
		free(full);
		path += len + (path[len] == ':');
	}
	return r;
}

/* ---- Its three descriptors ------------------------------------------------------------------------------------ */

static int open_input(const struct step_def *def)
{
	size_t len = def->stdin_text ? strlen(def->stdin_text) : 0, done = 0;
	int fd;

	if (!def->stdin_text)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else
		fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (done < len) {
		ssize_t n = write(fd, def->stdin_text + done, len - done);

		if (n < 0) {
			int error = -errno;

			(void)close(fd);
			return error;
		}
		done += (size_t)n;
	}
	if (len > 0)
		(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

static int open_descriptors(struct spawn *s, struct plan *p)
{
	p->in_fd = open_input(s->def);
	if (p->in_fd < 0)
		return p->in_fd;
	if (pipe2(p->out_fds, O_CLOEXEC) < 0 || pipe2(p->err_fds, O_CLOEXEC) < 0)
		return -errno;
	/* Only our ends: the child expects ordinary ones. */
	if (fcntl(p->out_fds[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(p->err_fds[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void plan_release(struct plan *p)
{
	texts_wipe(&p->argv);
	texts_wipe(&p->env);
	free(p->file);
	free(p->cwd);
	close_fd(&p->in_fd);
	for (int i = 0; i < 2; i++) {
		close_fd(&p->out_fds[i]);
		close_fd(&p->err_fds[i]);
		close_fd(&p->launch.status_fds[i]);
	}
	close_fd(&p->launch.plan_fd);
}

/* ---- The start ------------------------------------------------------------------------------------------------ */

static int set_folder(const struct spawn *s, const struct plan *p, posix_spawn_file_actions_t *actions)
{
	int r = posix_spawn_file_actions_addchdir_np(actions, s->folder);

	return r == 0 && p->cwd ? posix_spawn_file_actions_addchdir_np(actions, p->cwd) : r;
}

static int set_launch(const struct plan *p, posix_spawn_file_actions_t *actions)
{
	int r = posix_spawn_file_actions_adddup2(actions, p->launch.plan_fd, LAUNCH_PLAN_FD);

	return r == 0 ? posix_spawn_file_actions_adddup2(actions, p->launch.status_fds[1], LAUNCH_STATUS_FD) : r;
}

/* The helper enters the folder as the user that it becomes. */
static int set_actions(const struct spawn *s, const struct plan *p, posix_spawn_file_actions_t *actions)
{
	int r = p->by_helper ? 0 : set_folder(s, p, actions);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, p->in_fd, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, p->out_fds[1], 1);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, p->err_fds[1], 2);
	if (r == 0 && p->by_helper)
		r = set_launch(p, actions);
	/* All are close-on-exec anyway; a library's that is not must not leak either. */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, p->by_helper ? LAUNCH_STATUS_FD + 1 : 3);
	return -r;
}

/* An own process group, no signal blocked or ignored. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r = posix_spawnattr_setflags(attributes,
					 POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	if (r == 0)
		r = posix_spawnattr_setpgroup(attributes, 0);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	return -r;
}

/* ETXTBSY: another thread's child, between its fork and its exec, still holds the script that was just written. */
static int spawn_patiently(struct spawn *s, const struct plan *p, const posix_spawn_file_actions_t *actions,
			   const posix_spawnattr_t *attributes)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	/* The helper's own environment is nothing but the mark by which leftovers are found. */
	char helper[] = "tappet-exec", *argv[] = {helper, NULL}, *env[] = {s->mark, NULL};
	const char *file = p->by_helper ? s->options->launch_helper : p->file;
	int r = 0;

	for (int i = 0; i < BUSY_TRIES; i++) {
		r = posix_spawn(&s->pid, file, actions, attributes, p->by_helper ? argv : p->argv.items,
				p->by_helper ? env : p->env.items);
		if (r != ETXTBSY)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return -r;
}

static int spawn_child(struct spawn *s, const struct plan *p)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	r = -posix_spawn_file_actions_init(&actions);
	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attributes);
	if (r == 0)
		r = set_actions(s, p, &actions);
	if (r == 0)
		r = set_attributes(&attributes);
	if (r == 0)
		r = spawn_patiently(s, p, &actions, &attributes);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* Without a descriptor its end could not be seen. */
static int watch_child(struct spawn *s)
{
	int error;

	s->pidfd = pidfd_open(s->pid, 0);
	if (s->pidfd >= 0)
		return 0;
	error = -errno;
	(void)kill(-s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = 0;
	return error;
}

static int prepare_launch(struct spawn *s, struct plan *p)
{
	p->by_helper = spawn_launch_needed(s->def);
	if (!p->by_helper)
		return 0;
	p->launch.argv = &p->argv;
	p->launch.env = &p->env;
	p->launch.file = p->file;
	p->launch.cwd = p->cwd;
	return spawn_launch_plan(s, &p->launch);
}

static int prepare(struct spawn *s, struct plan *p)
{
	int r;

	if (mkdir(s->folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = spawn_user_find(s);
	if (r == 0)
		r = spawn_write_input(s);
	if (r == 0)
		r = spawn_write_file(s->output_path, "", 0, 0600);
	if (r == 0)
		r = spawn_env(s, &p->env);
	if (r == 0)
		r = s->def->kind == STEP_SCRIPT ? plan_script(s, p) : plan_arguments(s, p);
	if (r == 0 && s->def->has_cwd)
		r = expand(s, &s->def->cwd, &p->cwd);
	if (r == 0)
		r = find_program(&p->env, p->argv.items[0], &p->file);
	if (r == 0)
		r = open_descriptors(s, p);
	if (r == 0)
		r = spawn_user_give(s, p->out_fds[1], p->err_fds[1]);
	return r == 0 ? prepare_launch(s, p) : r;
}

static void explain(struct spawn *s, const struct plan *p)
{
	const char *program = p->argv.count > 0 ? p->argv.items[0] : s->def->id;
	struct stat st;

	if (s->message[0])
		return;
	if (p->file && p->cwd && p->cwd[0] == '/' && stat(p->cwd, &st) < 0)
		(void)snprintf(s->message, sizeof(s->message), "cannot enter %s: %s", p->cwd, strerror(errno));
	else
		(void)snprintf(s->message, sizeof(s->message), "cannot start %.200s: %s",
			       s->script_path ? "the script" : program, strerror(-s->error));
}

void spawn_start(struct spawn *s)
{
	struct plan plan = {
		.in_fd = -1,
		.out_fds = {-1, -1},
		.err_fds = {-1, -1},
		.launch = {.plan_fd = -1, .status_fds = {-1, -1}},
	};

	s->message[0] = '\0';
	s->pidfd = s->out_fd = s->err_fd = -1;
	s->error = prepare(s, &plan);
	if (s->error == 0)
		s->error = spawn_child(s, &plan);
	if (s->error == 0 && plan.by_helper)
		s->error = spawn_launch_answer(s, &plan.launch);
	if (s->error == 0)
		s->error = watch_child(s);
	/* Without it there still is TAPPET_RUN to find it by. */
	if (s->error == 0)
		(void)running_write(s->pid_path, s->pid);
	if (s->error < 0) {
		explain(s, &plan);
		spawn_finish(s, false);
	} else {
		s->out_fd = plan.out_fds[0];
		s->err_fd = plan.err_fds[0];
		plan.out_fds[0] = plan.err_fds[0] = -1;
	}
	plan_release(&plan);
}
