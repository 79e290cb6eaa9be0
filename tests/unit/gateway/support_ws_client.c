#include "support_ws_client.h"

#include <stdlib.h>

static void on_open(void *arg)
{
	struct outgoing *o = arg;
	assert_false(o->inside);
	o->opened++;
	if (o->close_at_open)
		websocket_close(o->socket, 1000, "", 0);
}

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
	struct outgoing *o = arg;
	assert_false(o->inside);
	o->messages++;
	o->is_text = is_text;
	buf_clear(&o->last);
	buf_append(&o->last, bytes, len);
	if (o->echo)
		assert_int_equal(websocket_send(o->socket, is_text, &(struct websocket_part){bytes, len}, 1), 0);
	if (o->pause_at_message)
		websocket_pause(o->socket, true);
}

static void on_drained(void *arg)
{
	struct outgoing *o = arg;
	assert_false(o->inside);
	o->drained++;
}

static void on_closed(void *arg, const struct websocket_end *end)
{
	struct outgoing *o = arg;
	assert_false(o->inside);
	assert_true(o->end_count < ENDS_MAX);
	struct told *told = &o->ends[o->end_count++];
	told->code = end->code;
	told->error = end->error;
	told->retry_ms = end->retry_ms;
	snprintf(told->reason, sizeof(told->reason), "%.*s", (int)end->reason_len, end->reason);
	snprintf(told->detail, sizeof(told->detail), "%s", end->detail);
	if (end->retry_ms == 0)
		o->socket = NULL;
}

void connect_options(struct websocket_connect *o, const char *url)
{
	*o = (struct websocket_connect){
		.url = url,
		.limits = {.message_max = 1 << 20,
			   .queue_max = 1 << 20,
			   .ping_ms = 30000,
			   .timeout_ms = 10000,
			   .compression = true},
		.connect_timeout_ms = 15000,
	};
}

void outgoing_connect(struct outgoing *o, struct world *w, const struct websocket_connect *options)
{
	static const struct websocket_handler handler = {on_open, on_message, on_drained, on_closed};
	buf_init(&o->last, (size_t)16 << 20);
	o->world = w;
	o->inside = true;
	assert_int_equal(websocket_connect(w->client, options, &handler, o, &o->socket), 0);
	o->inside = false;
}

void outgoing_release(struct outgoing *o)
{
	buf_release(&o->last);
}

int outgoing_say(struct outgoing *o, const char *text)
{
	return websocket_send(o->socket, true, &(struct websocket_part){text, strlen(text)}, 1);
}

void world_open(struct world *w)
{
	*w = (struct world){0};
	assert_int_equal(uv_loop_init(&w->loop), 0);
	const struct ws_client_options options = {.loop = &w->loop};
	assert_int_equal(ws_client_open(&options, &w->client), 0);
}

static void on_world_closed(void *arg)
{
	struct world *w = arg;
	w->closed = true;
}

void world_close(struct world *w)
{
	ws_client_close(w->client, on_world_closed, w);
	assert_false(w->closed);
	world_wait(w, w->closed);
	/* Nothing is left on the loop. */
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_run(&w->loop, UV_RUN_NOWAIT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_tick_closed(uv_handle_t *handle)
{
	free(handle);
}

/* Waits a little for something to happen. */
void world_turn(struct world *w)
{
	uv_timer_t *tick = malloc(sizeof(*tick));
	assert_non_null(tick);
	uv_timer_init(&w->loop, tick);
	uv_timer_start(tick, on_tick, 10, 0);
	uv_run(&w->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)tick, on_tick_closed);
}
