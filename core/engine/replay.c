/* Starting what an activity was once more. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAUSE_MAX ((size_t)64 * 1024)

struct replay {
	struct engine *engine;
	char id[ID_SIZE];
	bool latest;
	char *by;
	struct workflow *workflow; /* of its revision; a reference */
	char workflow_id[ID_SIZE], revision_id[ID_SIZE];
	char *params, *payload;
	size_t payload_len;
	engine_emit_cb cb;
	void *arg;
};

static void replay_free(struct replay *p)
{
	workflow_unref(p->workflow);
	free(p->by);
	free(p->params);
	free(p->payload);
	free(p);
}

static void refuse(struct replay *p, enum engine_outcome outcome, int reason, const char *why)
{
	struct engine_result result = {
		.outcome = outcome, .reason = reason, .activity_id = "", .dedup_key = "", .detail = why};

	p->cb(p->arg, &result);
	replay_free(p);
}

static void refuse_error(struct replay *p, int error)
{
	if (error == -ENOENT)
		refuse(p, ENGINE_REFUSED, REASON_NONE, "there is no such activity");
	else if (error == -ESHUTDOWN || error == -ECANCELED)
		refuse(p, ENGINE_CANCELED, REASON_OTHER, "the daemon stops");
	else
		refuse(p, ENGINE_CANCELED, REASON_OTHER, "the store could not be asked");
}

static int put_cause(const struct replay *p, struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "of");
	jsonw_str(out, p->id);
	jsonw_key(out, "by");
	jsonw_str(out, p->by);
	jsonw_close(out, '}');
	return buf_error(out);
}

static void emit(struct replay *p)
{
	struct engine_emission emission = {
		.workflow_id = p->workflow_id,
		.trigger = "replay",
		.trigger_id = "replay",
		.params = p->params,
		.params_len = strlen(p->params),
		.payload = p->payload,
		.payload_len = p->payload_len,
		.revision_id = p->workflow ? p->revision_id : NULL,
		.workflow = p->workflow,
	};
	struct buf cause;
	int r;

	buf_init(&cause, CAUSE_MAX);
	r = put_cause(p, &cause);
	emission.cause = buf_cstr(&cause);
	emission.cause_len = cause.len;
	if (r == 0)
		r = engine_emit(p->engine, &emission, p->cb, p->arg);
	buf_release(&cause);
	if (r < 0)
		refuse_error(p, r);
	else
		replay_free(p);
}

static void revision_came(void *arg, int status, struct workflow *w)
{
	struct replay *p = arg;

	if (status == -ENOENT || status == -EINVAL) {
		refuse(p, ENGINE_REFUSED, REASON_OTHER, "its revision cannot be read any more");
		return;
	}
	if (status < 0) {
		refuse_error(p, status);
		return;
	}
	p->workflow = workflow_ref(w);
	emit(p);
}

static int copy_row(struct replay *p, const struct store_activity_row *row)
{
	memcpy(p->workflow_id, row->workflow_id, ID_SIZE);
	memcpy(p->revision_id, row->revision_id, ID_SIZE);
	p->params = strdup(row->params ? row->params : "{}");
	p->payload = row->payload ? strndup(row->payload, row->payload_len) : NULL;
	p->payload_len = row->payload ? row->payload_len : 0;
	return p->params && (p->payload || !row->payload) ? 0 : -ENOMEM;
}

static void row_came(void *arg, int status, const struct store_activity_row *row)
{
	struct replay *p = arg;

	if (status == 0)
		status = copy_row(p, row);
	if (status < 0) {
		refuse_error(p, status);
		return;
	}
	if (p->latest) {
		emit(p);
		return;
	}
	status = engine_revision(p->engine, p->revision_id, revision_came, p);
	if (status < 0)
		refuse_error(p, status);
}

int engine_replay(struct engine *e, const char *id, bool latest, const char *by, engine_emit_cb cb, void *arg)
{
	struct replay *p;
	int r;

	if (e->stopping)
		return -ESHUTDOWN;
	if (!id_valid(id))
		return -ENOENT;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct replay){.engine = e, .latest = latest, .cb = cb, .arg = arg, .by = strdup(by ? by : "")};
	memcpy(p->id, id, ID_SIZE);
	r = p->by ? store_get_activity(e->store, p->id, row_came, p) : -ENOMEM;
	if (r < 0)
		replay_free(p);
	return r;
}
