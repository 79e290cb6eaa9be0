/* Each rule that the testkit knows is broken by a plugin that breaks nothing else, and is named. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "support_plugin.h"

static void nothing(void *arg)
{
	(void)arg;
}

static void nothing_done(void *arg, int32_t result)
{
	(void)arg;
	(void)result;
}

static void nothing_ready(void *arg, int32_t events, int32_t error)
{
	(void)arg;
	(void)events;
	(void)error;
}

static void keeps_the_rules(void **state)
{
	(void)state;
	told_end(told_begin(), NULL);
}

static void desc_1(void **state)
{
	(void)state;
	tappet_plugin broken = *told_plugin();
	broken.summary = NULL;
	fflush(NULL);
	/* It is seen before a test can ask to be told, so this is what everybody sees: the rule, and the end. */
	int pipe_ends[2], status;
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipe_ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		testkit_open(&broken);
		_exit(0);
	}
	close(pipe_ends[1]);
	char text[2000] = "";
	size_t len = 0;
	for (ssize_t n = 1; n > 0 && len<sizeof(text) - 1; len += n> 0 ? (size_t)n : 0)
		n = read(pipe_ends[0], text + len, sizeof(text) - 1 - len);
	close(pipe_ends[0]);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	assert_non_null(
		strstr(text, "testkit: DESC-1: a descriptor is complete (plugin told: version, license or summary"));
}

static void life_1_without_stop(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.host->stopped(told.self);
	told_end(kit, "LIFE-1");
}

static void stop_twice(struct told *t)
{
	t->host->stopped(t->self);
	t->host->stopped(t->self);
}

static void life_1_twice(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.on_stop = stop_twice;
	told_end(kit, "LIFE-1");
}

static void never(struct told *t)
{
	(void)t;
}

static void life_2(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.on_stop = never;
	assert_int_equal(testkit_stop(kit, 1000), 0);
	told_end(kit, "LIFE-2");
}

static void asks_the_time(struct told *t)
{
	t->host->wall_ms(t->self);
}

static void life_3(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.on_destroy = asks_the_time;
	told_end(kit, "LIFE-3");
}

static void ask_elsewhere(void *arg)
{
	told.host->log(told.self, TAPPET_LOG_INFO, "from the pool", NULL, 0);
	told.host->post(told.self, nothing, NULL);
	if (arg)
		told.host->wall_ms(told.self);
}

static void thread_1(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	assert_int_equal(told.host->work(told.self, ask_elsewhere, nothing_done, NULL), 0);
	testkit_run(kit);
	assert_int_equal(testkit_log_find(kit, "info from the pool"), 1);
	told_end(kit, NULL);
	kit = told_begin();
	assert_int_equal(told.host->work(told.self, ask_elsewhere, nothing_done, &told), 0);
	testkit_run(kit);
	told_end(kit, "THREAD-1");
}

static void mem_1_timer(void **state)
{
	(void)state;
	tappet_timer *timer;
	testkit *kit = told_begin();
	assert_int_equal(told.host->timer_start(told.self, 5, 0, nothing, NULL, &timer), 0);
	testkit_advance(kit, 5);
	told.host->timer_stop(timer);
	told_end(kit, "MEM-1");
}

static void mem_1_trigger(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	testkit_trigger_remove(kit, told.trigger);
	assert_int_equal(told_emit("{}", NULL, NULL), TAPPET_ESTATE);
	told_end(kit, "MEM-1");
}

static void mem_2(void **state)
{
	(void)state;
	tappet_str value;
	testkit *kit = told_begin();
	told.host->config_str(told.config, "every", 0, &value);
	told_end(kit, "MEM-2");
}

static void emits_and_stops(struct told *t)
{
	assert_int_equal(t->results, 0);
	t->host->stopped(t->self);
}

static void emit_1(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	assert_int_equal(told_emit("{}", NULL, NULL), 0);
	told.on_stop = emits_and_stops;
	testkit_stop(kit, 1000);
	told_end(kit, "EMIT-1");
}

static void emit_2(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	tappet_emission emission = {.struct_size = sizeof(emission)};
	assert_int_equal(told.host->emit(told.trigger, &emission, NULL, NULL), TAPPET_EINVAL);
	told_end(kit, "EMIT-2");
}

static void work_1(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.host->kv_put(told.self, NULL, tappet_cstr("k"), tappet_cstr("v"), nothing_done, NULL);
	testkit_stop(kit, 1000);
	told_end(kit, "WORK-1");
}

static void again(void *arg)
{
	if (!told.fired)
		told.host->post(told.self, again, arg);
}

static void work_2(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	again(NULL);
	testkit_run(kit);
	told.fired = 1;
	told_end(kit, "WORK-2");
}

static void compute(struct told *t)
{
	struct timespec begin, now;
	t->host->stopped(t->self);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < 20);
}

static void thread_2(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.on_stop = compute;
	told_end(kit, "THREAD-2");
}

