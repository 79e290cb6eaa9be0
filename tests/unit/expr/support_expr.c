#include "support_expr.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("nothing came for 60 seconds");
}

void world_until(struct world *w, bool (*done)(void *arg), void *arg)
{
	uv_timer_start(&w->guard, on_guard, 60000, 0);
	while (!done(arg))
		uv_run(&w->loop, UV_RUN_ONCE);
	uv_timer_stop(&w->guard);
}

static size_t open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* libuv opens some for the whole process with its first loop. */
static void warm_up(void)
{
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

void world_open(struct world *w, const struct expr_options *options)
{
	struct expr_options o = options ? *options : (struct expr_options){.deadline_ms = 20000};

	warm_up();
	*w = (struct world){.fds = open_fds()};
	assert_int_equal(uv_loop_init(&w->loop), 0);
	uv_timer_init(&w->loop, &w->guard);
	o.loop = &w->loop;
	if (!o.helper)
		o.helper = JQ_HELPER;
	assert_int_equal(expr_open(&o, &w->expr), 0);
}

static void on_closed(void *arg)
{
	struct world *w = arg;

	w->closed = true;
}

static bool is_closed(void *arg)
{
	struct world *w = arg;

	return w->closed;
}

void world_close(struct world *w)
{
	int pid;

	if (w->expr) {
		expr_close(w->expr, on_closed, w);
		assert_false(w->closed);
		world_until(w, is_closed, w);
	}
	uv_close((uv_handle_t *)&w->guard, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	assert_int_equal(helper_pids(&pid, 1), 0);
	assert_int_equal(open_fds(), w->fds);
}

void question_answered(void *arg, const struct expr_result *results, size_t count)
{
	struct question *q = arg;

	q->calls++;
	assert_int_equal(q->calls, 1);
	q->count = count;
	q->results = calloc(count, sizeof(*results));
	assert_non_null(q->results);
	for (size_t i = 0; i < count; i++) {
		q->results[i] = results[i];
		assert_int_equal(strlen(results[i].json), results[i].len);
		q->results[i].json = strdup(results[i].json);
		q->results[i].message = results[i].message ? strdup(results[i].message) : NULL;
	}
}

void question_release(struct question *q)
{
	for (size_t i = 0; i < q->count; i++) {
		free((void *)(uintptr_t)q->results[i].json);
		free((void *)(uintptr_t)q->results[i].message);
	}
	free(q->results);
	*q = (struct question){.world = q->world};
}

void ask(struct world *w, struct question *q, const char *const *programs, size_t count, const char *input)
{
	struct expr_input in = {.json = input, .len = strlen(input)};
	struct expr_program *list = calloc(count, sizeof(*list));

	assert_non_null(list);
	for (size_t i = 0; i < count; i++)
		list[i].text = programs[i];
	*q = (struct question){.world = w};
	assert_int_equal(expr_run(w->expr, list, count, &in, 1, question_answered, q), 0);
	assert_int_equal(q->calls, 0);
	free(list);
}

void ask_one(struct world *w, struct question *q, const char *program, const char *input)
{
	ask(w, q, &program, 1, input);
}

static bool is_answered(void *arg)
{
	struct question *q = arg;

	return q->calls > 0;
}

void await(struct question *q)
{
	world_until(q->world, is_answered, q);
}

void expect(struct world *w, const char *program, const char *input, const char *json)
{
	struct question q;

	ask_one(w, &q, program, input);
	await(&q);
	if (q.results[0].status != 0)
		print_error("%s: %d %s\n", program, q.results[0].status,
			    q.results[0].message ? q.results[0].message : "");
	assert_int_equal(q.results[0].status, 0);
	assert_string_equal(q.results[0].json, json);
	assert_null(q.results[0].message);
	question_release(&q);
}

void expect_error(struct world *w, const char *program, const char *input, int status, const char *words)
{
	struct question q;

	ask_one(w, &q, program, input);
	await(&q);
	if (q.results[0].status != status)
		print_error("%s: %d %s%s\n", program, q.results[0].status, q.results[0].json,
			    q.results[0].message ? q.results[0].message : "");
	assert_int_equal(q.results[0].status, status);
	assert_string_equal(q.results[0].json, "");
	if (words) {
		assert_non_null(q.results[0].message);
		if (!strstr(q.results[0].message, words))
			print_error("%s: '%s'\n", program, q.results[0].message);
		assert_non_null(strstr(q.results[0].message, words));
	}
	question_release(&q);
}

/* Of the main thread, which starts them. */
size_t helper_pids(int *pids, size_t max)
{
	char path[64];
	size_t count = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	while (count < max && fscanf(f, "%d", &pids[count]) == 1)
		count++;
	fclose(f);
	return count;
}
