/* The client's side of WebSocket against servers that do wrong, or nothing at all. */
#include <errno.h>
#include <stdlib.h>
#include "support_ws_setting.h"
#ifndef ANY_CONNECTIONS
#define ANY_CONNECTIONS 150
#endif

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_what_was_answered_in_place_of_101),
		cmocka_unit_test(test_gives_up_an_endless_answer),
		cmocka_unit_test(test_gives_up_a_server_that_does_not_answer),
		cmocka_unit_test(test_gives_up_a_server_that_gives_no_sign_of_life),
		cmocka_unit_test(test_keeps_a_quiet_server_that_answers_pings),
		cmocka_unit_test(test_tells_of_a_cut),
		cmocka_unit_test(test_closes_when_a_message_is_too_large),
		cmocka_unit_test(test_closes_when_text_is_no_utf8),
		cmocka_unit_test(test_survives_any_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
