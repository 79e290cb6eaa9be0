/* The client's side of WebSocket as its owner uses it: queue and pause, ends and further attempts, what can be asked for. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "support_ws_setting.h"
#include "gateway/ws_client_internal.h"

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
