/* Activities as JSON: the status document of tappet/activity.h, and the summary for listings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/catalog.h"

#define DOCUMENT_MAX ((size_t)64 * 1024 * 1024)

static void put_str(struct buf *b, const char *key, const char *text)
{
	jsonw_key(b, key);
	jsonw_str(b, text);
}

static void put_int(struct buf *b, const char *key, int64_t value)
{
	jsonw_key(b, key);
	jsonw_int(b, value);
}

static void put_time(struct buf *b, const char *key, int64_t wall_ms)
{
	if (wall_ms == 0)
		return;
	jsonw_key(b, key);
	jsonw_time(b, wall_ms);
}

static void put_raw(struct buf *b, const char *key, const char *json)
{
	jsonw_key(b, key);
	jsonw_raw(b, json, strlen(json));
}

/* The names are those of its revision where that is known, else of the workflow as it is now. */
static void put_head(struct buf *b, const struct engine *e, const struct store_activity_row *row,
		     const struct workflow *w)
{
	const struct catalog_entry *entry = engine_find(e, row->workflow_id);

	if (!w && entry)
		w = entry->workflow;
	put_str(b, "id", row->id);
	put_str(b, "workflowId", row->workflow_id);
	put_str(b, "workflow", w ? w->slug : entry ? entry->slug : "");
	put_str(b, "workflowName", w && w->name ? w->name : entry ? entry->slug : "");
	put_str(b, "team", w && w->team ? w->team : "");
	put_str(b, "revisionId", row->revision_id);
	put_int(b, "revision", row->revision);
	put_str(b, "trigger", row->trigger);
	put_str(b, "triggerId", row->trigger_id);
	put_str(b, "status", status_name(row->status));
	put_time(b, "createdAt", row->created_ms);
	put_time(b, "startedAt", row->started_ms);
	put_time(b, "endedAt", row->ended_ms);
	if (row->ended_ms)
		put_int(b, "durationMs", row->ended_ms - row->created_ms);
	if (row->message && row->message[0])
		put_str(b, "message", row->message);
}

void engine_summary(struct engine *e, const struct store_activity_row *row, struct buf *out)
{
	jsonw_open(out, '{');
	put_head(out, e, row, revisions_peek(e, row->revision_id));
	jsonw_close(out, '}');
}

/* ---- Steps ---------------------------------------------------------------------------------------------------- */

static const struct store_step_row *find_step(const struct store_activity_row *row, size_t index)
{
	for (size_t i = index < row->step_count ? index : row->step_count; i-- > 0;)
		if (row->steps[i].index == index)
			return &row->steps[i];
	for (size_t i = index; i < row->step_count; i++)
		if (row->steps[i].index == index)
			return &row->steps[i];
	return NULL;
}

static void put_step_state(struct buf *b, const struct store_step_row *step)
{
	put_str(b, "status", status_name(step->status));
	put_int(b, "attempt", step->attempt);
	put_time(b, "startedAt", step->started_ms);
	put_time(b, "endedAt", step->ended_ms);
	if (step->ended_ms && step->started_ms)
		put_int(b, "durationMs", step->ended_ms - step->started_ms);
	if (step->exit_code >= 0)
		put_int(b, "exitCode", step->exit_code);
	if (step->message && step->message[0])
		put_str(b, "message", step->message);
}

/* Until what it waits for has happened, its outputs say what that is: {"topic"}, {"approval"} or {"activityId"}. */
static void put_wait(struct buf *b, const struct store_step_row *step, enum step_kind kind)
{
	put_time(b, "wakeAt", step->wake_ms);
	if (step_kind_awaits(kind, step->outputs))
		put_raw(b, "waitsFor", step->outputs);
}

static void put_step(struct buf *b, const struct store_activity_row *row, const struct workflow *w, uint32_t index)
{
	static const struct store_step_row untouched = {.exit_code = -1};
	const struct store_step_row *step = find_step(row, index);
	struct store_step_row never = untouched;
	char text[37], id[ID_SIZE];

	/* A cancelled activity begins nothing any more. */
	if (!step && row->status == STATUS_CANCELLED)
		never.status = STATUS_CANCELLED;
	id_sibling(row->id, index + 1, id);
	workflow_task_id(row->workflow_id, w->steps[index].id, text);
	jsonw_open(b, '{');
	put_str(b, "id", id);
	put_int(b, "order", (int64_t)index + 1);
	put_str(b, "step", w->steps[index].id);
	put_str(b, "name", w->steps[index].name);
	put_str(b, "taskId", text);
	put_str(b, "kind", step_kind_name(w->steps[index].kind));
	put_step_state(b, step ? step : &never);
	if (step && step->status == STATUS_WAITING)
		put_wait(b, step, w->steps[index].kind);
	put_raw(b, "outputs", step && step->outputs && step->status != STATUS_WAITING ? step->outputs : "{}");
	jsonw_close(b, '}');
}

