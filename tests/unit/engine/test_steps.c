/* What is the same for all kinds of steps: retries, conditions, time-outs, onFailure; and `set`, which is nothing else. */
#include "unit/engine/support_step.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"

/* ---- Retries -------------------------------------------------------------------------------------------------- */

static void backoff_grows_to_its_maximum_and_chance_moves_it_within_its_share(void **state)
{
	const struct retry_def plain = {.attempts = 9, .backoff_ms = 1000, .factor = 1};
	const struct retry_def growing = {.attempts = 9, .backoff_ms = 1000, .factor = 2, .max_ms = 5000};
	const struct retry_def shaken = {.attempts = 9, .backoff_ms = 1000, .factor = 2, .max_ms = 5000, .jitter = 0.5};

	(void)state;
	assert_int_equal(retry_backoff_ms(&plain, 1, 0.9), 1000);
	assert_int_equal(retry_backoff_ms(&plain, 8, 0.1), 1000);
	assert_int_equal(retry_backoff_ms(&growing, 1, 0), 1000);
	assert_int_equal(retry_backoff_ms(&growing, 2, 0), 2000);
	assert_int_equal(retry_backoff_ms(&growing, 3, 0), 4000);
	assert_int_equal(retry_backoff_ms(&growing, 4, 0), 5000);
	assert_int_equal(retry_backoff_ms(&growing, 1000000, 0), 5000);
	assert_int_equal(retry_backoff_ms(&shaken, 2, 0), 1000);
	assert_int_equal(retry_backoff_ms(&shaken, 2, 0.5), 2000);
	assert_int_equal(retry_backoff_ms(&shaken, 2, 0.75), 2500);
	assert_in_range(retry_backoff_ms(&shaken, 2, 0.999999), 2999, 3000);
}

static void a_retry_is_for_the_failures_that_it_names(void **state)
{
	static const char definition[] =
		"{'params':{'code':{'type':'string'}},'steps':[{'id':'a','script':'exit $TAPPET_PARAM_CODE',"
		"'retry':{'attempts':3,'backoff':'1ms','on':['exit:70-79','signal']}}]}";
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r, definition, "{\"code\":\"75\"}");
	assert_step(d, "a", "failure");
	assert_int_equal(step_attempt(d, "a"), 3);
	assert_message(d, "a", "exited with code 75");
	json_free(d);
	d = step_run_through(r, definition, "{\"code\":\"80\"}");
	assert_step(d, "a", "failure");
	assert_int_equal(step_attempt(d, "a"), 1);
	json_free(d);
	rig_down(r, 0);
}

static double no_chance(void)
{
	return 0.0;
}

static void a_backoff_is_a_row_that_a_restart_does_not_lose(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	int64_t begin_ms = clock_wall_ms();

	r->options.chance = no_chance;
	rig_up(r);
	step_start(r,
		   "{'steps':[{'id':'a','script':'[ $TAPPET_ATTEMPT = 2 ]',"
		   "'retry':{'attempts':2,'backoff':'2s','jitter':0.5}}]}",
		   NULL, id);
	step_wait_for(r, id, "a", "waiting");
	d = rig_document(r, id);
	assert_message(d, "a", "exited with code 1");
	assert_non_null(json_get(rig_step(d, "a"), "wakeAt"));
	assert_null(json_get(rig_step(d, "a"), "waitsFor"));
	json_free(d);
	restart(r);
	d = rig_wait(r, id, "completed");
	assert_int_equal(step_attempt(d, "a"), 2);
	assert_true(clock_wall_ms() - begin_ms >= 1000);
	assert_null(json_get_str(rig_step(d, "a"), "message"));
	json_free(d);
	rig_down(r, 0);
}

static void a_cancelled_backoff_is_not_tried_again(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'a','run':['/bin/false'],'retry':{'attempts':2,'backoff':'1h'}}]}", NULL, id);
	step_wait_for(r, id, "a", "waiting");
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_wait(r, id, "cancelled");
	assert_step(d, "a", "cancelled");
	assert_int_equal(step_attempt(d, "a"), 1);
	json_free(d);
	rig_down(r, 0);
}

/* ---- Conditions ----------------------------------------------------------------------------------------------- */

