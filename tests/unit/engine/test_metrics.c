#include "unit/engine/support_engine.h"

#include <stdio.h>

#include "base/clock.h"

#define DEFINITION "{\"triggers\":[{\"id\":\"t\",\"plugin\":\"webhook\"}],\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}"
#define STRANGERS 3000

static int setup(void **state)
{
	(void)rig_setup(state);
	rig_up(*state);
	return 0;
}

static int teardown(void **state)
{
	rig_down(*state, 0);
	return rig_teardown(state);
}

/* ---- Reading the text ----------------------------------------------------------------------------------------- */

struct sum {
	size_t series;
	double value;
};

/* Over all lines that begin so; *rest (may be NULL) stands somewhere behind it. */
static struct sum sum_of(struct rig *r, const char *begin, const char *rest)
{
	struct sum sum = {0};
	struct buf text;
	char *line, *at = NULL;

	buf_init(&text, 16 * 1024 * 1024);
	assert_int_equal(metrics_render(r->metrics, &text), 0);
	for (line = strtok_r((char *)(uintptr_t)buf_cstr(&text), "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		if (strncmp(line, begin, strlen(begin)) != 0 || (rest && !strstr(line, rest)))
			continue;
		sum.series++;
		sum.value += strtod(strrchr(line, ' '), NULL);
	}
	buf_release(&text);
	return sum;
}

static int value_of(struct rig *r, const char *series)
{
	struct sum sum = sum_of(r, series, " ");

	assert_true(sum.series <= 1);
	return (int)sum.value;
}

/* ---- Emissions and refusals ----------------------------------------------------------------------------------- */

static void emit(struct rig *r, const char *key, struct answer *a)
{
	struct catalog_trigger order;
	struct engine_emission m = {
		.workflow_id = engine_find(r->engine, "test")->id,
		.trigger = "webhook",
		.trigger_id = "t",
		.dedup_key = key,
		.dedup_key_len = strlen(key),
		.order = &order,
	};

	catalog_trigger_init(&order);
	rig_emit(r, &m, a);
	rig_answer(r, a);
}

static void emissions_are_counted_for_their_trigger_by_outcome(void **state)
{
	struct rig *r = *state;
	struct answer a;

	(void)rig_define(r, "test", DEFINITION);
	emit(r, "", &a);
	emit(r, "once", &a);
	emit(r, "once", &a);
	assert_int_equal(a.result.outcome, ENGINE_DUP);
	assert_int_equal(value_of(r, "tappet_trigger_emissions_total{workflow=\"test\",trigger=\"t\",outcome=\"ok\"}"),
			 2);
	assert_int_equal(
		value_of(r, "tappet_trigger_emissions_total{workflow=\"test\",trigger=\"t\",outcome=\"duplicate\"}"),
		1);
	assert_int_equal(value_of(r, "tappet_refusals_total{workflow=\"test\",trigger=\"t\",reason=\"duplicate\"}"), 1);
	assert_int_equal(value_of(r, "tappet_emissions_total{outcome=\"ok\"}"), 2);
}

/* What the engine starts itself has no trigger of its own: not every parent makes a label set. */
static void children_of_all_workflows_have_one_label(void **state)
{
	struct rig *r = *state;
	static const char *const parents[] = {"one", "two"};
	struct answer a;

	(void)rig_define(r, "test", DEFINITION);
	for (int i = 0; i < 2; i++) {
		struct engine_emission m = {
			.workflow_id = engine_find(r->engine, "test")->id,
			.trigger = "workflow",
			.trigger_id = parents[i],
		};

		rig_emit(r, &m, &a);
		rig_answer(r, &a);
	}
	assert_int_equal(
		value_of(r, "tappet_trigger_emissions_total{workflow=\"test\",trigger=\"workflow\",outcome=\"ok\"}"),
		2);
}

static void what_is_switched_off_is_counted_as_refused(void **state)
{
	struct rig *r = *state;
	struct answer a;

	(void)rig_define(r, "test",
			 "{\"enabled\":false,\"triggers\":[{\"id\":\"t\",\"plugin\":\"webhook\"}],"
			 "\"steps\":[{\"id\":\"a\",\"sleep\":\"0ms\"}]}");
	emit(r, "", &a);
	assert_int_equal(
		value_of(r, "tappet_trigger_emissions_total{workflow=\"test\",trigger=\"t\",outcome=\"refused\"}"), 1);
	assert_int_equal(value_of(r, "tappet_refusals_total{workflow=\"test\",trigger=\"t\",reason=\"disabled\"}"), 1);
}

static void what_a_plugin_refuses_is_counted_too(void **state)
{
	struct rig *r = *state;

	(void)rig_define(r, "test", DEFINITION);
	for (int i = 0; i < 7; i++)
		engine_refuse(r->engine, NULL, NULL, "webhook", REASON_TOKEN, "no such token");
	engine_refuse(r->engine, engine_find(r->engine, "test")->id, "t", "webhook", REASON_RATE, NULL);
	assert_int_equal(value_of(r, "tappet_refusals_total{workflow=\"\",trigger=\"webhook\",reason=\"token\"}"), 7);
	assert_int_equal(value_of(r, "tappet_refusals_total{workflow=\"test\",trigger=\"t\",reason=\"rate\"}"), 1);
}

static void beyond_a_thousand_label_sets_all_others_are_one(void **state)
{
	struct rig *r = *state;
	char trigger[32];
	struct sum all, others;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < STRANGERS; i++) {
			(void)snprintf(trigger, sizeof(trigger), "trigger%d", i);
			engine_refuse(r->engine, NULL, NULL, trigger, REASON_TOKEN, NULL);
		}
	}
	all = sum_of(r, "tappet_refusals_total{", NULL);
	others = sum_of(r, "tappet_refusals_total{", "workflow=\"(others)\",trigger=\"\",reason=\"token\"");
	assert_int_equal(all.series, 1001);
	assert_int_equal((int)all.value, 2 * STRANGERS);
	assert_int_equal((int)others.value, 2 * (STRANGERS - 1000));
}

