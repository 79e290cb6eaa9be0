/* WebSocket by a listener: the handshake, messages, pings, closes, limits, and how a connection ends. */
#include "support_ws.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "gateway/websocket.h"
#include "gateway/ws_deflate.h"

#define SOCKETS_MAX 16

/* One connection as its owner sees it. */
struct peer {
	struct websocket *socket;
	unsigned messages, drained, closed;
	struct websocket_end end;
	char last[256];
	size_t last_len;
	bool last_is_text, echo, slow;
};

static struct peer peers[SOCKETS_MAX];
static size_t peer_count;
static struct websocket_limits limits;
static const char *const *protocols;

static void on_message(void *arg, bool is_text, const char *bytes, size_t len)
{
	struct peer *p = arg;
	struct websocket_part part = {bytes, len};
	uint64_t until = uv_hrtime() + 1000000;
	p->messages++;
	while (p->slow && uv_hrtime() < until)
		continue;
	p->last_is_text = is_text;
	p->last_len = len;
	memcpy(p->last, bytes, len < sizeof(p->last) ? len : sizeof(p->last));
	if (p->echo)
		assert_int_equal(websocket_send(p->socket, is_text, &part, 1), 0);
	if (len == 5 && memcmp(bytes, "close", 5) == 0)
		websocket_close(p->socket, 3001, "as you wish", 11);
	if (len == 4 && memcmp(bytes, "drop", 4) == 0)
		websocket_drop(p->socket);
	if (len == 5 && memcmp(bytes, "pause", 5) == 0)
		websocket_pause(p->socket, true);
}

static void on_drained(void *arg)
{
	struct peer *p = arg;
	p->drained++;
}

static void on_closed(void *arg, const struct websocket_end *end)
{
	struct peer *p = arg;
	p->closed++;
	p->end = *end;
	p->socket = NULL;
}

static void serve(void *arg, struct http_request *r)
{
	static const struct websocket_handler handler = {
		.message = on_message, .drained = on_drained, .closed = on_closed};
	struct peer *p = &peers[peer_count++];
	const char *protocol, *detail;
	int status;
	(void)arg;
	assert_true(peer_count < SOCKETS_MAX);
	*p = (struct peer){.echo = true};
	if (!websocket_is_upgrade(r, &status, &detail)) {
		websocket_refuse(r, status, detail);
		return;
	}
	if (!websocket_choose_protocol(r, protocols, &protocol)) {
		http_problem(r, 400, "unknown-subprotocol", "None of these.", 0);
		return;
	}
	assert_int_equal(websocket_accept(r, protocol, &limits, &handler, p, &p->socket), 0);
}

static void open_fixture(struct fixture *f, void (*change)(struct gateway_options *options))
{
	struct gateway_options options;
	fixture_options(f, &options);
	if (change)
		change(&options);
	fixture_open(f, &options);
	fixture_route(f, "GET", "/ws", serve);
	peer_count = 0;
	protocols = NULL;
	limits = (struct websocket_limits){.message_max = 1 << 20,
					   .queue_max = 1 << 20,
					   .ping_ms = 60000,
					   .timeout_ms = 60000,
					   .compression = true};
}

/* ---- the handshake --------------------------------------------------------------------------------------------- */

