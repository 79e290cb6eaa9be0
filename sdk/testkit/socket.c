/* What the other side of a connection does, handed to the plugin one by one; what the plugin sends, on its way there. */
#include "socket.h"

void socket_peer_end(struct tappet_ws *ws, int32_t code, const char *reason)
{
	char *copy = kit_text(reason);
	free(ws->peer_reason);
	ws->peer_reason = copy;
	ws->peer_code = code;
}

void socket_stop_timer(struct tappet_ws *ws)
{
	own_timer_stop(ws->timer);
	ws->timer = NULL;
}

void socket_flush(struct tappet_ws *ws)
{
	ws->arrived = ws->sent.count;
	ws->queued = 0;
	if (ws->state != SOCKET_CLOSING || ws->peer_code)
		return;
	/* The other side answers at once. */
	socket_stop_timer(ws);
	socket_peer_end(ws, ws->close_code, ws->close_reason);
	socket_comes(ws, INCOMING_END, ws->close_code, tappet_cstr(ws->close_reason), 0, NULL);
}

/* What has not arrived when the connection is over never does. */
static void drop_queue(struct tappet_ws *ws)
{
	while (ws->sent.count > ws->arrived)
		free(ws->sent.items[--ws->sent.count]);
	ws->queued = 0;
	ws->wants_drained = false;
}

/* ---- Handing over ---- */

static void incoming_free(struct incoming *in)
{
	list_remove(&in->node);
	free(in->bytes);
	free(in->detail);
	free(in);
}

void socket_forget_incoming(struct tappet_ws *ws)
{
	list_each_safe (node, &ws->incoming)
		incoming_free(list_entry(node, struct incoming, node));
}

void socket_comes(struct tappet_ws *ws, enum incoming_kind kind, int32_t number, tappet_str bytes, int32_t error,
		  const char *detail)
{
	struct incoming *in = kit_alloc(sizeof(*in));
	in->kind = kind;
	in->number = number;
	in->error = error;
	in->bytes = bytes.ptr ? kit_copy(bytes.ptr, bytes.len) : NULL;
	in->len = bytes.len;
	in->detail = kit_text(detail);
	list_append(&ws->incoming, &in->node);
	socket_look(ws);
}

static void hand_open(struct tappet_ws *ws, const struct incoming *in)
{
	char *protocol = in->bytes ? kit_text(in->bytes) : NULL;
	free(ws->protocol);
	ws->protocol = protocol;
	ws->state = SOCKET_OPEN;
	socket_peer_end(ws, 0, "");
	connecting_opened(ws);
	if (!ws->handler.open)
		return;
	callback_begin(ws->handle.kit);
	ws->handler.open(ws->arg, ws);
	callback_end(ws->handle.kit, "open of tappet.ws/1");
}

static void hand_message(struct tappet_ws *ws, const struct incoming *in)
{
	callback_begin(ws->handle.kit);
	ws->handler.message(ws->arg, ws, in->number, tappet_strn(in->bytes, in->len));
	callback_end(ws->handle.kit, "message of tappet.ws/1");
}

static void hand_drained(struct tappet_ws *ws)
{
	ws->wants_drained = false;
	if (!ws->handler.drained)
		return;
	callback_begin(ws->handle.kit);
	ws->handler.drained(ws->arg, ws);
	callback_end(ws->handle.kit, "drained of tappet.ws/1");
}

/* A copy that ends with the call. */
static void call_closed(struct tappet_ws *ws, const struct incoming *in, int64_t retry_ms)
{
	tappet_ws_end *end = kit_alloc(sizeof(*end));
	*end = (tappet_ws_end){
		.struct_size = sizeof(*end),
		.code = in->number,
		.reason = tappet_strn(in->bytes, in->len),
		.error = in->error,
		.detail = tappet_cstr(in->detail),
		.retry_ms = retry_ms,
	};
	callback_begin(ws->handle.kit);
	ws->handler.closed(ws->arg, ws, end);
	callback_end(ws->handle.kit, "closed of tappet.ws/1");
	free(end);
}

static void hand_end(struct tappet_ws *ws, const struct incoming *in)
{
	if (ws->state == SOCKET_OPEN)
		socket_peer_end(ws, in->number, in->bytes);
	socket_stop_timer(ws);
	drop_queue(ws);
	socket_forget_incoming(ws);
	const int64_t retry_ms = ws->state == SOCKET_CLOSING ? 0 : connecting_again(ws, in->error);
	ws->state = retry_ms ? SOCKET_WAITING : SOCKET_OVER;
	/* The last one may be what the plugin has waited for to say `stopped`. */
	if (!retry_ms)
		list_remove(&ws->node);
	call_closed(ws, in, retry_ms);
	if (retry_ms)
		return;
	handle_end(&ws->handle);
	list_remove(&ws->task.node);
}

static void hand(struct tappet_ws *ws, struct incoming *in)
{
	list_remove(&in->node);
	if (in->kind == INCOMING_OPEN)
		hand_open(ws, in);
	else if (in->kind == INCOMING_MESSAGE)
		hand_message(ws, in);
	else
		hand_end(ws, in);
	incoming_free(in);
}

static bool is_drained(const struct tappet_ws *ws)
{
	return ws->wants_drained && ws->state == SOCKET_OPEN && ws->queued * 2 < ws->queue_max;
}

/* As what lies in the buffers of a TCP connection that nobody reads, also its end waits. */
static bool is_held_up(const struct tappet_ws *ws)
{
	return ws->paused && ws->state == SOCKET_OPEN;
}

static void run(struct task *task)
{
	struct tappet_ws *ws = list_entry(task, struct tappet_ws, task);
	struct list *first = list_first(&ws->incoming);
	if (is_drained(ws))
		hand_drained(ws);
	else if (first && !is_held_up(ws))
		hand(ws, list_entry(first, struct incoming, node));
	else
		return;
	if (ws->state != SOCKET_OVER)
		socket_look(ws);
}

void socket_init_task(struct tappet_ws *ws)
{
	list_init(&ws->task.node);
	ws->task.run = run;
}

void socket_look(struct tappet_ws *ws)
{
	if (list_empty(&ws->task.node))
		task_add(ws->handle.kit, &ws->task);
}
