/* `workflow`: a step that starts another workflow and, mostly, waits for its end. */
#include "unit/engine/support_step.h"

#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"

#define CALL "{'steps':[{'id':'c','workflow':'child'}]}"

/* The id of the activity that step c has started. */
static void child_of(struct rig *r, const char *id, char ret_id[static ID_SIZE])
{
	struct json *d;
	const char *child;

	step_wait_for(r, id, "c", "waiting");
	d = rig_document(r, id);
	child = json_get_str(json_get(rig_step(d, "c"), "waitsFor"), "activityId");
	assert_non_null(child);
	memcpy(ret_id, child, ID_SIZE);
	json_free(d);
}

struct counted {
	bool here;
	size_t count;
};

static void on_list(void *arg, int status, const struct store_activity_row *rows, size_t count)
{
	struct counted *c = arg;

	(void)rows;
	assert_int_equal(status, 0);
	*c = (struct counted){true, count};
}

static bool is_listed(void *arg)
{
	return ((struct counted *)arg)->here;
}

static size_t count_of(struct rig *r, const char *slug)
{
	struct store_activity_filter filter = {.workflow_id = engine_find(r->engine, slug)->id, .limit = 1000};
	struct counted c = {0};

	assert_int_equal(store_list_activities(r->store, &filter, on_list, &c), 0);
	rig_until(r, is_listed, &c);
	return c.count;
}

static void the_step_waits_for_the_others_end_and_takes_outputs_of_it(void **state)
{
	struct rig *r = *state;
	char child[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(
		r, "child",
		"{'params':{'n':{'type':'number','required':true}},'steps':[{'id':'s','set':{'v':'.params.n * 2'}}]}");
	d = step_run_through(
		r,
		"{'steps':[{'id':'a','set':{'n':'\\'x\\' | length + 20'}},{'id':'c','workflow':{'name':'child',"
		"'params':{'n':'$(steps.a.outputs.n)'},'outputs':{'v':'.steps.s.outputs.v','s':'.status'}}},"
		"{'id':'b','set':{'v':'$(steps.c.outputs.v)'}}]}",
		NULL);
	assert_status(d, "completed");
	assert_output(d, "c", "v", "42");
	assert_output(d, "c", "s", "completed");
	assert_output(d, "c", "status", "completed");
	assert_output(d, "b", "v", "42");
	(void)snprintf(child, sizeof(child), "%s", json_get_str(json_get(rig_step(d, "c"), "outputs"), "activityId"));
	json_free(d);
	d = rig_document(r, child);
	assert_string_equal(json_get_str(d, "trigger"), "workflow");
	assert_string_equal(json_get_str(json_get(d, "cause"), "workflow"), "test");
	assert_string_equal(json_get_str(json_get(d, "cause"), "step"), "c");
	assert_int_equal((int)json_number(json_get(json_get(d, "cause"), "depth")), 1);
	json_free(d);
	rig_down(r, 0);
}

static void a_step_that_does_not_wait_ends_with_the_others_acceptance(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	d = step_run_through(r, "{'steps':[{'id':'c','workflow':{'name':'child','wait':false}}]}", NULL);
	assert_status(d, "completed");
	assert_non_null(json_get(json_get(rig_step(d, "c"), "outputs"), "activityId"));
	assert_no_output(d, "c", "status");
	json_free(d);
	rig_down(r, 0);
}

static void a_failed_or_refused_child_fails_the_step(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','script':'exit 3'}]}");
	d = step_run_through(
		r, "{'steps':[{'id':'c','workflow':'child','retry':{'attempts':2,'backoff':'1ms','on':['child']}}]}",
		NULL);
	assert_status(d, "failure");
	assert_message(d, "c", "ended as failure: step s: exited with code 3");
	assert_output(d, "c", "status", "failure");
	assert_int_equal(step_attempt(d, "c"), 2);
	json_free(d);
	assert_int_equal(count_of(r, "child"), 2);
	step_define(r, "child",
		    "{'params':{'n':{'type':'number','required':true}},'steps':[{'id':'s','sleep':'1ms'}]}");
	d = step_run_through(r, CALL, NULL);
	assert_message(d, "c", "workflow child was not started (parameters)");
	json_free(d);
	d = step_run_through(r, "{'steps':[{'id':'c','workflow':'none'}]}", NULL);
	assert_message(d, "c", "there is no workflow \"none\"");
	json_free(d);
	rig_down(r, 0);
}

static void workflows_that_start_themselves_end_at_a_depth(void **state)
{
	struct rig *r = *state;
	struct json *d;

	rig_up(r);
	d = step_run_through(r, "{'steps':[{'id':'c','workflow':'test'}]}", NULL);
	assert_status(d, "failure");
	json_free(d);
	assert_int_equal(count_of(r, "test"), 17);
	rig_down(r, 0);
}

static void cancelling_the_parent_cancels_the_child_first(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], child[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child",
		    "{'steps':[{'id':'s','script':'trap \\'sleep 0.1; exit\\' TERM; echo 1 > $ROOT/began; sleep 600 & "
		    "wait'}]}");
	step_start(r, CALL, NULL, id);
	child_of(r, id, child);
	rig_wait_file(r, "began");
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, child);
	assert_status(d, "cancelled");
	json_free(d);
	d = rig_document(r, id);
	assert_step(d, "c", "cancelled");
	json_free(d);
	/* The same when all of it is parked. */
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	step_start(r, CALL, NULL, id);
	child_of(r, id, child);
	step_wait_for(r, child, "s", "waiting");
	wait_active(r, 0);
	assert_int_equal(rig_cancel(r, id), 0);
	d = rig_document(r, child);
	assert_status(d, "cancelled");
	json_free(d);
	assert_int_equal(r->engine->children.count, 0);
	rig_down(r, 0);
}

