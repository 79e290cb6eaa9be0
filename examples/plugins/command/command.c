/* Runs a command for as long as its trigger is there and starts a workflow for each line of its output. It shows how a child is
 * kept without ever waiting for it: a pidfd tells its end, a pipe that is not read makes it wait. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <tappet/plugin.h>
#include <unistd.h>
#include "../quote.h"

#define LINE_MAX_BYTES 4096
#define ARGUMENTS_MAX 32
#define RETRY_MS 1000
/* A command that ran this long has worked: the next restart comes soon again. */
#define STEADY_MS 10000

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	struct trigger *triggers;
	int under_way; /* emissions whose callback has not fired, and children */
	int started, stopping, paused;
};

struct trigger {
	struct trigger *next;
	struct plugin *plugin;
	tappet_trigger *handle;
	tappet_timer *timer; /* of the next start, or of the next try of a line */
	tappet_fd *exit_watch, *output_watch;
	pid_t pid;
	int pidfd, output;
	int starting; /* pid, pidfd and output belong to a thread of the pool */
	int in_flight, skipping, due, ending, freed;
	int64_t begun_ms, wait_ms, wait_max_ms;
	long lines;
	size_t used;
	char text[LINE_MAX_BYTES + 1]; /* its first line stays until it is settled */
	char *arguments[ARGUMENTS_MAX + 1];
};

extern char **environ;

static const tappet_option trigger_options[] = {
	{"command", TAPPET_STRING, TAPPET_REQUIRED | TAPPET_MULTI, NULL, "The program and its arguments.", NULL},
	{"maxWait", TAPPET_DURATION, 0, "1m", "How long it is at most until the command is started again.", NULL},
};

static void go_on(struct trigger *t);
static void on_timer(void *arg);

static void release(struct trigger *t)
{
	for (size_t i = 0; i < ARGUMENTS_MAX; i++)
		free(t->arguments[i]);
	free(t);
}

static void done_one(struct plugin *p)
{
	p->under_way--;
	if (p->stopping && p->under_way == 0)
		p->host->stopped(p->self);
}

static void wait_for(struct trigger *t, int64_t ms)
{
	const tappet_host *host = t->plugin->host;

	if (!t->timer && host->timer_start(t->plugin->self, ms, 0, on_timer, t, &t->timer) != TAPPET_OK)
		host->health(t->plugin->self, t->handle, TAPPET_HEALTH_DEAD, "no timer", 0);
}

static void unwatch(struct trigger *t, tappet_fd **watch)
{
	if (*watch)
		t->plugin->host->fd_unwatch(*watch);
	*watch = NULL;
}

static void close_output(struct trigger *t)
{
	unwatch(t, &t->output_watch);
	if (t->output >= 0)
		close(t->output);
	t->output = -1;
}

static void back_off(struct trigger *t, const char *reason)
{
	struct plugin *p = t->plugin;

	if (p->host->mono_ms(p->self) - t->begun_ms >= STEADY_MS)
		t->wait_ms = RETRY_MS;
	if (t->wait_ms > t->wait_max_ms)
		t->wait_ms = t->wait_max_ms;
	p->host->health(p->self, t->handle, TAPPET_HEALTH_BACKING_OFF, reason, p->host->wall_ms(p->self) + t->wait_ms);
	wait_for(t, t->wait_ms);
	t->wait_ms *= 2;
}

/* The group goes first: while its leader is not waited for, its number cannot be anybody else's. */
static void on_exit_of_child(void *arg, int32_t events, int32_t error)
{
	struct trigger *t = arg;
	struct plugin *p = t->plugin;

	(void)events, (void)error;
	kill(-t->pid, SIGKILL);
	if (waitpid(t->pid, NULL, WNOHANG) == 0)
		return;
	unwatch(t, &t->exit_watch);
	close(t->pidfd);
	t->pid = 0;
	if (t->timer && t->ending) {
		p->host->timer_stop(t->timer);
		t->timer = NULL;
	}
	if (t->freed)
		release(t);
	else if (!t->ending)
		go_on(t);
	done_one(p);
}

static void drop_line(struct trigger *t)
{
	char *end = memchr(t->text, '\n', t->used);
	size_t len = end ? (size_t)(end - t->text) + 1 : t->used;

	t->skipping = !end;
	t->used -= len;
	memmove(t->text, t->text + len, t->used);
	t->lines++;
}

static void settled(void *arg, const tappet_result *result)
{
	struct trigger *t = arg;
	struct plugin *p = t->plugin;

	t->in_flight = 0;
	if (!t->ending) {
		if (result->outcome == TAPPET_ECANCELED || result->outcome == TAPPET_EUNKNOWN) {
			wait_for(t, RETRY_MS);
		} else {
			drop_line(t);
			go_on(t);
		}
	}
	done_one(p);
}

