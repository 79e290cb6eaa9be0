/* The client's side of WebSocket against servers that do right, and against those that do not. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "support_peer.h"
#include "support_ws_client.h"
#include "gateway/ws_client_internal.h"

#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a
#ifndef ANY_CONNECTIONS
#define ANY_CONNECTIONS 150
#endif

struct setting {
	struct world world;
	struct peer peer;
	struct outgoing out;
	struct websocket_connect options;
	char url[128];
};

static void begin(struct setting *s, peer_script script)
{
	memset(s, 0, sizeof(*s));
	peer_open(&s->peer, script, NULL);
	world_open(&s->world);
	snprintf(s->url, sizeof(s->url), "ws://127.0.0.1:%d/chat?room=1", s->peer.port);
	connect_options(&s->options, s->url);
}

static void finish(struct setting *s)
{
	world_close(&s->world);
	outgoing_release(&s->out);
	peer_close(&s->peer);
}

static void connect_and_wait_end(struct setting *s)
{
	outgoing_connect(&s->out, &s->world, &s->options);
	world_wait(&s->world, s->out.end_count == 1);
}

/* ---- a server that does right ------------------------------------------------------------------------------------ */

static void echo(struct peer *p, unsigned index)
{
	static char payload[1 << 20];
	unsigned first;
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	while (peer_read_frame(p, &first, payload, sizeof(payload), &len)) {
		if (first == CLOSE) {
			peer_frame(p, CLOSE, payload, len);
			return;
		}
		peer_frame(p, first == PING ? PONG : first, payload, len);
	}
}

static void test_says_who_it_is_and_what_it_wants(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, echo);
	const char *protocols[] = {"one.v1", "two.v1", NULL};
	const struct http_header_field headers[] = {{"Authorization", "Bearer abc", 10}, {"X-Extra", "", 0}};
	s.peer.more = "Sec-WebSocket-Protocol: two.v1\r\n";
	s.options.protocols = protocols;
	s.options.headers = headers;
	s.options.header_count = 2;
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	char host[64];
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", s.peer.port);
	const char *head = buf_cstr(&s.peer.head);
	assert_non_null(strstr(head, "GET /chat?room=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(head, host));
	assert_non_null(strstr(head, "\r\nAuthorization: Bearer abc\r\nX-Extra: \r\n"));
	assert_non_null(strstr(head, "\r\nSec-WebSocket-Protocol: one.v1, two.v1\r\n"));
	assert_non_null(strstr(head, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
				     "client_no_context_takeover\r\n"));
	assert_null(strstr(head, "Origin"));
	assert_string_equal(websocket_protocol(s.out.socket), "two.v1");
	assert_memory_equal(websocket_remote(s.out.socket), host + strlen("\r\nHost: "),
			    strlen(host) - strlen("\r\nHost: \r\n"));
	websocket_close(s.out.socket, 1000, "bye", 3);
	world_wait(&s.world, s.out.end_count == 1);
	assert_int_equal(s.out.ends[0].code, 1000);
	assert_int_equal(s.out.ends[0].error, 0);
	assert_int_equal(s.out.ends[0].retry_ms, 0);
	finish(&s);
}

static void say_of_length(struct setting *s, size_t len, bool is_text)
{
	char *bytes = malloc(len + 1);
	unsigned before = s->out.messages;
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + (i * i + i / 7) % 26);
	const struct websocket_part parts[] = {{bytes, len / 2}, {"", 0}, {bytes + len / 2, len - len / 2}};
	assert_int_equal(websocket_send(s->out.socket, is_text, parts, 3), 0);
	world_wait(&s->world, s->out.messages == before + 1);
	assert_int_equal(s->out.is_text, is_text);
	assert_int_equal(s->out.last.len, len);
	assert_memory_equal(buf_cstr(&s->out.last), bytes, len);
	free(bytes);
}

static void test_sends_and_takes_messages_of_any_length(void **state)
{
	static const size_t lengths[] = {0, 1, 125, 126, 4095, 4096, 4097, 65535, 65536, 1 << 20, 0, 3};
	struct setting s;
	(void)state;
	begin(&s, echo);
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		say_of_length(&s, lengths[i], i % 2 == 0);
	finish(&s);
}

