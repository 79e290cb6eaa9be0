/* jq programs on behalf of a step: its condition, and what makes its outputs. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define BUSY_AGAIN_MS 100

struct ask {
	struct step_job job;
	ask_cb cb;
	int error; /* nothing could be asked */
	/* Copies for another try: too much was waiting for the helpers. */
	struct expr_program *programs;
	struct expr_input *inputs;
	size_t count, input_count;
};

static void ask_free(struct ask *q)
{
	for (size_t i = 0; q->programs && i < q->count; i++)
		free((char *)(uintptr_t)q->programs[i].text);
	for (size_t i = 0; q->inputs && i < q->input_count; i++)
		free((char *)(uintptr_t)q->inputs[i].json);
	free(q->programs);
	free(q->inputs);
	free(q);
}

static void answer(struct ask *q, const struct expr_result *results, size_t count)
{
	struct engine *e = q->job.engine;
	struct step *s = job_end(&q->job);

	if (s)
		q->cb(s, results, count);
	ask_free(q);
	engine_let_go(e);
}

static void answered(void *arg, const struct expr_result *results, size_t count)
{
	answer(arg, results, count);
}

static const char *why(int error)
{
	if (error == -E2BIG || error == -ENOBUFS)
		return "what it is to be asked about is too large";
	if (error == -ENOSYS)
		return "no jq programs can be run here";
	return error == -ENOMEM ? "no memory" : "it could not be run";
}

static void not_asked(void *arg)
{
	struct ask *q = arg;
	struct expr_result result = {.status = q->error, .json = "", .message = why(q->error)};

	answer(q, &result, 1);
}

static int copy_programs(struct ask *q, const struct expr_program *programs, size_t count)
{
	q->programs = calloc(count + 1, sizeof(*q->programs));
	if (!q->programs)
		return -ENOMEM;
	q->count = count;
	for (size_t i = 0; i < count; i++) {
		q->programs[i] = (struct expr_program){.text = strdup(programs[i].text), .input = programs[i].input};
		if (!q->programs[i].text)
			return -ENOMEM;
	}
	return 0;
}

static int copy_inputs(struct ask *q, const struct expr_input *inputs, size_t count)
{
	q->inputs = calloc(count + 1, sizeof(*q->inputs));
	if (!q->inputs)
		return -ENOMEM;
	q->input_count = count;
	for (size_t i = 0; i < count; i++) {
		q->inputs[i] =
			(struct expr_input){.json = strndup(inputs[i].json, inputs[i].len), .len = inputs[i].len};
		if (!q->inputs[i].json)
			return -ENOMEM;
	}
	return 0;
}

/* Later, as every answer. */
static void fail_later(struct ask *q, int error)
{
	q->error = error;
	if (!step_timer_start(q->job.engine, 0, not_asked, q))
		abort();
}

static void ask_again(void *arg)
{
	struct ask *q = arg;
	struct engine *e = q->job.engine;
	int r = -ECANCELED;

	/* Nobody waits for it any more. */
	if (q->job.step && !e->quiet)
		r = expr_run(e->options.expr, q->programs, q->count, q->inputs, q->input_count, answered, q);
	if (r == -EBUSY && step_timer_start(e, BUSY_AGAIN_MS, ask_again, q))
		return;
	if (r < 0)
		fail_later(q, r);
}

/* Others wait for the helpers, too: its turn comes. */
static int wait_for_turn(struct ask *q, const struct expr_program *programs, size_t count,
			 const struct expr_input *inputs, size_t input_count)
{
	int r = copy_programs(q, programs, count);

	if (r == 0)
		r = copy_inputs(q, inputs, input_count);
	if (r == 0 && !step_timer_start(q->job.engine, BUSY_AGAIN_MS, ask_again, q))
		r = -ENOMEM;
	return r;
}