/* One line at a time: it can only be repeated while it is still here. */
static int32_t emit(struct trigger *t, size_t len)
{
	struct plugin *p = t->plugin;
	char payload[QUOTE_MAX(LINE_MAX_BYTES) + 16], key[64];
	size_t used = (size_t)sprintf(payload, "{\"line\":");
	int32_t r;

	used += quote(payload + used, t->text, len);
	payload[used++] = '}';
	snprintf(key, sizeof(key), "%lld-%d-%ld", (long long)t->begun_ms, (int)getpid(), t->lines);
	r = p->host->emit(t->handle,
			  &(tappet_emission){.struct_size = sizeof(tappet_emission),
					     .payload = tappet_strn(payload, used),
					     .dedup_key = tappet_cstr(key)},
			  settled, t);
	t->in_flight = r == TAPPET_OK;
	p->under_way += t->in_flight;
	if (r == TAPPET_ENOMEM)
		wait_for(t, RETRY_MS);
	return r;
}

static void refuse(struct trigger *t, int32_t reason, const char *detail)
{
	t->plugin->host->refuse(t->plugin->self, t->handle, reason, tappet_cstr(detail));
	drop_line(t);
}

/* 1 when more may be read. A last line without an end counts when nothing more can come. */
static int take_lines(struct trigger *t)
{
	char *end;

	if (t->output < 0 && t->used > 0 && !memchr(t->text, '\n', t->used))
		t->text[t->used++] = '\n';
	while ((end = memchr(t->text, '\n', t->used))) {
		int32_t r = t->skipping ? TAPPET_OK : emit(t, (size_t)(end - t->text));

		if (t->in_flight || (r != TAPPET_OK && r != TAPPET_EINVAL))
			return 0;
		if (r == TAPPET_OK)
			drop_line(t);
		else
			refuse(t, TAPPET_REASON_MALFORMED, "a line that is not UTF-8");
	}
	if (t->skipping)
		t->used = 0;
	else if (t->used == LINE_MAX_BYTES)
		refuse(t, TAPPET_REASON_TOO_LARGE, "a line is longer than 4095 bytes");
	return 1;
}

static void on_output(void *arg, int32_t events, int32_t error)
{
	struct trigger *t = arg;
	ssize_t n = error ? 0 : read(t->output, t->text + t->used, LINE_MAX_BYTES - t->used);

	(void)events;
	if (n > 0)
		t->used += (size_t)n;
	else if (n == 0)
		close_output(t);
	unwatch(t, &t->output_watch);
	go_on(t);
}