static bool is_secret(const struct workflow *w, const char *param)
{
	/* Without the definition nobody knows. */
	if (!w)
		return true;
	for (size_t i = 0; i < w->param_count; i++)
		if (strcmp(w->params[i].name, param) == 0)
			return w->params[i].type == PARAM_SECRET;
	return false;
}

static bool any_secret(const struct workflow *w)
{
	for (size_t i = 0; w && i < w->param_count; i++)
		if (w->params[i].type == PARAM_SECRET)
			return true;
	return !w;
}

static void put_masked(struct buf *b, const struct json *params, const struct workflow *w)
{
	struct buf value;

	jsonw_open(b, '{');
	for (const struct json *p = json_first(params); p; p = json_next(p)) {
		if (is_secret(w, json_key(p))) {
			put_str(b, json_key(p), "***");
			continue;
		}
		buf_init(&value, DOCUMENT_MAX);
		if (json_print(p, &value) == 0)
			put_raw(b, json_key(p), buf_cstr(&value));
		buf_release(&value);
	}
	jsonw_close(b, '}');
}

void document_put_params(struct buf *b, const char *text, const struct workflow *w)
{
	struct json *params = NULL;

	if (!text || !any_secret(w)) {
		put_raw(b, "params", text ? text : "{}");
		return;
	}
	jsonw_key(b, "params");
	(void)json_parse(text, strlen(text), &params, NULL);
	put_masked(b, params, w);
	json_free(params);
}

static void put_document(struct buf *b, const struct engine *e, const struct store_activity_row *row,
			 const struct workflow *w)
{
	jsonw_open(b, '{');
	put_head(b, e, row, w);
	document_put_params(b, row->params, w);
	put_raw(b, "cause", row->cause ? row->cause : "{}");
	jsonw_key(b, "steps");
	jsonw_open(b, '[');
	for (uint32_t i = 0; w && i < w->step_count; i++)
		put_step(b, row, w, i);
	jsonw_close(b, ']');
	jsonw_close(b, '}');
}

/* ---- Asking the store ----------------------------------------------------------------------------------------- */

struct question {
	struct engine *engine;
	engine_document_cb cb;
	void *arg;
	char id[ID_SIZE];
	struct workflow *workflow;
	bool resolved; /* the revision is here, or it cannot be read */
};

static void row_came(void *arg, int status, const struct store_activity_row *row);

static void question_free(struct question *q)
{
	workflow_unref(q->workflow);
	free(q);
}

static void fail(struct question *q, int status)
{
	q->cb(q->arg, status, NULL, STATUS_NOTSTARTED, NULL, 0);
	question_free(q);
}

static void revision_came(void *arg, int status, struct workflow *w)
{
	struct question *q = arg;
	int r;

	if (status < 0 && status != -ENOENT && status != -EINVAL) {
		fail(q, status);
		return;
	}
	q->workflow = status == 0 ? workflow_ref(w) : NULL;
	q->resolved = true;
	r = store_get_activity(q->engine->store, q->id, row_came, q);
	if (r < 0)
		fail(q, r);
}

static void give(struct question *q, const struct store_activity_row *row, const struct workflow *w)
{
	struct buf b;
	int r;

	buf_init(&b, DOCUMENT_MAX);
	put_document(&b, q->engine, row, w);
	r = buf_error(&b);
	if (r < 0)
		q->cb(q->arg, r, NULL, STATUS_NOTSTARTED, NULL, 0);
	else
		q->cb(q->arg, 0, row->workflow_id, row->status, buf_cstr(&b), b.len);
	buf_release(&b);
	question_free(q);
}

static void row_came(void *arg, int status, const struct store_activity_row *row)
{
	struct question *q = arg;
	struct workflow *w;

	if (status < 0) {
		fail(q, status);
		return;
	}
	w = q->workflow ? q->workflow : revisions_peek(q->engine, row->revision_id);
	if (w || q->resolved) {
		give(q, row, w);
		return;
	}
	status = engine_revision(q->engine, row->revision_id, revision_came, q);
	if (status < 0)
		fail(q, status);
}

int engine_document(struct engine *e, const char *id, engine_document_cb cb, void *arg)
{
	struct question *q;
	int r;

	if (!id_valid(id))
		return -ENOENT;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){.engine = e, .cb = cb, .arg = arg};
	memcpy(q->id, id, ID_SIZE);
	r = store_get_activity(e->store, q->id, row_came, q);
	if (r < 0)
		free(q);
	return r;
}
