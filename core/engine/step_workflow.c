/* `workflow`: starts another workflow, and waits for its end unless it is told not to.
 *
 *   INPROGRESS (the emission is with the store) -> COMPLETED             wait: false
 *                                               -> WAITING -> the other activity has ended -> its outputs (jq) -> reported
 *
 * The emission's key names the parent, the step and the counted attempt, so that what was started when the daemon went away
 * is found and not started again. The other activity's id stands in the step's outputs from then on. Whoever ends the step
 * early has the other activity cancelled first, and the step is over when that is. */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define PARAMS_MAX ((size_t)4 * 1024 * 1024)
#define DEPTH_MAX 16
#define TRY_AGAIN_MS 1000

/* ---- Who waits for which activity ----------------------------------------------------------------------------- */

struct child {
	char parent[ID_SIZE];
	uint32_t step;
};

static int free_child(void *arg, const char *key, size_t key_len, void *value)
{
	(void)arg;
	(void)key;
	(void)key_len;
	free(value);
	return 0;
}

void children_release(struct engine *e)
{
	(void)map_each(&e->children, free_child, NULL);
	map_release(&e->children);
}

static bool id_in(const char *outputs_text, char id[static ID_SIZE])
{
	struct json *outputs = NULL;
	const char *text = NULL;

	if (outputs_text && json_parse(outputs_text, strlen(outputs_text), &outputs, NULL) == 0)
		text = json_get_str(outputs, "activityId");
	if (text && id_valid(text))
		memcpy(id, text, ID_SIZE);
	else
		text = NULL;
	json_free(outputs);
	return text != NULL;
}

/* The id of the activity that the step waits for. */
static bool child_id(const struct step *s, char id[static ID_SIZE])
{
	return id_in(s->outputs, id);
}

static int remember(struct step *s, const char *id)
{
	struct child *c = map_get_str(&s->activity->engine->children, id);
	int r;

	if (c)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	memcpy(c->parent, s->activity->id, ID_SIZE);
	c->step = s->index;
	r = map_put_str(&s->activity->engine->children, id, c, NULL);
	if (r < 0)
		free(c);
	return r;
}

void child_forget(struct step *s)
{
	char id[ID_SIZE];

	if (s->status == STATUS_WAITING && child_id(s, id))
		free(map_remove_str(&s->activity->engine->children, id));
}

void children_ended(struct engine *e, const char *id)
{
	const struct child *c = map_get_str(&e->children, id);
	struct activity *a;

	if (!c || e->quiet)
		return;
	a = map_get_str(&e->scheduler.activities, c->parent);
	if (!a)
		(void)parked_wake(e, c->parent);
	else if (a->workflow && step_awaits(&a->steps[c->step]))
		child_await(&a->steps[c->step]);
}

/* ---- Its end -------------------------------------------------------------------------------------------------- */

struct look {
	struct step_job job;
	char id[ID_SIZE];
};

static void end_early(struct step *s)
{
	char text[CLOCK_TEXT_MAX];

	if (step_is_unwanted(s))
		step_ended(s, &(struct step_result){.outcome = STATUS_CANCELLED});
	else
		step_failed(s, FAILURE_TIMEOUT, "timed out after %s",
			    duration_text(step_def_of(s)->timeout_ms, text, sizeof(text)));
}

/* {"activityId", "status", "message", "steps": {ID: {"status", "outputs"}}} of the status document. */
static void put_child(struct buf *out, const struct json *d)
{
	jsonw_open(out, '{');
	jsonw_key(out, "activityId");
	jsonw_str(out, json_get_str(d, "id"));
	jsonw_key(out, "status");
	jsonw_str(out, json_get_str(d, "status"));
	jsonw_key(out, "message");
	jsonw_str(out, json_get_str(d, "message"));
	jsonw_key(out, "steps");
	jsonw_open(out, '{');
	for (const struct json *step = json_first(json_get(d, "steps")); step; step = json_next(step)) {
		jsonw_key(out, json_get_str(step, "step"));
		jsonw_open(out, '{');
		jsonw_key(out, "status");
		jsonw_str(out, json_get_str(step, "status"));
		jsonw_key(out, "outputs");
		/* The comma's place is behind the key; json_print appends. */
		(void)json_print(json_get(step, "outputs"), out);
		jsonw_close(out, '}');
	}
	jsonw_close(out, '}');
	jsonw_close(out, '}');
}

static void begin_outputs(struct buf *out, const char *id, const char *status)
{
	buf_init(out, ENGINE_OUTPUTS_MAX);
	jsonw_open(out, '{');
	jsonw_key(out, "activityId");
	jsonw_str(out, id);
	if (!status)
		return;
	jsonw_key(out, "status");
	jsonw_str(out, status);
}

static char *plain_outputs(const char *id, const char *status)
{
	struct buf out;
	char *text;

	begin_outputs(&out, id, status);
	jsonw_close(&out, '}');
	text = buf_detach(&out, NULL);
	buf_release(&out);
	return text;
}