static void a_step_whose_condition_is_not_true_is_skipped_and_what_follows_goes_on(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(
		r,
		"{'params':{'n':{'type':'number','default':3}},'steps':["
		"{'id':'no','when':'.params.n > 5','run':['/bin/false']},"
		"{'id':'null','when':'.nothing','run':['/bin/false']},"
		"{'id':'yes','when':'.params.n == 3 and .steps.no.status == \\'skipped\\'','run':['/bin/true']}]}",
		NULL);
	assert_status(d, "completed");
	assert_step(d, "no", "skipped");
	assert_step(d, "null", "skipped");
	assert_step(d, "yes", "completed");
	json_free(d);
	rig_down(r, 0);
}

static void what_needs_the_outputs_of_a_skipped_step_fails(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r,
			     "{'steps':[{'id':'no','when':'false','script':'echo v=1 > $TAPPET_OUTPUT'},"
			     "{'id':'b','run':['echo','$(steps.no.outputs.v)']}]}",
			     NULL);
	assert_status(d, "failure");
	assert_message(d, "b", "there is no output \"v\" of step no");
	json_free(d);
	rig_down(r, 0);
}

static void a_step_skipped_by_its_need_takes_those_behind_it_along_whatever_its_condition(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(
		r,
		"{'steps':[{'id':'a','run':['/bin/false']},{'id':'b','when':'true','run':['/bin/true']},"
		"{'id':'c','run':['/bin/true']},{'id':'d','needs':['c'],'always':true,'run':['/bin/true']}]}",
		NULL);
	assert_status(d, "failure");
	assert_step(d, "b", "skipped");
	assert_step(d, "c", "skipped");
	assert_step(d, "d", "completed");
	json_free(d);
	rig_down(r, 0);
}

static void a_condition_that_fails_fails_the_step_in_jqs_words(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r,
			     "{'steps':[{'id':'a','when':'.params | error(\\'oh no\\')','run':['/bin/true'],"
			     "'retry':{'attempts':3,'backoff':'1ms'}}]}",
			     NULL);
	assert_status(d, "failure");
	assert_message(d, "a", "when: ");
	assert_message(d, "a", "oh no");
	assert_int_equal(step_attempt(d, "a"), 0);
	json_free(d);
	rig_down(r, 0);
}

static void a_condition_sees_outputs_the_emission_and_the_activity(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(
		r,
		"{'steps':[{'id':'a','script':'echo v=7 > $TAPPET_OUTPUT'},{'id':'b','when':'.steps.a.outputs.v == "
		"\\'7\\' and .trigger.plugin == \\'manual\\' and .trigger.payload == null and (.activity.id | length) "
		"== 24 and (.activity.createdAt | fromdateiso8601? // 1) > 0 and (has(\\'failure\\') | "
		"not)','run':['/bin/true']}]}",
		NULL);
	assert_step(d, "b", "completed");
	json_free(d);
	rig_down(r, 0);
}

/* ---- set ------------------------------------------------------------------------------------------------------ */

static void set_makes_outputs_of_texts_and_of_programs(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(
		r,
		"{'params':{'who':{'type':'string','default':'ann'}},'steps':[{'id':'s','set':{'text':'to "
		"$(params.who)','number':'.params.who | length','object':'{a: [1]}','none':'empty','null':'.x'}},"
		"{'id':'t','set':{'again':'$(steps.s.outputs.number)$(steps.s.outputs.text)'}}]}",
		NULL);
	assert_status(d, "completed");
	assert_output(d, "s", "text", "to ann");
	assert_output(d, "s", "number", "3");
	assert_output(d, "s", "object", "{\"a\":[1]}");
	assert_no_output(d, "s", "none");
	assert_no_output(d, "s", "null");
	assert_output(d, "t", "again", "3to ann");
	json_free(d);
	rig_down(r, 0);
}

static void set_fails_where_a_program_fails(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r, "{'steps':[{'id':'s','set':{'good':'.params','bad':'.params + 1'}}]}", NULL);
	assert_step(d, "s", "failure");
	assert_message(d, "s", "output bad: ");
	json_free(d);
	d = step_run_through(r, "{'steps':[{'id':'s','set':{'bad':'[range(200000)] | tostring'}}]}", NULL);
	assert_step(d, "s", "failure");
	json_free(d);
	rig_down(r, 0);
}

static void a_program_that_runs_when_the_daemon_stops_is_asked_again(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(
		r,
		"{'steps':[{'id':'w','when':'[range(300000)] | length > 0','set':{'v':'[range(300000)] | length'}}]}",
		NULL, id);
	rig_down(r, 0);
	rig_up(r);
	d = rig_wait(r, id, "completed");
	assert_output(d, "w", "v", "300000");
	json_free(d);
	rig_down(r, 0);
}

