/* plugin-check names exactly the rule that a plugin breaks: for each rule there is one, broken_RULE.c, that breaks it alone. */
#include "host/support_host.h"
#include <ctype.h>
#include "host/probe/probe.h"

static struct probe_report *check(const char *path, const char *with, const char *trigger)
{
	struct probe_report *report = NULL;
	const char *wrong = NULL;
	const struct probe_options options = {.path = path, .with = with, .trigger = trigger};
	assert_int_equal(probe_run(&options, &report, &wrong), 0);
	return report;
}

static void breaks_nothing(const char *path, const char *with, const char *trigger)
{
	struct probe_report *report = check(path, with, trigger);
	for (size_t i = 0; i < probe_rule_count(); i++)
		if (probe_rule_state(report, i) == PROBE_BROKEN)
			fail_msg("%s: %s: %s", path, probe_rule_id(i), probe_rule_detail(report, i));
	probe_report_free(report);
}

static void breaks_alone(const char *path, size_t rule)
{
	struct probe_report *report = check(path, NULL, NULL);
	for (size_t i = 0; i < probe_rule_count(); i++) {
		if (i == rule && probe_rule_state(report, i) != PROBE_BROKEN)
			fail_msg("%s: %s was not found", path, probe_rule_id(i));
		if (i != rule && probe_rule_state(report, i) == PROBE_BROKEN)
			fail_msg("%s: %s was found, too: %s", path, probe_rule_id(i), probe_rule_detail(report, i));
	}
	probe_report_free(report);
}

static void breaks_this_alone(size_t rule)
{
	char path[512], name[40];
	size_t n = 0;
	for (const char *id = probe_rule_id(rule); *id && n < sizeof(name) - 1; id++)
		name[n++] = *id == '-' ? '_' : (char)tolower((unsigned char)*id);
	name[n] = '\0';
	snprintf(path, sizeof(path), "%s/broken_%s.so", TEST_PLUGIN_DIR, name);
	breaks_alone(path, rule);
}

static void each_rule_is_named_by_the_plugin_that_breaks_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < probe_rule_count(); i++)
		breaks_this_alone(i);
}

static size_t rule_of(const char *id)
{
	size_t rule = 0;
	while (strcmp(probe_rule_id(rule), id) != 0)
		rule++;
	return rule;
}

static void a_retry_is_seen_later_as_well(void **state)
{
	(void)state;
	breaks_alone(TEST_PLUGIN_DIR "/broken_emit_retry_later.so", rule_of("EMIT-RETRY"));
}

static void a_check_that_changes_its_mind_is_seen_as_well(void **state)
{
	(void)state;
	breaks_alone(TEST_PLUGIN_DIR "/broken_desc_check_again.so", rule_of("DESC-CHECK"));
}

static void a_subject_belongs_to_an_open_trigger(void **state)
{
	(void)state;
	breaks_alone(TEST_PLUGIN_DIR "/broken_emit_valid_subject.so", rule_of("EMIT-VALID"));
}

static void a_page_of_state_is_lent_as_well(void **state)
{
	(void)state;
	breaks_alone(TEST_PLUGIN_DIR "/broken_mem_kept_list.so", rule_of("MEM-KEPT"));
}

static void a_connection_is_left_behind_and_used_too_late(void **state)
{
	(void)state;
	breaks_alone(TEST_PLUGIN_DIR "/broken_life_leftover_ws.so", rule_of("LIFE-LEFTOVER"));
	breaks_alone(TEST_PLUGIN_DIR "/broken_life_handle_ws.so", rule_of("LIFE-HANDLE"));
}

static void a_plugin_that_keeps_the_rules_passes(void **state)
{
	(void)state;
	breaks_nothing(TEST_PLUGIN_DIR "/broken_none.so", NULL, NULL);
	breaks_nothing(TEST_PLUGIN_DIR "/broken_none_ws.so", NULL, NULL);
}

static void the_webhook_plugin_passes(void **state)
{
	(void)state;
	breaks_nothing(PLUGIN_DIR "/webhook.so", NULL, NULL);
}

static void options_that_are_no_object_are_told_by_their_name(void **state)
{
	struct probe_report *report = NULL;
	const char *wrong = NULL;
	const struct probe_options options = {.path = TEST_PLUGIN_DIR "/broken_none.so", .with = "{}", .trigger = "[]"};
	(void)state;
	assert_int_equal(probe_run(&options, &report, &wrong), -EINVAL);
	assert_string_equal(wrong, "--trigger");
	assert_null(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_named_by_the_plugin_that_breaks_it),
		cmocka_unit_test(a_retry_is_seen_later_as_well),
		cmocka_unit_test(a_check_that_changes_its_mind_is_seen_as_well),
		cmocka_unit_test(a_subject_belongs_to_an_open_trigger),
		cmocka_unit_test(a_page_of_state_is_lent_as_well),
		cmocka_unit_test(a_connection_is_left_behind_and_used_too_late),
		cmocka_unit_test(a_plugin_that_keeps_the_rules_passes),
		cmocka_unit_test(the_webhook_plugin_passes),
		cmocka_unit_test(options_that_are_no_object_are_told_by_their_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