void step_ask(struct step *s, const struct expr_program *programs, size_t count, const struct expr_input *inputs,
	      size_t input_count, ask_cb cb)
{
	struct engine *e = s->activity->engine;
	struct ask *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		abort(); /* as little as this is always there, or the daemon is at its end */
	q->cb = cb;
	job_begin(&q->job, s);
	if (input_count == 0)
		r = -E2BIG;
	else if (!e->options.expr)
		r = -ENOSYS;
	else
		r = expr_run(e->options.expr, programs, count, inputs, input_count, answered, q);
	if (r == -EBUSY)
		r = wait_for_turn(q, programs, count, inputs, input_count);
	if (r < 0)
		fail_later(q, r);
}

void step_ask_mapping(struct step *s, const struct mapping *m, const struct buf *input, ask_cb cb)
{
	struct expr_program *programs = calloc(m->count + 1, sizeof(*programs));
	struct expr_input in = {.json = buf_cstr(input), .len = input->len};

	for (size_t i = 0; programs && i < m->count; i++)
		programs[i].text = m->items[i].program;
	step_ask(s, programs, programs ? m->count : 0, &in, 1, cb);
	free(programs);
}

int outputs_put(struct buf *out, const char *name, const struct expr_result *result, char *message, size_t message_size)
{
	struct buf text;
	int r = result->status;

	if (r == -ENODATA || (r == 0 && strcmp(result->json, "null") == 0))
		return 0;
	buf_init(&text, ENGINE_OUTPUTS_MAX);
	if (r == 0)
		r = expr_text(result, &text);
	if (r == 0) {
		jsonw_key(out, name);
		jsonw_strn(out, buf_cstr(&text), text.len);
	} else {
		(void)snprintf(message, message_size, "output %.64s: %.400s", name,
			       result->message ? result->message
			       : r == -ENOBUFS ? "too large"
					       : "a text with a NUL in it");
	}
	buf_release(&text);
	return r < 0 ? -EINVAL : buf_error(out);
}

int outputs_put_mapping(struct buf *out, const struct mapping *m, const struct expr_result *results, size_t count,
			char *message, size_t message_size)
{
	int r = 0;

	/* One result for all says why nothing was asked. */
	for (size_t i = 0; i < m->count && r == 0; i++)
		r = outputs_put(out, m->items[i].name, &results[i < count ? i : count - 1], message, message_size);
	return r;
}

void step_completed_with(struct step *s, struct buf *outputs, int error, const char *message)
{
	char *text = NULL;

	if (error == 0)
		error = buf_error(outputs);
	if (error == 0)
		text = buf_detach(outputs, NULL);
	buf_release(outputs);
	if (text)
		step_completed(s, text);
	else if (error == -ENOBUFS)
		step_failed(s, FAILURE_OUTPUT, "the outputs are larger than %zu KiB", ENGINE_OUTPUTS_MAX / 1024);
	else
		step_failed(s, FAILURE_OUTPUT, "%s", error == -EINVAL ? message : "no memory");
}

/* ---- The condition -------------------------------------------------------------------------------------------- */

static void fail_condition(struct step *s, const struct expr_result *result)
{
	free(s->message);
	s->message = text_printf("when: %s", result->message ? result->message : "it cannot be asked");
	step_final(s, STATUS_FAILURE, clock_wall_ms());
}

static void condition_known(struct step *s, const struct expr_result *results, size_t count)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;

	(void)count;
	if (results->status < 0 && results->status != -ENODATA)
		fail_condition(s, results);
	else if (expr_truth(results))
		s->willing = true;
	else
		step_final(s, STATUS_SKIPPED, clock_wall_ms());
	activity_advance(a);
	scheduler_run(e);
}

void step_ask_when(struct step *s)
{
	const struct expr_program program = {.text = step_def_of(s)->when};
	struct expr_input input;
	struct buf context;

	buf_init(&context, ENGINE_CONTEXT_MAX);
	context_put(&context, s->activity, step_is_on_failure(s));
	input = (struct expr_input){.json = buf_cstr(&context), .len = context.len};
	/* Without an input: the size is what is told. */
	step_ask(s, &program, 1, &input, buf_error(&context) ? 0 : 1, condition_known);
	buf_release(&context);
}
