/* `approve`: waits until somebody has said yes or no. The answer is told to be taken when it has been committed. */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define QUESTION_MAX ((size_t)64 * 1024)
#define COMMENT_MAX ((size_t)64 * 1024)

/* ---- The step ------------------------------------------------------------------------------------------------- */

static int ask(struct step *s, struct buf *out, char *message, size_t message_size)
{
	struct values values;
	struct buf question;
	int r;

	buf_init(&question, QUESTION_MAX);
	r = values_init(&values, s->activity);
	if (r == 0)
		r = values_expand(&values, &step_def_of(s)->approve->message, &question, message, message_size);
	values_release(&values);
	if (r == 0) {
		jsonw_open(out, '{');
		jsonw_key(out, "approval");
		jsonw_strn(out, buf_cstr(&question), question.len);
		jsonw_close(out, '}');
		r = buf_error(out);
	}
	buf_release(&question);
	return r;
}

/* A question that cannot be asked fails when it runs. */
void approve_plan(struct step *s, int64_t now_ms)
{
	struct buf outputs;

	buf_init(&outputs, ENGINE_OUTPUTS_MAX);
	if (ask(s, &outputs, NULL, 0) == 0)
		step_plan_await(s, buf_detach(&outputs, NULL), now_ms);
	buf_release(&outputs);
}

void approve_run(struct step *s)
{
	char message[ENGINE_MESSAGE_MAX] = "no memory";
	struct buf outputs;

	buf_init(&outputs, ENGINE_OUTPUTS_MAX);
	(void)ask(s, &outputs, message, sizeof(message));
	buf_release(&outputs);
	step_failed(s, FAILURE_START, "%s", message);
}

/* Nothing to look for: who answers comes here. */
void approve_await(struct step *s)
{
	(void)s;
}

/* ---- An answer ------------------------------------------------------------------------------------------------ */

struct approval {
	struct list node;
	struct engine *engine;
	char id[ID_SIZE];
	bool approved;
	char *step, *by, *comment;
	void (*done)(void *arg, int status);
	void *arg;
};

static void answer(struct approval *p, int status)
{
	if (p->done)
		p->done(p->arg, status);
	free(p->step);
	free(p->by);
	free(p->comment);
	free(p);
}

void approve_answer(struct list *approvals, int status)
{
	struct list all;

	list_init(&all);
	list_splice(&all, approvals);
	list_each_safe (node, &all) {
		list_remove(node);
		answer(list_entry(node, struct approval, node), status);
	}
}

static char *outputs_of(const struct approval *p)
{
	struct buf b;
	char *text;

	buf_init(&b, ENGINE_OUTPUTS_MAX);
	jsonw_open(&b, '{');
	jsonw_key(&b, "approved");
	jsonw_str(&b, p->approved ? "true" : "false");
	jsonw_key(&b, "by");
	jsonw_str(&b, p->by);
	jsonw_key(&b, "comment");
	jsonw_str(&b, p->comment);
	jsonw_close(&b, '}');
	text = buf_detach(&b, NULL);
	buf_release(&b);
	return text;
}

static void decide(struct step *s, const struct approval *p, char *outputs)
{
	struct step_result result = {
		.outcome = p->approved ? STATUS_COMPLETED : STATUS_FAILURE,
		.failure = {.kind = p->approved ? FAILURE_NONE : FAILURE_REJECTED},
		.outputs = outputs,
	};

	if (!p->approved)
		result.message = text_printf("rejected by %.100s%s%.300s", p->by, *p->comment ? ": " : "", p->comment);
	step_ended(s, &result);
}

static void take(void *arg, int status, struct activity *a)
{
	struct approval *p = arg;
	int index = status == 0 && a->workflow ? workflow_find_step(a->workflow, p->step) : -1;
	struct step *s = index < 0 ? NULL : &a->steps[index];
	char *outputs;

	if (status == 0 && p->engine->stopping)
		status = -ESHUTDOWN;
	else if (status == 0 && (a->cancelled || a->dropped))
		status = -EALREADY;
	else if (status == 0 && (!s || step_def_of(s)->kind != STEP_APPROVE))
		status = a->workflow ? -ENOENT : -EAGAIN;
	else if (status == 0 && status_is_final(s->status))
		status = -EALREADY;
	else if (status == 0 && (!step_awaits(s) || (a->in_flight && s->begin)))
		status = -EAGAIN;
	outputs = status == 0 ? outputs_of(p) : NULL;
	if (status == 0 && !outputs)
		status = -ENOMEM;
	if (status < 0) {
		answer(p, status);
		return;
	}
	list_append(&a->answers, &p->node);
	decide(s, p, outputs);
}

static void looked_up(void *arg, int status, const struct store_activity_row *row)
{
	struct approval *p = arg;
	struct activity *a = map_get_str(&p->engine->scheduler.activities, p->id);

	if (status == 0 && status_is_final(row->status))
		status = -EALREADY;
	else if (status == 0 && p->engine->stopping)
		status = -ESHUTDOWN;
	else if (status == 0 && !a && row->status == STATUS_NOTSTARTED)
		status = -EAGAIN;
	if (status < 0)
		answer(p, status);
	else if (a)
		take(p, 0, a);
	else
		recover_then(p->engine, p->id, take, p);
}

static struct approval *approval_new(struct engine *e, const char *id, const char *step, const char *by,
				     const char *comment)
{
	struct approval *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->engine = e;
	list_init(&p->node);
	memcpy(p->id, id, ID_SIZE);
	p->step = strdup(step);
	p->by = strdup(by);
	p->comment = strdup(comment ? comment : "");
	if (!p->step || !p->by || !p->comment) {
		answer(p, -ENOMEM);
		return NULL;
	}
	return p;
}

int engine_approve(struct engine *e, const char *activity_id, const char *step_id, bool approved, const char *by,
		   const char *comment, void (*done)(void *arg, int status), void *arg)
{
	struct approval *p;
	int r;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!id_valid(activity_id))
		return -ENOENT;
	if (strlen(by) > COMMENT_MAX || (comment && strlen(comment) > COMMENT_MAX))
		return -E2BIG;
	p = approval_new(e, activity_id, step_id, by, comment);
	if (!p)
		return -ENOMEM;
	p->approved = approved;
	p->done = done;
	p->arg = arg;
	r = store_get_activity(e->store, p->id, looked_up, p);
	if (r < 0) {
		p->done = NULL;
		answer(p, r);
	}
	return r;
}
