/* The client's side of WebSocket against servers that do right: the handshake, messages, compression. */
#include <errno.h>
#include <stdlib.h>
#include "support_ws_setting.h"

/* ---- a server that does right ------------------------------------------------------------------------------------ */

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