static void one_byte_at_a_time(struct peer *p, unsigned index)
{
	p->piece = 1;
	echo(p, index);
}

static void test_takes_one_byte_at_a_time(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, one_byte_at_a_time);
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	say_of_length(&s, 5000, true);
	say_of_length(&s, 0, false);
	finish(&s);
}

static void fragments(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_upgrade(p))
		return;
	peer_frame(p, 0x01, "Gr\xc3", 3);
	peer_frame(p, PING, "in between", 10);
	peer_frame(p, 0x00, "", 0);
	peer_frame(p, 0x80, "\xbc\xc3\x9f", 3);
	char payload[200];
	unsigned first;
	size_t len;
	peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
	peer_check(p, first == PONG && len == 10 && memcmp(payload, "in between", 10) == 0);
	peer_close_frame(p, 4408, "last 4711");
	peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
	peer_check(p,
		   first == CLOSE && len >= 2 && payload[0] == (char)(4408 >> 8) && payload[1] == (char)(4408 & 255));
	peer_wait_end(p);
}

static void test_puts_fragments_together_and_tells_the_code_of_the_close(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, fragments);
	connect_and_wait_end(&s);
	assert_int_equal(s.out.messages, 1);
	assert_string_equal(buf_cstr(&s.out.last), "Gr\xc3\xbc\xc3\x9f");
	assert_int_equal(s.out.ends[0].code, 4408);
	assert_string_equal(s.out.ends[0].reason, "last 4711");
	assert_int_equal(s.out.ends[0].error, 0);
	finish(&s);
}

/* ---- compression ------------------------------------------------------------------------------------------------- */

static void test_compresses_when_the_server_agrees(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, echo);
	s.peer.more = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
		      "client_no_context_takeover; server_max_window_bits=12\r\n";
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	/* The server echoes frames as they are: RSV1 and compressed bytes come back. */
	say_of_length(&s, 0, true);
	say_of_length(&s, 0, true);
	say_of_length(&s, 63, true);
	say_of_length(&s, 64, true);
	say_of_length(&s, 1 << 20, false);
	say_of_length(&s, 100000, true);
	finish(&s);
}

static void compressed(struct peer *p, unsigned index)
{
	unsigned first;
	char payload[1000];
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	/* A message of one byte that is repeated 700 times grows more than a thousandfold in one step. */
	peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
	peer_check(p, first == (TEXT | 0x40) && len < 200);
	peer_frame(p, 0x41, payload, len / 2);
	peer_frame(p, 0x80, payload + len / 2, len - len / 2);
	peer_wait_end(p);
}

static void test_takes_compressed_fragments(void **state)
{
	static const char *const agreed = "Sec-WebSocket-Extensions: permessage-deflate;server_no_context_takeover\r\n";
	static char text[20000];
	struct setting s;
	(void)state;
	begin(&s, compressed);
	s.peer.more = agreed;
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(outgoing_say(&s.out, text), 0);
	world_wait(&s.world, s.out.messages == 1);
	assert_string_equal(buf_cstr(&s.out.last), text);
	finish(&s);
}

static void compressed_nonsense(struct peer *p, unsigned index)
{
	unsigned first;
	char payload[200];
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	peer_frame(p, 0xc1, "\xff\xff\xff\xff", 4);
	peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
	peer_check(p, first == CLOSE && len == 2 && (unsigned char)payload[1] == (1007 & 255));
	peer_frame(p, CLOSE, payload, len);
}

static void test_closes_what_cannot_be_decompressed(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, compressed_nonsense);
	s.peer.more = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].code, 1007);
	assert_int_equal(s.out.messages, 0);
	finish(&s);
}

static void test_refuses_extensions_that_it_has_not_offered(void **state)
{
	static const char *const answers[] = {
		"Sec-WebSocket-Extensions: permessage-deflate\r\n",
		"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover, permessage-deflate; "
		"server_no_context_takeover, permessage-deflate; server_no_context_takeover\r\n",
		"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
		"client_max_window_bits=10\r\n",
		"Sec-WebSocket-Extensions: x-other\r\n",
		"Sec-WebSocket-Protocol: chat\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct setting s;
		begin(&s, echo);
		s.peer.more = answers[i];
		connect_and_wait_end(&s);
		assert_int_equal(s.out.opened, 0);
		assert_int_equal(s.out.ends[0].error, -ECONNREFUSED);
		finish(&s);
	}
}

