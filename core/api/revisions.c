/* What a workflow was: its revisions, one of them, and what changed between two. */
#include "api/internal.h"

#include <errno.h>
#include "api/json_diff.h"

/* ---- List ------------------------------------------------------------------------------------------------------ */

struct list_call {
	struct api_call base;
	size_t limit;
};

/* Leaves the object open. */
static void write_revision(uint32_t number, const char *id, int64_t made_ms, const char *by, struct buf *out)
{
	jsonw_open(out, '{');
	jsonw_key(out, "number");
	jsonw_int(out, number);
	api_member(out, "id", id);
	api_member_time(out, "madeAt", made_ms);
	api_member(out, "by", by);
}

static void listed(void *arg, int status, const struct store_revision_row *rows, size_t count)
{
	struct list_call *call = arg;
	struct buf out;
	if (status < 0) {
		api_fail(call->base.request, status, "workflow");
		api_call_close(call);
		return;
	}
	/* One more than asked for was read: it tells whether there is a next page. */
	const size_t shown = count < call->limit ? count : call->limit;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "revisions");
	jsonw_open(&out, '[');
	for (size_t i = 0; i < shown; i++) {
		write_revision(rows[i].number, rows[i].id, rows[i].made_ms, rows[i].by, &out);
		jsonw_close(&out, '}');
	}
	jsonw_close(&out, ']');
	jsonw_key(&out, "next");
	if (count > shown)
		jsonw_int(&out, rows[shown - 1].number);
	else
		jsonw_null(&out);
	jsonw_close(&out, '}');
	api_reply(call->base.request, 200, &out);
	api_call_close(call);
}

void api_revisions_list(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"limit", "before", NULL};
	const struct catalog_entry *entry;
	uint64_t before = 0;
	size_t limit;
	if (!api_query(r, keys) || !api_path_workflow(a, r, &entry) || !api_query_limit(r, 50, 500, &limit) ||
	    !api_query_number(r, "before", &before))
		return;
	struct list_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	call->limit = limit;
	const uint32_t smaller = before < UINT32_MAX ? (uint32_t)before : UINT32_MAX;
	int error = store_list_revisions(a->options.store, entry->id, smaller, limit + 1, listed, call);
	if (error < 0)
		listed(call, error, NULL, 0);
}

/* ---- One, with its definition ---------------------------------------------------------------------------------- */

struct lookup {
	char workflow_id[ID_SIZE], id[ID_SIZE];
	uint32_t number;
	int64_t made_ms;
	char *by, *canonical;
	size_t len;
};

/* One lookup for a revision, two for a diff, one after the other. */
struct revision_call {
	struct api_call base;
	struct lookup lookups[2];
	size_t count, at;
	void (*answer)(struct revision_call *call);
};

static void close_call(struct revision_call *call)
{
	for (size_t i = 0; i < call->count; i++) {
		free(call->lookups[i].by);
		free(call->lookups[i].canonical);
	}
	api_call_close(call);
}

static void fail(struct revision_call *call, int error)
{
	api_fail(call->base.request, error, "revision of the workflow");
	close_call(call);
}

static void look_up(struct revision_call *call);

/* Its text is known; now when it was made, and by whom. */
static void got_row(void *arg, int status, const struct store_revision_row *rows, size_t count)
{
	struct revision_call *call = arg;
	struct lookup *l = &call->lookups[call->at];
	if (status == 0 && (count == 0 || rows[0].number != l->number))
		status = -ENOENT;
	if (status < 0) {
		fail(call, status);
		return;
	}
	memcpy(l->id, rows[0].id, ID_SIZE);
	l->made_ms = rows[0].made_ms;
	free(l->by);
	l->by = strdup(rows[0].by);
	if (!l->by)
		fail(call, -ENOMEM);
	else
		look_up(call);
}

static void got_text(void *arg, int status, const char *workflow_id, uint32_t revision, const char *canonical,
		     size_t len)
{
	struct revision_call *call = arg;
	struct lookup *l = &call->lookups[call->at];
	if (status == 0 && strcmp(workflow_id, l->workflow_id) != 0)
		status = -ENOENT;
	if (status == 0)
		l->canonical = malloc(len + 1);
	if (status == 0 && !l->canonical)
		status = -ENOMEM;
	if (status < 0) {
		fail(call, status);
		return;
	}
	memcpy(l->canonical, canonical, len);
	l->len = len;
	l->number = revision;
	look_up(call);
}

