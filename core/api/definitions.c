/* PUT and DELETE /workflows/{workflow}: definitions by the interface, beside those of the folder, which it may not change.
 * If-Match and If-None-Match (RFC 9110, section 13.1) keep two writers from overwriting each other: what they name is
 * compared with the revision, in the transaction that makes the next one. */
#include "api/internal.h"

#include <ctype.h>
#include <errno.h>
#include "model/names.h"

struct define_call {
	struct api_call base;
	char *slug;
	bool existed; /* and was not removed */
	bool removes;
};

static void close_call(struct define_call *call)
{
	free(call->slug);
	api_call_close(call);
}

/* ---- Mistakes -------------------------------------------------------------------------------------------------- */

static void write_mistakes(const struct diag *mistakes, struct buf *out)
{
	struct buf text;
	buf_init(&text, API_ANSWER_MAX);
	diag_print(mistakes, &text);
	jsonw_key(out, "mistakes");
	jsonw_open(out, '[');
	for (size_t i = 0; i < mistakes->count; i++) {
		const struct diag_item *item = &mistakes->items[i];
		jsonw_open(out, '{');
		jsonw_key(out, "line");
		jsonw_int(out, item->line);
		jsonw_key(out, "column");
		jsonw_int(out, item->column);
		api_member(out, "message", item->message);
		jsonw_close(out, '}');
	}
	jsonw_close(out, ']');
	api_member(out, "text", buf_cstr(&text));
	if (buf_error(&text) < 0)
		out->error = buf_error(&text);
	buf_release(&text);
}

static void answer_mistakes(struct http_request *r, const struct diag *mistakes)
{
	static const char type[] = "application/problem+json";
	const struct http_header_field header = {"Content-Type", type, sizeof(type) - 1};
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	api_member(&out, "type", "tappet:invalid-definition");
	api_member(&out, "title", http_status_text(422));
	jsonw_key(&out, "status");
	jsonw_int(&out, 422);
	api_member(&out, "detail", "there are mistakes, nothing was changed");
	write_mistakes(mistakes, &out);
	jsonw_close(&out, '}');
	if (buf_error(&out) < 0)
		api_fail(r, -ENOMEM, "definition");
	else
		http_respond(r, 422, &header, 1, buf_cstr(&out), out.len);
	buf_release(&out);
}

/* ---- Answers --------------------------------------------------------------------------------------------------- */

static void answer_stale(struct http_request *r)
{
	http_problem(r, 412, "precondition-failed",
		     "the workflow is not what If-Match or If-None-Match expects; nothing was changed", 0);
}

static void answer_error(struct http_request *r, int error)
{
	switch (error) {
	case -EPERM:
		http_problem(r, 409, "from-folder",
			     "the workflow is a file of the daemon's folder: it is changed there, not here", 0);
		break;
	case -EEXIST:
		http_problem(r, 409, "conflict", "the \"id\" of the definition belongs to another workflow", 0);
		break;
	case -ESTALE:
		answer_stale(r);
		break;
	case -EBUSY:
		http_problem(r, 503, "starting", "the daemon is starting", 1);
		break;
	default:
		api_fail(r, error, "workflow");
	}
}

static void answer_workflow(struct define_call *call)
{
	struct api *a = call->base.api;
	const struct catalog_entry *entry = engine_find(a->options.engine, call->slug);
	struct buf out, tag;
	if (!entry) {
		api_fail(call->base.request, -ENOENT, "workflow");
		return;
	}
	buf_init(&out, API_ANSWER_MAX);
	buf_init(&tag, 1024);
	api_write_tag(a, entry, &tag);
	api_write_workflow(a, entry, &out);
	api_reply_tagged(call->base.request, call->existed ? 200 : 201, &tag, &out);
}

static void defined(void *arg, int status, const struct diag *mistakes)
{
	struct define_call *call = arg;
	struct http_request *r = call->base.request;
	if (status == -EINVAL && mistakes && mistakes->count > 0)
		answer_mistakes(r, mistakes);
	else if (status < 0)
		answer_error(r, status);
	else if (call->removes)
		http_respond(r, 204, NULL, 0, NULL, 0);
	else
		answer_workflow(call);
	close_call(call);
}

/* ---- Conditions ------------------------------------------------------------------------------------------------ */

/* Whether a list of entity tags names this revision: tags of ours begin with its id, and the bare id will do. */
static bool list_names(const char *at, const char *revision_id)
{
	while (*at) {
		at += strspn(at, " \t,");
		if (strncmp(at, "W/", 2) == 0)
			at += 2;
		at += *at == '"';
		if (strncmp(at, revision_id, ID_LEN) == 0 && !isalnum((unsigned char)at[ID_LEN]))
			return true;
		at += strcspn(at, ",");
	}
	return false;
}

static bool is_any(const char *condition)
{
	return strcmp(condition, "*") == 0;
}

/* What has to be the latest revision, as in api_definition. False: the request has been answered. */
static bool read_condition(struct http_request *r, const struct catalog_entry *there, const char **ret)
{
	const char *match = http_header(r, "If-Match"), *none = http_header(r, "If-None-Match");
	bool holds = true;
	*ret = NULL;
	if (match) {
		holds = there && (is_any(match) || list_names(match, there->revision_id));
		*ret = there && !is_any(match) ? there->revision_id : NULL;
	} else if (none) {
		holds = !there || (!is_any(none) && !list_names(none, there->revision_id));
		*ret = !there ? "" : there->revision_id;
	}
	if (!holds)
		answer_stale(r);
	return holds;
}

/* ---- Requests -------------------------------------------------------------------------------------------------- */

/* A workflow that is there may be named by its id. */
static const char *slug_of(struct http_request *r, const struct catalog_entry *entry)
{
	const char *name = http_param(r, "workflow");
	if (entry)
		return entry->slug;
	if (name_is_slug(name))
		return name;
	api_problemf(r, 422, "invalid-value",
		     "\"%.120s\" is no slug: expected 1 to %d of a-z, 0-9 and -, not a dash first, not 24 hex digits",
		     name, SLUG_MAX_LEN);
	return NULL;
}

static void define(struct api *a, struct http_request *r, const struct catalog_entry *entry,
		   struct api_definition *definition)
{
	const struct catalog_entry *there = entry && !entry->removed ? entry : NULL;
	if (!read_condition(r, there, &definition->expected))
		return;
	struct define_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	char by[API_WHO_MAX];
	call->existed = there != NULL;
	call->removes = !definition->text;
	call->slug = strdup(definition->slug);
	definition->by = api_who(r, by);
	int error = call->slug ? a->options.define(a->options.arg, definition, defined, call) : -ENOMEM;
	if (error < 0)
		defined(call, error, NULL);
}

void api_definitions_put(struct api *a, struct http_request *r)
{
	const struct catalog_entry *entry = engine_find(a->options.engine, http_param(r, "workflow"));
	struct api_definition definition = {.slug = slug_of(r, entry)};
	definition.text = http_body(r, &definition.len);
	if (!definition.slug || !api_body_fits(a, r))
		return;
	if (definition.len == 0) {
		http_problem(r, 400, "invalid-json", "the body must be the definition of the workflow", 0);
		return;
	}
	define(a, r, entry, &definition);
}

void api_definitions_delete(struct api *a, struct http_request *r)
{
	const struct catalog_entry *entry;
	if (!api_path_workflow(a, r, &entry))
		return;
	struct api_definition definition = {.slug = entry->slug};
	define(a, r, entry, &definition);
}
