#include "api/internal.h"

#include <errno.h>

/* Leaves the object open. */
static void write_head(struct api *a, const struct catalog_entry *entry, bool whole, struct buf *out)
{
	const struct workflow *w = entry->workflow;
	jsonw_open(out, '{');
	api_member(out, "id", entry->id);
	api_member(out, "slug", entry->slug);
	api_member(out, "name", w ? w->name : entry->slug);
	api_member(out, "team", w && w->team ? w->team : "");
	jsonw_key(out, "enabled");
	jsonw_bool(out, entry->enabled);
	jsonw_key(out, "removed");
	jsonw_bool(out, entry->removed);
	api_member(out, "source", entry->from_folder ? "folder" : "api");
	jsonw_key(out, "revision");
	jsonw_int(out, entry->revision);
	api_member(out, "revisionId", entry->revision_id);
	api_member_time(out, "revisionAt", entry->revision_ms);
	jsonw_key(out, "triggers");
	jsonw_open(out, '[');
	for (size_t i = 0; w && i < w->trigger_count; i++)
		api_write_trigger(a, entry, &w->triggers[i], whole, out);
	jsonw_close(out, ']');
}

void api_write_workflow(struct api *a, const struct catalog_entry *entry, struct buf *out)
{
	write_head(a, entry, false, out);
	jsonw_close(out, '}');
}

static void write_param(const struct param_def *param, struct buf *out)
{
	jsonw_open(out, '{');
	api_member(out, "name", param->name);
	api_member(out, "type", param_type_name(param->type));
	jsonw_key(out, "required");
	jsonw_bool(out, param->required);
	if (param->default_json) {
		jsonw_key(out, "default");
		jsonw_raw(out, param->default_json, strlen(param->default_json));
	}
	api_member(out, "description", param->description);
	jsonw_close(out, '}');
}

static void write_step(const struct catalog_entry *entry, const struct step_def *step, size_t index, struct buf *out)
{
	char task_id[37];
	jsonw_open(out, '{');
	api_member(out, "id", step->id);
	jsonw_key(out, "order");
	jsonw_int(out, (int64_t)index + 1);
	api_member(out, "name", step->name);
	api_member(out, "kind", step_kind_name(step->kind));
	workflow_task_id(entry->id, step->id, task_id);
	api_member(out, "taskId", task_id);
	jsonw_key(out, "needs");
	jsonw_open(out, '[');
	for (size_t i = 0; i < step->needs_count; i++)
		jsonw_str(out, entry->workflow->steps[step->needs[i]].id);
	jsonw_close(out, ']');
	jsonw_key(out, "attempts");
	jsonw_int(out, step->retry.attempts);
	if (step->timeout_ms > 0) {
		jsonw_key(out, "timeoutMs");
		jsonw_int(out, step->timeout_ms);
	}
	jsonw_close(out, '}');
}

static void write_definition(const struct catalog_entry *entry, struct buf *out)
{
	const struct workflow *w = entry->workflow;
	if (w->description)
		api_member(out, "description", w->description);
	jsonw_key(out, "manual");
	jsonw_bool(out, w->manual);
	jsonw_key(out, "params");
	jsonw_open(out, '[');
	for (size_t i = 0; i < w->param_count; i++)
		write_param(&w->params[i], out);
	jsonw_close(out, ']');
	jsonw_key(out, "steps");
	jsonw_open(out, '[');
	for (size_t i = 0; i < w->step_count; i++)
		write_step(entry, &w->steps[i], i, out);
	jsonw_close(out, ']');
	jsonw_key(out, "definition");
	jsonw_raw(out, w->canonical, w->canonical_len);
}

struct listing {
	struct api *api;
	struct buf *out;
};

static void list_entry_visit(void *arg, const struct catalog_entry *entry)
{
	const struct listing *l = arg;
	api_write_workflow(l->api, entry, l->out);
}

