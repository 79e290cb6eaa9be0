/* The client's side of WebSocket as a whole: its beginning and its end. */
#include <errno.h>
#include <stdlib.h>
#include "base/metrics.h"
#include "gateway/ws_client_internal.h"

/* What libwebsockets closes has gone from the loop after so many turns. */
#define TURNS_TO_END 4
#define SWEEP_MS 1000

void ws_client_hold(struct ws_client *c)
{
	c->open++;
}

static void on_ended(uv_handle_t *handle)
{
	struct ws_client *c = handle->data;
	void (*closed)(void *arg) = c->closed;
	void *arg = c->arg;
	ws_authority_free_all(c);
	ws_deflate_free(c->deflate);
	free(c);
	closed(arg);
}

/* Nothing of ours is on the loop any more; then nothing of libwebsockets, a few turns later. */
static void on_turn(uv_timer_t *timer)
{
	struct ws_client *c = timer->data;
	if (!c->closing) {
		ws_authority_sweep(c);
		return;
	}
	if (c->open > 0)
		return;
	if (c->context && c->turns == 0)
		ws_link_close(c);
	if (c->context && c->turns++ < TURNS_TO_END) {
		/* Not 0: that would be in the same turn. */
		uv_timer_start(&c->timer, on_turn, 1, 0);
		return;
	}
	if (c->context)
		ws_link_close(c);
	uv_close((uv_handle_t *)&c->timer, on_ended);
}

void ws_client_unhold(struct ws_client *c)
{
	if (--c->open == 0 && c->closing)
		uv_timer_start(&c->timer, on_turn, 0, 0);
}

void ws_client_sweep_later(struct ws_client *c)
{
	if (!c->closing && !uv_is_active((uv_handle_t *)&c->timer))
		uv_timer_start(&c->timer, on_turn, SWEEP_MS, 0);
}

static void count_by(struct ws_client *c, struct metrics *m)
{
	static const char attempts[] = "Attempts to connect to a WebSocket server, by outcome.";
	static const char messages[] = "Messages of WebSocket connections to others, by direction.";
	if (!m)
		return;
	c->metric_open = metrics_gauge(m, "tappet_websockets_outgoing", "WebSocket connections to others.", NULL);
	c->metric_attempts[0] =
		metrics_counter(m, "tappet_websocket_connects_total", attempts, "outcome=\"connected\"");
	c->metric_attempts[1] = metrics_counter(m, "tappet_websocket_connects_total", attempts, "outcome=\"failed\"");
	c->metric_messages[0] =
		metrics_counter(m, "tappet_websocket_outgoing_messages_total", messages, "direction=\"in\"");
	c->metric_messages[1] =
		metrics_counter(m, "tappet_websocket_outgoing_messages_total", messages, "direction=\"out\"");
}

int ws_client_open(const struct ws_client_options *options, struct ws_client **ret)
{
	struct ws_client *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->loop = options->loop;
	count_by(c, options->metrics);
	list_init(&c->outgoing);
	list_init(&c->authorities);
	uv_timer_init(c->loop, &c->timer);
	uv_unref((uv_handle_t *)&c->timer);
	c->timer.data = c;
	*ret = c;
	return 0;
}

void ws_client_close(struct ws_client *c, void (*closed)(void *arg), void *arg)
{
	uv_timer_stop(&c->timer);
	c->closing = true;
	c->closed = closed;
	c->arg = arg;
	uv_ref((uv_handle_t *)&c->timer);
	list_each (node, &c->outgoing)
		ws_outgoing_drop(list_entry(node, struct ws_outgoing, node));
	ws_client_hold(c);
	ws_client_unhold(c);
}
