/* The state machine of one activity's steps: which may start now, what follows from an outcome, and when all is over. Pure:
 * no time, no I/O; engine/run.c feeds it and carries out what it says.
 *
 *   NOTSTARTED --run_started--> INPROGRESS --run_ended--> COMPLETED | FAILURE | CANCELLED
 *        |                          |  ^
 *        | a need was not met, or   |  '-- run_started (retry, or again after a crash)
 *        | its `when` is not true   |
 *        '--> SKIPPED               '--> WAITING (backoff, sleep) --run_started--> INPROGRESS
 *
 * A step is ready when all its needs are final and either all met, or it says `always`. A need is met that has COMPLETED, or
 * that was skipped by its own condition (`when`): then it was not wanted this time, and what follows it goes on without its
 * outputs. A step is skipped when one of its needs ended otherwise and it does not say `always`. A failed step fails the
 * activity, except where a step that says `always` needs it directly: the path goes on.
 *
 * The step of onFailure (workflow.has_on_failure: the last one) has no needs of the ordinary kind: it is ready when all
 * others are final and the activity has failed or its time is over, skipped when it has completed, and cancelled when that was
 * cancelled. What becomes of it changes nothing of the outcome. */
#ifndef MODEL_RUN_H
#define MODEL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include "model/status.h"
#include "model/workflow.h"

struct run_step {
	enum status status;
	unsigned attempt; /* of the last start; 0: none yet */
	bool passed;      /* skipped by its own condition */
};

struct run {
	struct workflow *workflow; /* a reference */
	struct run_step *steps;
	size_t *order; /* indexes of steps, each behind its needs */
	size_t unfinished;
	bool cancelled;
	bool timed_out;
	bool halted; /* cancelled when only onFailure was left: the outcome stays */
};

int run_init(struct run *r, struct workflow *w);
void run_release(struct run *r);
/* Sets a step to what the store knows, when an activity is taken up again. */
void run_restore(struct run *r, size_t step, enum status status, unsigned attempt);

/* Fills `ret_ready` (room for step_count) with the steps that may start now, in the order of the definition, and marks those
 * that never will as skipped (after run_cancel: as cancelled), whose indexes go to `ret_skipped` (room for step_count).
 * Skipping may make more steps ready; all is settled in one call. A step that is not started stays ready: the next call
 * names it again. */
void run_advance(struct run *r, size_t *ret_ready, size_t *ret_ready_count, size_t *ret_skipped,
		 size_t *ret_skipped_count);
void run_started(struct run *r, size_t step, unsigned attempt);
void run_waiting(struct run *r, size_t step);
void run_ended(struct run *r, size_t step, enum status status);
/* No step that has not begun will begin; all become CANCELLED at run_advance. Those that have begun, or wait, are the caller's
 * to end. Nothing changes for a run that is over; once it is decided, onFailure is cancelled and the outcome stays. When an
 * activity is taken up again this follows run_restore. */
void run_cancel(struct run *r);
/* The same for an activity whose time is over: its outcome is FAILURE, and onFailure still runs. Nothing changes for a run
 * that is decided or cancelled (cancelling one whose time is over makes it CANCELLED). When an activity is taken up again
 * this goes before run_restore, since all its steps may have ended by now. */
void run_time_out(struct run *r);
bool run_is_over(const struct run *r);
/* Whether all that is left is onFailure: what it is to be told (run_outcome) is settled. */
bool run_is_decided(const struct run *r);
/* COMPLETED, FAILURE or CANCELLED; *ret_failed_step (may be NULL) is the step that decided a FAILURE, the first one of
 * several in the order of the definition (untouched when its time was over). Valid when the run is decided. */
enum status run_outcome(const struct run *r, size_t *ret_failed_step);

#endif
