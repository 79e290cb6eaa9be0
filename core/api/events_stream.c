/* GET /events as server-sent events. The id of each is its number, so that a client that comes back says by Last-Event-ID
 * where it was. Besides the events themselves there are
 *   position   where the reader is: at its beginning, and now and then while its filter leaves everything out
 *   gap        {from, to}: what it asked for and is not kept any more */
#include "api/events.h"

#include "api/stream.h"
#include "bus/reader.h"

#define PIECE_MAX ((size_t)64 * 1024 * 1024)

struct events_stream {
	struct api_stream base;
	struct event_filter filter;
	struct bus_reader reader;
};

static void pump(struct api_stream *s);

static bool matches(void *arg, const struct event *event)
{
	struct events_stream *e = arg;
	return event_filter_matches(&e->filter, event);
}

static void add_position(const struct events_stream *e, struct buf *out)
{
	struct buf json;
	buf_init(&json, 128);
	jsonw_open(&json, '{');
	jsonw_key(&json, "seq");
	jsonw_int(&json, (int64_t)e->reader.position);
	jsonw_close(&json, '}');
	api_stream_add(&e->base, out, e->reader.position, "position", &json);
	buf_release(&json);
}

static void add_gap(const struct events_stream *e, struct buf *out)
{
	struct buf json;
	buf_init(&json, 128);
	jsonw_open(&json, '{');
	jsonw_key(&json, "from");
	jsonw_int(&json, (int64_t)e->reader.gap_from);
	jsonw_key(&json, "to");
	jsonw_int(&json, (int64_t)e->reader.gap_to);
	jsonw_close(&json, '}');
	api_stream_add(&e->base, out, e->reader.gap_to, "gap", &json);
	buf_release(&json);
}

static void add_events(const struct events_stream *e, struct buf *out)
{
	struct buf json;
	buf_init(&json, PIECE_MAX);
	for (size_t i = 0; i < e->reader.count; i++) {
		const struct event *event = e->reader.batch[i];
		event_write(e->base.base.api, event, &json);
		api_stream_add(&e->base, out, event->seq, event_type_name(event->type), &json);
	}
	buf_release(&json);
}

/* False: the stream has ended. */
static bool send_news(struct events_stream *e)
{
	struct buf out;
	buf_init(&out, PIECE_MAX);
	if (e->reader.gap_from)
		add_gap(e, &out);
	add_events(e, &out);
	/* Behind a batch only when there is something to tell by it: what the filter left out since. */
	if (out.len == 0)
		add_position(e, &out);
	bus_reader_delivered(&e->reader);
	return api_stream_send(&e->base, &out);
}

static void on_read(void *arg, int status, const struct event *events, size_t count, uint64_t oldest)
{
	struct events_stream *e = arg;
	if (!api_stream_back(&e->base))
		return;
	/* The client comes again, and then it is told. */
	if (status < 0) {
		api_stream_end(&e->base);
		return;
	}
	bus_reader_take(&e->reader, events, count, oldest);
	pump(&e->base);
}

static void read_store(struct events_stream *e)
{
	e->base.reading = true;
	bus_reader_ask(&e->reader);
	int status = store_read_events(e->base.base.api->options.store, e->reader.position, BUS_READER_MAX,
				       event_filter_has(&e->filter, EVENT_STEP_LOG), on_read, e);
	if (status < 0)
		on_read(e, status, NULL, 0, 0);
}

static void pump(struct api_stream *s)
{
	struct events_stream *e = (struct events_stream *)s;
	while (!s->reading && api_stream_open_now(s)) {
		enum bus_reader_next next = bus_reader_look(&e->reader);
		if (next == BUS_READER_BEHIND)
			read_store(e);
		if (next != BUS_READER_NEWS || !send_news(e))
			return;
	}
}

static void on_wake(void *arg)
{
	pump(arg);
}

static void on_tick(struct api_stream *s)
{
	struct events_stream *e = (struct events_stream *)s;
	struct buf out;
	/* Nobody is woken by what is not wanted, but the position has moved on. The stream may have gone behind a pump. */
	if (!s->reading && api_stream_open_now(s) && bus_reader_look(&e->reader) != BUS_READER_WAIT) {
		pump(s);
		return;
	}
	if (!api_stream_is_quiet(s))
		return;
	if (e->reader.position == e->reader.told || e->reader.count > 0) {
		api_stream_keep_alive(s);
		return;
	}
	buf_init(&out, 1024);
	add_position(e, &out);
	e->reader.told = e->reader.position;
	api_stream_send(s, &out);
}

static void on_close(struct api_stream *s)
{
	struct events_stream *e = (struct events_stream *)s;
	bus_reader_close(&e->reader);
}

static void on_release(struct api_stream *s)
{
	struct events_stream *e = (struct events_stream *)s;
	bus_reader_delivered(&e->reader);
	event_filter_release(&e->filter);
}

static const struct api_stream_kind kind = {
	.resume = pump,
	.tick = on_tick,
	.close = on_close,
	.release = on_release,
};

static void begin(struct events_stream *e, uint64_t since)
{
	struct api_stream *s = &e->base;
	struct buf out;
	e->reader.types = e->filter.types;
	e->reader.matches = matches;
	e->reader.wake = on_wake;
	e->reader.arg = e;
	int error = bus_reader_open(&e->reader, s->base.api->options.bus, since, false);
	if (error < 0) {
		api_fail(s->base.request, error, "event");
		api_stream_refused(s);
		return;
	}
	if (!api_stream_begin(s))
		return;
	buf_init(&out, 1024);
	add_position(e, &out);
	if (api_stream_send(s, &out))
		pump(s);
}

void api_events_stream(struct api *a, struct http_request *r)
{
	static const char *const keys[] = {"since", "workflow", "team", "activity", "types", "stream", NULL};
	struct event_filter filter;
	uint64_t since = bus_newest(a->options.bus);
	if (!api_query(r, keys) || !api_query_number(r, "since", &since) || !api_last_event_id(r, &since) ||
	    !event_filter_read(a, r, &filter))
		return;
	struct events_stream *e = api_stream_open(a, r, sizeof(*e), &kind);
	if (!e) {
		event_filter_release(&filter);
		return;
	}
	e->base.is_sse = true;
	e->filter = filter;
	begin(e, since);
}
