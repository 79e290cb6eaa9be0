/* GET /activities/{activity}/logs?follow=true: records as they are committed, until the activity has ended and all of its
 * log is out; then one last piece says so: {"next", "ended": true}. A stream that ends without it was cut, or the daemon
 * stops: the client goes on behind the last position that it has seen.
 *
 * The bus tells of the end, the engine of new records; both are hints. A look every second makes up for a lost one. */
#include "api/logs.h"

#include "api/stream.h"

#define PIECE_MAX ((size_t)64 * 1024 * 1024)
#define PAGE 500
#define RING_SIZE 1

struct logs_stream {
	struct api_stream base;
	struct log_view view;
	char id[ID_SIZE];
	struct bus_subscriber *subscriber;
	bool over;       /* the activity has ended */
	bool over_asked; /* it had when the records under way were asked for */
	bool unsure;     /* an event may have been missed: the status is to be read */
	bool dirty;      /* there may be new records */
};

static void pump(struct api_stream *s);

/* ---- The end of the activity ----------------------------------------------------------------------------------- */

static bool is_of(void *arg, const struct event *e)
{
	const struct logs_stream *l = arg;
	return strcmp(e->activity_id, l->id) == 0;
}

static void on_wake(void *arg)
{
	struct logs_stream *l = arg;
	const bool had = l->over || l->unsure;
	const struct event *e;
	while ((e = bus_take(l->subscriber))) {
		l->over = true;
		event_drop(e);
	}
	if (bus_is_lost(l->subscriber)) {
		l->unsure = true;
		bus_begin(l->subscriber);
	}
	if (!had && (l->over || l->unsure))
		pump(&l->base);
}

static void got_status(void *arg, int status, const struct store_activity_row *row)
{
	struct logs_stream *l = arg;
	if (!api_stream_back(&l->base))
		return;
	/* Also when retention has taken it away meanwhile. */
	if (status < 0) {
		api_stream_end(&l->base);
		return;
	}
	l->over = l->over || status_is_final(row->status);
	pump(&l->base);
}

static void read_status(struct logs_stream *l)
{
	l->unsure = false;
	l->base.reading = true;
	int status = store_get_activity(l->base.base.api->options.store, l->id, got_status, l);
	if (status < 0)
		got_status(l, status, NULL);
}

static void say_end(struct logs_stream *l)
{
	struct buf out, json;
	buf_init(&out, 1024);
	buf_init(&json, 1024);
	jsonw_open(&json, '{');
	jsonw_key(&json, "next");
	jsonw_int(&json, (int64_t)l->view.after);
	jsonw_key(&json, "ended");
	jsonw_bool(&json, true);
	jsonw_close(&json, '}');
	api_stream_add(&l->base, &out, l->view.after, "end", &json);
	buf_release(&json);
	if (api_stream_send(&l->base, &out))
		api_stream_end(&l->base);
}

/* ---- Records --------------------------------------------------------------------------------------------------- */

static bool send_records(struct logs_stream *l, const struct store_log_row *rows, size_t count)
{
	struct buf out, json;
	buf_init(&out, PIECE_MAX);
	buf_init(&json, PIECE_MAX);
	for (size_t i = 0; i < count; i++) {
		log_view_write(&l->view, &rows[i], &json);
		api_stream_add(&l->base, &out, rows[i].position, "log", &json);
	}
	buf_release(&json);
	l->view.after = rows[count - 1].position;
	return api_stream_send(&l->base, &out);
}

/* Only an empty page is the last. */
static void got_records(void *arg, int status, const struct store_log_row *rows, size_t count)
{
	struct logs_stream *l = arg;
	if (!api_stream_back(&l->base))
		return;
	if (status < 0) {
		api_stream_end(&l->base);
	} else if (count > 0) {
		l->dirty = true;
		if (send_records(l, rows, count))
			pump(&l->base);
	} else if (l->over_asked) {
		say_end(l);
	} else {
		pump(&l->base);
	}
}

static void read_records(struct logs_stream *l)
{
	l->dirty = false;
	l->over_asked = l->over;
	l->base.reading = true;
	int status = store_read_logs(l->base.base.api->options.store, l->id, l->view.step, l->view.after, PAGE,
				     got_records, l);
	if (status < 0)
		got_records(l, status, NULL, 0);
}

static void pump(struct api_stream *s)
{
	struct logs_stream *l = (struct logs_stream *)s;
	if (s->reading || !api_stream_open_now(s))
		return;
	if (l->unsure && !l->over)
		read_status(l);
	else if (l->dirty || l->over)
		read_records(l);
}

/* ---- The stream ------------------------------------------------------------------------------------------------ */

static void on_logged(struct api_stream *s, const char *activity_id)
{
	struct logs_stream *l = (struct logs_stream *)s;
	if (strcmp(activity_id, l->id) != 0)
		return;
	l->dirty = true;
	pump(s);
}

static void on_tick(struct api_stream *s)
{
	struct logs_stream *l = (struct logs_stream *)s;
	if (!api_stream_keep_alive(s))
		return;
	l->dirty = true;
	pump(s);
}

static void on_close(struct api_stream *s)
{
	struct logs_stream *l = (struct logs_stream *)s;
	bus_unsubscribe(l->subscriber);
	l->subscriber = NULL;
}

static void on_release(struct api_stream *s)
{
	struct logs_stream *l = (struct logs_stream *)s;
	log_view_release(&l->view);
}

static const struct api_stream_kind kind = {
	.resume = pump,
	.tick = on_tick,
	.logged = on_logged,
	.close = on_close,
	.release = on_release,
};

static void got_document(void *arg, int status, const char *workflow_id, enum status activity_status,
			 const char *document, size_t len)
{
	struct logs_stream *l = arg;
	(void)workflow_id;
	if (!api_stream_back(&l->base))
		return;
	if (!log_view_open(&l->view, l->base.base.request, status, document, len)) {
		api_stream_refused(&l->base);
		return;
	}
	l->over = l->over || status_is_final(activity_status);
	l->dirty = true;
	if (api_stream_begin(&l->base))
		pump(&l->base);
}

/* The bus is listened to before the status is read, so that no end is missed in between. */
static void begin(struct logs_stream *l)
{
	struct api *a = l->base.base.api;
	const struct bus_listener listener = {.types = EVENT_TYPES_END, .wants = is_of, .wake = on_wake, .arg = l};
	int error = bus_subscribe(a->options.bus, RING_SIZE, &listener, &l->subscriber);
	l->base.reading = true;
	if (error == 0)
		error = engine_document(a->options.engine, l->id, got_document, l);
	if (error < 0)
		got_document(l, error, NULL, STATUS_NOTSTARTED, NULL, 0);
}

void api_logs_stream(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"step", "after", "follow", NULL};
	const char *id;
	uint64_t after = 0;
	if (!api_path_id(r, "activity", &id) || !api_query(r, keys) || !api_query_number(r, "after", &after) ||
	    !api_last_event_id(r, &after))
		return;
	struct logs_stream *l = api_stream_open(a, r, sizeof(*l), &kind);
	if (!l)
		return;
	memcpy(l->id, id, ID_SIZE);
	l->base.is_sse = api_wants_events(r);
	l->view.after = after;
	begin(l);
}
