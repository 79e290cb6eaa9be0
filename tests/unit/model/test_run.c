/* The state machine of an activity's steps: single cases by hand. test_run_random.c holds it against a reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/run.h"

#define STEPS_MAX 12

static struct workflow *parse(const char *text)
{
	struct workflow *w = NULL;
	struct json_file *file = NULL;
	struct diag d;

	diag_init(&d);
	assert_int_equal(json_file_parse("test", text, strlen(text), &d, &file), 0);
	if (workflow_parse(file, "test", NULL, &d, &w) < 0)
		fail_msg("%s", d.items[0].message);
	json_file_free(file);
	diag_release(&d);
	return w;
}

struct fixture {
	struct workflow *w;
	struct run run;
	size_t ready[STEPS_MAX], ready_count, skipped[STEPS_MAX], skipped_count;
};

static void open_run(struct fixture *f, const char *text)
{
	f->w = parse(text);
	assert_int_equal(run_init(&f->run, f->w), 0);
}

static void close_run(struct fixture *f)
{
	run_release(&f->run);
	assert_int_equal(f->w->references, 1);
	workflow_unref(f->w);
}

static void advance(struct fixture *f)
{
	run_advance(&f->run, f->ready, &f->ready_count, f->skipped, &f->skipped_count);
}

static void run_step(struct fixture *f, size_t step, enum status status)
{
	run_started(&f->run, step, 1);
	run_ended(&f->run, step, status);
}

static void steps_without_needs_run_one_behind_the_other(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]}]}");
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 0);
	run_started(&f.run, 0, 1);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	run_ended(&f.run, 0, STATUS_COMPLETED);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 1);
	run_step(&f, 1, STATUS_COMPLETED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_COMPLETED);
	close_run(&f);
}

static void a_failure_skips_what_needs_it_and_names_itself(void **state)
{
	struct fixture f;
	size_t failed = 99;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]},"
		     "{\"id\":\"c\",\"run\":[\"x\"]}]}");
	run_step(&f, 0, STATUS_FAILURE);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.skipped_count, 2);
	assert_int_equal(f.run.steps[2].status, STATUS_SKIPPED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, &failed), STATUS_FAILURE);
	assert_int_equal(failed, 0);
	close_run(&f);
}

static void the_path_goes_on_behind_a_failed_step_that_an_always_step_needs(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]},"
		     "{\"id\":\"clean\",\"needs\":[\"a\",\"b\"],\"always\":true,\"run\":[\"x\"]}]}");
	run_step(&f, 0, STATUS_FAILURE);
	advance(&f);
	/* b is skipped, and by that `clean` becomes ready in the same call */
	assert_int_equal(f.skipped_count, 1);
	assert_int_equal(f.skipped[0], 1);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 2);
	run_step(&f, 2, STATUS_COMPLETED);
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_COMPLETED);
	close_run(&f);
}

static void a_failure_far_before_an_always_step_still_fails_the_activity(void **state)
{
	struct fixture f;
	size_t failed = 99;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]},"
		     "{\"id\":\"clean\",\"always\":true,\"run\":[\"x\"]}]}");
	run_step(&f, 0, STATUS_FAILURE);
	advance(&f);
	run_step(&f, 2, STATUS_COMPLETED);
	assert_int_equal(run_outcome(&f.run, &failed), STATUS_FAILURE);
	assert_int_equal(failed, 0);
	close_run(&f);
}

static void cancelling_leaves_running_steps_and_begins_nothing(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"always\":true,\"run\":[\"x\"]}]}");
	run_started(&f.run, 0, 1);
	run_cancel(&f.run);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.skipped_count, 1);
	assert_int_equal(f.run.steps[1].status, STATUS_CANCELLED);
	assert_false(run_is_over(&f.run));
	run_ended(&f.run, 0, STATUS_CANCELLED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_CANCELLED);
	close_run(&f);
}

static void cancelling_what_is_over_changes_nothing(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]}]}");
	run_step(&f, 0, STATUS_COMPLETED);
	run_cancel(&f.run);
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_COMPLETED);
	close_run(&f);
}

