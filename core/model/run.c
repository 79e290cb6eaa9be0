#include "model/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/order.h"

enum verdict { WAIT, READY, NEVER };

int run_init(struct run *r, struct workflow *w)
{
	struct run new = {.unfinished = w->step_count};
	int error = -ENOMEM;

	new.steps = calloc(w->step_count + 1, sizeof(*new.steps));
	new.order = calloc(w->step_count + 1, sizeof(*new.order));
	if (!new.steps || !new.order)
		goto fail;
	error = order_steps(w->steps, w->step_count, new.order, NULL, NULL);
	if (error < 0)
		goto fail;
	new.workflow = workflow_ref(w);
	*r = new;
	return 0;
fail:
	free(new.steps);
	free(new.order);
	return error;
}

void run_release(struct run *r)
{
	workflow_unref(r->workflow);
	free(r->steps);
	free(r->order);
	*r = (struct run){0};
}

static void set_status(struct run *r, size_t step, enum status status)
{
	bool was_final = status_is_final(r->steps[step].status);
	bool is_final = status_is_final(status);

	r->steps[step].status = status;
	if (was_final && !is_final)
		r->unfinished++;
	if (!was_final && is_final)
		r->unfinished--;
}

void run_restore(struct run *r, size_t step, enum status status, unsigned attempt)
{
	set_status(r, step, status);
	r->steps[step].attempt = attempt;
}

static bool is_on_failure(const struct run *r, size_t step)
{
	return r->workflow->has_on_failure && step + 1 == r->workflow->step_count;
}

static enum verdict judge_on_failure(const struct run *r)
{
	if (r->cancelled || r->halted)
		return NEVER;
	if (!run_is_decided(r))
		return WAIT;
	return run_outcome(r, NULL) == STATUS_FAILURE ? READY : NEVER;
}

static bool is_met(const struct run_step *need)
{
	return need->status == STATUS_COMPLETED || need->passed;
}

/* A step whose need has ended badly is settled although other needs still run: nothing can change that any more. */
static enum verdict judge(const struct run *r, size_t step)
{
	const struct step_def *def = &r->workflow->steps[step];
	enum verdict verdict = READY;

	if (is_on_failure(r, step))
		return judge_on_failure(r);
	if (r->cancelled || r->timed_out)
		return NEVER;
	for (size_t i = 0; i < def->needs_count; i++) {
		const struct run_step *need = &r->steps[def->needs[i]];

		if (!status_is_final(need->status))
			verdict = WAIT;
		else if (!is_met(need) && !def->always)
			return NEVER;
	}
	return verdict;
}

/* One that was skipped although it could have run has said so itself. Found out anew, so that it holds after a restart. */
static void find_passed(struct run *r, size_t step)
{
	struct run_step *s = &r->steps[step];

	if (s->status == STATUS_SKIPPED && r->workflow->steps[step].when && judge(r, step) == READY)
		s->passed = true;
}

/* One pass in the order of the needs settles all: a step that is skipped stands before those that need it, and that of
 * onFailure, that nobody needs, behind all. */
static size_t skip(struct run *r, size_t *ret_skipped)
{
	bool ended = r->cancelled || r->timed_out || r->halted;
	size_t count = 0;

	for (size_t i = 0; i < r->workflow->step_count; i++) {
		size_t step = r->order[i];

		find_passed(r, step);
		if (r->steps[step].status != STATUS_NOTSTARTED || judge(r, step) != NEVER)
			continue;
		set_status(r, step, ended ? STATUS_CANCELLED : STATUS_SKIPPED);
		ret_skipped[count++] = step;
	}
	return count;
}

void run_advance(struct run *r, size_t *ret_ready, size_t *ret_ready_count, size_t *ret_skipped,
		 size_t *ret_skipped_count)
{
	const struct workflow *w = r->workflow;
	size_t ready = 0;

	*ret_skipped_count = skip(r, ret_skipped);
	for (size_t i = 0; i < w->step_count; i++)
		if (r->steps[i].status == STATUS_NOTSTARTED && judge(r, i) == READY)
			ret_ready[ready++] = i;
	*ret_ready_count = ready;
}

void run_started(struct run *r, size_t step, unsigned attempt)
{
	set_status(r, step, STATUS_INPROGRESS);
	r->steps[step].attempt = attempt;
}

void run_waiting(struct run *r, size_t step)
{
	set_status(r, step, STATUS_WAITING);
}

void run_ended(struct run *r, size_t step, enum status status)
{
	set_status(r, step, status);
}

void run_cancel(struct run *r)
{
	if (run_is_over(r))
		return;
	if (run_is_decided(r))
		r->halted = true;
	else
		r->cancelled = true;
}

void run_time_out(struct run *r)
{
	if (!run_is_decided(r) && !r->cancelled)
		r->timed_out = true;
}

bool run_is_over(const struct run *r)
{
	return r->unfinished == 0;
}

bool run_is_decided(const struct run *r)
{
	size_t last = r->workflow->step_count - 1;

	return r->unfinished == (r->workflow->has_on_failure && !status_is_final(r->steps[last].status) ? 1 : 0);
}

/* Whether the path goes on behind a failed step. */
static bool has_heir(const struct workflow *w, size_t failed)
{
	for (size_t i = 0; i < w->step_count; i++) {
		const struct step_def *def = &w->steps[i];

		for (size_t k = 0; def->always && k < def->needs_count; k++)
			if (def->needs[k] == failed)
				return true;
	}
	return false;
}

enum status run_outcome(const struct run *r, size_t *ret_failed_step)
{
	size_t count = r->workflow->step_count - (r->workflow->has_on_failure ? 1 : 0);

	if (r->cancelled)
		return STATUS_CANCELLED;
	if (r->timed_out)
		return STATUS_FAILURE;
	for (size_t i = 0; i < count; i++) {
		enum status status = r->steps[i].status;

		if (status == STATUS_COMPLETED || status == STATUS_SKIPPED || has_heir(r->workflow, i))
			continue;
		if (ret_failed_step)
			*ret_failed_step = i;
		return STATUS_FAILURE;
	}
	return STATUS_COMPLETED;
}