static void reasons_of_one_trigger_count_as_label_sets_too(void **state)
{
	struct rig *r = *state;
	char trigger[32];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(trigger, sizeof(trigger), "trigger%d", i);
		for (int reason = REASON_TOKEN; reason <= REASON_PLUGIN_DOWN; reason++)
			engine_refuse(r->engine, NULL, NULL, trigger, reason, NULL);
	}
	assert_int_equal((int)sum_of(r, "tappet_refusals_total{workflow=\"\"", NULL).series, 1000);
	assert_int_equal((int)sum_of(r, "tappet_refusals_total{", NULL).value,
			 300 * (REASON_PLUGIN_DOWN - REASON_TOKEN + 1));
}

/* ---- Activities and steps ------------------------------------------------------------------------------------- */

static bool has_ended(void *arg)
{
	return (int)sum_of(arg, "tappet_activities_total{", NULL).value == 1;
}

static void an_end_is_counted_for_its_workflow_with_all_durations(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];

	(void)rig_define(r, "test", "{\"steps\":[{\"id\":\"a\",\"sleep\":\"300ms\"}]}");
	rig_run(r, "test", NULL, id);
	rig_until(r, has_ended, r);
	assert_int_equal(value_of(r, "tappet_workflow_activities_total{workflow=\"test\",outcome=\"completed\"}"), 1);
	assert_int_equal(value_of(r, "tappet_activity_duration_seconds_count{outcome=\"completed\"}"), 1);
	assert_int_equal(value_of(r, "tappet_activity_duration_seconds_bucket{outcome=\"completed\",le=\"0.1\"}"), 0);
	assert_int_equal(value_of(r, "tappet_activity_wait_seconds_count"), 1);
	assert_int_equal(value_of(r, "tappet_step_duration_seconds_count{kind=\"sleep\"}"), 1);
	assert_int_equal(value_of(r, "tappet_step_duration_seconds_bucket{kind=\"sleep\",le=\"0.1\"}"), 0);
	assert_true(sum_of(r, "tappet_step_duration_seconds_sum{kind=\"sleep\"}", NULL).value >= 0.3);
	assert_int_equal(value_of(r, "tappet_step_duration_seconds_count{kind=\"run\"}"), 0);
}

static void noted(void *arg, int status)
{
	assert_int_equal(status, 0);
	*(bool *)arg = true;
}

static bool is_true(void *arg)
{
	return *(bool *)arg;
}

/* Nothing of it is in memory: it is cancelled in the store. */
static void a_cancelled_one_that_never_came_into_memory_counts_like_all(void **state)
{
	struct rig *r = *state;
	bool done = false;
	char id[ID_SIZE];
	int64_t begin_ms;
	double seconds;

	rig_down(r, 0);
	r->options.concurrency = 0;
	rig_up(r);
	(void)rig_define(r, "test", DEFINITION);
	begin_ms = clock_wall_ms();
	rig_run(r, "test", NULL, id);
	assert_int_equal(engine_cancel(r->engine, id, noted, &done), 0);
	rig_until(r, is_true, &done);
	assert_int_equal(value_of(r, "tappet_workflow_activities_total{workflow=\"test\",outcome=\"cancelled\"}"), 1);
	assert_int_equal(value_of(r, "tappet_activity_duration_seconds_count{outcome=\"cancelled\"}"), 1);
	assert_int_equal(value_of(r, "tappet_activity_wait_seconds_count"), 0);
	seconds = sum_of(r, "tappet_activity_duration_seconds_sum{outcome=\"cancelled\"}", NULL).value;
	assert_true(seconds >= 0 && seconds <= (double)(clock_wall_ms() - begin_ms) / 1000);
}

#define METRICS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		METRICS_TEST(emissions_are_counted_for_their_trigger_by_outcome),
		METRICS_TEST(children_of_all_workflows_have_one_label),
		METRICS_TEST(what_is_switched_off_is_counted_as_refused),
		METRICS_TEST(what_a_plugin_refuses_is_counted_too),
		METRICS_TEST(beyond_a_thousand_label_sets_all_others_are_one),
		METRICS_TEST(reasons_of_one_trigger_count_as_label_sets_too),
		METRICS_TEST(an_end_is_counted_for_its_workflow_with_all_durations),
		METRICS_TEST(a_cancelled_one_that_never_came_into_memory_counts_like_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
