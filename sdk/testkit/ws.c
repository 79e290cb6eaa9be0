/* tappet.ws/1: what the plugin calls. */
#include <stdio.h>
#include "socket.h"

#define MESSAGE_MAX (UINT64_C(1024) * 1024)
#define QUEUE_MAX (UINT64_C(1024) * 1024)
#define REASON_MAX 123
#define CLOSE_WAIT_MS 3000
#define PARTS_MAX 16

static void release(struct handle *handle)
{
	struct tappet_ws *ws = (struct tappet_ws *)(void *)handle;
	socket_forget_incoming(ws);
	records_release(&ws->sent);
	free(ws->connecting);
	free(ws->protocol);
	free(ws->remote);
	free(ws->close_reason);
	free(ws->peer_reason);
}

struct tappet_ws *socket_new(testkit *kit)
{
	struct tappet_ws *ws = handle_new(kit, "connection", sizeof(*ws));
	ws->handle.release = release;
	ws->message_max = MESSAGE_MAX;
	ws->queue_max = QUEUE_MAX;
	ws->peer_reason = kit_text("");
	list_init(&ws->node);
	list_init(&ws->incoming);
	socket_init_task(ws);
	return ws;
}

bool handler_read(const tappet_ws_handler *given, tappet_ws_handler *ret)
{
	return given && copy_sized(ret, sizeof(*ret), given, sizeof(*ret)) && ret->message && ret->closed;
}

void socket_limits(struct tappet_ws *ws, uint64_t message_max, uint64_t queue_max)
{
	if (message_max)
		ws->message_max = message_max;
	if (queue_max)
		ws->queue_max = queue_max;
}

const char **texts_copy(testkit *kit, const char *const *texts)
{
	size_t count = 0;
	if (!texts)
		return NULL;
	while (texts[count])
		count++;
	const char **copies = kit_alloc((count + 1) * sizeof(*copies));
	records_add(&kit->texts, (void *)copies);
	for (size_t i = 0; i < count; i++)
		copies[i] = kit_keep(kit, tappet_cstr(texts[i])).ptr;
	return copies;
}

static bool usable(tappet_ws *ws, const char *call)
{
	return ws && call_allowed(ws->handle.kit, call) && handle_usable(&ws->handle);
}

/* ---- Sending ---- */

static struct sent *join(const tappet_str *parts, size_t count, size_t len)
{
	struct sent *message = kit_alloc(sizeof(*message) + len + 1);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len)
			memcpy(message->bytes + message->len, parts[i].ptr, parts[i].len);
		message->len += parts[i].len;
	}
	return message;
}

static int32_t no_room(tappet_ws *ws)
{
	ws->wants_drained = true;
	socket_look(ws);
	return TAPPET_EBUSY;
}

static int32_t send_message(tappet_ws *ws, int32_t kind, const tappet_str *parts, size_t part_count)
{
	size_t len = 0;
	if (!usable(ws, "send") || (kind != TAPPET_WS_TEXT && kind != TAPPET_WS_BINARY) || part_count > PARTS_MAX ||
	    (part_count && !parts))
		return TAPPET_EINVAL;
	int32_t error = call_begin(ws->handle.kit, "send");
	if (error)
		return error == TAPPET_EBUSY ? no_room(ws) : error;
	if (ws->state != SOCKET_OPEN)
		return TAPPET_EGONE;
	for (size_t i = 0; i < part_count; i++)
		len += parts[i].len;
	if (len > ws->queue_max)
		return TAPPET_ETOOBIG;
	if (ws->queued + len > ws->queue_max)
		return no_room(ws);
	struct sent *message = join(parts, part_count, len);
	message->kind = kind;
	if (kind == TAPPET_WS_TEXT && !text_valid(tappet_strn(message->bytes, len)))
		rule_broken(ws->handle.kit, RULE_WS_4, "a message of %zu bytes", len);
	records_add(&ws->sent, message);
	ws->queued += len;
	if (!ws->held)
		socket_flush(ws);
	return TAPPET_OK;
}

static uint64_t queued(tappet_ws *ws)
{
	return usable(ws, "queued") ? ws->queued : 0;
}

static void pause_receiving(tappet_ws *ws, int32_t paused)
{
	if (!usable(ws, "pause"))
		return;
	ws->paused = paused != 0;
	socket_look(ws);
}

/* ---- Closing ---- */

/* RFC 6455 section 7.4, and the codes that IANA has registered since. */
static bool may_be_sent(int32_t code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void on_no_answer(void *arg)
{
	struct tappet_ws *ws = arg;
	ws->timer = NULL;
	socket_peer_end(ws, TAPPET_WS_BROKEN, "");
	socket_comes(ws, INCOMING_END, ws->close_code, tappet_cstr(ws->close_reason), 0, NULL);
}

static void begin_close(tappet_ws *ws, int32_t code, tappet_str reason)
{
	const bool was_open = ws->state == SOCKET_OPEN;
	ws->state = SOCKET_CLOSING;
	ws->close_code = code;
	ws->close_reason = kit_copy(reason.ptr, reason.len);
	socket_forget_incoming(ws);
	socket_stop_timer(ws);
	if (!was_open)
		socket_comes(ws, INCOMING_END, code, reason, 0, NULL);
	else if (ws->held)
		ws->timer = own_timer(ws->handle.kit, CLOSE_WAIT_MS, on_no_answer, ws);
	else
		socket_flush(ws);
}

static int32_t close_socket(tappet_ws *ws, int32_t code, tappet_str reason)
{
	if (!usable(ws, "close"))
		return TAPPET_EINVAL;
	const bool valid = may_be_sent(code) && reason.len <= REASON_MAX && text_valid(reason);
	if (!valid)
		rule_broken(ws->handle.kit, RULE_WS_3, "code %d and a reason of %zu bytes", (int)code, reason.len);
	if (ws->state != SOCKET_CLOSING && ws->state != SOCKET_OVER)
		begin_close(ws, valid ? code : TAPPET_WS_NORMAL, valid ? reason : tappet_cstr(NULL));
	return valid ? TAPPET_OK : TAPPET_EINVAL;
}

static tappet_str protocol(tappet_ws *ws)
{
	return tappet_cstr(usable(ws, "protocol") ? ws->protocol : NULL);
}

static tappet_str remote(tappet_ws *ws)
{
	return tappet_cstr(usable(ws, "remote") ? ws->remote : NULL);
}

const tappet_ws1 ws_table = {
	.struct_size = sizeof(tappet_ws1),
	.endpoint_add = table_endpoint_add,
	.endpoint_remove = table_endpoint_remove,
	.accept = table_accept,
	.connect = table_connect,
	.send = send_message,
	.queued = queued,
	.pause = pause_receiving,
	.close = close_socket,
	.protocol = protocol,
	.remote = remote,
};

void sockets_release(testkit *kit)
{
	list_each_safe (node, &kit->sockets) {
		struct tappet_ws *ws = list_entry(node, struct tappet_ws, node);
		ws->state = SOCKET_OVER;
		socket_stop_timer(ws);
		handle_end(&ws->handle);
		list_remove(&ws->node);
		list_remove(&ws->task.node);
	}
}