static void a_step_that_is_asked_whether_it_wants_to_run_can_be_cancelled(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'w','when':'[range(1e9)] | length > 0','run':['/bin/true']}]}", NULL, id);
	json_free(rig_wait(r, id, "inProgress"));
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, id);
	assert_step(d, "w", "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void programs_that_find_the_helpers_busy_wait_for_their_turn(void **state)
{
	enum { MANY = 40 };
	struct rig *r = *state;
	char ids[MANY][ID_SIZE];

	rig_open(r);
	expr_close(r->expr, nothing, NULL);
	assert_int_equal(
		expr_open(&(struct expr_options){.loop = &r->loop, .helper = JQ_HELPER, .queue_max = 2}, &r->expr), 0);
	r->engine->options.expr = r->expr;
	rig_start(r);
	step_define(r, "test", "{'steps':[{'id':'s','when':'true','set':{'v':'[range(5000)] | length'}}]}");
	for (size_t i = 0; i < MANY; i++)
		rig_run(r, "test", NULL, ids[i]);
	for (size_t i = 0; i < MANY; i++)
		json_free(rig_wait(r, ids[i], "completed"));
	/* Also when the daemon stops meanwhile. */
	for (size_t i = 0; i < MANY; i++)
		rig_run(r, "test", NULL, ids[i]);
	restart(r);
	for (size_t i = 0; i < MANY; i++)
		json_free(rig_wait(r, ids[i], "completed"));
	rig_down(r, 0);
}

/* ---- onFailure, and the end of an activity's time ------------------------------------------------------------- */

static void on_failure_is_told_which_step_failed_and_why(void **state)
{
	struct rig *r = *state;
	struct json *d;
	char *text;

	rig_up(r);
	d = step_run_through(r,
			     "{'steps':[{'id':'a','script':'exit 3'},{'id':'b','run':['/bin/true']}],"
			     "'onFailure':{'script':'echo $TAPPET_FAILED_STEP: $TAPPET_FAILURE > $ROOT/said'}}",
			     NULL);
	assert_status(d, "failure");
	assert_message(d, NULL, "step a: exited with code 3");
	text = rig_read(r, "said");
	assert_string_equal(text, "a: exited with code 3\n");
	free(text);
	json_free(d);
	d = step_run_through(
		r,
		"{'steps':[{'id':'a','script':'exit 3'}],'onFailure':{'id':'tell','when':'.failure.step == "
		"\\'a\\'','set':{'said':'$(failure.step): $(failure.message)','program':'.failure.message'}}}",
		NULL);
	assert_output(d, "tell", "said", "a: exited with code 3");
	assert_output(d, "tell", "program", "exited with code 3");
	json_free(d);
	rig_down(r, 0);
}

static void on_failure_does_not_run_when_nothing_failed_or_it_was_cancelled(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	d = step_run_through(
		r, "{'steps':[{'id':'a','run':['/bin/true']}],'onFailure':{'id':'tell','run':['touch','$ROOT/x']}}",
		NULL);
	assert_status(d, "completed");
	assert_step(d, "tell", "skipped");
	json_free(d);
	step_start(r, "{'steps':[{'id':'a','sleep':'1h'}],'onFailure':{'id':'tell','run':['/bin/true']}}", NULL, id);
	step_wait_for(r, id, "a", "waiting");
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, id);
	assert_status(d, "cancelled");
	assert_step(d, "tell", "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void an_activity_whose_time_is_over_fails_and_on_failure_runs(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(
		r,
		"{'timeout':'200ms','steps':[{'id':'a','run':['sleep','600']},{'id':'w','needs':[],'wait':'x.y'},"
		"{'id':'p','needs':[],'approve':'?'},{'id':'b','run':['/bin/true']}],"
		"'onFailure':{'id':'tell','set':{'why':'[$(failure.step)] $(failure.message)'}}}",
		NULL);
	assert_status(d, "failure");
	assert_message(d, NULL, "timed out after 200ms");
	assert_step(d, "a", "cancelled");
	assert_step(d, "w", "cancelled");
	assert_step(d, "p", "cancelled");
	assert_step(d, "b", "cancelled");
	assert_step(d, "tell", "completed");
	assert_output(d, "tell", "why", "[] timed out after 200ms");
	json_free(d);
	rig_down(r, 0);
}