static void an_activity_goes_on_where_the_store_says_it_was(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]},"
		     "{\"id\":\"c\",\"run\":[\"x\"]}]}");
	run_restore(&f.run, 0, STATUS_COMPLETED, 2);
	run_restore(&f.run, 1, STATUS_WAITING, 1);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.run.unfinished, 2);
	run_started(&f.run, 1, 2);
	assert_int_equal(f.run.steps[1].attempt, 2);
	run_ended(&f.run, 1, STATUS_COMPLETED);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	run_step(&f, 2, STATUS_COMPLETED);
	assert_true(run_is_over(&f.run));
	close_run(&f);
}

static void open_failing(struct fixture *f)
{
	open_run(f, "{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"run\":[\"x\"]}],"
		    "\"onFailure\":{\"run\":[\"x\"]}}");
}

static void on_failure_runs_when_all_others_have_ended(void **state)
{
	struct fixture f;
	size_t failed = 99;

	(void)state;
	open_failing(&f);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_false(run_is_decided(&f.run));
	run_step(&f, 0, STATUS_FAILURE);
	advance(&f);
	assert_int_equal(f.skipped_count, 1);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 2);
	assert_true(run_is_decided(&f.run));
	assert_false(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, &failed), STATUS_FAILURE);
	assert_int_equal(failed, 0);
	/* What becomes of it changes nothing. */
	run_step(&f, 2, STATUS_COMPLETED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, &failed), STATUS_FAILURE);
	close_run(&f);
}

static void on_failure_is_skipped_when_all_went_well(void **state)
{
	struct fixture f;

	(void)state;
	open_failing(&f);
	run_step(&f, 0, STATUS_COMPLETED);
	run_step(&f, 1, STATUS_COMPLETED);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.skipped_count, 1);
	assert_int_equal(f.run.steps[2].status, STATUS_SKIPPED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_COMPLETED);
	close_run(&f);
}

static void on_failure_does_not_run_for_what_was_cancelled(void **state)
{
	struct fixture f;

	(void)state;
	open_failing(&f);
	run_started(&f.run, 0, 1);
	run_cancel(&f.run);
	advance(&f);
	assert_int_equal(f.skipped_count, 2);
	assert_int_equal(f.run.steps[2].status, STATUS_CANCELLED);
	run_ended(&f.run, 0, STATUS_CANCELLED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_CANCELLED);
	close_run(&f);
}

static void on_failure_runs_when_the_time_is_over(void **state)
{
	struct fixture f;
	size_t failed = 99;

	(void)state;
	open_failing(&f);
	run_started(&f.run, 0, 1);
	run_time_out(&f.run);
	advance(&f);
	assert_int_equal(f.skipped_count, 1);
	assert_int_equal(f.run.steps[1].status, STATUS_CANCELLED);
	assert_int_equal(f.ready_count, 0);
	run_ended(&f.run, 0, STATUS_CANCELLED);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 2);
	assert_int_equal(run_outcome(&f.run, &failed), STATUS_FAILURE);
	assert_int_equal(failed, 99);
	close_run(&f);
}

static void cancelling_while_on_failure_is_left_does_not_change_the_outcome(void **state)
{
	struct fixture f;

	(void)state;
	open_failing(&f);
	run_step(&f, 0, STATUS_FAILURE);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	run_cancel(&f.run);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.run.steps[2].status, STATUS_CANCELLED);
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_FAILURE);
	close_run(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_without_needs_run_one_behind_the_other),
		cmocka_unit_test(a_failure_skips_what_needs_it_and_names_itself),
		cmocka_unit_test(the_path_goes_on_behind_a_failed_step_that_an_always_step_needs),
		cmocka_unit_test(a_failure_far_before_an_always_step_still_fails_the_activity),
		cmocka_unit_test(cancelling_leaves_running_steps_and_begins_nothing),
		cmocka_unit_test(cancelling_what_is_over_changes_nothing),
		cmocka_unit_test(an_activity_goes_on_where_the_store_says_it_was),
		cmocka_unit_test(on_failure_runs_when_all_others_have_ended),
		cmocka_unit_test(on_failure_is_skipped_when_all_went_well),
		cmocka_unit_test(on_failure_does_not_run_for_what_was_cancelled),
		cmocka_unit_test(on_failure_runs_when_the_time_is_over),
		cmocka_unit_test(cancelling_while_on_failure_is_left_does_not_change_the_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