static void outputs_known(struct step *s, const struct expr_result *results, size_t count)
{
	char id[ID_SIZE] = "", message[ENGINE_MESSAGE_MAX] = "";
	struct buf out;
	int r;

	(void)child_id(s, id);
	begin_outputs(&out, id, status_name(STATUS_COMPLETED));
	r = outputs_put_mapping(&out, &step_def_of(s)->call->outputs, results, count, message, sizeof(message));
	jsonw_close(&out, '}');
	step_completed_with(s, &out, r, message);
}

static void child_completed(struct step *s, const char *id, const struct json *document)
{
	struct buf in;

	if (step_def_of(s)->call->outputs.count == 0) {
		step_completed(s, plain_outputs(id, status_name(STATUS_COMPLETED)));
		return;
	}
	buf_init(&in, ENGINE_CONTEXT_MAX);
	put_child(&in, document);
	step_ask_mapping(s, &step_def_of(s)->call->outputs, &in, outputs_known);
	buf_release(&in);
}

static void child_failed(struct step *s, const char *id, enum status status, const struct json *document)
{
	const char *message = json_get_str(document, "message");

	step_ended(s, &(struct step_result){
			      .outcome = STATUS_FAILURE,
			      .failure = {.kind = FAILURE_CHILD},
			      .outputs = plain_outputs(id, status_name(status)),
			      .message = text_printf("activity %s of workflow %s ended as %s%s%.300s", id,
						     step_def_of(s)->call->slug, status_name(status),
						     message ? ": " : "", message ? message : ""),
		      });
}

static void child_ended(struct step *s, const char *id, enum status status, const char *document, size_t len)
{
	struct json *d = NULL;

	if (step_is_unwanted(s) || s->ending) {
		end_early(s);
		return;
	}
	(void)json_parse(document, len, &d, NULL);
	if (status == STATUS_COMPLETED)
		child_completed(s, id, d);
	else
		child_failed(s, id, status, d);
	json_free(d);
}

/* It may have ended at any time since it was started: whoever waits begins by looking. */
static void looked(void *arg, int status, const char *workflow_id, enum status activity_status, const char *document,
		   size_t len)
{
	struct look *l = arg;
	struct engine *e = l->job.engine;
	struct step *s = job_end(&l->job);
	bool again = s && s->look_again;

	(void)workflow_id;
	if (s)
		s->look_again = false;
	if (s && status == 0 && status_is_final(activity_status))
		child_ended(s, l->id, activity_status, document, len);
	else if (s && status == -ENOENT)
		step_failed(s, FAILURE_CHILD, "activity %s is not there any more", l->id);
	else if (s && (again || (status == 0 && remember(s, l->id) < 0) || status < 0))
		step_look_later(s, again ? 0 : TRY_AGAIN_MS);
	else if (s && s->ending)
		step_look_later(s, TRY_AGAIN_MS);
	else if (s)
		activity_advance(s->activity); /* it may leave memory now */
	free(l);
	engine_let_go(e);
}

void child_await(struct step *s)
{
	struct look *l;
	int r;

	if (s->job) {
		s->look_again = true;
		return;
	}
	l = calloc(1, sizeof(*l));
	if (!l || !child_id(s, l->id) || remember(s, l->id) < 0) {
		free(l);
		step_look_later(s, TRY_AGAIN_MS);
		return;
	}
	/* Once more, should it not have been heard. */
	if (s->ending)
		(void)engine_cancel(s->activity->engine, l->id, NULL, NULL);
	job_begin(&l->job, s);
	r = engine_document(s->activity->engine, l->id, looked, l);
	if (r < 0)
		looked(l, r, NULL, STATUS_NOTSTARTED, NULL, 0);
}

/* ---- Ending it early ------------------------------------------------------------------------------------------ */

bool child_stop(struct step *s, enum process_end why)
{
	char id[ID_SIZE];

	/* The emission cannot be called back. At the daemon's end the next start finds it; otherwise the step is told of
	 * it, and then ends it. */
	if (s->at_work)
		return why != PROCESS_SHUTDOWN && !s->activity->dropped;
	if (s->ending)
		return true;
	if (why == PROCESS_SHUTDOWN || !child_id(s, id) || remember(s, id) < 0)
		return false;
	s->ending = true;
	child_await(s);
	return true;
}

void child_cancel_row(struct engine *e, const struct store_step_row *step)
{
	char id[ID_SIZE];

	/* No other kind has such an output while it waits. */
	if (step->status == STATUS_WAITING && id_in(step->outputs, id))
		(void)engine_cancel(e, id, NULL, NULL);
}

/* ---- Its start ------------------------------------------------------------------------------------------------ */

struct start {
	struct step_job job;
};

/* What a refused emission has to say. */
static void refused(struct step *s, const struct engine_result *result)
{
	const char *slug = step_def_of(s)->call->slug;

	if (result->outcome == ENGINE_UNKNOWN)
		step_failed(s, FAILURE_CHILD, "nobody knows whether workflow %s was started: %.300s", slug,
			    result->detail);
	else
		step_failed(s, FAILURE_CHILD, "workflow %s was not started (%s)%s%.300s", slug,
			    reason_name(result->reason), *result->detail ? ": " : "", result->detail);
}

