/* POST /backup: a copy of the store beside the running daemon. Whoever may name a file for the daemon to write may do so as
 * the daemon's user, so it is for the control socket only. With Accept: application/x-ndjson its progress comes line by
 * line; the last line is the answer, or the problem. A backup goes on when its client leaves. */
#include "api/stream.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

struct problem {
	int error, status;
	const char *type, *detail;
};

static const struct problem failures[] = {
	{-EBUSY, 409, "busy", "another backup is under way"},
	{-EEXIST, 409, "exists", "there is a file of that name already"},
	{-ENOENT, 422, "invalid-value", "the folder of the file is not there"},
	{-ENOTDIR, 422, "invalid-value", "the folder of the file is no folder"},
	{-EACCES, 422, "invalid-value", "the daemon may not write there"},
	{-EPERM, 422, "invalid-value", "the daemon may not write there"},
	{-EROFS, 422, "invalid-value", "nothing can be written there"},
	{-ENAMETOOLONG, 422, "invalid-value", "the name is too long"},
	{-ENOSPC, 503, "store-full", "the disk has no room for the copy"},
	{-EIO, 503, "store-failed", "the copy cannot be written"},
	{-ECANCELED, 503, "stopping", "the daemon is stopping"},
};

static const struct problem *find_failure(int error)
{
	static const struct problem other = {0, 500, "internal", "the backup failed; the daemon's log says more"};
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].error == error)
			return &failures[i];
	return &other;
}

static void fail(struct http_request *r, int error)
{
	const struct problem *f = find_failure(error);
	http_problem(r, f->status, f->type, f->detail, f->status == 503 ? 5 : 0);
}

static void write_done(const char *path, struct buf *out)
{
	struct stat info = {0};
	jsonw_open(out, '{');
	api_member(out, "path", path);
	/* It has just been made: nobody waits for this look. */
	if (stat(path, &info) == 0) {
		jsonw_key(out, "bytes");
		jsonw_int(out, (int64_t)info.st_size);
	}
	jsonw_close(out, '}');
}

/* ---- One answer ------------------------------------------------------------------------------------------------ */

struct backup_call {
	struct api_call base;
	char *path;
};

static void done(void *arg, int status)
{
	struct backup_call *call = arg;
	struct buf out;
	if (status < 0) {
		fail(call->base.request, status);
	} else {
		buf_init(&out, 64 * 1024);
		write_done(call->path, &out);
		api_reply(call->base.request, 200, &out);
	}
	free(call->path);
	api_call_close(call);
}

static void back_up(struct api *a, struct http_request *r, char *path)
{
	struct backup_call *call = api_call_open(a, r, sizeof(*call));
	if (!call) {
		free(path);
		return;
	}
	call->path = path;
	int error = store_backup(a->options.store, path, NULL, done, call);
	if (error < 0)
		done(call, error);
}

/* ---- Line by line ---------------------------------------------------------------------------------------------- */

struct backup_stream {
	struct api_stream base;
	char *path;
};

static void on_resume(struct api_stream *s)
{
	(void)s;
}

static void on_tick(struct api_stream *s)
{
	api_stream_keep_alive(s);
}

static void on_release(struct api_stream *s)
{
	free(((struct backup_stream *)s)->path);
}

static const struct api_stream_kind kind = {
	.resume = on_resume,
	.tick = on_tick,
	.close = on_resume,
	.release = on_release,
};

static bool say(struct api_stream *s, struct buf *json)
{
	struct buf out;
	buf_init(&out, 128 * 1024);
	api_stream_add(s, &out, 0, "", json);
	buf_release(json);
	return api_stream_send(s, &out);
}

static void on_progress(void *arg, size_t pages_left, size_t pages)
{
	struct backup_stream *b = arg;
	struct buf json;
	if (!api_stream_open_now(&b->base))
		return;
	buf_init(&json, 1024);
	jsonw_open(&json, '{');
	jsonw_key(&json, "pagesLeft");
	jsonw_int(&json, (int64_t)pages_left);
	jsonw_key(&json, "pages");
	jsonw_int(&json, (int64_t)pages);
	jsonw_close(&json, '}');
	say(&b->base, &json);
}

static void write_problem(int status, struct buf *out)
{
	const struct problem *f = find_failure(status);
	char type[64];
	snprintf(type, sizeof(type), "tappet:%s", f->type);
	jsonw_open(out, '{');
	api_member(out, "type", type);
	api_member(out, "title", http_status_text(f->status));
	jsonw_key(out, "status");
	jsonw_int(out, f->status);
	api_member(out, "detail", f->detail);
	jsonw_close(out, '}');
}

static void stream_done(void *arg, int status)
{
	struct backup_stream *b = arg;
	struct buf json;
	if (!api_stream_back(&b->base))
		return;
	buf_init(&json, 64 * 1024);
	if (status < 0)
		write_problem(status, &json);
	else
		write_done(b->path, &json);
	if (say(&b->base, &json))
		api_stream_end(&b->base);
}

static void back_up_by_lines(struct api *a, struct http_request *r, char *path)
{
	struct backup_stream *b = api_stream_open(a, r, sizeof(*b), &kind);
	if (!b) {
		free(path);
		return;
	}
	b->path = path;
	int error = store_backup(a->options.store, path, on_progress, stream_done, b);
	if (error < 0) {
		fail(r, error);
		api_stream_refused(&b->base);
		return;
	}
	b->base.reading = true;
	api_stream_begin(&b->base);
}

/* ---- The request ----------------------------------------------------------------------------------------------- */

/* Relative to the folder of the configuration. NULL: the request has been answered. */
static char *read_path(struct api *a, struct http_request *r, const struct json *body)
{
	const char *path = json_get_str(body, "path"), *folder = a->options.folder;
	char *whole;
	if (!path || !path[0]) {
		http_problem(r, 422, "invalid-value", "\"path\" must be the file to write", 0);
		return NULL;
	}
	if (path[0] == '/' || !folder)
		whole = strdup(path);
	else if (asprintf(&whole, "%s/%s", folder, path) < 0)
		whole = NULL;
	if (whole && strlen(whole) < PATH_MAX)
		return whole;
	fail(r, whole ? -ENAMETOOLONG : -ENOMEM);
	free(whole);
	return NULL;
}

void api_system_backup(struct api *a, struct http_request *r)
{
	static const struct api_key keys[] = {{"path", BODY_STRING}};
	struct json *body;
	if (!http_is_control(r)) {
		http_problem(r, 403, "control-only", "a backup is made over the control socket only", 0);
		return;
	}
	if (!api_body(a, r, keys, 1, &body))
		return;
	char *path = read_path(a, r, body);
	json_free(body);
	if (!path)
		return;
	const char *accept = http_header(r, "Accept");
	if (accept && strcasestr(accept, "application/x-ndjson"))
		back_up_by_lines(a, r, path);
	else
		back_up(a, r, path);
}