/* A group of its own, so that what the command starts ends with it; signals as a program expects them. */
static int spawn(struct trigger *t, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	error = posix_spawnp(&t->pid, t->arguments[0], &actions, &attributes, t->arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (error)
		t->pid = 0;
	return error;
}

/* On a thread of the pool: a new process may keep its parent waiting until its program is loaded. */
static void start_child(void *arg)
{
	struct trigger *t = arg;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	t->output = ends[0];
	if (spawn(t, ends[1]) == 0) {
		t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
		if (t->pidfd < 0) {
			/* Nobody would see its end. */
			kill(-t->pid, SIGKILL);
			waitpid(t->pid, NULL, 0);
			t->pid = 0;
		}
	}
	close(ends[1]);
}

static void on_started(void *arg, int32_t result)
{
	struct trigger *t = arg;
	struct plugin *p = t->plugin;
	int has_child;

	t->starting = 0;
	if (t->pid &&
	    p->host->fd_watch(p->self, t->pidfd, TAPPET_READABLE, on_exit_of_child, t, &t->exit_watch) != TAPPET_OK) {
		kill(-t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0); /* SIGKILL does not keep anybody waiting */
		close(t->pidfd);
		t->pid = 0;
	}
	has_child = t->pid != 0;
	if (t->ending) {
		close_output(t);
		if (t->pid)
			kill(-t->pid, SIGKILL);
		else if (t->freed)
			release(t);
	} else if (t->pid) {
		p->host->health(p->self, t->handle, TAPPET_HEALTH_RUNNING, "", 0);
		go_on(t);
	} else {
		close_output(t);
		back_off(t, result == TAPPET_OK ? "the command cannot be started" : tappet_strerror(result));
	}
	if (!has_child) /* else its end counts down */
		done_one(p);
}

static void run(struct trigger *t)
{
	struct plugin *p = t->plugin;

	t->due = 0;
	t->begun_ms = p->host->mono_ms(p->self);
	if (p->host->work(p->self, start_child, on_started, t) != TAPPET_OK) {
		back_off(t, "no thread is free");
		return;
	}
	t->starting = 1;
	p->under_way++;
}

/* Whatever is next: lines that are here, output to read, another start. */
static void go_on(struct trigger *t)
{
	struct plugin *p = t->plugin;

	if (!p->started || p->paused || t->ending || t->timer || t->starting || t->in_flight || t->output_watch ||
	    !take_lines(t))
		return;
	if (t->output >= 0) {
		t->due = 0;
		if (p->host->fd_watch(p->self, t->output, TAPPET_READABLE, on_output, t, &t->output_watch) != TAPPET_OK)
			wait_for(t, RETRY_MS);
	} else if (t->pid == 0 && t->due) {
		run(t);
	} else if (t->pid == 0) {
		back_off(t, "the command has ended");
	}
}

static void on_timer(void *arg)
{
	struct trigger *t = arg;

	t->timer = NULL;
	t->due = 1;
	if (t->ending && t->exit_watch)
		kill(-t->pid, SIGKILL);
	go_on(t);
}

/* Asks the command to end, and makes it end when it does not; on_exit_of_child comes in either case. */
static void end(struct trigger *t, int64_t patience_ms)
{
	const tappet_host *host = t->plugin->host;

	t->ending = 1;
	if (t->timer)
		host->timer_stop(t->timer);
	t->timer = NULL;
	/* One that is being started belongs to its thread still: on_started ends it. */
	if (t->starting)
		return;
	close_output(t);
	if (!t->exit_watch)
		return;
	kill(-t->pid, SIGTERM);
	if (host->timer_start(t->plugin->self, patience_ms, 0, on_timer, t, &t->timer) != TAPPET_OK)
		kill(-t->pid, SIGKILL);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct plugin *p = calloc(1, sizeof(*p));

	(void)config;
	if (!p)
		return TAPPET_ENOMEM;
	p->host = host;
	p->self = self;
	*ret_state = p;
	return TAPPET_OK;
}

static int32_t configure(struct trigger *t, const tappet_config *config)
{
	const tappet_host *host = t->plugin->host;
	size_t count = host->config_count(config, "command");
	int32_t r = host->config_int(config, "maxWait", 0, &t->wait_max_ms);
	tappet_str argument;

	if (r == TAPPET_OK && (count == 0 || count > ARGUMENTS_MAX || t->wait_max_ms < 1))
		r = TAPPET_EINVAL;
	for (size_t i = 0; i < count && r == TAPPET_OK; i++) {
		r = host->config_str(config, "command", i, &argument);
		if (r == TAPPET_OK && !(t->arguments[i] = strndup(argument.ptr, argument.len)))
			r = TAPPET_ENOMEM;
	}
	return r;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct plugin *p = state;
	struct trigger *t = calloc(1, sizeof(*t));
	int32_t r;

	if (!t)
		return TAPPET_ENOMEM;
	t->plugin = p;
	t->handle = handle;
	t->output = -1;
	t->wait_ms = RETRY_MS;
	r = configure(t, info->config);
	/* The timer fires after the start, or at once when that was before. */
	if (r == TAPPET_OK)
		r = p->host->timer_start(p->self, 0, 0, on_timer, t, &t->timer);
	if (r != TAPPET_OK) {
		release(t);
		return r;
	}
	t->next = p->triggers;
	p->triggers = t;
	*ret_state = t;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct trigger **at = &((struct plugin *)state)->triggers, *t = trigger_state;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (!t->ending)
		end(t, RETRY_MS);
}

/* The child may outlive its trigger by a moment. */
static void trigger_free(void *state, void *trigger_state)
{
	struct trigger *t = trigger_state;

	(void)state;
	t->freed = 1;
	if (!t->starting && !t->pid)
		release(t);
}

/* A command that is not read waits in its write. */
static void pause_all(void *state)
{
	struct plugin *p = state;

	p->paused = 1;
	for (struct trigger *t = p->triggers; t; t = t->next)
		unwatch(t, &t->output_watch);
}

static void resume_all(void *state)
{
	struct plugin *p = state;

	p->paused = 0;
	for (struct trigger *t = p->triggers; t; t = t->next)
		go_on(t);
}

static int32_t start(void *state)
{
	((struct plugin *)state)->started = 1;
	resume_all(state);
	return TAPPET_OK;
}

static void stop(void *state, int64_t deadline_ms)
{
	struct plugin *p = state;

	p->stopping = 1;
	for (struct trigger *t = p->triggers; t; t = t->next)
		end(t, deadline_ms / 2 < RETRY_MS ? deadline_ms / 2 : RETRY_MS);
	if (p->under_way == 0)
		p->host->stopped(p->self);
}

static const tappet_plugin descriptor = {
	.struct_size = sizeof(tappet_plugin),
	.abi_minor = TAPPET_ABI_MINOR,
	.name = "command",
	.version = "1.0.0",
	.license = "MIT",
	.summary = "Starts a workflow for each line that a command prints.",
	.trigger_options = trigger_options,
	.trigger_option_count = sizeof(trigger_options) / sizeof(trigger_options[0]),
	.option_size = sizeof(tappet_option),
	.sample = "{\"line\":\"text\"}",
	.create = create,
	.trigger_add = trigger_add,
	.trigger_remove = trigger_remove,
	.trigger_free = trigger_free,
	.start = start,
	.pause = pause_all,
	.resume = resume_all,
	.stop = stop,
	.destroy = free,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &descriptor;
}
