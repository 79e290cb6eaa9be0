/* 10,000 random graphs with random outcomes, skips, retries, cancels and time-outs at random moments, against a reference
 * that knows only the rules of run.h and applies them one by one until nothing changes any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
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
	unsigned count = 1 + below(rnd, STEPS_MAX - 1), order[STEPS_MAX];
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
	(void)buf_printf(&text, "]%s}", below(rnd, 2) ? ",\"onFailure\":{\"run\":[\"x\"]}" : "");
	w = parse(buf_cstr(&text));
	buf_release(&text);
	return w;
}

/* ---- The rules of run.h, word by word ---- */

struct reference {
	const struct workflow *w;
	enum status status[STEPS_MAX];
	unsigned attempt[STEPS_MAX];
	size_t ordinary; /* how many steps are not that of onFailure */
	bool cancelled, timed_out, halted;
};

static bool all_ordinary_final(const struct reference *ref)
{
	for (size_t i = 0; i < ref->ordinary; i++)
		if (!status_is_final(ref->status[i]))
			return false;
	return true;
}

/* "A failed step fails the activity, except where a step that says `always` needs it directly." */
static bool goes_on_behind(const struct reference *ref, size_t failed)
{
	for (size_t i = 0; i < ref->ordinary; i++)
		for (size_t k = 0; k < ref->w->steps[i].needs_count; k++)
			if (ref->w->steps[i].always && ref->w->steps[i].needs[k] == failed)
				return true;
	return false;
}

static enum status reference_outcome(const struct reference *ref, size_t *ret_failed)
{
	if (ref->cancelled)
		return STATUS_CANCELLED;
	if (ref->timed_out)
		return STATUS_FAILURE;
	for (size_t step = 0; step < ref->ordinary; step++) {
		if (ref->status[step] != STATUS_FAILURE || goes_on_behind(ref, step))
			continue;
		*ret_failed = step;
		return STATUS_FAILURE;
	}
	return STATUS_COMPLETED;
}

static bool has_failed(const struct reference *ref)
{
	size_t step;

	return all_ordinary_final(ref) && reference_outcome(ref, &step) == STATUS_FAILURE;
}

static bool may_start(const struct reference *ref, size_t step)
{
	const struct step_def *def = &ref->w->steps[step];
	bool all_final = true, all_completed = true;

	if (ref->status[step] != STATUS_NOTSTARTED || ref->cancelled || ref->halted)
		return false;
	if (step >= ref->ordinary)
		return has_failed(ref);
	for (size_t i = 0; i < def->needs_count; i++) {
		all_final = all_final && status_is_final(ref->status[def->needs[i]]);
		all_completed = all_completed && ref->status[def->needs[i]] == STATUS_COMPLETED;
	}
	return !ref->timed_out && all_final && (all_completed || def->always);
}

/* NOTSTARTED: it may still begin. */
static enum status never_begins(const struct reference *ref, size_t step)
{
	const struct step_def *def = &ref->w->steps[step];

	if (ref->cancelled || ref->halted || (ref->timed_out && step < ref->ordinary))
		return STATUS_CANCELLED;
	if (step >= ref->ordinary)
		return all_ordinary_final(ref) && !has_failed(ref) ? STATUS_SKIPPED : STATUS_NOTSTARTED;
	for (size_t i = 0; i < def->needs_count; i++) {
		enum status need = ref->status[def->needs[i]];

		if (!def->always && status_is_final(need) && need != STATUS_COMPLETED)
			return STATUS_SKIPPED;
	}
	return STATUS_NOTSTARTED;
}

static size_t settle(struct reference *ref)
{
	size_t settled = 0;

	for (size_t step = 0; step < ref->w->step_count; step++) {
		enum status status =
			ref->status[step] == STATUS_NOTSTARTED ? never_begins(ref, step) : STATUS_NOTSTARTED;

		if (status == STATUS_NOTSTARTED)
			continue;
		ref->status[step] = status;
		settled++;
		step = SIZE_MAX; /* from the beginning */
	}
	return settled;
}

static void assert_same(struct fixture *f, struct reference *ref)
{
	size_t ready = 0, failed = SIZE_MAX, expected_failed = SIZE_MAX;

	advance(f);
	assert_int_equal(f->skipped_count, settle(ref));
	for (size_t i = 0; i < f->w->step_count; i++) {
		assert_int_equal(f->run.steps[i].status, ref->status[i]);
		assert_int_equal(f->run.steps[i].attempt, ref->attempt[i]);
		if (!may_start(ref, i))
			continue;
		assert_true(ready < f->ready_count);
		assert_int_equal(f->ready[ready++], i);
	}
	assert_int_equal(ready, f->ready_count);
	assert_int_equal(run_is_decided(&f->run), all_ordinary_final(ref));
	if (!all_ordinary_final(ref))
		return;
	assert_int_equal(run_outcome(&f->run, &failed), reference_outcome(ref, &expected_failed));
	assert_int_equal(failed, expected_failed);
}

/* ---- Random moves ---- */

static bool is_stopped(const struct reference *ref, size_t step)
{
	return ref->cancelled || ref->halted || (ref->timed_out && step < ref->ordinary);
}

