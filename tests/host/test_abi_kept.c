/* Plugins that were written against a released ABI, with its own headers, load and work in this host. */
#include "host/support_host.h"
#include "host/internal.h"
#include "host/probe/probe.h"

#define WORKFLOW                                                                                                       \
	"{\"triggers\": [{\"plugin\": \"ticker\", \"with\": {\"every\": \"10ms\"}}, {\"plugin\": \"listener\"}],"      \
	" \"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]}"

#define JOURNAL(path)                                                                                                  \
	"{\"slug\": \"w\", \"triggers\": [{\"plugin\": \"journal\", \"with\": {\"path\": \"" path                      \
	"\"}}], \"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]}"

#define ACCEPTED "tappet_emissions_total{outcome=\"ok\"}"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){0};
	fixture_open(&f, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

static void a_plugin_of_abi_1_1_loads_and_emits(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "ticker", "abi_1_1_ticker", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, "{\"triggers\": [{\"plugin\": \"ticker\", \"with\": {\"every\": \"10ms\"}}],"
			  " \"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]}");
	until(&f, metric_read(&f, ACCEPTED) >= 2);
	fixture_stop(&f, 5000);
	assert_string_equal(f.late, "");
}

static void a_plugin_of_abi_1_2_emits_through_its_open_trigger(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "book", "abi_1_2_book", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, "{\"slug\": \"w\", \"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]}");
	until(&f, metric_read(&f, ACCEPTED) >= 2);
	fixture_apply(&f, "{\"slug\": \"w\", \"name\": \"W\", \"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]}");
	double before = metric_read(&f, ACCEPTED);
	until(&f, metric_read(&f, ACCEPTED) >= before + 2);
	fixture_stop(&f, 5000);
	assert_string_equal(f.late, "");
}

static void a_plugin_of_abi_1_4_goes_on_with_the_journal_that_it_lists(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "journal", "abi_1_4_journal", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, JOURNAL("a"));
	until(&f, metric_read(&f, ACCEPTED) >= 12);
	fixture_apply(&f, JOURNAL("b"));
	double before = metric_read(&f, ACCEPTED);
	until(&f, metric_read(&f, ACCEPTED) >= before + 2);
	/* What it was handed although it lists it, what it lacked, and a path that was not absolute. */
	assert_true(metric_read(&f, "tappet_plugin_wrong{") == 0);
	fixture_stop(&f, 5000);
	assert_string_equal(f.late, "");
}

static void plugins_of_abi_1_0_load_and_emit(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "ticker", "abi_1_0_ticker", NULL), 0);
	assert_int_equal(fixture_load(&f, "listener", "abi_1_0_listener", NULL), 0);
	fixture_start(&f);
	fixture_apply(&f, WORKFLOW);
	until(&f, metric_read(&f, ACCEPTED) >= 2);
	fixture_stop(&f, 5000);
	assert_string_equal(f.late, "");
}

static void plugins_of_each_abi_keep_its_rules(void **state)
{
	static const char *const names[] = {"1_0_ticker", "1_0_listener", "1_1_ticker",
					    "1_2_book",   "1_3_relay",    "1_4_journal"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[512];
		struct probe_report *report = NULL;
		const char *wrong = NULL;
		snprintf(path, sizeof(path), "%s/abi_%s.so", TEST_PLUGIN_DIR, names[i]);
		const struct probe_options options = {.path = path};
		assert_int_equal(probe_run(&options, &report, &wrong), 0);
		for (size_t rule = 0; rule < probe_rule_count(); rule++)
			if (probe_rule_state(report, rule) == PROBE_BROKEN)
				fail_msg("%s: %s: %s", names[i], probe_rule_id(rule), probe_rule_detail(report, rule));
		probe_report_free(report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plugins_of_abi_1_0_load_and_emit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_plugin_of_abi_1_1_loads_and_emits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_plugin_of_abi_1_2_emits_through_its_open_trigger, setup, teardown),
		cmocka_unit_test_setup_teardown(a_plugin_of_abi_1_4_goes_on_with_the_journal_that_it_lists, setup,
						teardown),
		cmocka_unit_test(plugins_of_each_abi_keep_its_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
