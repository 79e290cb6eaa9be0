/* subscribe: events as they come, through whatever breaks. By HTTP they are the daemon's server-sent events; by ws:// the
 * client library sees to it (socket_follow.c). */
#include <time.h>
#include "base/digest.h"
#include "cli/client.h"
#include "cli/events.h"
#include "cli/socket.h"
#include "cli/stream.h"

#define PAUSE_FIRST_MS 200
#define PAUSE_MOST_MS 10000

struct subscriber {
	struct events events;
	bool in_order; /* something has come on this stream */
	bool begun;    /* it has told where it begins */
	char type[64]; /* of the event whose lines come */
};

static void pause_for(int64_t ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

/* ---- one stream -------------------------------------------------------------------------------------------------- */

static void take_data(struct subscriber *s, const struct json *data)
{
	int64_t from = 0, to = 0;
	if (strcmp(s->type, "position") == 0) {
		if (json_int(json_get(data, "seq"), &to) < 0)
			return;
		if (s->begun)
			events_move(&s->events, to);
		else
			events_begin(&s->events, to);
		s->begun = true;
	} else if (strcmp(s->type, "gap") == 0) {
		json_int(json_get(data, "from"), &from);
		json_int(json_get(data, "to"), &to);
		events_gap(&s->events, from, to);
	} else {
		events_take(&s->events, data);
	}
}

/* "event: TYPE", then "data: JSON". */
static void on_line(void *arg, size_t index, const char *text, size_t len)
{
	struct subscriber *s = arg;
	struct json *data = NULL;
	(void)index;
	s->in_order = true;
	if (strncmp(text, "event: ", 7) == 0) {
		snprintf(s->type, sizeof(s->type), "%s", text + 7);
	} else if (strncmp(text, "data: ", 6) == 0 && json_parse(text + 6, len - 6, &data, NULL) == 0) {
		take_data(s, data);
		json_free(data);
	}
}

static bool goes_on(void *arg)
{
	const struct subscriber *s = arg;
	return !s->events.over;
}

static void write_types(const struct events *e, struct buf *path)
{
	struct buf types;
	buf_init(&types, 4096);
	for (size_t i = 0; e->types[i]; i++)
		buf_printf(&types, "%s%s", i > 0 ? "," : "", e->types[i]);
	if (types.len > 0)
		client_query(path, "types", buf_cstr(&types));
	buf_release(&types);
}

static bool write_path(const struct events *e, bool stream, struct buf *path)
{
	buf_init(path, 16 * 1024);
	buf_str(path, stream ? "/events?stream=true" : "/events?limit=1");
	client_query(path, "workflow", e->workflow);
	client_query(path, "team", e->team);
	client_query(path, "activity", e->activity);
	write_types(e, path);
	if (e->replay && stream)
		buf_printf(path, "&since=%lld", (long long)e->position);
	if (buf_error(path) == 0)
		return true;
	cli_error("the filter is too long");
	buf_release(path);
	return false;
}

static int read_stream(struct cli *c, struct subscriber *s)
{
	struct buf path;
	if (!write_path(&s->events, true, &path))
		return CLI_USAGE;
	const struct stream_reader reader = {
		.paths = {buf_cstr(&path)}, .count = 1, .line = on_line, .between = goes_on, .arg = s};
	s->in_order = s->begun = false;
	int code = stream_read(c, &reader);
	buf_release(&path);
	return code;
}

/* ---- through what breaks ----------------------------------------------------------------------------------------- */

/* What a stream is refused for is told by a page with the same filter. */
static int ask_why(struct cli *c, const struct subscriber *s)
{
	struct answer answer;
	struct buf path;
	if (!write_path(&s->events, false, &path))
		return CLI_USAGE;
	int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code == CLI_OK)
		answer_release(&answer);
	return code;
}

static int64_t with_jitter(int64_t pause_ms)
{
	uint8_t random;
	digest_random(&random, sizeof(random));
	return pause_ms / 2 + pause_ms * random / 512;
}

/* The first attempt has to succeed; later ones are made until they do. */
static int follow(struct cli *c, struct subscriber *s)
{
	int64_t pause_ms = PAUSE_FIRST_MS;
	int code = ask_why(c, s);
	bool lost = false;
	while (code == CLI_OK && !s->events.over) {
		int result = read_stream(c, s);
		if (s->events.over)
			break;
		if (result == CLI_REFUSED) {
			code = ask_why(c, s);
			if (code == CLI_UNREACHABLE || code == CLI_FAILED)
				code = CLI_OK;
		} else if (result != CLI_OK && result != CLI_UNREACHABLE) {
			code = result;
		}
		if (s->in_order)
			pause_ms = PAUSE_FIRST_MS;
		else if (!lost)
			fputs("tappet: the daemon does not answer; waiting for it\n", stderr);
		lost = !s->in_order;
		pause_for(with_jitter(pause_ms));
		pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
	}
	return code;
}

int cmd_subscribe(struct cli *c)
{
	struct subscriber s = {.in_order = false};
	int code = events_read(c, &s.events);
	if (code == CLI_OK)
		code = socket_is_meant(c) ? socket_follow(c, &s.events) : follow(c, &s);
	events_release(&s.events);
	return code;
}
