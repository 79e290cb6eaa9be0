/* tappet.ws/1: connections of plugins, with handles of the ABI around them. Where clients come in is in host_ws_endpoint.c,
 * where a plugin connects to others in host_ws_client.c. */
#include <errno.h>
#include "host/request.h"
#include "host/ws.h"
#include "host/ws_endpoint.h"

#define HANDLER_SIZE_1_3 SIZE_UNTIL(tappet_ws_handler, closed)

/* ---- what the socket tells ------------------------------------------------------------------------------------- */

static void on_open(void *arg)
{
	struct tappet_ws *ws = arg;
	struct guard g;
	if (!ws->plugin || !ws->handler.open)
		return;
	guard_enter(&g, ws->plugin, CALLBACK_WS);
	ws->handler.open(ws->arg, ws);
	guard_leave(&g);
}

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
	struct tappet_ws *ws = arg;
	struct guard g;
	if (!ws->plugin)
		return;
	guard_enter(&g, ws->plugin, CALLBACK_WS);
	ws->handler.message(ws->arg, ws, is_text ? TAPPET_WS_TEXT : TAPPET_WS_BINARY, tappet_strn(bytes, len));
	guard_leave(&g);
}

static void on_drained(void *arg)
{
	struct tappet_ws *ws = arg;
	struct guard g;
	if (!ws->plugin || !ws->handler.drained)
		return;
	guard_enter(&g, ws->plugin, CALLBACK_WS);
	ws->handler.drained(ws->arg, ws);
	guard_leave(&g);
}

static int32_t end_error(int error)
{
	switch (error) {
	case 0:
		return TAPPET_OK;
	case -EACCES:
		return TAPPET_EDENIED;
	case -ECONNREFUSED:
		return TAPPET_EREFUSED;
	case -ETIMEDOUT:
		return TAPPET_EGONE;
	case -EINVAL:
		return TAPPET_EINVAL;
	default:
		return TAPPET_EIO;
	}
}

static void on_closed(void *arg, const struct websocket_end *end)
{
	struct tappet_ws *ws = arg;
	struct tappet_instance *p = ws->plugin;
	const tappet_ws_end told = {
		.struct_size = sizeof(told),
		.code = end->code,
		.reason = tappet_strn(end->reason, end->reason_len),
		.error = end_error(end->error),
		.detail = tappet_cstr(end->detail),
		.retry_ms = end->retry_ms,
	};
	struct guard g;
	if (p) {
		guard_enter(&g, p, CALLBACK_WS);
		ws->handler.closed(ws->arg, ws, &told);
		guard_leave(&g);
	}
	if (end->retry_ms == 0)
		ws_socket_free(ws);
}