static void the_handshake_is_that_of_the_rfc(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_fixture(&f, NULL);
	ws_open(&c, &f, "/ws", "");
	assert_non_null(strstr(c.in.data, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_null(strstr(c.in.data, "Sec-WebSocket-Protocol"));
	assert_null(strstr(c.in.data, "Sec-WebSocket-Extensions"));
	client_close(&c);
	fixture_close(&f);
}

static void the_best_subprotocol_is_chosen(void **state)
{
	static const char *const ours[] = {"b.v2", "b.v1", NULL};
	struct fixture f;
	struct client c, other;
	(void)state;
	open_fixture(&f, NULL);
	protocols = ours;
	ws_open(&c, &f, "/ws", "Sec-WebSocket-Protocol: a, b.v1\r\nSec-WebSocket-Protocol: b.v2 \r\n");
	assert_non_null(strstr(c.in.data, "Sec-WebSocket-Protocol: b.v2\r\n"));
	assert_string_equal(websocket_protocol(peers[0].socket), "b.v2");
	client_open(&other, &f);
	client_say(&other, "GET /ws HTTP/1.1\r\n" HOST UPGRADE_HEAD "Sec-WebSocket-Protocol: c\r\n\r\n");
	client_wait(&other, 1);
	assert_statuses(&other, "400");
	client_close(&c);
	client_close(&other);
	fixture_close(&f);
}

static void what_is_no_upgrade_is_refused_and_the_connection_goes_on(void **state)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{"GET /ws HTTP/1.1\r\n" HOST "\r\n", "426"},
		{"GET /ws HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		 "426"},
		{"GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "426"},
		{"GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		 "426"},
		{"GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
		 "Sec-WebSocket-Version: 13\r\n\r\n",
		 "400"},
		{"GET /ws HTTP/1.1\r\n" HOST
		 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
		 "400"},
		{"GET /ws HTTP/1.1\r\n" HOST UPGRADE_HEAD "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "400"},
		{"GET /ws HTTP/1.1\r\n" HOST UPGRADE_HEAD "Content-Length: 2\r\n\r\nhi", "400"},
		{"POST /ws HTTP/1.1\r\n" HOST UPGRADE_HEAD "Content-Length: 0\r\n\r\n", "405"},
	};
	struct fixture f;
	struct client c;
	char expected[256] = "";
	(void)state;
	open_fixture(&f, NULL);
	client_open(&c, &f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client_say(&c, cases[i].request);
		client_wait(&c, i + 1);
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s%s", i ? " " : "",
			 cases[i].status);
		assert_statuses(&c, expected);
	}
	assert_non_null(strstr(c.in.data, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, sizeof(cases) / sizeof(cases[0]) + 1);
	client_close(&c);
	fixture_close(&f);
}

static void an_upgrade_behind_an_unanswered_request_is_refused(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_fixture(&f, NULL);
	client_open(&c, &f);
	client_say(&c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\nGET /ws HTTP/1.1\r\n" HOST UPGRADE_HEAD "\r\n");
	fixture_wait(&f, f.held_count == 1 && peer_count == 1);
	fixture_answer(&f, 0, "late");
	client_wait(&c, 2);
	assert_statuses(&c, "200 400");
	client_close(&c);
	fixture_close(&f);
}

/* Nothing behind a request for an upgrade is taken for a request, whenever it comes. */
static void frames_may_come_with_the_request(void **state)
{
	struct fixture f;
	struct client c;
	struct buf out;
	(void)state;
	open_fixture(&f, NULL);
	buf_init(&out, 4096);
	buf_str(&out, "GET /ws HTTP/1.1\r\n" HOST UPGRADE_HEAD "\r\n");
	put_frame(&out, FIN | TEXT, "one", 3);
	put_frame(&out, FIN | TEXT, "two", 3);
	client_open(&c, &f);
	client_send(&c, out.data, out.len, out.len);
	struct server_frame frame = wait_frame(&c, 1);
	assert_int_equal(frame.len, 3);
	assert_memory_equal(frame.payload, "two", 3);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

static void send_script(struct client *c, const struct buf *script, size_t piece)
{
	client_send(c, script->data, script->len, piece ? piece : script->len);
}

static void messages_come_whole_whatever_the_pieces(void **state)
{
	static const size_t pieces[] = {0, 1, 7};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fixture f;
		struct client c;
		struct buf out;
		char large[70000];
		memset(large, 'x', sizeof(large));
		open_fixture(&f, NULL);
		buf_init(&out, 1 << 20);
		put_frame(&out, TEXT, "frag", 4);
		put_frame(&out, FIN | PING, "are you there", 13);
		put_frame(&out, 0, "", 0);
		put_frame(&out, FIN, "ment", 4);
		put_frame(&out, FIN | PONG, "unasked", 7);
		put_frame(&out, FIN | BINARY, "\0\xff\x80", 3);
		put_frame(&out, FIN | TEXT, "", 0);
		put_frame(&out, FIN | TEXT, large, 200);
		put_frame(&out, FIN | BINARY, large, pieces[i] ? 300 : sizeof(large));
		ws_open(&c, &f, "/ws", "");
		send_script(&c, &out, pieces[i]);
		struct server_frame frame = wait_frame(&c, 0);
		assert_int_equal(frame.first, FIN | PONG);
		assert_memory_equal(frame.payload, "are you there", 13);
		frame = wait_frame(&c, 1);
		assert_int_equal(frame.first, FIN | TEXT);
		assert_int_equal(frame.len, 8);
		assert_memory_equal(frame.payload, "fragment", 8);
		frame = wait_frame(&c, 2);
		assert_int_equal(frame.first, FIN | BINARY);
		assert_memory_equal(frame.payload, "\0\xff\x80", 3);
		assert_int_equal(wait_frame(&c, 3).len, 0);
		assert_int_equal(wait_frame(&c, 4).len, 200);
		assert_int_equal(wait_frame(&c, 5).len, pieces[i] ? 300 : sizeof(large));
		assert_int_equal(peers[0].messages, 5);
		buf_release(&out);
		client_close(&c);
		fixture_close(&f);
	}
}

static void compressed_messages_are_read_and_written(void **state)
{
	struct fixture f;
	struct client c;
	struct buf out, small, plain;
	struct ws_deflate *d;
	char text[2000];
	struct websocket_part part = {text, sizeof(text)};
	(void)state;
	memset(text, 'y', sizeof(text));
	open_fixture(&f, NULL);
	assert_int_equal(ws_deflate_open(&d), 0);
	buf_init(&out, 1 << 20);
	buf_init(&small, 1 << 20);
	buf_init(&plain, 1 << 20);
	assert_int_equal(ws_deflate_add(d, 15, &part, 1, &small), 0);
	assert_true(small.len < 100);
	/* In two fragments: only the first says that it is compressed (RFC 7692 section 6.1). */
	put_frame(&out, RSV1 | TEXT, small.data, 5);
	put_frame(&out, FIN, small.data + 5, small.len - 5);
	put_frame(&out, FIN | TEXT, "plain", 5);
	ws_open(&c, &f, "/ws", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
	assert_non_null(strstr(c.in.data, "Sec-WebSocket-Extensions: permessage-deflate; "));
	send_script(&c, &out, 0);
	struct server_frame frame = wait_frame(&c, 0);
	assert_int_equal(frame.first, FIN | RSV1 | TEXT);
	assert_int_equal(ws_inflate(d, frame.payload, frame.len, sizeof(text), &plain), 0);
	assert_int_equal(plain.len, sizeof(text));
	assert_memory_equal(plain.data, text, sizeof(text));
	frame = wait_frame(&c, 1);
	assert_int_equal(frame.first, FIN | TEXT);
	assert_memory_equal(frame.payload, "plain", 5);
	ws_deflate_free(d);
	buf_release(&out);
	buf_release(&small);
	buf_release(&plain);
	client_close(&c);
	fixture_close(&f);
}

/* ---- violations ------------------------------------------------------------------------------------------------ */

struct violation {
	const char *what;
	void (*make)(struct buf *out);
	int code;
};

static void unmasked(struct buf *out)
{
	put_head(out, FIN | TEXT, 2, "hi", 2);
}
static void rsv1(struct buf *out)
{
	put_frame(out, FIN | RSV1 | TEXT, "hi", 2);
}
static void rsv2(struct buf *out)
{
	put_frame(out, FIN | 0x20 | TEXT, "hi", 2);
}
static void rsv3_on_ping(struct buf *out)
{
	put_frame(out, FIN | 0x10 | PING, "", 0);
}
static void opcode_3(struct buf *out)
{
	put_frame(out, FIN | 3, "", 0);
}
static void opcode_11(struct buf *out)
{
	put_frame(out, FIN | 11, "", 0);
}
static void fragmented_ping(struct buf *out)
{
	put_frame(out, PING, "", 0);
}
static void long_ping(struct buf *out)
{
	char payload[126] = "";
	put_frame(out, FIN | PING, payload, sizeof(payload));
}
static void lone_continuation(struct buf *out)
{
	put_frame(out, FIN, "hi", 2);
}
static void text_in_fragments(struct buf *out)
{
	put_frame(out, TEXT, "hi", 2);
	put_frame(out, FIN | TEXT, "hi", 2);
}
static void length_with_top_bit(struct buf *out)
{
	put_head(out, FIN | TEXT, 0xff, "\x80\0\0\0\0\0\0\1mask", 12);
}
static void length_too_wide(struct buf *out)
{
	put_head(out, FIN | TEXT, 0xfe, "\0\5mask", 6);
	buf_str(out, "12345");
}
static void not_utf8(struct buf *out)
{
	put_frame(out, FIN | TEXT, "\xc0\xaf", 2);
}
static void surrogate(struct buf *out)
{
	put_frame(out, FIN | TEXT, "\xed\xa0\x80", 3);
}
static void cut_utf8(struct buf *out)
{
	put_frame(out, TEXT, "gr\xc3", 3);
	put_frame(out, FIN, "", 0);
}
static void close_of_one_byte(struct buf *out)
{
	put_frame(out, FIN | CLOSE, "\3", 1);
}
static void close_not_utf8(struct buf *out)
{
	put_frame(out, FIN | CLOSE, "\3\xe8\xff", 3);
}
static void too_long(struct buf *out)
{
	put_head(out, FIN | BINARY, 0xff, "\0\0\0\0\0\x20\0\0maskx", 13);
}

#define BAD_CLOSE(number)                                                                                              \
	static void close_##number(struct buf *out)                                                                    \
	{                                                                                                              \
		char payload[2];                                                                                       \
		put_frame(out, FIN | CLOSE, payload, close_payload(payload, number, ""));                              \
	}
BAD_CLOSE(0)
BAD_CLOSE(999)
BAD_CLOSE(1004)
BAD_CLOSE(1005)
BAD_CLOSE(1006)
BAD_CLOSE(1015)
BAD_CLOSE(2999)
BAD_CLOSE(5000)
/* And those that are right. */
BAD_CLOSE(1000)
BAD_CLOSE(1014)
BAD_CLOSE(3000)
BAD_CLOSE(4999)

static const struct violation violations[] = {
	{"unmasked", unmasked, 1002},
	{"RSV1", rsv1, 1002},
	{"RSV2", rsv2, 1002},
	{"RSV3", rsv3_on_ping, 1002},
	{"opcode 3", opcode_3, 1002},
	{"opcode 11", opcode_11, 1002},
	{"fragmented ping", fragmented_ping, 1002},
	{"long ping", long_ping, 1002},
	{"continuation of nothing", lone_continuation, 1002},
	{"text among fragments", text_in_fragments, 1002},
	{"length with top bit", length_with_top_bit, 1002},
	{"length wider than needed", length_too_wide, 1002},
	{"no UTF-8", not_utf8, 1007},
	{"surrogate", surrogate, 1007},
	{"UTF-8 that is cut", cut_utf8, 1007},
	{"close of one byte", close_of_one_byte, 1002},
	{"reason no UTF-8", close_not_utf8, 1007},
	{"more than the maximum", too_long, 1009},
	{"0", close_0, 1002},
	{"999", close_999, 1002},
	{"1004", close_1004, 1002},
	{"1005", close_1005, 1002},
	{"1006", close_1006, 1002},
	{"1015", close_1015, 1002},
	{"2999", close_2999, 1002},
	{"5000", close_5000, 1002},
	{"1000", close_1000, 1000},
	{"1014", close_1014, 1014},
	{"3000", close_3000, 3000},
	{"4999", close_4999, 4999},
};

static void violate(const struct violation *v, size_t piece)
{
	struct fixture f;
	struct client c;
	struct buf out;
	open_fixture(&f, NULL);
	buf_init(&out, 1 << 20);
	ws_open(&c, &f, "/ws", "");
	v->make(&out);
	/* What comes behind is not looked at. */
	put_frame(&out, FIN | TEXT, "behind", 6);
	send_script(&c, &out, piece);
	struct server_frame frame = wait_frame(&c, 0);
	if (frame.first != (FIN | CLOSE) || close_code(&frame) != v->code)
		fail_msg("%s: %x, %d", v->what, frame.first, close_code(&frame));
	client_wait_end(&c);
	fixture_wait(&f, peers[0].closed == 1);
	assert_int_equal(peers[0].end.code, v->code);
	assert_int_equal(peers[0].messages, 0);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

static void violations_are_answered_by_their_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		violate(&violations[i], 0);
		violate(&violations[i], 1);
	}
}

static void compressed_garbage_and_bombs_are_refused(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
		int code;
	} cases[] = {{"\xff\xff\xff\xff\xff", 5, 1007}, {NULL, 0, 1009}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		struct client c;
		struct buf out, bomb;
		struct ws_deflate *d;
		size_t len = 8 << 20;
		char *zeros = calloc(1, len);
		struct websocket_part part = {zeros, len};
		open_fixture(&f, NULL);
		assert_int_equal(ws_deflate_open(&d), 0);
		buf_init(&out, 1 << 20);
		buf_init(&bomb, 1 << 20);
		assert_int_equal(ws_deflate_add(d, 15, &part, 1, &bomb), 0);
		put_frame(&out, FIN | RSV1 | BINARY, cases[i].payload ? cases[i].payload : bomb.data,
			  cases[i].payload ? cases[i].len : bomb.len);
		ws_open(&c, &f, "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
		send_script(&c, &out, 0);
		struct server_frame frame = wait_frame(&c, 0);
		assert_int_equal(close_code(&frame), cases[i].code);
		ws_deflate_free(d);
		free(zeros);
		buf_release(&out);
		buf_release(&bomb);
		client_close(&c);
		fixture_close(&f);
	}
}

/* ---- ends ------------------------------------------------------------------------------------------------------ */

static void a_close_of_the_client_is_answered_and_told(void **state)
{
	struct fixture f;
	struct client c;
	char payload[64];
	struct buf out;
	(void)state;
	open_fixture(&f, NULL);
	buf_init(&out, 4096);
	ws_open(&c, &f, "/ws", "");
	put_frame(&out, FIN | CLOSE, payload, close_payload(payload, 4000, "bye"));
	send_script(&c, &out, 0);
	struct server_frame frame = wait_frame(&c, 0);
	assert_int_equal(close_code(&frame), 4000);
	client_wait_end(&c);
	assert_int_equal(peers[0].closed, 1);
	assert_int_equal(peers[0].end.code, 4000);
	assert_int_equal(peers[0].end.error, 0);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

static void the_owner_closes_and_waits_for_the_client(void **state)
{
	struct fixture f;
	struct client c;
	char payload[64];
	struct buf out;
	(void)state;
	open_fixture(&f, NULL);
	buf_init(&out, 4096);
	ws_open(&c, &f, "/ws", "");
	ws_say(&c, FIN | TEXT, "close");
	struct server_frame frame = wait_frame(&c, 1);
	assert_int_equal(close_code(&frame), 3001);
	assert_memory_equal(frame.payload + 2, "as you wish", 11);
	assert_int_equal(peers[0].closed, 0);
	/* Messages that were on their way are not handed over any more. */
	ws_say(&c, FIN | TEXT, "too late");
	put_frame(&out, FIN | CLOSE, payload, close_payload(payload, 3001, ""));
	send_script(&c, &out, 0);
	fixture_wait(&f, peers[0].closed == 1);
	assert_int_equal(peers[0].end.code, 3001);
	assert_int_equal(peers[0].messages, 1);
	client_wait_end(&c);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

static void a_client_that_leaves_without_a_word_is_told(void **state)
{
	struct fixture f;
	struct client c, other, third;
	(void)state;
	open_fixture(&f, NULL);
	ws_open(&c, &f, "/ws", "");
	ws_open(&other, &f, "/ws", "");
	ws_open(&third, &f, "/ws", "");
	client_abort(&c);
	client_close(&other);
	fixture_wait(&f, peers[0].closed == 1 && peers[1].closed == 1);
	assert_int_equal(peers[0].end.code, 1006);
	assert_int_equal(peers[1].end.code, 1006);
	ws_say(&third, FIN | TEXT, "drop");
	client_wait_end(&third);
	fixture_wait(&f, peers[2].closed == 1);
	assert_int_equal(peers[2].end.code, 1006);
	client_close(&third);
	fixture_close(&f);
}

static void the_end_of_the_gateway_is_told(void **state)
{
	struct fixture f;
	struct client c, other;
	(void)state;
	open_fixture(&f, NULL);
	ws_open(&c, &f, "/ws", "");
	ws_open(&other, &f, "/ws", "");
	gateway_drain(f.gateway);
	struct server_frame frame = wait_frame(&c, 0);
	assert_int_equal(close_code(&frame), 1001);
	fixture_close(&f);
	assert_int_equal(peers[0].closed, 1);
	assert_int_equal(peers[1].closed, 1);
	client_close(&c);
	client_close(&other);
}

/* A long turn holds the rest back; the end of the client's side must not overtake it. */
static void messages_before_the_end_are_all_handed_over(void **state)
{
	struct fixture f;
	struct client c;
	char payload[64];
	struct buf out;
	(void)state;
	open_fixture(&f, NULL);
	buf_init(&out, 1 << 20);
	ws_open(&c, &f, "/ws", "");
	peers[0].slow = true;
	peers[0].echo = false;
	for (int i = 0; i < 60; i++)
		put_frame(&out, FIN | TEXT, "small", 4);
	put_frame(&out, FIN | CLOSE, payload, close_payload(payload, 1000, "done"));
	send_script(&c, &out, 0);
	client_finish(&c);
	fixture_wait(&f, peers[0].closed == 1);
	assert_int_equal(peers[0].messages, 60);
	assert_int_equal(peers[0].end.code, 1000);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

/* ---- bounds ---------------------------------------------------------------------------------------------------- */

static void a_paused_connection_hands_nothing_over(void **state)
{
	struct fixture f;
	struct client c;
	struct buf out;
	(void)state;
	open_fixture(&f, NULL);
	buf_init(&out, 1 << 20);
	ws_open(&c, &f, "/ws", "");
	put_frame(&out, FIN | TEXT, "pause", 5);
	for (int i = 0; i < 1000; i++)
		put_frame(&out, FIN | TEXT, "held", 4);
	send_script(&c, &out, 0);
	wait_frame(&c, 0);
	assert_int_equal(peers[0].messages, 1);
	assert_still_serves(&f);
	assert_int_equal(peers[0].messages, 1);
	websocket_pause(peers[0].socket, false);
	wait_frame(&c, 1000);
	assert_int_equal(peers[0].messages, 1001);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

static void a_slow_reader_fills_its_queue_and_no_more(void **state)
{
	struct fixture f;
	struct client c;
	static char large[100000];
	struct websocket_part part = {large, sizeof(large)};
	int r = 0;
	unsigned sent = 0;
	(void)state;
	open_fixture(&f, NULL);
	ws_open(&c, &f, "/ws", "");
	struct websocket *w = peers[0].socket;
	assert_int_equal(websocket_send(w, false, (struct websocket_part[]){{large, 0}}, 1), 0);
	part.len = limits.queue_max + 1;
	part.bytes = calloc(1, part.len);
	assert_int_equal(websocket_send(w, false, &part, 1), -EMSGSIZE);
	free((void *)(uintptr_t)part.bytes);
	part = (struct websocket_part){large, sizeof(large)};
	/* The system takes some as well, so the loop turns in between. */
	for (; r == 0 && sent < 10000; sent += r == 0) {
		r = websocket_send(w, false, &part, 1);
		fixture_turn(&f, NULL);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_true(websocket_queued(w) <= limits.queue_max + 64);
	assert_int_equal(peers[0].drained, 0);
	wait_frame(&c, sent);
	fixture_wait(&f, peers[0].drained == 1);
	assert_int_equal(websocket_send(w, false, &part, 1), 0);
	client_close(&c);
	fixture_close(&f);
}

static void shorten(struct gateway_options *options)
{
	options->head_timeout_ms = 200;
	options->idle_timeout_ms = 200;
}

static void a_silent_client_is_asked_and_then_cut(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_fixture(&f, shorten);
	limits.ping_ms = 150;
	limits.timeout_ms = 150;
	ws_open(&c, &f, "/ws", "");
	struct server_frame frame = wait_frame(&c, 0);
	assert_int_equal(frame.first, FIN | PING);
	ws_say(&c, FIN | PONG, "");
	/* It has answered, so it is asked again, and the time-outs of HTTP are not its. */
	frame = wait_frame(&c, 1);
	assert_int_equal(frame.first, FIN | PING);
	assert_int_equal(peers[0].closed, 0);
	client_wait_end(&c);
	fixture_wait(&f, peers[0].closed == 1);
	assert_int_equal(peers[0].end.code, 1006);
	assert_int_equal(peers[0].end.error, -ETIMEDOUT);
	client_close(&c);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_handshake_is_that_of_the_rfc),
		cmocka_unit_test(the_best_subprotocol_is_chosen),
		cmocka_unit_test(what_is_no_upgrade_is_refused_and_the_connection_goes_on),
		cmocka_unit_test(an_upgrade_behind_an_unanswered_request_is_refused),
		cmocka_unit_test(frames_may_come_with_the_request),
		cmocka_unit_test(messages_come_whole_whatever_the_pieces),
		cmocka_unit_test(compressed_messages_are_read_and_written),
		cmocka_unit_test(violations_are_answered_by_their_code),
		cmocka_unit_test(compressed_garbage_and_bombs_are_refused),
		cmocka_unit_test(a_close_of_the_client_is_answered_and_told),
		cmocka_unit_test(the_owner_closes_and_waits_for_the_client),
		cmocka_unit_test(a_client_that_leaves_without_a_word_is_told),
		cmocka_unit_test(the_end_of_the_gateway_is_told),
		cmocka_unit_test(messages_before_the_end_are_all_handed_over),
		cmocka_unit_test(a_paused_connection_hands_nothing_over),
		cmocka_unit_test(a_slow_reader_fills_its_queue_and_no_more),
		cmocka_unit_test(a_silent_client_is_asked_and_then_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
