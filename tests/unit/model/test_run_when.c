/* What follows from a step that its own condition has skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "model/run.h"

#define STEPS_MAX 8

struct fixture {
	struct workflow *w;
	struct run run;
	size_t ready[STEPS_MAX], ready_count, skipped[STEPS_MAX], skipped_count;
};

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

static void advance(struct fixture *f)
{
	run_advance(&f->run, f->ready, &f->ready_count, f->skipped, &f->skipped_count);
}

static void open_run(struct fixture *f, const char *text)
{
	f->w = parse(text);
	assert_int_equal(run_init(&f->run, f->w), 0);
	advance(f);
}

static void close_run(struct fixture *f)
{
	run_release(&f->run);
	workflow_unref(f->w);
}

static const char chain[] =
	"{\"steps\":[{\"id\":\"a\",\"run\":[\"x\"]},{\"id\":\"b\",\"when\":\"true\",\"run\":[\"x\"]},"
	"{\"id\":\"c\",\"when\":\"true\",\"run\":[\"x\"]},{\"id\":\"d\",\"run\":[\"x\"]}]}";

static void what_follows_a_step_that_was_not_wanted_goes_on(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, chain);
	run_ended(&f.run, 0, STATUS_COMPLETED);
	run_ended(&f.run, 1, STATUS_SKIPPED);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 2);
	run_ended(&f.run, 2, STATUS_SKIPPED);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 3);
	run_ended(&f.run, 3, STATUS_COMPLETED);
	assert_int_equal(run_outcome(&f.run, NULL), STATUS_COMPLETED);
	close_run(&f);
}

static void a_step_with_a_condition_that_its_need_has_skipped_takes_the_next_along(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, chain);
	run_ended(&f.run, 0, STATUS_FAILURE);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.skipped_count, 3);
	assert_true(run_is_over(&f.run));
	close_run(&f);
}

static void it_is_the_same_after_a_restart(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f, chain);
	run_restore(&f.run, 0, STATUS_COMPLETED, 1);
	run_restore(&f.run, 1, STATUS_SKIPPED, 0);
	run_restore(&f.run, 2, STATUS_SKIPPED, 0);
	advance(&f);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 3);
	close_run(&f);
	open_run(&f, chain);
	run_restore(&f.run, 0, STATUS_FAILURE, 1);
	run_restore(&f.run, 1, STATUS_SKIPPED, 0);
	run_restore(&f.run, 2, STATUS_SKIPPED, 0);
	advance(&f);
	assert_int_equal(f.ready_count, 0);
	assert_int_equal(f.skipped_count, 1);
	close_run(&f);
}

static void a_need_that_was_not_wanted_does_not_outweigh_one_that_failed(void **state)
{
	struct fixture f;

	(void)state;
	open_run(&f,
		 "{\"steps\":[{\"id\":\"a\",\"needs\":[],\"run\":[\"x\"]},{\"id\":\"b\",\"needs\":[],\"when\":\"true\","
		 "\"run\":[\"x\"]},{\"id\":\"c\",\"needs\":[\"a\",\"b\"],\"run\":[\"x\"]},{\"id\":\"d\",\"needs\":["
		 "\"a\",\"b\"],"
		 "\"always\":true,\"run\":[\"x\"]}]}");
	run_ended(&f.run, 1, STATUS_SKIPPED);
	advance(&f);
	assert_int_equal(f.ready_count, 1); /* a */
	run_ended(&f.run, 0, STATUS_FAILURE);
	advance(&f);
	assert_int_equal(f.skipped_count, 1);
	assert_int_equal(f.skipped[0], 2);
	assert_int_equal(f.ready_count, 1);
	assert_int_equal(f.ready[0], 3);
	close_run(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_follows_a_step_that_was_not_wanted_goes_on),
		cmocka_unit_test(a_step_with_a_condition_that_its_need_has_skipped_takes_the_next_along),
		cmocka_unit_test(it_is_the_same_after_a_restart),
		cmocka_unit_test(a_need_that_was_not_wanted_does_not_outweigh_one_that_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