static void a_parent_that_is_cancelled_while_it_starts_the_child_leaves_none(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	/* The moments of a start are short: one after the other. */
	for (int turns = 0; turns < 12; turns++) {
		step_start(r, CALL, NULL, id);
		for (int i = 0; i < turns; i++)
			rig_turn(r);
		assert_int_equal(rig_cancel(r, id), 0);
		d = rig_document(r, id);
		assert_step(d, "c", "cancelled");
		json_free(d);
		wait_active(r, 0);
		assert_int_equal(r->engine->parked.count, 0);
	}
	rig_down(r, 0);
}

static void the_steps_time_out_cancels_the_child(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], child[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	step_start(r, "{'steps':[{'id':'c','workflow':'child','timeout':'300ms'}]}", NULL, id);
	child_of(r, id, child);
	d = rig_wait(r, id, "failure");
	assert_message(d, "c", "timed out after 300ms");
	json_free(d);
	d = rig_document(r, child);
	assert_status(d, "cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void a_cancelled_child_fails_the_step(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], child[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	step_start(r, CALL, NULL, id);
	child_of(r, id, child);
	wait_active(r, 0);
	assert_int_equal(rig_cancel(r, child), 0);
	d = rig_wait(r, id, "failure");
	assert_message(d, "c", "ended as cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void a_child_is_waited_for_across_restarts(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], child[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'2s'}]}");
	step_start(r, CALL, NULL, id);
	child_of(r, id, child);
	restart(r);
	d = rig_wait(r, id, "completed");
	assert_output(d, "c", "activityId", child);
	assert_int_equal(step_attempt(d, "c"), 1);
	json_free(d);
	assert_int_equal(count_of(r, "child"), 1);
	rig_down(r, 0);
}

static void a_child_that_was_started_by_an_interrupted_attempt_is_found_and_not_started_again(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1ms'}]}");
	/* Wherever the stop comes in between, there is one child at the end. */
	for (int turns = 0; turns < 12; turns++) {
		step_start(r, CALL, NULL, id);
		for (int i = 0; i < turns; i++)
			rig_turn(r);
		restart(r);
		d = rig_wait(r, id, "completed");
		json_free(d);
		assert_int_equal(count_of(r, "child"), (size_t)turns + 1);
	}
	rig_down(r, 0);
}

static void a_child_that_ended_while_nobody_was_told_is_found_at_the_next_start(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], child[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	step_start(r, CALL, NULL, id);
	child_of(r, id, child);
	wait_active(r, 0);
	rig_down(r, 0);
	/* A start that carries nothing out ends the child in the store alone. */
	r->options.concurrency = 0;
	rig_up(r);
	assert_int_equal(rig_cancel(r, child), 0);
	rig_down(r, 0);
	r->options.concurrency = 16;
	rig_up(r);
	d = rig_wait(r, id, "failure");
	assert_message(d, "c", "ended as cancelled");
	json_free(d);
	rig_down(r, 0);
}

static void a_parent_that_is_cancelled_in_the_store_alone_takes_the_child_along(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], child[ID_SIZE];

	rig_up(r);
	step_define(r, "child", "{'steps':[{'id':'s','sleep':'1h'}]}");
	step_start(r, CALL, NULL, id);
	child_of(r, id, child);
	rig_down(r, 0);
	r->options.concurrency = 0;
	rig_up(r);
	assert_int_equal(rig_cancel(r, id), 0);
	json_free(rig_wait(r, child, "cancelled"));
	rig_down(r, 0);
}

