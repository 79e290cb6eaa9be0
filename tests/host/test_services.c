/* What the host does for every plugin: timers, descriptors, threads, metrics, the log. */
#include "host/support_host.h"
#include <pthread.h>
#include <unistd.h>

static struct fixture f;
static const tappet_host *host;
static tappet_instance *self;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, false);
	assert_int_equal(fixture_load(&f, "it", "probe", NULL), 0);
	fixture_start(&f);
	host = f.probe->host;
	self = f.probe->self;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

/* ---- Timers ---- */

struct ticks {
	int count, stop_at;
	tappet_timer *timer;
	int64_t at_ms;
};

static void on_tick(void *arg)
{
	struct ticks *t = arg;
	t->count++;
	t->at_ms = clock_mono_ms();
	if (t->count == t->stop_at)
		host->timer_stop(t->timer);
}

static void a_timer_fires_once_after_its_delay(void **state)
{
	struct ticks t = {0}, later = {0};
	(void)state;
	int64_t begin_ms = clock_mono_ms();
	assert_int_equal(host->timer_start(self, 20, 0, on_tick, &t, &t.timer), 0);
	assert_int_equal(host->timer_start(self, 60, 0, on_tick, &later, NULL), 0);
	until(&f, later.count == 1);
	assert_int_equal(t.count, 1);
	assert_true(t.at_ms - begin_ms >= 20);
}

static void a_repeating_timer_stops_from_its_callback(void **state)
{
	struct ticks t = {.stop_at = 3}, later = {0};
	(void)state;
	assert_int_equal(host->timer_start(self, 1, 2, on_tick, &t, &t.timer), 0);
	until(&f, t.count == 3);
	assert_int_equal(host->timer_start(self, 20, 0, on_tick, &later, NULL), 0);
	until(&f, later.count == 1);
	assert_int_equal(t.count, 3);
}

static void a_stopped_timer_does_not_fire(void **state)
{
	struct ticks t = {0}, later = {0};
	(void)state;
	assert_int_equal(host->timer_start(self, 1, 0, on_tick, &t, &t.timer), 0);
	host->timer_stop(t.timer);
	host->timer_stop(NULL);
	assert_int_equal(host->timer_start(self, 20, 0, on_tick, &later, NULL), 0);
	until(&f, later.count == 1);
	assert_int_equal(t.count, 0);
}

static void wrong_timers_are_refused(void **state)
{
	tappet_timer *timer;
	(void)state;
	assert_int_equal(host->timer_start(self, -1, 0, on_tick, NULL, &timer), TAPPET_EINVAL);
	assert_int_equal(host->timer_start(self, 1, 0, NULL, NULL, &timer), TAPPET_EINVAL);
	assert_int_equal(host->timer_start(NULL, 1, 0, on_tick, NULL, &timer), TAPPET_EINVAL);
	assert_int_equal(host->timer_start(self, 1, 1, on_tick, NULL, NULL), TAPPET_EINVAL);
}

/* ---- Descriptors ---- */

struct watched {
	int calls;
	int32_t events;
	tappet_fd *watch;
};

static void on_ready(void *arg, int32_t events, int32_t error)
{
	struct watched *w = arg;
	assert_int_equal(error, 0);
	w->calls++;
	w->events = events;
	host->fd_unwatch(w->watch);
}

static void a_descriptor_that_becomes_readable_is_told(void **state)
{
	int ends[2];
	struct watched w = {0};
	tappet_fd *second = NULL;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(host->fd_watch(self, ends[0], TAPPET_READABLE, on_ready, &w, &w.watch), 0);
	assert_int_equal(host->fd_watch(self, ends[0], TAPPET_READABLE, on_ready, &w, &second), TAPPET_EEXIST);
	assert_int_equal(write(ends[1], "x", 1), 1);
	until(&f, w.calls == 1);
	assert_int_equal(w.events, TAPPET_READABLE);
	close(ends[0]);
	close(ends[1]);
}

static void a_wrong_descriptor_is_refused(void **state)
{
	tappet_fd *watch;
	(void)state;
	assert_int_equal(host->fd_watch(self, -1, TAPPET_READABLE, on_ready, NULL, &watch), TAPPET_EINVAL);
	assert_int_equal(host->fd_watch(self, 0, 0, on_ready, NULL, &watch), TAPPET_EINVAL);
	assert_int_equal(host->fd_watch(self, 0, 64, on_ready, NULL, &watch), TAPPET_EINVAL);
	assert_int_equal(host->fd_watch(self, 9999, TAPPET_READABLE, on_ready, NULL, &watch), TAPPET_EINVAL);
}

/* ---- Threads ---- */

#define THREADS 4
#define POSTS 500

static int last[THREADS];
static int arrived;

struct parcel {
	int thread, number;
};

static void on_parcel(void *arg)
{
	struct parcel *p = arg;
	assert_int_equal(p->number, last[p->thread] + 1);
	last[p->thread] = p->number;
	arrived++;
	free(p);
}

