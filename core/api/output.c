#include "api/internal.h"

#include <errno.h>

static void reply(struct http_request *r, int status, const char *cache, const struct buf *tag, struct buf *out)
{
	static const char type[] = "application/json";
	struct http_header_field headers[3] = {{"Cache-Control", cache, strlen(cache)}};
	size_t count = 1;
	if (tag)
		headers[count++] = (struct http_header_field){"ETag", buf_cstr(tag), tag->len};
	if (status != 304)
		headers[count++] = (struct http_header_field){"Content-Type", type, sizeof(type) - 1};
	if (buf_error(out) < 0 || (tag && buf_error(tag) < 0))
		http_problem(r, 503, "no-memory", "the answer does not fit into memory; ask for less at once", 1);
	else
		http_respond(r, status, headers, count, buf_cstr(out), out->len);
	buf_release(out);
}

void api_reply(struct http_request *r, int status, struct buf *out)
{
	reply(r, status, "no-store", NULL, out);
}

void api_reply_tagged(struct http_request *r, int status, struct buf *tag, struct buf *out)
{
	reply(r, status, "no-cache", tag, out);
	buf_release(tag);
}

void api_problemf(struct http_request *r, int status, const char *type, const char *format, ...)
{
	struct buf detail;
	va_list args;
	buf_init(&detail, 4096);
	va_start(args, format);
	buf_vprintf(&detail, format, args);
	va_end(args);
	http_problem(r, status, type, buf_error(&detail) < 0 ? type : buf_cstr(&detail), 0);
	buf_release(&detail);
}

struct problem {
	int error, status;
	const char *type, *detail;
	int retry_after_s;
};

static const struct problem failures[] = {
	{-EINPROGRESS, 500, "outcome-unknown", "the commit was not confirmed: it may have happened or not", 0},
	{-ENOSPC, 503, "store-full", "the store has no room now; nothing was changed", 5},
	{-EIO, 503, "store-failed", "the store failed; nothing was changed", 5},
	{-ECANCELED, 503, "not-stored", "it was not stored; try again", 1},
	{-ESHUTDOWN, 503, "stopping", "the daemon is stopping", 5},
	{-ENOMEM, 503, "no-memory", "out of memory", 1},
	{-E2BIG, 413, "too-large", "parameters and payload are too large together", 0},
	{-EINVAL, 422, "invalid-value", "a value is not valid", 0},
};

void api_fail(struct http_request *r, int error, const char *what)
{
	if (error == -ENOENT) {
		api_problemf(r, 404, "not-found", "there is no such %s", what);
		return;
	}
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		const struct problem *f = &failures[i];
		if (f->error == error) {
			http_problem(r, f->status, f->type, f->detail, f->retry_after_s);
			return;
		}
	}
	http_problem(r, 500, "internal", "the daemon failed; its log says more", 0);
}

void api_member(struct buf *out, const char *key, const char *text)
{
	if (!text)
		return;
	jsonw_key(out, key);
	jsonw_str(out, text);
}

void api_member_time(struct buf *out, const char *key, int64_t wall_ms)
{
	if (wall_ms == 0)
		return;
	jsonw_key(out, key);
	jsonw_time(out, wall_ms);
}

void api_member_workflow(struct api *a, struct buf *out, const char *workflow_id)
{
	if (workflow_id[0] == '\0')
		return;
	const struct catalog_entry *entry = engine_find(a->options.engine, workflow_id);
	if (entry)
		api_member(out, "workflow", entry->slug);
	api_member(out, "workflowId", workflow_id);
}
