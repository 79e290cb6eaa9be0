/* Helper processes that are missing, die, or are not needed any more. */
#include "support_expr.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAME_TOO_LARGE ((size_t)33 * 1024 * 1024)

static void a_missing_helper_is_told_clearly(void **state)
{
	const struct expr_options o = {.helper = "/nonexistent/tappet-jq", .deadline_ms = 20000};
	struct world w;

	(void)state;
	world_open(&w, &o);
	expect_error(&w, ".", "1", -EIO, "cannot start /nonexistent/tappet-jq: No such file or directory");
	/* Also later, when nothing is tried at once. */
	expect_error(&w, ".", "1", -EIO, "cannot start /nonexistent/tappet-jq");
	world_close(&w);
}

static void a_helper_that_ends_at_its_start_is_told(void **state)
{
	const struct expr_options o = {.helper = "/bin/false", .deadline_ms = 20000};
	struct world w;

	(void)state;
	world_open(&w, &o);
	expect_error(&w, ".", "1", -EIO, "/bin/false ended at its start with code 1");
	world_close(&w);
}

static void a_helper_that_talks_nonsense_is_not_believed(void **state)
{
	char path[] = "/tmp/test_life.XXXXXX";
	static const char script[] = "#!/bin/sh\necho nonsense >&0\nsleep 60\n";
	const struct expr_options o = {.helper = path, .deadline_ms = 20000};
	const int fd = mkstemp(path);
	struct world w;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(close(fd), 0);
	world_open(&w, &o);
	expect_error(&w, ".", "1", -EIO, "was ended at its start by signal 9");
	world_close(&w);
	assert_int_equal(unlink(path), 0);
}