static void test_takes_no_compression_when_it_offers_none(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, echo);
	s.options.limits.compression = false;
	s.peer.more = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
	connect_and_wait_end(&s);
	assert_null(strstr(buf_cstr(&s.peer.head), "Extensions"));
	assert_int_equal(s.out.ends[0].error, -ECONNREFUSED);
	finish(&s);
}

/* ---- servers that do wrong --------------------------------------------------------------------------------------- */

static void answer_by_text(struct peer *p, unsigned index)
{
	(void)index;
	if (peer_read_head(p))
		peer_say(p, p->arg);
	shutdown(p->fd, SHUT_WR);
	peer_wait_end(p);
}

struct answer {
	const char *text;
	int error;
	const char *detail;
};

static void test_tells_what_was_answered_in_place_of_101(void **state)
{
	static const struct answer answers[] = {
		{"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", -EACCES, "answered 401"},
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", -EACCES, "answered 403"},
		{"HTTP/1.1 404 Not Found\r\n\r\n", -ECONNREFUSED, "answered 404"},
		{"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", -ECONNREFUSED, "answered 302"},
		{"HTTP/1.1 200 OK\r\n\r\n", -ECONNREFUSED, "answered 200"},
		{"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", -ECONNREFUSED, "answered 503"},
		{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
		 -ECONNREFUSED, "no right handshake"},
		{"HTTP/1.1 101 Switching Protocols\r\n\r\n", -ECONNREFUSED, "no right handshake"},
		{"SSH-2.0-OpenSSH_9.2\r\n", -EIO, "no connection"},
		{"\x15\x03\x01\x00\x02\x02\x46", -EIO, "no connection"},
		{"", -EIO, "no connection"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct setting s;
		begin(&s, answer_by_text);
		s.peer.arg = (void *)(uintptr_t)answers[i].text;
		connect_and_wait_end(&s);
		assert_int_equal(s.out.opened, 0);
		assert_int_equal(s.out.ends[0].code, 1006);
		if (!strstr(s.out.ends[0].detail, answers[i].detail))
			fail_msg("'%s' does not say '%s'", s.out.ends[0].detail, answers[i].detail);
		assert_int_equal(s.out.ends[0].error, answers[i].error);
		finish(&s);
	}
}

static void endless_head(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_read_head(p) || !peer_say(p, "HTTP/1.1 101 Switching Protocols\r\n"))
		return;
	while (peer_say(p, "X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"))
		continue;
}

static void test_gives_up_an_endless_answer(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, endless_head);
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].error, -EIO);
	finish(&s);
}

static void silent(struct peer *p, unsigned index)
{
	(void)index;
	peer_wait_end(p);
}

static void test_gives_up_a_server_that_does_not_answer(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, silent);
	s.options.connect_timeout_ms = 50;
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].error, -EIO);
	assert_non_null(strstr(s.out.ends[0].detail, "within 50 ms"));
	finish(&s);
}

static void upgrade_and_say_nothing(struct peer *p, unsigned index)
{
	(void)index;
	if (peer_upgrade(p))
		peer_wait_end(p);
}

static void test_gives_up_a_server_that_gives_no_sign_of_life(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, upgrade_and_say_nothing);
	s.options.limits.ping_ms = 30;
	s.options.limits.timeout_ms = 30;
	connect_and_wait_end(&s);
	assert_int_equal(s.out.opened, 1);
	assert_int_equal(s.out.ends[0].error, -ETIMEDOUT);
	assert_int_equal(s.out.ends[0].code, 1006);
	finish(&s);
}

static void pong_three_times(struct peer *p, unsigned index)
{
	unsigned first;
	char payload[200];
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	for (int i = 0; i < 3; i++) {
		peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
		peer_check(p, first == PING);
		peer_frame(p, PONG, payload, len);
	}
	peer_close_frame(p, 1000, "");
	peer_wait_end(p);
}