static void on_failure_knows_the_reason_after_a_restart(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r,
		   "{'steps':[{'id':'a','script':'exit 3'}],'onFailure':{'id':'tell','script':'echo 1 > $ROOT/began; [ "
		   "$TAPPET_ATTEMPT = 2 ] || exec sleep 600; echo why=$TAPPET_FAILED_STEP $TAPPET_FAILURE > "
		   "$TAPPET_OUTPUT'}}",
		   NULL, id);
	rig_wait_file(r, "began");
	restart(r);
	d = rig_wait(r, id, "failure");
	assert_output(d, "tell", "why", "a exited with code 3");
	json_free(d);
	rig_down(r, 0);
}

static void on_failure_knows_after_a_restart_that_the_time_was_over(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(
		r,
		"{'timeout':'100ms','steps':[{'id':'a','sleep':'1h'}],'onFailure':{'id':'tell','script':'echo 1 > "
		"$ROOT/began; [ $TAPPET_ATTEMPT = 2 ] || exec sleep 600; echo why=$TAPPET_FAILURE > $TAPPET_OUTPUT'}}",
		NULL, id);
	rig_wait_file(r, "began");
	restart(r);
	d = rig_wait(r, id, "failure");
	assert_message(d, NULL, "timed out after 100ms");
	assert_output(d, "tell", "why", "timed out after 100ms");
	json_free(d);
	rig_down(r, 0);
}

static void cancelling_on_failure_leaves_the_outcome_as_it_is(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(
		r,
		"{'steps':[{'id':'a','script':'exit 3'}],'onFailure':{'id':'tell','script':'echo 1 > $ROOT/began; exec "
		"sleep 600'}}",
		NULL, id);
	rig_wait_file(r, "began");
	assert_int_equal(rig_cancel(r, id), -EALREADY);
	d = rig_document(r, id);
	assert_status(d, "failure");
	assert_message(d, NULL, "step a: exited with code 3");
	assert_step(d, "tell", "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void a_cancelling_that_a_stop_cut_short_is_finished_by_the_next_start(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r,
		   "{'steps':[{'id':'a','script':'trap : TERM; echo 1 > $ROOT/began; while :; do sleep 0.05; done'},"
		   "{'id':'b','needs':[],'sleep':'1h'},{'id':'c','needs':[],'sleep':'1ms'}]}",
		   NULL, id);
	rig_wait_file(r, "began");
	step_wait_for(r, id, "c", "completed");
	assert_int_equal(engine_cancel(r->engine, id, NULL, NULL), 0);
	step_wait_for(r, id, "b", "cancelled");
	rig_down(r, 0);
	rig_up(r);
	d = rig_wait(r, id, "cancelled");
	assert_step(d, "a", "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void giving_way_says_why(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'steps':[{'id':'a','sleep':'1h'}]}", NULL, id);
	step_wait_for(r, id, "a", "waiting");
	wait_active(r, 0);
	engine_give_way(r->engine, id);
	d = rig_wait(r, id, "cancelled");
	assert_message(d, NULL, "cancelled in favour of a later one");
	json_free(d);
	rig_down(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff_grows_to_its_maximum_and_chance_moves_it_within_its_share),
		TEST(a_retry_is_for_the_failures_that_it_names),
		TEST(a_backoff_is_a_row_that_a_restart_does_not_lose),
		TEST(a_cancelled_backoff_is_not_tried_again),
		TEST(a_step_whose_condition_is_not_true_is_skipped_and_what_follows_goes_on),
		TEST(what_needs_the_outputs_of_a_skipped_step_fails),
		TEST(a_step_skipped_by_its_need_takes_those_behind_it_along_whatever_its_condition),
		TEST(a_condition_that_fails_fails_the_step_in_jqs_words),
		TEST(a_condition_sees_outputs_the_emission_and_the_activity),
		TEST(set_makes_outputs_of_texts_and_of_programs),
		TEST(set_fails_where_a_program_fails),
		TEST(a_program_that_runs_when_the_daemon_stops_is_asked_again),
		TEST(a_step_that_is_asked_whether_it_wants_to_run_can_be_cancelled),
		TEST(programs_that_find_the_helpers_busy_wait_for_their_turn),
		TEST(on_failure_is_told_which_step_failed_and_why),
		TEST(on_failure_does_not_run_when_nothing_failed_or_it_was_cancelled),
		TEST(an_activity_whose_time_is_over_fails_and_on_failure_runs),
		TEST(on_failure_knows_the_reason_after_a_restart),
		TEST(on_failure_knows_after_a_restart_that_the_time_was_over),
		TEST(cancelling_on_failure_leaves_the_outcome_as_it_is),
		TEST(a_cancelling_that_a_stop_cut_short_is_finished_by_the_next_start),
		TEST(giving_way_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