/* The next read of those that are missing: by number first who made it and its id, by id first its text. */
static void look_up(struct revision_call *call)
{
	while (call->at < call->count && call->lookups[call->at].by && call->lookups[call->at].canonical)
		call->at++;
	if (call->at == call->count) {
		call->answer(call);
		close_call(call);
		return;
	}
	struct store *store = call->base.api->options.store;
	const struct lookup *l = &call->lookups[call->at];
	int error;
	if (l->number > 0 && !l->by)
		error = store_list_revisions(store, l->workflow_id, l->number + 1, 1, got_row, call);
	else
		error = store_get_revision(store, l->id, got_text, call);
	if (error < 0)
		fail(call, error);
}

/* A number from 1, or an id. */
static bool read_reference(struct http_request *r, const char *text, struct lookup *ret)
{
	if (id_valid(text)) {
		memcpy(ret->id, text, ID_SIZE);
		return true;
	}
	char *end;
	const unsigned long number = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && strlen(text) < 10 && number > 0) {
		ret->number = (uint32_t)number;
		return true;
	}
	api_problemf(r, 404, "not-found", "there is no revision \"%.100s\": expected its number or its id", text);
	return false;
}

static void answer_revision(struct revision_call *call)
{
	const struct lookup *l = &call->lookups[0];
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	write_revision(l->number, l->id, l->made_ms, l->by, &out);
	jsonw_key(&out, "definition");
	jsonw_raw(&out, l->canonical, l->len);
	jsonw_close(&out, '}');
	api_reply(call->base.request, 200, &out);
}

void api_revisions_get(struct api *a, struct http_request *r)
{
	const struct catalog_entry *entry;
	struct lookup lookup = {0};
	if (!api_path_workflow(a, r, &entry) || !read_reference(r, http_param(r, "revision"), &lookup))
		return;
	struct revision_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	memcpy(lookup.workflow_id, entry->id, ID_SIZE);
	call->lookups[0] = lookup;
	call->count = 1;
	call->answer = answer_revision;
	look_up(call);
}

/* ---- What changed ---------------------------------------------------------------------------------------------- */

static void write_side(const char *key, const struct lookup *l, struct buf *out)
{
	jsonw_key(out, key);
	write_revision(l->number, l->id, l->made_ms, l->by, out);
	jsonw_close(out, '}');
}

static void answer_diff(struct revision_call *call)
{
	const struct lookup *from = &call->lookups[0], *to = &call->lookups[1];
	struct json *before = NULL, *after = NULL;
	struct buf out;
	buf_init(&out, API_ANSWER_MAX);
	jsonw_open(&out, '{');
	write_side("from", from, &out);
	write_side("to", to, &out);
	jsonw_key(&out, "changes");
	jsonw_open(&out, '[');
	int error = json_parse(from->canonical, from->len, &before, NULL);
	if (error == 0)
		error = json_parse(to->canonical, to->len, &after, NULL);
	if (error == 0)
		json_diff(before, after, &out);
	jsonw_close(&out, ']');
	jsonw_close(&out, '}');
	json_free(before);
	json_free(after);
	if (error == 0) {
		api_reply(call->base.request, 200, &out);
		return;
	}
	buf_release(&out);
	api_fail(call->base.request, error == -EINVAL ? -EIO : error, "revision of the workflow");
}

/* By default what the latest one has changed, or what `to` has; the first revision has changed nothing. */
static bool read_sides(struct http_request *r, const struct catalog_entry *entry, struct lookup *from,
		       struct lookup *to)
{
	const char *from_text = http_query_value(r, "from"), *to_text = http_query_value(r, "to");
	if (to_text && !read_reference(r, to_text, to))
		return false;
	if (!to_text)
		to->number = entry->revision;
	if (from_text)
		return read_reference(r, from_text, from);
	if (to->number == 0) {
		http_problem(r, 400, "invalid-value", "with the id of a revision as \"to\", \"from\" is needed", 0);
		return false;
	}
	from->number = to->number > 1 ? to->number - 1 : 1;
	return true;
}

void api_revisions_diff(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"from", "to", NULL};
	const struct catalog_entry *entry;
	struct lookup from = {0}, to = {0};
	if (!api_query(r, keys) || !api_path_workflow(a, r, &entry) || !read_sides(r, entry, &from, &to))
		return;
	struct revision_call *call = api_call_open(a, r, sizeof(*call));
	if (!call)
		return;
	memcpy(from.workflow_id, entry->id, ID_SIZE);
	memcpy(to.workflow_id, entry->id, ID_SIZE);
	call->lookups[0] = from;
	call->lookups[1] = to;
	call->count = 2;
	call->answer = answer_diff;
	look_up(call);
}