const struct websocket_handler ws_socket_handler = {
	.open = on_open,
	.message = on_message,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- life ------------------------------------------------------------------------------------------------------ */

int32_t ws_socket_new(struct tappet_instance *p, const tappet_ws_handler *handler, void *arg, struct tappet_ws **ret)
{
	if (!handler || handler->struct_size < HANDLER_SIZE_1_3 || !handler->message || !handler->closed)
		return TAPPET_EINVAL;
	struct tappet_ws *ws = calloc(1, sizeof(*ws));
	if (!ws)
		return TAPPET_ENOMEM;
	ws->plugin = p;
	ws->arg = arg;
	memcpy(&ws->handler, handler,
	       handler->struct_size < sizeof(ws->handler) ? handler->struct_size : sizeof(ws->handler));
	list_append(&p->sockets, &ws->node);
	*ret = ws;
	return TAPPET_OK;
}

void ws_socket_free(struct tappet_ws *ws)
{
	list_remove(&ws->node);
	ws->socket = NULL;
	if (!ws->kept)
		free(ws);
}

size_t ws_release_sockets(struct tappet_instance *p)
{
	size_t count = 0;
	list_each_safe (node, &p->sockets) {
		struct tappet_ws *ws = list_entry(node, struct tappet_ws, node);
		list_remove(node);
		ws->plugin = NULL;
		ws->kept = p->late;
		websocket_drop(ws->socket);
		count++;
	}
	return count;
}

bool ws_limits(uint64_t message_max, uint64_t queue_max, int64_t ping_ms, int64_t timeout_ms, bool compression,
	       struct websocket_limits *ret)
{
	if (message_max > WS_SIZE_LIMIT || queue_max > WS_SIZE_LIMIT || ping_ms < 0 || timeout_ms < 0)
		return false;
	*ret = (struct websocket_limits){
		.message_max = (size_t)(message_max ? message_max : WS_MESSAGE_MAX),
		.queue_max = (size_t)(queue_max ? queue_max : WS_QUEUE_MAX),
		.ping_ms = ping_ms ? ping_ms : WS_PING_MS,
		.timeout_ms = timeout_ms ? timeout_ms : WS_TIMEOUT_MS,
		.compression = compression,
	};
	return true;
}

/* ---- what plugins call ----------------------------------------------------------------------------------------- */

/* The request stays when the handler is wrong. */
static int32_t accept_upgrade(tappet_request *request, const tappet_ws_handler *handler, void *arg, tappet_ws **ret)
{
	struct tappet_ws *ws;
	if (!request || !ret || !request->endpoint)
		return TAPPET_EINVAL;
	struct websocket_limits limits = *ws_endpoint_limits(request->endpoint);
	const char *protocol = request->protocol;
	struct tappet_instance *p = request->plugin;
	if (!request->r) {
		(void)request_take(request);
		return TAPPET_EGONE;
	}
	int32_t error = ws_socket_new(p, handler, arg, &ws);
	if (error == TAPPET_EINVAL)
		return error;
	/* The endpoint's texts are read before its last reference may go with the request. */
	struct tappet_ws_endpoint *endpoint = ws_endpoint_ref(request->endpoint);
	struct http_request *r = request_take(request);
	if (error) {
		http_problem(r, 503, "unavailable", "No memory.", 1);
	} else {
		int status = websocket_accept(r, protocol, &limits, &ws_socket_handler, ws, &ws->socket);
		error = host_error(status);
		if (error)
			ws_socket_free(ws);
		else
			*ret = ws;
	}
	ws_endpoint_unref(endpoint);
	return error;
}

static int32_t send_error(int error)
{
	/* Full is for a while, and the others are not. */
	return error == -ENOBUFS ? TAPPET_EBUSY : host_error(error);
}

static int32_t send_message(tappet_ws *ws, int32_t kind, const tappet_str *parts, size_t part_count)
{
	struct websocket_part room[WS_PARTS_MAX];
	if (ws && !ws->socket)
		return TAPPET_EGONE;
	if (!ws || (kind != TAPPET_WS_TEXT && kind != TAPPET_WS_BINARY) || part_count > WS_PARTS_MAX ||
	    (part_count && !parts))
		return TAPPET_EINVAL;
	for (size_t i = 0; i < part_count; i++) {
		if (parts[i].len && !parts[i].ptr)
			return TAPPET_EINVAL;
		room[i] = (struct websocket_part){.bytes = parts[i].ptr, .len = parts[i].len};
	}
	return send_error(websocket_send(ws->socket, kind == TAPPET_WS_TEXT, room, part_count));
}

static uint64_t queued(tappet_ws *ws)
{
	return ws && ws->socket ? websocket_queued(ws->socket) : 0;
}

static void pause_messages(tappet_ws *ws, int32_t paused)
{
	if (ws && ws->socket)
		websocket_pause(ws->socket, paused != 0);
}

static int32_t close_socket(tappet_ws *ws, int32_t code, tappet_str reason)
{
	if (!ws || !ws->socket)
		return TAPPET_EINVAL;
	bool valid = websocket_code_may_be_sent(code) && reason.len <= WEBSOCKET_REASON_MAX &&
		     (reason.len == 0 || (reason.ptr && websocket_is_text(reason.ptr, reason.len)));
	if (valid)
		websocket_close(ws->socket, code, reason.ptr, reason.len);
	else
		websocket_close(ws->socket, TAPPET_WS_NORMAL, "", 0);
	return valid ? TAPPET_OK : TAPPET_EINVAL;
}

static tappet_str protocol(tappet_ws *ws)
{
	return tappet_cstr(ws && ws->socket ? websocket_protocol(ws->socket) : NULL);
}

static tappet_str remote(tappet_ws *ws)
{
	return tappet_cstr(ws && ws->socket ? websocket_remote(ws->socket) : NULL);
}

const tappet_ws1 ws_table = {
	.struct_size = sizeof(tappet_ws1),
	.endpoint_add = ws_endpoint_add,
	.endpoint_remove = ws_endpoint_remove,
	.accept = accept_upgrade,
	.connect = ws_connect,
	.send = send_message,
	.queued = queued,
	.pause = pause_messages,
	.close = close_socket,
	.protocol = protocol,
	.remote = remote,
};
