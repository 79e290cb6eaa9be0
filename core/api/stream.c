#include "api/stream.h"

#include <errno.h>
#include "base/clock.h"

#define STREAMS_MAX 256
#define TICK_MS 1000
#define QUIET_MS 15000
/* No more is read for a client while this much waits for it. */
#define PENDING_HIGH ((size_t)256 * 1024)

/* ---- All of them ----------------------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	struct api *a = timer->data;
	list_each_safe (node, &a->streams) {
		struct api_stream *s = list_entry(node, struct api_stream, node);
		if (s->begun)
			s->kind->tick(s);
	}
}

static void on_logged(void *arg, const char *activity_id)
{
	struct api *a = arg;
	list_each_safe (node, &a->streams) {
		struct api_stream *s = list_entry(node, struct api_stream, node);
		if (s->begun && s->kind->logged)
			s->kind->logged(s, activity_id);
	}
}

int api_streams_init(struct api *a)
{
	list_init(&a->streams);
	a->stream_gauge = metrics_gauge(a->options.metrics, "tappet_api_streams",
					"Answers of the API that go on: followed events and logs.", NULL);
	int r = uv_timer_init(a->options.loop, &a->stream_timer);
	if (r < 0)
		return r;
	a->stream_timer.data = a;
	a->references++;
	a->has_timer = true;
	engine_on_log(a->options.engine, on_logged, a);
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	api_unref(handle->data);
}

void api_streams_end(struct api *a)
{
	list_each_safe (node, &a->streams)
		api_stream_end(list_entry(node, struct api_stream, node));
}

void api_streams_close(struct api *a)
{
	if (!a->has_timer)
		return;
	engine_on_log(a->options.engine, NULL, NULL);
	api_streams_end(a);
	a->has_timer = false;
	uv_close((uv_handle_t *)&a->stream_timer, on_timer_closed);
}

/* ---- One ------------------------------------------------------------------------------------------------------- */

void *api_stream_open(struct api *a, struct http_request *r, size_t size, const struct api_stream_kind *kind)
{
	if (!a->ready) {
		api_fail(r, -ESHUTDOWN, "stream");
		return NULL;
	}
	if (a->stream_count >= STREAMS_MAX) {
		http_problem(r, 503, "too-many-streams", "too many events and logs are being followed already", 5);
		return NULL;
	}
	struct api_stream *s = api_call_open(a, r, size);
	if (!s)
		return NULL;
	s->kind = kind;
	if (a->stream_count++ == 0)
		uv_timer_start(&a->stream_timer, on_tick, TICK_MS, TICK_MS);
	metric_set(a->stream_gauge, (double)a->stream_count);
	list_append(&a->streams, &s->node);
	return s;
}

static void free_stream(struct api_stream *s)
{
	s->kind->release(s);
	api_call_close(s);
}

static void leave(struct api_stream *s)
{
	struct api *a = s->base.api;
	s->base.request = NULL;
	list_remove(&s->node);
	if (--a->stream_count == 0 && a->has_timer)
		uv_timer_stop(&a->stream_timer);
	metric_set(a->stream_gauge, (double)a->stream_count);
	s->kind->close(s);
	if (!s->reading)
		free_stream(s);
}

void api_stream_refused(struct api_stream *s)
{
	leave(s);
}

void api_stream_end(struct api_stream *s)
{
	struct http_request *r = s->base.request;
	if (!r)
		return;
	if (s->begun)
		http_stream_end(r);
	else
		api_fail(r, -ESHUTDOWN, "stream");
	leave(s);
}

bool api_stream_back(struct api_stream *s)
{
	s->reading = false;
	if (s->base.request)
		return true;
	free_stream(s);
	return false;
}

static void on_gone(void *arg)
{
	api_stream_end(arg);
}

bool api_stream_begin(struct api_stream *s)
{
	struct http_request *r = s->base.request;
	const bool is_head = strcmp(http_method(r), "HEAD") == 0;
	s->begun = true;
	s->spoken_ms = clock_mono_ms();
	int begun = http_stream_begin(r, 200, s->is_sse ? "text/event-stream" : "application/x-ndjson");
	if (begun < 0 || is_head) {
		api_stream_end(s);
		return false;
	}
	http_on_gone(r, on_gone, s);
	return true;
}

bool api_stream_open_now(const struct api_stream *s)
{
	return s->base.request && s->begun && !s->blocked;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

/* Raw line ends in JSON stand between its tokens only, but they would end a line of the stream. */
static void flatten(struct buf *json)
{
	for (size_t i = 0; i < json->len; i++)
		if (json->data[i] == '\n' || json->data[i] == '\r')
			json->data[i] = ' ';
}

void api_stream_add(const struct api_stream *s, struct buf *out, uint64_t id, const char *name, struct buf *json)
{
	flatten(json);
	if (s->is_sse)
		buf_printf(out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)id, name);
	/* What did not fit into memory must not pass for something else: the stream ends instead. */
	if (buf_error(json) < 0)
		out->error = buf_error(json);
	buf_append(out, json->data, json->len);
	buf_str(out, s->is_sse ? "\n\n" : "\n");
	buf_clear(json);
}

static void on_drained(void *arg)
{
	struct api_stream *s = arg;
	s->blocked = false;
	s->kind->resume(s);
}

bool api_stream_send(struct api_stream *s, struct buf *out)
{
	struct http_request *r = s->base.request;
	int error = buf_error(out);
	if (error == 0)
		error = http_stream_write(r, out->data, out->len);
	buf_release(out);
	if (error < 0) {
		api_stream_end(s);
		return false;
	}
	s->spoken_ms = clock_mono_ms();
	if (http_stream_pending(r) > PENDING_HIGH) {
		s->blocked = true;
		http_on_drained(r, on_drained, s);
	}
	return true;
}

bool api_stream_is_quiet(const struct api_stream *s)
{
	return api_stream_open_now(s) && clock_mono_ms() - s->spoken_ms >= QUIET_MS;
}

bool api_stream_keep_alive(struct api_stream *s)
{
	struct buf out;
	if (!api_stream_is_quiet(s))
		return true;
	buf_init(&out, 64);
	buf_str(&out, s->is_sse ? ":\n\n" : "\n");
	return api_stream_send(s, &out);
}
