/* WebSocket by a listener: the handshake, and messages whatever the pieces in which they come. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "support_ws_owner.h"
#include "gateway/ws_deflate.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
