/* The other side of a connection, as the test plays it. */
#include "socket.h"

static void check_open(const testkit_ws *ws, const char *call)
{
	if (ws->state != SOCKET_OPEN)
		misuse("%s: the connection is not open", call);
}

int testkit_ws_is_open(const testkit_ws *ws)
{
	return ws->state == SOCKET_OPEN;
}

int testkit_ws_is_paused(const testkit_ws *ws)
{
	return ws->paused;
}

const char *testkit_ws_protocol(const testkit_ws *ws)
{
	return ws->state != SOCKET_ASKED && ws->protocol ? ws->protocol : "";
}

void testkit_ws_send(testkit_ws *ws, int32_t kind, tappet_str bytes)
{
	check_open(ws, "testkit_ws_send");
	if (kind != TAPPET_WS_TEXT && kind != TAPPET_WS_BINARY)
		misuse("testkit_ws_send: a message is text or binary");
	if (bytes.len > ws->message_max)
		socket_comes(ws, INCOMING_END, TAPPET_WS_TOO_BIG, tappet_cstr(NULL), 0, NULL);
	else if (kind == TAPPET_WS_TEXT && !text_valid(bytes))
		socket_comes(ws, INCOMING_END, TAPPET_WS_BAD_TEXT, tappet_cstr(NULL), 0, NULL);
	else
		socket_comes(ws, INCOMING_MESSAGE, kind, bytes.ptr ? bytes : tappet_cstr(""), 0, NULL);
	testkit_run(ws->handle.kit);
}

void testkit_ws_send_text(testkit_ws *ws, const char *text)
{
	testkit_ws_send(ws, TAPPET_WS_TEXT, tappet_cstr(text));
}

size_t testkit_ws_sent_count(const testkit_ws *ws)
{
	return ws->arrived;
}

static const struct sent *sent_at(const testkit_ws *ws, size_t index)
{
	return index < ws->arrived ? ws->sent.items[index] : NULL;
}

tappet_str testkit_ws_sent(const testkit_ws *ws, size_t index)
{
	const struct sent *message = sent_at(ws, index);
	return message ? tappet_strn(message->bytes, message->len) : tappet_cstr(NULL);
}

int32_t testkit_ws_sent_kind(const testkit_ws *ws, size_t index)
{
	const struct sent *message = sent_at(ws, index);
	return message ? message->kind : 0;
}

tappet_str testkit_ws_take(testkit_ws *ws)
{
	return testkit_ws_sent(ws, ws->taken < ws->arrived ? ws->taken++ : ws->taken);
}

void testkit_ws_hold(testkit_ws *ws, int on)
{
	ws->held = on != 0;
	if (on || (ws->state != SOCKET_OPEN && ws->state != SOCKET_CLOSING))
		return;
	socket_flush(ws);
	socket_look(ws);
	testkit_run(ws->handle.kit);
}

void testkit_ws_close(testkit_ws *ws, int32_t code, const char *reason)
{
	check_open(ws, "testkit_ws_close");
	socket_comes(ws, INCOMING_END, code ? code : TAPPET_WS_NO_CODE, tappet_cstr(reason), 0, NULL);
	testkit_run(ws->handle.kit);
}

/* When it was the plugin that wanted the end, it is told its own code. */
static void cut(testkit_ws *ws)
{
	socket_stop_timer(ws);
	socket_peer_end(ws, TAPPET_WS_BROKEN, "");
	if (ws->state == SOCKET_CLOSING)
		socket_comes(ws, INCOMING_END, ws->close_code, tappet_cstr(ws->close_reason), 0, NULL);
	else
		socket_comes(ws, INCOMING_END, TAPPET_WS_BROKEN, tappet_cstr(NULL), ws->connecting ? TAPPET_EIO : 0,
			     ws->connecting ? "The connection broke." : NULL);
}

void testkit_ws_break(testkit_ws *ws)
{
	if (ws->state == SOCKET_ASKED)
		testkit_http_disconnect(ws->exchange);
	else if (ws->state == SOCKET_WAITING || ws->state == SOCKET_OVER)
		misuse("testkit_ws_break: there is no connection");
	else
		cut(ws);
	testkit_run(ws->handle.kit);
}

int32_t testkit_ws_code(const testkit_ws *ws)
{
	return ws->peer_code;
}

const char *testkit_ws_reason(const testkit_ws *ws)
{
	return ws->peer_reason;
}

size_t testkit_ws_count(const testkit *kit)
{
	size_t count = 0;
	list_each (node, &kit->sockets)
		count++;
	return count;
}