static void started(struct step *s, const char *id)
{
	int64_t timeout_ms = step_def_of(s)->timeout_ms;

	step_log(s, "started activity %s of workflow %s", id, step_def_of(s)->call->slug);
	if (!step_def_of(s)->call->wait && step_is_unwanted(s))
		step_ended(s, &(struct step_result){.outcome = STATUS_CANCELLED, .outputs = plain_outputs(id, NULL)});
	else if (!step_def_of(s)->call->wait)
		step_completed(s, plain_outputs(id, NULL));
	else
		/* One that is unwanted by now is ended when it waits. */
		step_await(s, plain_outputs(id, NULL), timeout_ms > 0 ? clock_wall_ms() + timeout_ms : 0);
}

static void emitted(void *arg, const struct engine_result *result)
{
	struct start *start = arg;
	struct engine *e = start->job.engine;
	struct step *s = job_end(&start->job);

	/* A conflict, too, names what the same attempt has started: its parameters came out differently. */
	if (s && *result->activity_id)
		started(s, result->activity_id);
	else if (s && result->outcome == ENGINE_CANCELED && e->stopping)
		step_left(s);
	else if (s)
		refused(s, result);
	free(start);
	engine_let_go(e);
}

static int64_t depth_of(const struct activity *a)
{
	struct json *cause = NULL;
	int64_t depth = 0;

	if (strcmp(a->texts.trigger, "workflow") != 0 || !a->texts.cause ||
	    json_parse(a->texts.cause, a->texts.cause_len, &cause, NULL) < 0)
		return 0;
	(void)json_int(json_get(cause, "depth"), &depth);
	json_free(cause);
	return depth;
}

static void put_cause(struct buf *out, const struct step *s, int64_t depth)
{
	const struct activity *a = s->activity;

	jsonw_open(out, '{');
	jsonw_key(out, "activity");
	jsonw_str(out, a->id);
	jsonw_key(out, "workflow");
	jsonw_str(out, a->workflow->slug);
	jsonw_key(out, "step");
	jsonw_str(out, step_def_of(s)->id);
	jsonw_key(out, "depth");
	jsonw_int(out, depth);
	jsonw_close(out, '}');
}

static int expand_params(struct step *s, struct buf *out, char *message, size_t size)
{
	const struct template *params = step_def_of(s)->call->params;
	struct values values;
	int r;

	if (!params)
		return 0;
	r = values_init(&values, s->activity);
	if (r == 0)
		r = values_template(&values, params, false, out, message, size);
	values_release(&values);
	return r;
}

static int emit(struct step *s, const struct catalog_entry *entry, const struct buf *params, const struct buf *cause)
{
	const struct activity *a = s->activity;
	struct start *start = calloc(1, sizeof(*start));
	struct engine_emission emission = {
		.workflow_id = entry->id,
		.trigger = "workflow",
		.trigger_id = a->workflow->slug,
		.params = buf_cstr(params),
		.params_len = params->len,
		.cause = buf_cstr(cause),
		.cause_len = cause->len,
	};
	char key[96];
	int r;

	if (!start)
		return -ENOMEM;
	/* Counted attempts: the one after a crash is the same. */
	(void)snprintf(key, sizeof(key), "workflow/%s/%u/%u", a->id, s->index + 1, s->counted);
	emission.dedup_key = key;
	emission.dedup_key_len = strlen(key);
	job_begin(&start->job, s);
	r = engine_emit(a->engine, &emission, emitted, start);
	if (r < 0) {
		job_abandon(s);
		free(start);
		engine_let_go(a->engine);
	}
	return r;
}

static void start_child(struct step *s, const struct catalog_entry *entry, int64_t depth)
{
	char message[ENGINE_MESSAGE_MAX] = "";
	struct buf params, cause;
	int r;

	buf_init(&params, PARAMS_MAX);
	buf_init(&cause, 4096);
	put_cause(&cause, s, depth);
	r = expand_params(s, &params, message, sizeof(message));
	if (r == 0)
		r = buf_error(&cause);
	if (r == 0)
		r = emit(s, entry, &params, &cause);
	buf_release(&params);
	buf_release(&cause);
	if (r == -ESHUTDOWN)
		step_left(s);
	else if (r < 0)
		step_failed(s, *message ? FAILURE_START : FAILURE_CHILD, "%s", *message ? message : log_strerror(r));
}

void child_run(struct step *s)
{
	const char *slug = step_def_of(s)->call->slug;
	const struct catalog_entry *entry = engine_find(s->activity->engine, slug);
	int64_t depth = depth_of(s->activity) + 1;

	if (!entry)
		step_failed(s, FAILURE_CHILD, "there is no workflow \"%s\"", slug);
	else if (depth > DEPTH_MAX)
		step_failed(s, FAILURE_CHILD, "workflows that start workflows are %d deep already: %s is not started",
			    DEPTH_MAX, slug);
	else
		start_child(s, entry, depth);
}