void api_workflows_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {NULL};
	struct buf out;
	if (!api_query(r, keys))
		return;
	buf_init(&out, API_ANSWER_MAX);
	struct listing l = {.api = a, .out = &out};
	jsonw_open(&out, '{');
	jsonw_key(&out, "workflows");
	jsonw_open(&out, '[');
	engine_each(a->options.engine, list_entry_visit, &l);
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	api_reply(r, 200, &out);
}

/* Revision, where it is from, and switches. Weak, since the health of triggers is no part of it. */
void api_write_tag(struct api *a, const struct catalog_entry *entry, struct buf *out)
{
	const struct workflow *w = entry->workflow;
	buf_printf(out, "W/\"%s-%d%d%d", entry->revision_id, entry->from_folder, entry->enabled, entry->removed);
	for (size_t i = 0; w && i < w->trigger_count; i++)
		buf_char(out, engine_trigger_enabled(a->options.engine, entry, w->triggers[i].id) ? '1' : '0');
	buf_char(out, '"');
}

/* RFC 9110 section 13.1.2, by the weak comparison; no tag of ours has a comma in it. */
static bool tag_is_known(const struct http_request *r, const char *tag)
{
	const char *at = http_header(r, "If-None-Match");
	const size_t len = strlen(tag + 2);
	while (at && *at) {
		at += strspn(at, " \t,");
		if (*at == '*')
			return true;
		if (strncmp(at, "W/", 2) == 0)
			at += 2;
		const size_t item = strcspn(at, ", \t");
		if (item == len && memcmp(at, tag + 2, len) == 0)
			return true;
		at += item;
	}
	return false;
}

void api_workflows_get(struct api *a, struct http_request *r)
{
	const struct catalog_entry *entry;
	struct buf out, tag;
	if (!api_path_workflow(a, r, &entry))
		return;
	buf_init(&out, API_ANSWER_MAX);
	buf_init(&tag, API_ANSWER_MAX);
	api_write_tag(a, entry, &tag);
	if (tag_is_known(r, buf_cstr(&tag))) {
		api_reply_tagged(r, 304, &tag, &out);
		return;
	}
	write_head(a, entry, true, &out);
	if (entry->workflow)
		write_definition(entry, &out);
	jsonw_close(&out, '}');
	api_reply_tagged(r, 200, &tag, &out);
}

/* ---- Switches -------------------------------------------------------------------------------------------------- */

struct switch_call {
	struct api_call base;
	char workflow_id[ID_SIZE];
};

static void in_line(void *arg)
{
	struct switch_call *call = arg;
	struct api *a = call->base.api;
	const struct catalog_entry *entry = engine_find(a->options.engine, call->workflow_id);
	struct buf out;
	if (!entry) {
		api_fail(call->base.request, -ENOENT, "workflow");
	} else {
		buf_init(&out, API_ANSWER_MAX);
		api_write_workflow(a, entry, &out);
		api_reply(call->base.request, 200, &out);
	}
	api_call_close(call);
}

static void switched(void *arg, int status)
{
	struct switch_call *call = arg;
	struct api *a = call->base.api;
	if (status < 0) {
		api_fail(call->base.request, status, "workflow");
		api_call_close(call);
	} else if (a->closed) {
		in_line(call);
	} else {
		a->options.enabled(a->options.arg, call->workflow_id, in_line, call);
	}
}

static void throw_switch(struct api *a, struct http_request *r, bool enabled)
{
	const struct catalog_entry *entry;
	struct json *body;
	const char *trigger = http_param(r, "trigger");
	if (!api_body(a, r, NULL, 0, &body))
		return;
	json_free(body);
	size_t index;
	if (!api_path_workflow(a, r, &entry) || (trigger && !api_path_trigger(r, entry, &index)))
		return;
	struct switch_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	memcpy(call->workflow_id, entry->id, ID_SIZE);
	int error = engine_enable(a->options.engine, entry->id, trigger, enabled, switched, call);
	if (error < 0) {
		api_fail(r, error, "workflow");
		api_call_close(call);
	}
}

void api_workflows_enable(struct api *a, struct http_request *r)
{
	throw_switch(a, r, true);
}

void api_workflows_disable(struct api *a, struct http_request *r)
{
	throw_switch(a, r, false);
}