static void test_keeps_a_quiet_server_that_answers_pings(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, pong_three_times);
	s.options.limits.ping_ms = 20;
	s.options.limits.timeout_ms = 10000;
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].code, 1000);
	assert_int_equal(s.out.ends[0].error, 0);
	finish(&s);
}

static void upgrade_and_cut(struct peer *p, unsigned index)
{
	(void)index;
	peer_upgrade(p);
}

static void test_tells_of_a_cut(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, upgrade_and_cut);
	connect_and_wait_end(&s);
	assert_int_equal(s.out.opened, 1);
	assert_int_equal(s.out.ends[0].code, 1006);
	assert_int_equal(s.out.ends[0].error, -EIO);
	finish(&s);
}

static void too_large(struct peer *p, unsigned index)
{
	static char bytes[2000];
	unsigned first;
	char payload[200];
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	peer_frame(p, 0x02, bytes, 600);
	peer_frame(p, 0x80, bytes, 600);
	peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
	peer_check(p, first == CLOSE && len == 2 && (unsigned char)payload[1] == (1009 & 255));
	peer_frame(p, CLOSE, payload, len);
}

static void test_closes_when_a_message_is_too_large(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, too_large);
	s.options.limits.message_max = 1000;
	connect_and_wait_end(&s);
	assert_int_equal(s.out.messages, 0);
	assert_int_equal(s.out.ends[0].code, 1009);
	finish(&s);
}

static void no_utf8(struct peer *p, unsigned index)
{
	unsigned first;
	char payload[200];
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	peer_frame(p, BINARY, "\xff", 1);
	peer_frame(p, TEXT, "a\xed\xa0\x80", 4);
	peer_check(p, peer_read_frame(p, &first, payload, sizeof(payload), &len));
	peer_check(p, first == CLOSE && len == 2 && (unsigned char)payload[1] == (1007 & 255));
	/* It does not answer: the client waits for a while only. */
	peer_wait_end(p);
}

static void test_closes_when_text_is_no_utf8(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, no_utf8);
	connect_and_wait_end(&s);
	assert_int_equal(s.out.messages, 1);
	assert_int_equal(s.out.ends[0].code, 1007);
	finish(&s);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Frames with any head, in any order, cut anywhere; and no frames at all. */
static void any_frames(struct peer *p, unsigned index)
{
	uint32_t seed = index * 7919 + 1;
	unsigned char bytes[600];
	if (!peer_upgrade(p))
		return;
	for (unsigned i = 0; i < 20; i++) {
		size_t len = next_random(&seed) % sizeof(bytes);
		for (size_t at = 0; at < len; at++)
			bytes[at] = (unsigned char)next_random(&seed);
		bool well = index % 3 == 0 ? peer_write(p, bytes, len)
					   : peer_frame(p, next_random(&seed) & (index % 3 == 1 ? 0xff : 0xcf), bytes,
							len % 300);
		if (!well)
			break;
	}
	shutdown(p->fd, SHUT_WR);
	peer_wait_end(p);
}

static void test_survives_any_frames(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, any_frames);
	s.peer.more = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
	for (unsigned i = 0; i < ANY_CONNECTIONS; i++) {
		memset(&s.out, 0, sizeof(s.out));
		connect_and_wait_end(&s);
		assert_int_equal(s.out.opened, 1);
		outgoing_release(&s.out);
	}
	finish(&s);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void read_when_told(struct peer *p, unsigned index)
{
	static char payload[70000];
	unsigned first;
	size_t len, count = 0;
	(void)index;
	if (!peer_upgrade(p))
		return;
	while (!__atomic_load_n((bool *)p->arg, __ATOMIC_ACQUIRE))
		sched_yield();
	while (peer_read_frame(p, &first, payload, sizeof(payload), &len) && first != CLOSE) {
		peer_check(p, len == 65536 && (unsigned char)payload[0] == (count & 255));
		count++;
	}
	peer_check(p, first == CLOSE);
	peer_frame(p, CLOSE, payload, len);
	peer_wait_end(p);
}

static int say_number(struct outgoing *o, unsigned number)
{
	static char bytes[65536];
	bytes[0] = (char)number;
	return websocket_send(o->socket, false, &(struct websocket_part){bytes, sizeof(bytes)}, 1);
}