static void thread_2_has_a_limit_that_tests_set(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	testkit_slow(kit, 10000);
	told.on_stop = compute;
	told_end(kit, NULL);
}

static void time_1(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	told.host->timer_start(told.self, 5, 0, nothing, NULL, NULL);
	told_end(kit, "TIME-1");
}

static void nothing_read(void *arg, const tappet_event *events, size_t count, size_t event_size, uint64_t last_seq,
			 uint64_t gap_from)
{
	(void)arg;
	(void)events;
	(void)count;
	(void)event_size;
	(void)last_seq;
	(void)gap_from;
}

static void events_1(void **state)
{
	(void)state;
	tappet_reader *reader;
	testkit *kit = told_begin();
	assert_int_equal(told.events->open(told.self, 0, NULL, nothing_read, NULL, &reader), 0);
	told_end(kit, "EVENTS-1");
}

static void mem_1_reader(void **state)
{
	(void)state;
	tappet_reader *reader;
	testkit *kit = told_begin();
	assert_int_equal(told.events->open(told.self, 0, NULL, nothing_read, NULL, &reader), 0);
	told.events->close(reader);
	told.events->more(reader);
	told_end(kit, "MEM-1");
}

static void fd_1(void **state)
{
	(void)state;
	int ends[2];
	tappet_fd *watch;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	testkit *kit = told_begin();
	assert_int_equal(told.host->fd_watch(told.self, ends[0], TAPPET_READABLE, nothing_ready, NULL, &watch), 0);
	told_end(kit, "FD-1");
	close(ends[0]);
	close(ends[1]);
}

static void fd_2(void **state)
{
	(void)state;
	int ends[2];
	tappet_fd *watch;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	testkit *kit = told_begin();
	assert_int_equal(told.host->fd_watch(told.self, ends[0], TAPPET_READABLE, nothing_ready, NULL, &watch), 0);
	close(ends[0]);
	close(ends[1]);
	told.host->fd_unwatch(watch);
	told_end(kit, "FD-2");
}

static void on_request(void *arg, tappet_request *request)
{
	struct told *t = arg;
	if (t->on_request)
		t->on_request(t, request);
}

static tappet_route *route(void)
{
	tappet_route *added;
	assert_int_equal(told.http->route_add(told.self, "GET", "/x", on_request, &told, &added), 0);
	return added;
}

static void http_1_unanswered(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	tappet_route *added = route();
	testkit_http(kit, "GET", "/x", NULL, tappet_cstr(""));
	told.http->route_remove(added);
	told_end(kit, "HTTP-1");
}

static void answers_twice(struct told *t, tappet_request *request)
{
	t->http->respond(request, 204, NULL, 0, tappet_cstr(""));
	t->http->respond(request, 204, NULL, 0, tappet_cstr(""));
}

static void http_1_twice(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	tappet_route *added = route();
	told.on_request = answers_twice;
	testkit_http(kit, "GET", "/x", NULL, tappet_cstr(""));
	told.http->route_remove(added);
	told_end(kit, "HTTP-1");
}

static void http_2(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	route();
	told_end(kit, "HTTP-2");
}

static void sets_the_length(struct told *t, tappet_request *request)
{
	tappet_http_header header = {tappet_cstr("Content-length"), tappet_cstr("7")};
	assert_int_equal(t->http->respond(request, 200, &header, 1, tappet_cstr("x")), TAPPET_EINVAL);
	assert_int_equal(t->http->respond(request, 200, NULL, 0, tappet_cstr("x")), 0);
}

static void http_3(void **state)
{
	(void)state;
	testkit *kit = told_begin();
	tappet_route *added = route();
	told.on_request = sets_the_length;
	testkit_http(kit, "GET", "/x", NULL, tappet_cstr(""));
	told.http->route_remove(added);
	told_end(kit, "HTTP-3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_rules),
		cmocka_unit_test(desc_1),
		cmocka_unit_test(life_1_without_stop),
		cmocka_unit_test(life_1_twice),
		cmocka_unit_test(life_2),
		cmocka_unit_test(life_3),
		cmocka_unit_test(thread_1),
		cmocka_unit_test(mem_1_timer),
		cmocka_unit_test(mem_1_trigger),
		cmocka_unit_test(mem_2),
		cmocka_unit_test(emit_1),
		cmocka_unit_test(emit_2),
		cmocka_unit_test(work_1),
		cmocka_unit_test(work_2),
		cmocka_unit_test(thread_2),
		cmocka_unit_test(thread_2_has_a_limit_that_tests_set),
		cmocka_unit_test(time_1),
		cmocka_unit_test(events_1),
		cmocka_unit_test(mem_1_reader),
		cmocka_unit_test(fd_1),
		cmocka_unit_test(fd_2),
		cmocka_unit_test(http_1_unanswered),
		cmocka_unit_test(http_1_twice),
		cmocka_unit_test(http_2),
		cmocka_unit_test(http_3),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
