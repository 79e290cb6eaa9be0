/* WebSocket by a listener: how a connection ends, and what it may take until then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "support_ws_owner.h"
#include "gateway/ws_deflate.h"

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