static void requests_are_served_once_the_helper_is_there(void **state)
{
	char folder[] = "/tmp/test_life.XXXXXX", path[64];
	const struct expr_options o = {.helper = path, .deadline_ms = 20000};
	struct world w;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/tappet-jq", folder);
	world_open(&w, &o);
	expect_error(&w, ".", "1", -EIO, "cannot start");
	assert_int_equal(symlink(JQ_HELPER, path), 0);
	expect(&w, ".", "1", "1");
	world_close(&w);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void no_helper_runs_before_it_is_needed(void **state)
{
	struct world w;
	int pids[4];

	(void)state;
	world_open(&w, NULL);
	assert_int_equal(helper_pids(pids, 4), 0);
	expect(&w, ".", "1", "1");
	assert_int_equal(helper_pids(pids, 4), 1);
	world_close(&w);
}

/* In seconds of user mode. */
static double time_used(int pid)
{
	char path[64], line[512];
	unsigned long ticks = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fgets(line, sizeof(line), f))
		(void)sscanf(line, "%*d (tappet-jq) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &ticks);
	fclose(f);
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

/* The one helper there is, at a program that does not end: to start and to compile takes less. */
static int await_busy_helper(struct world *w)
{
	const time_t late = time(NULL) + 60;
	int pid = 0;

	while (helper_pids(&pid, 1) == 0 || time_used(pid) < 0.2) {
		uv_run(&w->loop, UV_RUN_NOWAIT);
		assert_true(time(NULL) < late);
	}
	return pid;
}

static void a_helper_killed_from_outside_costs_one_request(void **state)
{
	const struct expr_options one = {.processes = 1, .deadline_ms = 20000};
	struct question running, behind[5];
	struct world w;

	(void)state;
	world_open(&w, &one);
	ask_one(&w, &running, "def f: f; f", "1");
	for (size_t i = 0; i < 5; i++)
		ask_one(&w, &behind[i], ". + 1", "1");
	assert_int_equal(kill(await_busy_helper(&w), SIGKILL), 0);
	await(&running);
	assert_int_equal(running.results[0].status, -ENOMEM);
	assert_string_equal(running.results[0].message, "jq was ended by signal 9 (Killed)");
	for (size_t i = 0; i < 5; i++) {
		await(&behind[i]);
		assert_string_equal(behind[i].results[0].json, "2");
		question_release(&behind[i]);
	}
	question_release(&running);
	world_close(&w);
}

/* Nobody is to blame for what happened while nothing ran. */
static void a_helper_killed_while_idle_costs_none(void **state)
{
	const struct expr_options one = {.processes = 1, .deadline_ms = 20000};
	struct world w;
	int pid;

	(void)state;
	world_open(&w, &one);
	for (int i = 0; i < 5; i++) {
		expect(&w, ". + 1", "1", "2");
		assert_int_equal(helper_pids(&pid, 1), 1);
		assert_int_equal(kill(pid, SIGKILL), 0);
	}
	expect(&w, ". + 1", "1", "2");
	world_close(&w);
}

static void a_stopped_helper_is_replaced_at_the_deadline(void **state)
{
	const struct expr_options one = {.processes = 1, .deadline_ms = 1000};
	struct world w;
	int pid;

	(void)state;
	world_open(&w, &one);
	expect(&w, ".", "1", "1");
	assert_int_equal(helper_pids(&pid, 1), 1);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	expect_error(&w, ".", "1", -ETIMEDOUT, NULL);
	expect(&w, ".", "1", "1");
	world_close(&w);
}

/* What is given is written at the next turn, which may come late. */
static void time_in_which_the_loop_had_no_turn_is_not_counted(void **state)
{
	const struct expr_options one = {.processes = 1, .deadline_ms = 1000};
	const struct timespec longer = {.tv_sec = 1, .tv_nsec = 100000000};
	struct question q;
	struct world w;

	(void)state;
	world_open(&w, &one);
	expect(&w, ".", "1", "1");
	ask_one(&w, &q, ". + 1", "1");
	(void)nanosleep(&longer, NULL);
	await(&q);
	assert_int_equal(q.results[0].status, 0);
	assert_string_equal(q.results[0].json, "2");
	question_release(&q);
	world_close(&w);
}

static bool file_has(int pid, const char *name, const char *words)
{
	char path[64], line[512];
	bool found = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strncmp(line, words, strlen(words)) == 0;
	if (f)
		fclose(f);
	return found;
}

static void a_helper_can_do_next_to_nothing(void **state)
{
	struct world w;
	int pid;

	(void)state;
	world_open(&w, NULL);
	expect(&w, ".", "1", "1");
	assert_int_equal(helper_pids(&pid, 1), 1);
	assert_true(file_has(pid, "status", "Seccomp:\t2\n"));
	assert_true(file_has(pid, "status", "NoNewPrivs:\t1\n"));
	assert_true(file_has(pid, "limits", "Max open files            0 "));
	assert_true(file_has(pid, "limits", "Max file size             0 "));
	assert_true(file_has(pid, "limits", "Max core file size        0 "));
	assert_true(file_has(pid, "limits", "Max address space         268435456 "));
	assert_int_equal(getpgid(pid), pid);
	world_close(&w);
}

/* Has a helper that is busy, tells of it, and waits to be killed. */
static void be_the_parent(int fd)
{
	const struct expr_options one = {.processes = 1, .deadline_ms = 60000};
	struct question q;
	struct world w;
	int pid;

	world_open(&w, &one);
	ask_one(&w, &q, "def f: f; f", "1");
	pid = await_busy_helper(&w);
	if (write(fd, &pid, sizeof(pid)) == sizeof(pid))
		(void)pause();
	_exit(1);
}

static bool has_ended(int pid)
{
	return kill(pid, 0) < 0 || file_has(pid, "status", "State:\tZ");
}

static void a_helper_ends_with_its_parent_however_busy(void **state)
{
	const struct timespec pause_time = {.tv_nsec = 1000000};
	const time_t late = time(NULL) + 60;
	int fds[2], pid = 0;
	pid_t parent;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	parent = fork();
	if (parent == 0)
		be_the_parent(fds[1]);
	assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	assert_false(has_ended(pid));
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	while (!has_ended(pid)) {
		assert_true(time(NULL) < late);
		(void)nanosleep(&pause_time, NULL);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void closing_cancels_what_is_pending(void **state)
{
	static struct question q[50];
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, ".", "1", "1");
	for (size_t i = 0; i < 50; i++)
		ask_one(&w, &q[i], i < 2 ? "def f: f; f" : ".", "1");
	uv_run(&w.loop, UV_RUN_NOWAIT);
	world_close(&w);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(q[i].calls, 1);
		assert_true(q[i].results[0].status == -ECANCELED || (i >= 2 && q[i].results[0].status == 0));
		question_release(&q[i]);
	}
}

struct closer {
	struct world *world;
	unsigned calls;
	bool closed;
	int again;
};

static void on_closed(void *arg)
{
	struct closer *c = arg;

	/* The callbacks come first. */
	assert_int_equal(c->calls, 2);
	c->closed = true;
}

static void close_from_it(void *arg, const struct expr_result *results, size_t count)
{
	struct closer *c = arg;
	const struct expr_program program = {".", 0};
	const struct expr_input input = {"1", 1};

	(void)count;
	c->calls++;
	if (c->calls == 1)
		expr_close(c->world->expr, on_closed, c);
	else
		assert_int_equal(results[0].status, -ECANCELED);
	c->again = expr_run(c->world->expr, &program, 1, &input, 1, close_from_it, c);
}

static bool closer_closed(void *arg)
{
	struct closer *c = arg;

	return c->closed;
}

static void a_callback_may_close(void **state)
{
	const struct expr_options one = {.processes = 1, .deadline_ms = 20000};
	const struct expr_program programs[] = {{".", 0}, {"def f: f; f", 0}};
	const struct expr_input input = {"1", 1};
	struct world w;
	struct closer c = {.world = &w};

	(void)state;
	world_open(&w, &one);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(expr_run(w.expr, &programs[i], 1, &input, 1, close_from_it, &c), 0);
	world_until(&w, closer_closed, &c);
	assert_int_equal(c.again, -ECANCELED);
	w.expr = NULL;
	world_close(&w);
}

static void the_queue_has_limits(void **state)
{
	const struct expr_options few = {.queue_max = 3, .deadline_ms = 20000};
	const struct expr_options small = {.queue_bytes_max = 1000, .deadline_ms = 20000};
	const struct expr_program program = {".", 0}, no_input = {".", 1};
	struct expr_input input = {"1", 1};
	struct question q[3], refused = {0};
	struct world w;
	char *large = calloc(1, FRAME_TOO_LARGE);

	(void)state;
	assert_non_null(large);
	world_open(&w, &few);
	for (size_t i = 0; i < 3; i++)
		ask_one(&w, &q[i], ".", "1");
	assert_int_equal(expr_run(w.expr, &program, 1, &input, 1, question_answered, &refused), -EBUSY);
	for (size_t i = 0; i < 3; i++) {
		await(&q[i]);
		question_release(&q[i]);
	}
	assert_int_equal(expr_run(w.expr, &no_input, 1, &input, 1, question_answered, &refused), -EINVAL);
	assert_int_equal(expr_run(w.expr, &program, 0, &input, 1, question_answered, &refused), -EINVAL);
	input = (struct expr_input){large, FRAME_TOO_LARGE};
	assert_int_equal(expr_run(w.expr, &program, 1, &input, 1, question_answered, &refused), -E2BIG);
	expect(&w, ".", "1", "1");
	world_close(&w);

	world_open(&w, &small);
	memset(large, ' ', 2000);
	large[0] = '1';
	large[2000] = '\0';
	/* Alone it is taken, whatever its size. */
	ask_one(&w, &q[0], ".", large);
	input = (struct expr_input){"1", 1};
	assert_int_equal(expr_run(w.expr, &program, 1, &input, 1, question_answered, &refused), -EBUSY);
	await(&q[0]);
	assert_string_equal(q[0].results[0].json, "1");
	question_release(&q[0]);
	world_close(&w);
	assert_int_equal(refused.calls, 0);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_helper_is_told_clearly),
		cmocka_unit_test(a_helper_that_ends_at_its_start_is_told),
		cmocka_unit_test(a_helper_that_talks_nonsense_is_not_believed),
		cmocka_unit_test(requests_are_served_once_the_helper_is_there),
		cmocka_unit_test(no_helper_runs_before_it_is_needed),
		cmocka_unit_test(a_helper_killed_from_outside_costs_one_request),
		cmocka_unit_test(a_helper_killed_while_idle_costs_none),
		cmocka_unit_test(a_stopped_helper_is_replaced_at_the_deadline),
		cmocka_unit_test(time_in_which_the_loop_had_no_turn_is_not_counted),
		cmocka_unit_test(a_helper_can_do_next_to_nothing),
		cmocka_unit_test(a_helper_ends_with_its_parent_however_busy),
		cmocka_unit_test(closing_cancels_what_is_pending),
		cmocka_unit_test(a_callback_may_close),
		cmocka_unit_test(the_queue_has_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
