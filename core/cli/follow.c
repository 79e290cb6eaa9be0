/* The daemon's streams tell at once what is new. They are hints: documents and pages are read as well, so that nothing is
 * lost when a stream is cut, and a daemon that does not serve them is asked again and again. */
#include "cli/follow.h"

#include <time.h>
#include "base/clock.h"
#include "base/id.h"
#include "cli/show.h"
#include "cli/stream.h"
#include "model/status.h"

#define POLL_FIRST_MS 50
#define POLL_MOST_MS 1000
#define RESTART_PATIENCE_MS 60000

struct follower {
	struct cli *c;
	const char *id, *step;
	int64_t after;   /* the position of the last record */
	char **statuses; /* of the steps, as printed last */
	size_t status_count;
	char *writer; /* the step that wrote last, and whether it is in the middle of a line */
	bool in_line;
	int64_t pause_ms;
	int64_t lost_ms;     /* when the daemon was lost; 0: it is there */
	const char *log_key; /* what records are called in JSON; NULL: they stand by themselves */
	bool over;           /* the whole log is out */
	bool changed;        /* a look at the activity is due */
	int outcome, code;   /* of follow_activity */
};

static void pause_for(int64_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

static void release(struct follower *f)
{
	for (size_t i = 0; i < f->status_count; i++)
		free(f->statuses[i]);
	free(f->statuses);
	free(f->writer);
}

/* Gets a path, and again while the daemon is away, but not for ever. */
static int get(struct follower *f, const char *path, bool patient, struct answer *ret)
{
	for (;;) {
		int code =
			patient ? client_try(f->c, "GET", path, NULL, ret) : client_call(f->c, "GET", path, NULL, ret);
		if (code != CLI_UNREACHABLE || !patient) {
			f->lost_ms = 0;
			return code;
		}
		if (f->lost_ms == 0) {
			f->lost_ms = clock_mono_ms();
			fputs("tappet: the daemon does not answer; waiting for it\n", stderr);
		}
		if (clock_mono_ms() - f->lost_ms > RESTART_PATIENCE_MS)
			return client_call(f->c, "GET", path, NULL, ret);
		pause_for(200);
	}
}

/* ---- Logs ------------------------------------------------------------------------------------------------------ */

static void end_line(struct follower *f)
{
	if (f->in_line)
		putchar('\n');
	f->in_line = false;
}

static void set_writer(struct follower *f, const char *step)
{
	if (f->writer && strcmp(f->writer, step) == 0)
		return;
	end_line(f);
	free(f->writer);
	f->writer = strdup(step);
}

/* With the step's name before each line where several steps write. */
static void print_text(struct follower *f, const char *step, const char *text)
{
	if (f->step) {
		fputs(text, stdout);
		return;
	}
	set_writer(f, step);
	while (*text) {
		const size_t len = strcspn(text, "\n");
		if (!f->in_line)
			printf("%s | ", step);
		fwrite(text, 1, len, stdout);
		f->in_line = text[len] != '\n';
		if (!f->in_line)
			putchar('\n');
		text += len + (text[len] == '\n');
	}
}

static void print_line(const char *key, const struct json *value)
{
	struct buf out;
	buf_init(&out, (size_t)64 * 1024 * 1024);
	json_print(value, &out);
	if (key)
		printf("{\"%s\":%s}\n", key, buf_cstr(&out));
	else
		puts(buf_cstr(&out));
	buf_release(&out);
}

static void print_record(struct follower *f, const struct json *record)
{
	const char *step = json_get_str(record, "step"), *text = json_get_str(record, "text");
	const char *stream = json_get_str(record, "stream");
	/* The daemon's own word (where a log was cut) begins a line of its own. */
	if (!f->c->json && stream && strcmp(stream, "marker") == 0)
		end_line(f);
	if (f->c->json)
		print_line(f->log_key, record);
	else
		print_text(f, step ? step : "?", text ? text : "");
}

static void print_records(struct follower *f, const struct json *records)
{
	for (const struct json *record = json_first(records); record; record = json_next(record))
		print_record(f, record);
	fflush(stdout);
}

/* A line of the stream: a record, unless a page has brought it already, or the end of them all. */
static void take_log_line(struct follower *f, const char *text, size_t len)
{
	struct json *line = NULL;
	int64_t position = 0;
	if (json_parse(text, len, &line, NULL) < 0)
		return;
	f->over = f->over || json_bool(json_get(line, "ended"));
	if (json_int(json_get(line, "position"), &position) == 0 && position > f->after) {
		print_record(f, line);
		fflush(stdout);
		f->after = position;
		f->pause_ms = POLL_FIRST_MS;
	}
	json_free(line);
}

/* Where the log goes on, as a page or as a stream. */
static bool log_path(const struct follower *f, bool stream, struct buf *path)
{
	buf_init(path, 4096);
	buf_printf(path, "/activities/%s/logs?after=%lld%s", f->id, (long long)f->after, stream ? "&follow=true" : "");
	client_query(path, "step", f->step);
	if (buf_error(path) == 0)
		return true;
	cli_error("the name of the step is too long");
	buf_release(path);
	return false;
}

/* Everything there is now; `over`: the activity has ended and this was all. */
static int drain_logs(struct follower *f, bool patient)
{
	for (;;) {
		struct answer answer;
		struct buf path;
		if (!log_path(f, false, &path))
			return CLI_USAGE;
		int code = get(f, buf_cstr(&path), patient, &answer);
		buf_release(&path);
		if (code != CLI_OK)
			return code;
		const struct json *records = json_get(answer.json, "records");
		const bool empty = json_count(records) == 0;
		print_records(f, records);
		f->over = json_bool(json_get(answer.json, "ended"));
		json_int(json_get(answer.json, "next"), &f->after);
		answer_release(&answer);
		if (empty)
			return CLI_OK;
		f->pause_ms = POLL_FIRST_MS;
	}
}

static void wait_a_little(struct follower *f)
{
	pause_for(f->pause_ms);
	f->pause_ms = f->pause_ms * 2 < POLL_MOST_MS ? f->pause_ms * 2 : POLL_MOST_MS;
}

/* An id stands in paths as it is. */
static bool id_is_plain(const char *id)
{
	if (id_valid(id))
		return true;
	cli_error("'%s' is no id of an activity: 24 hex digits", id);
	return false;
}

static void on_log_line(void *arg, size_t index, const char *text, size_t len)
{
	(void)index;
	take_log_line(arg, text, len);
}

static bool log_goes_on(void *arg)
{
	const struct follower *f = arg;
	return !f->over;
}

static int stream_log(struct follower *f)
{
	struct buf path;
	if (!log_path(f, true, &path))
		return CLI_USAGE;
	const struct stream_reader reader = {
		.paths = {buf_cstr(&path)}, .count = 1, .line = on_log_line, .between = log_goes_on, .arg = f};
	int code = stream_read(f->c, &reader);
	buf_release(&path);
	return code;
}

int follow_logs(struct cli *c, const char *id, const char *step, bool follow)
{
	struct follower f = {.c = c, .id = id, .step = step, .pause_ms = POLL_FIRST_MS};
	bool first = true;
	int code = CLI_OK;
	if (!id_is_plain(id))
		return CLI_NOT_FOUND;
	while (code == CLI_OK && !f.over) {
		code = drain_logs(&f, follow && !first);
		first = false;
		if (!follow)
			break;
		/* Whatever becomes of the stream, the next page tells. */
		if (code == CLI_OK && !f.over)
			stream_log(&f);
		if (code == CLI_OK && !f.over)
			wait_a_little(&f);
	}
	end_line(&f);
	release(&f);
	return code;
}

/* ---- Steps ----------------------------------------------------------------------------------------------------- */

static bool status_changed(struct follower *f, size_t index, const char *status)
{
	while (index >= f->status_count) {
		char **grown = realloc(f->statuses, (f->status_count + 1) * sizeof(*grown));
		if (!grown)
			return true;
		f->statuses = grown;
		f->statuses[f->status_count++] = strdup("notstarted");
	}
	char **last = &f->statuses[index];
	if (*last && strcmp(*last, status) == 0)
		return false;
	free(*last);
	*last = strdup(status);
	return true;
}

static bool is_end(const char *status)
{
	enum status parsed;
	return status_parse(status, &parsed) == 0 && status_is_final(parsed);
}

static void print_step(struct follower *f, const struct json *step, const char *status)
{
	char text[SHOW_MAX];
	const char *name = json_get_str(step, "step"), *message = json_get_str(step, "message");
	const char *colour = f->c->colour ? show_colour(status) : NULL;
	if (f->c->json) {
		print_line("step", step);
		return;
	}
	end_line(f);
	printf("%s: %s%s%s", name ? name : "?", colour ? colour : "", status, colour ? "\033[0m" : "");
	if (show_duration(json_get(step, "durationMs"), text)[0])
		printf(" in %s", text);
	if (message)
		printf(" (%s)", message);
	putchar('\n');
}

/* What began goes before what it wrote, what ended behind it. */
static void print_changes(struct follower *f, const struct json *document, bool ends)
{
	size_t index = 0;
	for (const struct json *step = json_first(json_get(document, "steps")); step; step = json_next(step), index++) {
		const char *status = json_get_str(step, "status");
		const bool end = status && is_end(status);
		if (status && end == ends && status_changed(f, index, status))
			print_step(f, step, status);
	}
	fflush(stdout);
}

struct outcome {
	const char *status;
	int code;
};

/* The exit code of a final status; -1 while it is none. */
static int outcome_of(const char *status)
{
	static const struct outcome outcomes[] = {
		{"completed", CLI_OK}, {"failure", CLI_FAILED}, {"invalid", CLI_FAILED}, {"cancelled", CLI_CANCELLED}};
	for (size_t i = 0; status && i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		if (strcmp(outcomes[i].status, status) == 0)
			return outcomes[i].code;
	return -1;
}

static void print_end(struct follower *f, const struct json *document)
{
	char text[SHOW_MAX];
	const char *status = json_get_str(document, "status"), *message = json_get_str(document, "message");
	const char *colour = f->c->colour ? show_colour(status) : NULL;
	if (f->c->json) {
		print_line("activity", document);
		return;
	}
	end_line(f);
	printf("%s %s%s%s", f->id, colour ? colour : "", status, colour ? "\033[0m" : "");
	if (show_duration(json_get(document, "durationMs"), text)[0])
		printf(" in %s", text);
	if (message)
		printf(" (%s)", message);
	putchar('\n');
}

/* One look: the document first, so that the log which is printed behind it is complete when the activity has ended. */
static void look(struct follower *f)
{
	struct answer answer;
	char path[64];
	snprintf(path, sizeof(path), "/activities/%s", f->id);
	f->changed = false;
	f->code = get(f, path, true, &answer);
	if (f->code != CLI_OK)
		return;
	f->outcome = outcome_of(json_get_str(answer.json, "status"));
	print_changes(f, answer.json, false);
	f->code = drain_logs(f, true);
	print_changes(f, answer.json, true);
	if (f->code == CLI_OK && f->outcome >= 0)
		print_end(f, answer.json);
	answer_release(&answer);
}

static bool goes_on(const struct follower *f)
{
	return f->code == CLI_OK && f->outcome < 0;
}

enum { STREAM_LOG, STREAM_EVENTS };

static void on_line(void *arg, size_t index, const char *text, size_t len)
{
	struct follower *f = arg;
	if (index == STREAM_LOG)
		take_log_line(f, text, len);
	/* Each event, and the position that comes first: what was before it may have been looked at too early. */
	if (index == STREAM_EVENTS ? strncmp(text, "data:", 5) == 0 : f->over)
		f->changed = true;
}

static bool look_if_changed(void *arg)
{
	struct follower *f = arg;
	if (f->changed)
		look(f);
	return goes_on(f);
}

static void stream_activity(struct follower *f)
{
	struct buf path;
	char events[96];
	snprintf(events, sizeof(events), "/events?stream=true&activity=%s", f->id);
	if (!log_path(f, true, &path))
		return;
	const struct stream_reader reader = {.paths = {[STREAM_LOG] = buf_cstr(&path), [STREAM_EVENTS] = events},
					     .count = 2,
					     .line = on_line,
					     .between = look_if_changed,
					     .arg = f};
	stream_read(f->c, &reader);
	buf_release(&path);
}

int follow_activity(struct cli *c, const char *id)
{
	struct follower f = {.c = c, .id = id, .pause_ms = POLL_FIRST_MS, .log_key = "log", .outcome = -1};
	if (!id_is_plain(id))
		return CLI_NOT_FOUND;
	for (look(&f); goes_on(&f); look(&f)) {
		stream_activity(&f);
		if (!goes_on(&f))
			break;
		wait_a_little(&f);
	}
	release(&f);
	return f.code == CLI_OK ? f.outcome : f.code;
}
