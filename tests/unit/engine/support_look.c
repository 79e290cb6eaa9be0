/* What the tests look at: documents, logs, files, processes. */
#include "unit/engine/support_engine.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

struct document {
	bool done;
	int status;
	struct json *json;
};

static void on_document(void *arg, int status, const char *workflow_id, enum status activity_status,
			const char *document, size_t len)
{
	struct document *d = arg;

	(void)workflow_id;
	d->status = status;
	d->done = true;
	if (status < 0)
		return;
	assert_int_equal(json_parse(document, len, &d->json, NULL), 0);
	assert_string_equal(json_get_str(d->json, "status"), status_name(activity_status));
}

static bool document_done(void *arg)
{
	return ((struct document *)arg)->done;
}

struct json *rig_document(struct rig *r, const char *id)
{
	struct document d = {0};

	assert_int_equal(engine_document(r->engine, id, on_document, &d), 0);
	rig_until(r, document_done, &d);
	assert_int_equal(d.status, 0);
	return d.json;
}

struct json *rig_wait(struct rig *r, const char *id, const char *status)
{
	int64_t end_ms = clock_mono_ms() + WAIT_MS;

	for (;;) {
		struct json *document = rig_document(r, id);
		const char *now = json_get_str(document, "status");
		enum status value = STATUS_NOTSTARTED;

		assert_int_equal(status_parse(now, &value), 0);
		if (status ? strcmp(now, status) == 0 : status_is_final(value))
			return document;
		if (status_is_final(value) || clock_mono_ms() > end_ms)
			fail_msg("%s is %s (%s)", id, now, json_get_str(document, "message"));
		json_free(document);
		rig_turn(r);
	}
}

const struct json *rig_step(const struct json *document, const char *step)
{
	const struct json *steps = json_get(document, "steps");

	for (const struct json *s = json_first(steps); s; s = json_next(s))
		if (strcmp(json_get_str(s, "step"), step) == 0)
			return s;
	fail_msg("no step %s", step);
	return NULL;
}

void assert_status(const struct json *value, const char *status)
{
	assert_string_equal(json_get_str(value, "status"), status);
}

struct log {
	bool done;
	char stream;
	struct buf text;
};

static void on_logs(void *arg, int status, const struct store_log_row *rows, size_t count)
{
	struct log *l = arg;

	assert_int_equal(status, 0);
	for (size_t i = 0; i < count; i++)
		if (rows[i].stream == l->stream)
			(void)buf_append(&l->text, rows[i].text, rows[i].len);
	l->done = true;
}

static bool log_done(void *arg)
{
	return ((struct log *)arg)->done;
}

char *rig_log(struct rig *r, const char *id, int step, char stream)
{
	struct log l = {.stream = stream};
	char *text;

	buf_init(&l.text, 16 * 1024 * 1024);
	assert_int_equal(store_read_logs(r->store, id, step, 0, 1000, on_logs, &l), 0);
	rig_until(r, log_done, &l);
	text = buf_detach(&l.text, NULL);
	assert_non_null(text);
	return text;
}

struct cancelled {
	bool done;
	int status;
};

static void on_cancelled(void *arg, int status)
{
	*(struct cancelled *)arg = (struct cancelled){true, status};
}

static bool cancel_done(void *arg)
{
	return ((struct cancelled *)arg)->done;
}

int rig_cancel(struct rig *r, const char *id)
{
	struct cancelled w = {0};
	int error = engine_cancel(r->engine, id, on_cancelled, &w);

	if (error < 0)
		return error;
	rig_until(r, cancel_done, &w);
	return w.status;
}

/* ---- Files and processes -------------------------------------------------------------------------------------- */

void rig_path(const struct rig *r, const char *name, char ret[static 128])
{
	(void)snprintf(ret, 128, "%s/%s", r->folder, name);
}

bool rig_exists(const struct rig *r, const char *name)
{
	char path[128];

	rig_path(r, name, path);
	return access(path, F_OK) == 0;
}

char *rig_read(const struct rig *r, const char *name)
{
	char path[128], text[4096];
	FILE *f;
	size_t n;

	rig_path(r, name, path);
	f = fopen(path, "re");
	if (!f)
		return strdup("");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return strdup(text);
}

struct file {
	struct rig *rig;
	const char *name;
};

static bool file_full(void *arg)
{
	struct file *f = arg;
	char *text = rig_read(f->rig, f->name);
	bool full = strchr(text, '\n') != NULL;

	free(text);
	return full;
}

void rig_wait_file(struct rig *r, const char *name)
{
	struct file f = {r, name};

	rig_until(r, file_full, &f);
}

pid_t rig_pid(struct rig *r, const char *name)
{
	char *text;
	long pid;

	rig_wait_file(r, name);
	text = rig_read(r, name);
	pid = strtol(text, NULL, 10);
	free(text);
	assert_true(pid > 1);
	return (pid_t)pid;
}

/* A zombie that nobody has reaped yet counts as gone: its parent may be a container's idle init. */
static bool is_gone(void *arg)
{
	pid_t pid = *(pid_t *)arg;
	char path[64], text[512] = "";
	const char *state;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	(void)fclose(f);
	state = strrchr(text, ')');
	return !state || state[2] == 'Z' || state[2] == 'X';
}

void rig_wait_gone(struct rig *r, pid_t pid)
{
	rig_until(r, is_gone, &pid);
}