static void test_has_a_bounded_queue_and_sends_all_of_it_before_the_close(void **state)
{
	struct setting s;
	bool go = false;
	unsigned sent = 0;
	int r = 0;
	(void)state;
	begin(&s, read_when_told);
	s.peer.arg = &go;
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	static char large[(1 << 20) + 1];
	assert_int_equal(websocket_send(s.out.socket, false, &(struct websocket_part){large, sizeof(large)}, 1),
			 -EMSGSIZE);
	for (unsigned turn = 0; turn < 20; turn++) {
		while ((r = say_number(&s.out, sent)) == 0)
			sent++;
		assert_int_equal(r, -ENOBUFS);
		assert_true(websocket_queued(s.out.socket) > (1 << 20) - 65536);
		world_turn(&s.world);
	}
	__atomic_store_n(&go, true, __ATOMIC_RELEASE);
	unsigned before = s.out.drained;
	world_wait(&s.world, s.out.drained > before);
	assert_true(websocket_queued(s.out.socket) <= 1 << 19);
	while (say_number(&s.out, sent) == 0)
		sent++;
	websocket_close(s.out.socket, 1001, "", 0);
	assert_int_equal(say_number(&s.out, sent), -EPIPE);
	world_wait(&s.world, s.out.end_count == 1);

	assert_int_equal(s.out.ends[0].code, 1001);
	finish(&s);
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

static void hundred_messages(struct peer *p, unsigned index)
{
	char text[3000];
	(void)index;
	if (!peer_upgrade(p))
		return;
	memset(text, 'z', sizeof(text));
	for (int i = 0; i < 100; i++)
		peer_check(p, peer_frame(p, TEXT, text, (size_t)i * 29));
	peer_wait_end(p);
}

static void test_hands_nothing_over_while_it_is_paused(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, hundred_messages);
	s.options.limits.ping_ms = 10;
	s.options.limits.timeout_ms = 10;
	s.out.pause_at_message = true;
	outgoing_connect(&s.out, &s.world, &s.options);
	for (unsigned i = 1; i <= 100; i++) {
		world_wait(&s.world, s.out.messages == i);
		assert_int_equal(s.out.last.len, (i - 1) * 29);
		if (i % 10 == 0)
			for (int turn = 0; turn < 5; turn++)
				world_turn(&s.world);
		assert_int_equal(s.out.messages, i);
		/* It is not cut for being quiet either. */
		assert_int_equal(s.out.end_count, 0);
		websocket_pause(s.out.socket, false);
	}
	finish(&s);
}

/* ---- ends and attempts ------------------------------------------------------------------------------------------- */

static void test_ends_when_the_server_does_not_answer_its_close(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, upgrade_and_say_nothing);
	s.out.close_at_open = true;
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].code, 1000);
	assert_int_equal(s.out.ends[0].error, 0);
	finish(&s);
}

static void test_may_be_dropped_and_closed_at_any_time(void **state)
{
	(void)state;
	for (unsigned when = 0; when < 6; when++) {
		struct setting s;
		begin(&s, echo);
		s.options.retry_min_ms = s.options.retry_max_ms = 10;
		outgoing_connect(&s.out, &s.world, &s.options);
		if (when >= 2)
			world_wait(&s.world, s.out.opened == 1);
		if (when >= 4)
			outgoing_say(&s.out, "hello");
		s.out.inside = true;
		if (when % 2)
			websocket_drop(s.out.socket);
		else
			websocket_close(s.out.socket, 3000, "", 0);
		websocket_close(s.out.socket, 3001, "", 0);
		s.out.inside = false;
		world_wait(&s.world, s.out.end_count == 1);
		assert_int_equal(s.out.ends[0].code, when % 2 ? 1006 : 3000);
		assert_int_equal(s.out.ends[0].retry_ms, 0);
		finish(&s);
	}
}

static void third_time(struct peer *p, unsigned index)
{
	if (index == 2)
		echo(p, index);
	else if (peer_read_head(p))
		peer_say(p, "HTTP/1.1 503 No\r\n\r\n");
}