static void start(struct fixture *f, struct reference *ref, size_t step)
{
	ref->attempt[step]++;
	ref->status[step] = STATUS_INPROGRESS;
	run_started(&f->run, step, ref->attempt[step]);
}

static void end(struct fixture *f, struct reference *ref, size_t step, enum status status)
{
	ref->status[step] = status;
	run_ended(&f->run, step, status);
}

/* What is under way fails, completes, or waits for another attempt. */
static void go_on(struct fixture *f, struct reference *ref, size_t step, struct random *rnd)
{
	static const enum status ends[] = {STATUS_COMPLETED, STATUS_COMPLETED, STATUS_COMPLETED, STATUS_FAILURE};

	if (is_stopped(ref, step)) {
		/* What was about to end ends as it would have. */
		end(f, ref, step, below(rnd, 3) ? STATUS_CANCELLED : ends[below(rnd, 4)]);
	} else if (ref->status[step] == STATUS_WAITING) {
		start(f, ref, step);
	} else if (below(rnd, 8) == 0) {
		ref->status[step] = STATUS_WAITING;
		run_waiting(&f->run, step);
	} else {
		end(f, ref, step, ends[below(rnd, 4)]);
	}
}

/* Starts a step that is ready, or moves one that has begun. False when there is neither. */
static bool random_move(struct fixture *f, struct reference *ref, struct random *rnd)
{
	size_t begun[STEPS_MAX], begun_count = 0, step;

	for (size_t i = 0; i < f->w->step_count; i++)
		if (ref->status[i] == STATUS_INPROGRESS || ref->status[i] == STATUS_WAITING)
			begun[begun_count++] = i;
	if (f->ready_count > 0 && (begun_count == 0 || below(rnd, 2))) {
		step = f->ready[below(rnd, (unsigned)f->ready_count)];
		/* Its `when` is not true. */
		if (below(rnd, 6) == 0)
			end(f, ref, step, STATUS_SKIPPED);
		else
			start(f, ref, step);
		return true;
	}
	if (begun_count == 0)
		return false;
	go_on(f, ref, begun[below(rnd, (unsigned)begun_count)], rnd);
	return true;
}

static void random_stop(struct fixture *f, struct reference *ref, struct random *rnd)
{
	bool decided = all_ordinary_final(ref);

	switch (below(rnd, 60)) {
	case 0:
		if (!run_is_over(&f->run))
			*(decided ? &ref->halted : &ref->cancelled) = true;
		run_cancel(&f->run);
		break;
	case 1:
		ref->timed_out = ref->timed_out || (!decided && !ref->cancelled);
		run_time_out(&f->run);
		break;
	default:
		return;
	}
	assert_same(f, ref);
}

static void open_case(struct fixture *f, struct reference *ref, struct random *rnd, unsigned seed)
{
	*rnd = (struct random){.value = seed};
	*f = (struct fixture){0};
	f->w = random_workflow(rnd);
	*ref = (struct reference){.w = f->w, .ordinary = f->w->step_count - (f->w->has_on_failure ? 1 : 0)};
	assert_int_equal(run_init(&f->run, f->w), 0);
	assert_same(f, ref);
}

static void random_graphs_behave_as_the_reference(void **state)
{
	unsigned outcomes[STATUS_SKIPPED + 1] = {0}, alarms = 0;

	(void)state;
	for (unsigned seed = 1; seed <= CASES; seed++) {
		struct random rnd;
		struct reference ref;
		struct fixture f;

		open_case(&f, &ref, &rnd, seed);
		while (random_move(&f, &ref, &rnd)) {
			assert_same(&f, &ref);
			random_stop(&f, &ref, &rnd);
		}
		assert_true(run_is_over(&f.run));
		outcomes[run_outcome(&f.run, NULL)]++;
		alarms += f.w->has_on_failure && ref.attempt[ref.ordinary] > 0;
		close_run(&f);
	}
	/* The cases are of all kinds. */
	assert_true(outcomes[STATUS_COMPLETED] > CASES / 20);
	assert_true(outcomes[STATUS_FAILURE] > CASES / 20);
	assert_true(outcomes[STATUS_CANCELLED] > CASES / 20);
	assert_true(alarms > CASES / 20);
}

/* In the order that run.h says: time-out, what the store knows, cancel. */
static void take_up(struct run *run, const struct fixture *f, const struct reference *ref)
{
	assert_int_equal(run_init(run, f->w), 0);
	if (ref->timed_out)
		run_time_out(run);
	for (size_t i = 0; i < f->w->step_count; i++)
		run_restore(run, i, f->run.steps[i].status, f->run.steps[i].attempt);
	if (ref->cancelled || ref->halted)
		run_cancel(run);
}

static void a_restored_run_goes_on_as_the_first_one_would(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 1000; seed++) {
		struct random rnd;
		struct reference ref;
		struct fixture first, second = {0};

		open_case(&first, &ref, &rnd, seed);
		for (unsigned moves = below(&rnd, 10); moves > 0 && random_move(&first, &ref, &rnd); moves--) {
			assert_same(&first, &ref);
			random_stop(&first, &ref, &rnd);
		}
		take_up(&second.run, &first, &ref);
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
		cmocka_unit_test(random_graphs_behave_as_the_reference),
		cmocka_unit_test(a_restored_run_goes_on_as_the_first_one_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
