/* The state machine of an activity's steps: single cases by hand, and 10,000 random graphs with random outcomes against a
 * reference that settles by brute force. */
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
#define CASES 10000

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

/* ---- Random graphs ---- */

struct random {
	uint64_t value;
};

static unsigned below(struct random *r, unsigned limit)
{
	r->value = r->value * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(r->value >> 33) % limit;
}

/* Steps need only such that come earlier in a random order, so that the list is not sorted. */
static struct workflow *random_workflow(struct random *rnd)
{
	unsigned count = 1 + below(rnd, STEPS_MAX), order[STEPS_MAX];
	struct workflow *w;
	struct buf text;

	for (unsigned i = 0; i < count; i++) {
		unsigned k = below(rnd, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	buf_init(&text, 100000);
	(void)buf_str(&text, "{\"steps\":[");
	for (unsigned i = 0; i < count; i++) {
		bool first = true;

		(void)buf_printf(&text, "%s{\"id\":\"s%u\",\"run\":[\"x\"],\"always\":%s,\"needs\":[", i ? "," : "", i,
				 below(rnd, 4) == 0 ? "true" : "false");
		for (unsigned k = 0; k < count; k++) {
			if (order[k] >= order[i] || below(rnd, 3) != 0)
				continue;
			(void)buf_printf(&text, "%s\"s%u\"", first ? "" : ",", k);
			first = false;
		}
		(void)buf_str(&text, "]}");
	}
	(void)buf_str(&text, "]}");
	w = parse(buf_cstr(&text));
	buf_release(&text);
	return w;
}

/* The rules of run.h, word by word, until nothing changes any more. */
struct reference {
	const struct workflow *w;
	enum status status[STEPS_MAX];
	bool cancelled;
};

static bool reference_may_start(const struct reference *ref, size_t step)
{
	const struct step_def *def = &ref->w->steps[step];
	bool all_final = true, all_completed = true;

	for (size_t i = 0; i < def->needs_count; i++) {
		all_final = all_final && status_is_final(ref->status[def->needs[i]]);
		all_completed = all_completed && ref->status[def->needs[i]] == STATUS_COMPLETED;
	}
	return !ref->cancelled && ref->status[step] == STATUS_NOTSTARTED && all_final && (all_completed || def->always);
}

static bool reference_skip_one(struct reference *ref)
{
	for (size_t step = 0; step < ref->w->step_count; step++) {
		const struct step_def *def = &ref->w->steps[step];
		bool never = ref->cancelled;

		if (ref->status[step] != STATUS_NOTSTARTED)
			continue;
		for (size_t i = 0; i < def->needs_count; i++) {
			enum status need = ref->status[def->needs[i]];

			never = never || (!def->always && status_is_final(need) && need != STATUS_COMPLETED);
		}
		if (!never)
			continue;
		ref->status[step] = ref->cancelled ? STATUS_CANCELLED : STATUS_SKIPPED;
		return true;
	}
	return false;
}

static enum status reference_outcome(const struct reference *ref)
{
	if (ref->cancelled)
		return STATUS_CANCELLED;
	for (size_t step = 0; step < ref->w->step_count; step++) {
		bool goes_on = false;

		if (ref->status[step] != STATUS_FAILURE)
			continue;
		for (size_t i = 0; i < ref->w->step_count; i++)
			for (size_t k = 0; k < ref->w->steps[i].needs_count; k++)
				goes_on = goes_on || (ref->w->steps[i].always && ref->w->steps[i].needs[k] == step);
		if (!goes_on)
			return STATUS_FAILURE;
	}
	return STATUS_COMPLETED;
}

static void assert_same(struct fixture *f, struct reference *ref)
{
	size_t ready = 0;

	advance(f);
	while (reference_skip_one(ref))
		;
	for (size_t i = 0; i < f->w->step_count; i++) {
		assert_int_equal(f->run.steps[i].status, ref->status[i]);
		if (!reference_may_start(ref, i))
			continue;
		assert_true(ready < f->ready_count);
		assert_int_equal(f->ready[ready++], i);
	}
	assert_int_equal(ready, f->ready_count);
	for (size_t i = 0; i < f->skipped_count; i++)
		assert_true(ref->status[f->skipped[i]] == STATUS_SKIPPED ||
			    ref->status[f->skipped[i]] == STATUS_CANCELLED);
}

/* Starts a step that is ready, or moves one that has begun. False when there is neither. */
static bool random_move(struct fixture *f, struct reference *ref, struct random *rnd)
{
	static const enum status ends[] = {STATUS_COMPLETED, STATUS_COMPLETED, STATUS_COMPLETED, STATUS_FAILURE};
	size_t begun[STEPS_MAX], begun_count = 0;
	enum status next;
	size_t step;

	for (size_t i = 0; i < f->w->step_count; i++)
		if (ref->status[i] == STATUS_INPROGRESS || ref->status[i] == STATUS_WAITING)
			begun[begun_count++] = i;
	if (f->ready_count > 0 && (begun_count == 0 || below(rnd, 2))) {
		step = f->ready[below(rnd, (unsigned)f->ready_count)];
		run_started(&f->run, step, 1);
		ref->status[step] = STATUS_INPROGRESS;
		return true;
	}
	if (begun_count == 0)
		return false;
	step = begun[below(rnd, (unsigned)begun_count)];
	if (ref->status[step] == STATUS_WAITING) {
		run_started(&f->run, step, 2);
		ref->status[step] = STATUS_INPROGRESS;
	} else if (below(rnd, 8) == 0) {
		run_waiting(&f->run, step);
		ref->status[step] = STATUS_WAITING;
	} else {
		next = ref->cancelled ? STATUS_CANCELLED : ends[below(rnd, 4)];
		run_ended(&f->run, step, next);
		ref->status[step] = next;
	}
	return true;
}

static void run_case(unsigned seed)
{
	struct random rnd = {.value = seed};
	struct reference ref = {0};
	struct fixture f = {0};
	bool moved = true;

	f.w = random_workflow(&rnd);
	ref.w = f.w;
	assert_int_equal(run_init(&f.run, f.w), 0);
	while (moved) {
		assert_same(&f, &ref);
		if (below(&rnd, 60) == 0 && !run_is_over(&f.run)) {
			run_cancel(&f.run);
			ref.cancelled = true;
			assert_same(&f, &ref);
		}
		moved = random_move(&f, &ref, &rnd);
	}
	assert_true(run_is_over(&f.run));
	assert_int_equal(run_outcome(&f.run, NULL), reference_outcome(&ref));
	close_run(&f);
}

static void random_graphs_behave_as_the_reference(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++)
		run_case(seed);
}

static void a_restored_run_goes_on_as_the_first_one_would(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 500; seed++) {
		struct random rnd = {.value = seed};
		struct fixture first = {0}, second = {0};
		struct reference ref = {0};

		first.w = second.w = random_workflow(&rnd);
		ref.w = first.w;
		assert_int_equal(run_init(&first.run, first.w), 0);
		assert_int_equal(run_init(&second.run, first.w), 0);
		assert_same(&first, &ref);
		for (unsigned moves = below(&rnd, 10); moves > 0 && random_move(&first, &ref, &rnd); moves--)
			assert_same(&first, &ref);
		for (size_t i = 0; i < first.w->step_count; i++)
			run_restore(&second.run, i, first.run.steps[i].status, first.run.steps[i].attempt);
		advance(&first);
		advance(&second);
		assert_int_equal(first.run.unfinished, second.run.unfinished);
		assert_int_equal(first.ready_count, second.ready_count);
		assert_memory_equal(first.ready, second.ready, first.ready_count * sizeof(first.ready[0]));
		run_release(&second.run);
		close_run(&first);
	}
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
		cmocka_unit_test(random_graphs_behave_as_the_reference),
		cmocka_unit_test(a_restored_run_goes_on_as_the_first_one_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
