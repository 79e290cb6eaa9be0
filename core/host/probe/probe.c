#include "host/probe/probe.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/json.h"
#include "host/probe/fake.h"
#include "host/probe/scenes.h"

#define SCENE_MS 60000 /* of real time; a plugin that takes longer hangs */

static void child(const struct play *play, const struct scene *scene)
{
	/* What the plugin prints must not get into the report. */
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(1);
	scene->run(play);
	play->board->finished = true;
	/* Neither exit handlers nor leak checks: the plugin may be in the middle of something. */
	_exit(0);
}

static void tell_end(struct board *b, const struct scene *scene, int status)
{
	const char *where = b->where[0] ? b->where : "a moment without callbacks";
	if (b->finished)
		return;
	if (WIFSIGNALED(status))
		board_broken(b, scene->rule, "it crashed (%s) in %s; scenario: %s", strsignal(WTERMSIG(status)), where,
			     scene->name);
	else if (WEXITSTATUS(status) != FAKE_EXIT_TOLD)
		board_broken(b, scene->rule, "it ended the process (status %d) in %s; scenario: %s",
			     WEXITSTATUS(status), where, scene->name);
}

static int watch(struct board *b, const struct scene *scene, pid_t pid)
{
	struct pollfd over = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	int status, n = 0;
	if (over.fd < 0)
		return -errno;
	while ((n = poll(&over, 1, SCENE_MS)) < 0 && errno == EINTR)
		;
	if (n == 0) {
		board_broken(b, scene->rule, "it hung in %s; scenario: %s", b->where[0] ? b->where : "its own thread",
			     scene->name);
		kill(pid, SIGKILL);
	}
	close(over.fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (n > 0)
		tell_end(b, scene, status);
	return 0;
}

static int run_scene(const struct play *play, const struct scene *scene)
{
	play->board->finished = false;
	play->board->where[0] = '\0';
	board_applies(play->board, scene->rule);
	fflush(NULL);
	const pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(play, scene);
	return watch(play->board, scene, pid);
}

/* Without these nothing else can be said. */
static bool goes_on(const struct board *b)
{
	static const enum rule needed[] = {LINK_UNDEFINED, DESC_LOAD, LIFE_CREATE, LIFE_CRASH, TIME_STORM};
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (b->rules[needed[i]].state == PROBE_BROKEN)
			return false;
	return true;
}

static int parse(const char *text, const char *option, struct json **ret, const char **ret_error)
{
	if (!text)
		return 0;
	int r = json_parse(text, strlen(text), ret, NULL);
	if (r == 0 && json_is_object(*ret))
		return 0;
	*ret_error = option;
	return r < 0 ? r : -EINVAL;
}

int probe_run(const struct probe_options *options, struct probe_report **ret, const char **ret_error)
{
	struct json *with = NULL, *trigger = NULL;
	struct probe_report *report = calloc(1, sizeof(*report));
	int r = report ? parse(options->with, "--with", &with, ret_error) : -ENOMEM;
	if (r == 0)
		r = parse(options->trigger, "--trigger", &trigger, ret_error);
	if (r < 0)
		goto cleanup;
	report->board = mmap(NULL, sizeof(*report->board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report->board == MAP_FAILED) {
		report->board = NULL;
		r = -ENOMEM;
		goto cleanup;
	}
	const struct play play = {.board = report->board, .path = options->path, .with = with, .trigger = trigger};
	for (size_t i = 0; i < scene_count && r == 0 && goes_on(report->board); i++)
		r = run_scene(&play, &scenes[i]);
cleanup:
	json_free(with);
	json_free(trigger);
	if (r < 0)
		probe_report_free(report);
	else
		*ret = report;
	return r;
}

void probe_report_free(struct probe_report *r)
{
	if (r && r->board)
		munmap(r->board, sizeof(*r->board));
	free(r);
}