static void test_tries_again_with_pauses_that_grow(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, third_time);
	s.options.retry_min_ms = 20;
	s.options.retry_max_ms = 30;
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	assert_int_equal(s.out.end_count, 2);
	assert_in_range(s.out.ends[0].retry_ms, 10, 20);
	assert_in_range(s.out.ends[1].retry_ms, 15, 30);
	say_of_length(&s, 10, true);
	websocket_close(s.out.socket, 1000, "", 0);
	world_wait(&s.world, s.out.end_count == 3);
	assert_int_equal(s.out.ends[2].retry_ms, 0);
	finish(&s);
}

static void test_ends_while_it_waits_for_the_next_attempt(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, upgrade_and_cut);
	s.options.retry_min_ms = s.options.retry_max_ms = 3600000;
	connect_and_wait_end(&s);
	assert_in_range(s.out.ends[0].retry_ms, 1800000, 3600000);
	assert_int_equal(outgoing_say(&s.out, "x"), -EPIPE);
	websocket_close(s.out.socket, 1001, "enough", 6);
	world_wait(&s.world, s.out.end_count == 2);
	assert_int_equal(s.out.ends[1].code, 1001);
	assert_int_equal(s.out.ends[1].retry_ms, 0);
	finish(&s);
}

static void cut_when_told(struct peer *p, unsigned index)
{
	if (index < 3) {
		if (peer_read_head(p))
			peer_say(p, "HTTP/1.1 503 No\r\n\r\n");
		return;
	}
	if (!peer_upgrade(p) || index > 3)
		return;
	while (!__atomic_load_n((bool *)p->arg, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void test_begins_anew_after_a_connection_that_held(void **state)
{
	struct setting s;
	bool cut = false;
	(void)state;
	begin(&s, cut_when_told);
	s.peer.arg = &cut;
	s.options.retry_min_ms = 10;
	s.options.retry_max_ms = 40;
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	assert_int_equal(s.out.end_count, 3);
	assert_in_range(s.out.ends[2].retry_ms, 20, 40);
	uint64_t begun = uv_hrtime();
	world_wait(&s.world, uv_hrtime() - begun > 60 * (uint64_t)1000000);
	__atomic_store_n(&cut, true, __ATOMIC_RELEASE);
	world_wait(&s.world, s.out.end_count >= 4);
	assert_in_range(s.out.ends[3].retry_ms, 5, 10);
	/* The next ones are cut at once: the pauses grow although it was connected. */
	world_wait(&s.world, s.out.end_count >= 7);
	assert_in_range(s.out.ends[6].retry_ms, 20, 40);
	finish(&s);
}

static void test_tells_when_nobody_listens_or_a_name_is_not_there(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, silent);
	peer_close(&s.peer);
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].error, -EIO);
	outgoing_release(&s.out);
	memset(&s.out, 0, sizeof(s.out));
	s.options.url = "ws://no-such-name.invalid/";
	connect_and_wait_end(&s);
	assert_int_equal(s.out.ends[0].error, -EIO);
	assert_non_null(strstr(s.out.ends[0].detail, "no-such-name.invalid cannot be found"));
	world_close(&s.world);
	outgoing_release(&s.out);
}

static void test_cuts_all_when_the_client_is_closed(void **state)
{
	struct setting s;
	struct outgoing more[3] = {0};
	(void)state;
	begin(&s, echo);
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.opened == 1);
	/* One is being connected, one waits, one looks for a name. */
	outgoing_connect(&more[0], &s.world, &s.options);
	s.options.url = "ws://no-such-name.invalid/";
	outgoing_connect(&more[1], &s.world, &s.options);
	s.options.url = "wss://127.0.0.1:1/";
	outgoing_connect(&more[2], &s.world, &s.options);
	world_close(&s.world);
	assert_int_equal(s.out.end_count, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(more[i].end_count, 1);
		outgoing_release(&more[i]);
	}
	outgoing_release(&s.out);
	peer_close(&s.peer);
}

/* ---- what can be asked for --------------------------------------------------------------------------------------- */