/* ---- Replay --------------------------------------------------------------------------------------------------- */

static void on_answer(void *arg, const struct engine_result *result)
{
	struct answer *a = arg;

	assert_false(a->here);
	a->result = *result;
	(void)snprintf(a->id, sizeof(a->id), "%s", result->activity_id);
	(void)snprintf(a->detail, sizeof(a->detail), "%s", result->detail);
	a->here = true;
}

static void replay(struct rig *r, const char *id, bool latest, struct answer *a)
{
	*a = (struct answer){0};
	assert_int_equal(engine_replay(r->engine, id, latest, "ann", on_answer, a), 0);
	rig_answer(r, a);
}

static void a_replay_is_the_same_again_on_its_own_revision_or_the_latest(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char id[ID_SIZE];
	struct json *d;

	rig_up(r);
	step_start(r, "{'params':{'n':{'type':'number'}},'steps':[{'id':'s','set':{'v':'.params.n'}}]}", "{\"n\":4}",
		   id);
	json_free(rig_wait(r, id, "completed"));
	step_define(r, "test", "{'params':{'n':{'type':'number'}},'steps':[{'id':'s','set':{'v':'.params.n * 10'}}]}");
	replay(r, id, false, &a);
	assert_int_equal(a.result.outcome, ENGINE_OK);
	d = rig_wait(r, a.id, "completed");
	assert_output(d, "s", "v", "4");
	assert_string_equal(json_get_str(d, "trigger"), "replay");
	assert_string_equal(json_get_str(json_get(d, "cause"), "of"), id);
	assert_string_equal(json_get_str(json_get(d, "cause"), "by"), "ann");
	json_free(d);
	restart(r); /* the old revision has to be read */
	replay(r, id, false, &a);
	d = rig_wait(r, a.id, "completed");
	assert_output(d, "s", "v", "4");
	json_free(d);
	replay(r, id, true, &a);
	d = rig_wait(r, a.id, "completed");
	assert_output(d, "s", "v", "40");
	json_free(d);
	rig_down(r, 0);
}

static void a_replay_that_the_latest_revision_does_not_accept_is_refused(void **state)
{
	struct rig *r = *state;
	struct answer a;
	char id[ID_SIZE];

	rig_up(r);
	step_start(r, "{'params':{'n':{'type':'number'}},'steps':[{'id':'s','sleep':'1ms'}]}", "{\"n\":4}", id);
	step_define(r, "test", "{'steps':[{'id':'s','sleep':'1ms'}]}");
	replay(r, id, true, &a);
	assert_int_equal(a.result.outcome, ENGINE_REFUSED);
	assert_int_equal(a.result.reason, REASON_PARAMETERS);
	replay(r, "0123456789abcdef01234567", true, &a);
	assert_int_equal(a.result.outcome, ENGINE_REFUSED);
	assert_string_equal(a.detail, "there is no such activity");
	rig_down(r, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_step_waits_for_the_others_end_and_takes_outputs_of_it),
		TEST(a_step_that_does_not_wait_ends_with_the_others_acceptance),
		TEST(a_failed_or_refused_child_fails_the_step),
		TEST(workflows_that_start_themselves_end_at_a_depth),
		TEST(cancelling_the_parent_cancels_the_child_first),
		TEST(a_parent_that_is_cancelled_while_it_starts_the_child_leaves_none),
		TEST(the_steps_time_out_cancels_the_child),
		TEST(a_cancelled_child_fails_the_step),
		TEST(a_child_is_waited_for_across_restarts),
		TEST(a_child_that_was_started_by_an_interrupted_attempt_is_found_and_not_started_again),
		TEST(a_child_that_ended_while_nobody_was_told_is_found_at_the_next_start),
		TEST(a_parent_that_is_cancelled_in_the_store_alone_takes_the_child_along),
		TEST(a_replay_is_the_same_again_on_its_own_revision_or_the_latest),
		TEST(a_replay_that_the_latest_revision_does_not_accept_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