static void *post_many(void *arg)
{
	int thread = *(int *)arg;
	const tappet_field fields[] = {{"thread", tappet_cstr("one")}};
	for (int i = 1; i <= POSTS; i++) {
		struct parcel *p = malloc(sizeof(*p));
		*p = (struct parcel){.thread = thread, .number = i};
		while (host->post(self, on_parcel, p) != TAPPET_OK)
			;
		host->log(self, TAPPET_LOG_DEBUG, "posted", fields, 1);
	}
	return NULL;
}

static void posts_of_each_thread_arrive_in_order(void **state)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];
	(void)state;
	arrived = 0;
	memset(last, 0, sizeof(last));
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &numbers[i]), 0);
	}
	until(&f, arrived == THREADS * POSTS);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

struct job {
	pthread_t worker;
	int worked, done;
	int32_t result;
};

static void do_work(void *arg)
{
	struct job *j = arg;
	j->worker = pthread_self();
	j->worked++;
}

static void on_work(void *arg, int32_t result)
{
	struct job *j = arg;
	j->done++;
	j->result = result;
}

static void work_runs_on_the_pool_and_reports_on_the_loop(void **state)
{
	struct job j = {0};
	(void)state;
	assert_int_equal(host->work(self, do_work, on_work, &j), 0);
	assert_int_equal(j.done, 0);
	until(&f, j.done == 1);
	assert_int_equal(j.worked, 1);
	assert_int_equal(j.result, TAPPET_OK);
	assert_false(pthread_equal(j.worker, pthread_self()));
	assert_int_equal(host->work(self, NULL, on_work, &j), TAPPET_EINVAL);
}

static void the_stop_waits_for_work(void **state)
{
	struct job j = {0};
	(void)state;
	assert_int_equal(host->work(self, do_work, on_work, &j), 0);
	fixture_stop(&f, 10000);
	assert_int_equal(j.done, 1);
}

/* ---- Metrics, log ---- */

static void metrics_are_shown_with_their_plugin(void **state)
{
	(void)state;
	tappet_metric *counter = host->metric(self, TAPPET_COUNTER, "pushes_total", "Pushes.");
	tappet_metric *gauge = host->metric(self, TAPPET_GAUGE, "open", "Open ones.");
	tappet_metric *histogram = host->metric(self, TAPPET_HISTOGRAM, "wait_seconds", "Waits.");
	assert_ptr_equal(host->metric(self, TAPPET_COUNTER, "pushes_total", "Pushes."), counter);
	host->metric_add(counter, 2);
	host->metric_add(counter, -1);
	host->metric_set(counter, 99);
	host->metric_set(gauge, 5);
	host->metric_add(gauge, -2);
	host->metric_observe(histogram, 0.5);
	host->metric_add(NULL, 1);
	assert_true(metric_read(&f, "tappet_plugin_pushes_total{plugin=\"it\"}") == 2);
	assert_true(metric_read(&f, "tappet_plugin_open{plugin=\"it\"}") == 3);
	assert_true(metric_read(&f, "tappet_plugin_wait_seconds_count{plugin=\"it\"}") == 1);
}

static void wrong_metrics_are_refused(void **state)
{
	(void)state;
	assert_non_null(host->metric(self, TAPPET_COUNTER, "a_total", ""));
	assert_null(host->metric(self, TAPPET_GAUGE, "a_total", ""));
	assert_null(host->metric(self, TAPPET_COUNTER, "With Space", ""));
	assert_null(host->metric(self, TAPPET_COUNTER, "callback_slow_total", ""));
	assert_null(host->metric(self, 9, "b_total", ""));
	for (int i = 0; i < 99; i++) {
		char name[32];
		snprintf(name, sizeof(name), "m%d_total", i);
		assert_non_null(host->metric(self, TAPPET_COUNTER, name, ""));
	}
	assert_null(host->metric(self, TAPPET_COUNTER, "one_too_many_total", ""));
}

static void the_log_carries_the_plugins_name_and_fields(void **state)
{
	const tappet_field fields[] = {{"path", tappet_strn("/srv/site-and-more", 9)}};
	(void)state;
	capture_begin();
	host->log(self, TAPPET_LOG_WARN, "something happened", fields, 1);
	char *text = capture_end();
	assert_non_null(strstr(text, "something happened"));
	assert_non_null(strstr(text, "plugin=it"));
	assert_non_null(strstr(text, "path=/srv/site"));
	assert_null(strstr(text, "more"));
	free(text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_timer_fires_once_after_its_delay),
		CASE(a_repeating_timer_stops_from_its_callback),
		CASE(a_stopped_timer_does_not_fire),
		CASE(wrong_timers_are_refused),
		CASE(a_descriptor_that_becomes_readable_is_told),
		CASE(a_wrong_descriptor_is_refused),
		CASE(posts_of_each_thread_arrive_in_order),
		CASE(work_runs_on_the_pool_and_reports_on_the_loop),
		CASE(the_stop_waits_for_work),
		CASE(metrics_are_shown_with_their_plugin),
		CASE(wrong_metrics_are_refused),
		CASE(the_log_carries_the_plugins_name_and_fields),
	};
	return cmocka_run_group_tests_name("host/services", tests, NULL, NULL);
}