static void test_refuses_addresses_that_are_none(void **state)
{
	static const char *const wrong[] = {
		"",
		"http://h/",
		"ws:/h",
		"ws://",
		"ws:///x",
		"ws://h:0/",
		"ws://h:65536/",
		"ws://h:/",
		"ws://h:1x/",
		"ws://u:p@h/",
		"ws://h/#f",
		"ws://h/a b",
		"ws://h/\xc3\xa4",
		"ws://[::1",
		"ws://[x]/",
		"ws://h\r\n/",
	};
	static const char *const proxies[] = {"", "https://p:1", "http://", "http://p:0", "http://u:%zz@p:1", "p:1"};
	struct ws_address a;
	struct ws_proxy_address p;
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(ws_address_parse(wrong[i], &a), -EINVAL);
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		assert_int_equal(ws_proxy_address_parse(proxies[i], &p), -EINVAL);
	assert_int_equal(ws_address_parse("WSS://[::1]?q", &a), 0);
	assert_string_equal(a.field, "[::1]");
	assert_string_equal(a.authority, "[::1]:443");
	assert_string_equal(a.host, "::1");
	assert_string_equal(a.target, "/?q");
	ws_address_release(&a);
	assert_int_equal(ws_address_parse("ws://h:443/", &a), 0);
	assert_string_equal(a.field, "h:443");
	ws_address_release(&a);
	assert_int_equal(ws_proxy_address_parse("http://me:a%40b:c@p:3128/", &p), 0);
	assert_string_equal(p.credentials, "me:a@b:c");
	assert_string_equal(p.host, "p");
	assert_string_equal(p.port, "3128");
	ws_proxy_address_release(&p);
}

static void test_refuses_fields_that_are_its_own(void **state)
{
	static const char *const names[] = {"Host", "connection", "Sec-WebSocket-Key", "Content-Length", "",
					    "a b",  "x:"};
	struct http_header_field field = {"X", "a\r\nb", 4};
	char *text;
	(void)state;
	assert_int_equal(ws_fields_write(&field, 1, &text), -EINVAL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		field = (struct http_header_field){names[i], "v", 1};
		assert_int_equal(ws_fields_write(&field, 1, &text), -EINVAL);
	}
	const char *protocols[] = {"a,b", NULL};
	assert_int_equal(ws_protocols_write(protocols, &text), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_says_who_it_is_and_what_it_wants),
		cmocka_unit_test(test_sends_and_takes_messages_of_any_length),
		cmocka_unit_test(test_takes_one_byte_at_a_time),
		cmocka_unit_test(test_puts_fragments_together_and_tells_the_code_of_the_close),
		cmocka_unit_test(test_compresses_when_the_server_agrees),
		cmocka_unit_test(test_takes_compressed_fragments),
		cmocka_unit_test(test_closes_what_cannot_be_decompressed),
		cmocka_unit_test(test_refuses_extensions_that_it_has_not_offered),
		cmocka_unit_test(test_takes_no_compression_when_it_offers_none),
		cmocka_unit_test(test_tells_what_was_answered_in_place_of_101),
		cmocka_unit_test(test_gives_up_an_endless_answer),
		cmocka_unit_test(test_gives_up_a_server_that_does_not_answer),
		cmocka_unit_test(test_gives_up_a_server_that_gives_no_sign_of_life),
		cmocka_unit_test(test_keeps_a_quiet_server_that_answers_pings),
		cmocka_unit_test(test_tells_of_a_cut),
		cmocka_unit_test(test_closes_when_a_message_is_too_large),
		cmocka_unit_test(test_closes_when_text_is_no_utf8),
		cmocka_unit_test(test_survives_any_frames),
		cmocka_unit_test(test_has_a_bounded_queue_and_sends_all_of_it_before_the_close),
		cmocka_unit_test(test_hands_nothing_over_while_it_is_paused),
		cmocka_unit_test(test_ends_when_the_server_does_not_answer_its_close),
		cmocka_unit_test(test_may_be_dropped_and_closed_at_any_time),
		cmocka_unit_test(test_tries_again_with_pauses_that_grow),
		cmocka_unit_test(test_ends_while_it_waits_for_the_next_attempt),
		cmocka_unit_test(test_begins_anew_after_a_connection_that_held),
		cmocka_unit_test(test_tells_when_nobody_listens_or_a_name_is_not_there),
		cmocka_unit_test(test_cuts_all_when_the_client_is_closed),
		cmocka_unit_test(test_refuses_addresses_that_are_none),
		cmocka_unit_test(test_refuses_fields_that_are_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
