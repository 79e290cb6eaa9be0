/* Who blocks the loop is named, and what runs when the process dies is known. */
#include "host/support_host.h"
#include <unistd.h>

static struct fixture f;
static char seen[64];

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	seen[0] = '\0';
	fixture_open(&f, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void block(struct probe *p)
{
	int64_t end_ms = clock_mono_ms() + 50;
	(void)p;
	while (clock_mono_ms() < end_ms)
		;
}

static void look(struct probe *p)
{
	(void)p;
	snprintf(seen, sizeof(seen), "%s", host_breadcrumb());
}

static void a_callback_that_blocks_is_named_in_log_and_metrics(void **state)
{
	(void)state;
	f.probe->on_start = block;
	assert_int_equal(fixture_load(&f, "sluggish", "probe", NULL), 0);
	capture_begin();
	fixture_start(&f);
	char *text = capture_end();
	assert_non_null(strstr(text, "blocks the loop"));
	assert_non_null(strstr(text, "plugin=sluggish"));
	assert_non_null(strstr(text, "callback=start"));
	free(text);
	assert_true(metric_read(&f, "tappet_plugin_callback_slow_total{plugin=\"sluggish\",callback=\"start\"}") == 1);
	assert_true(metric_read(&f, "tappet_plugin_callback_seconds_count{plugin=\"sluggish\",callback=\"start\"}") ==
		    1);
	assert_true(metric_read(&f, "tappet_plugin_callback_seconds_sum{plugin=\"sluggish\",callback=\"start\"}") >=
		    0.045);
	assert_true(metric_read(&f, "tappet_plugin_callback_slow_total{plugin=\"sluggish\",callback=\"create\"}") <= 0);
}

static void the_breadcrumb_names_plugin_and_callback(void **state)
{
	(void)state;
	f.probe->on_start = look;
	assert_int_equal(fixture_load(&f, "it", "probe", NULL), 0);
	assert_string_equal(host_breadcrumb(), "");
	fixture_start(&f);
	assert_string_equal(seen, "it start");
	assert_string_equal(host_breadcrumb(), "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_callback_that_blocks_is_named_in_log_and_metrics),
		CASE(the_breadcrumb_names_plugin_and_callback),
	};
	return cmocka_run_group_tests_name("host/guard", tests, NULL, NULL);
}
