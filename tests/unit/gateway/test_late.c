/* Answers that come later than the request: in any order, after the client has left, in pieces, while the gateway
 * stops. */
#include "support_gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void open_default(struct fixture *f)
{
	struct gateway_options options;
	fixture_options(f, &options);
	fixture_open(f, &options);
}

static void say_late(struct client *c, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char request[64];
		snprintf(request, sizeof(request), "GET /late/%u HTTP/1.1\r\n" HOST "\r\n", i);
		client_say(c, request);
	}
}

static void assert_body(struct client *c, size_t index, const char *expected)
{
	size_t len;
	const char *body = client_body(c, index, &len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(body, expected, len);
}

static void answers_keep_the_order_of_the_requests(void **state)
{
	/* Each is the index among those that are still held. */
	static const size_t orders[][4] = {{0, 0, 0, 0}, {3, 2, 1, 0}, {1, 0, 1, 0}, {2, 2, 0, 0}};
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		client_open(&c, &f);
		say_late(&c, 4);
		fixture_wait(&f, f.held_count == 4);
		for (size_t k = 0; k < 4; k++) {
			char text[2] = {*http_param(f.held[orders[i][k]], "n"), '\0'};
			assert_int_equal(fixture_answer(&f, orders[i][k], text), 0);
			fixture_turn(&f, NULL);
		}
		client_wait(&c, 4);
		assert_body(&c, 0, "0");
		assert_body(&c, 1, "1");
		assert_body(&c, 2, "2");
		assert_body(&c, 3, "3");
		client_close(&c);
	}
	fixture_close(&f);
}

static void at_most_64_requests_of_a_connection_are_with_handlers(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	say_late(&c, 100);
	fixture_wait(&f, f.held_count == 64);
	for (int i = 0; i < 20; i++)
		fixture_turn(&f, NULL);
	assert_int_equal(f.held_count, 64);
	assert_still_serves(&f);
	fixture_answer(&f, 0, "x");
	fixture_wait(&f, f.held_count == 64);
	/* A later answer makes no room: the earlier ones still have to be kept. */
	fixture_answer(&f, 63, "x");
	for (int i = 0; i < 20; i++)
		fixture_turn(&f, NULL);
	assert_int_equal(f.held_count, 63);
	for (unsigned answered = 2; answered < 100; answered++) {
		fixture_wait(&f, f.held_count > 0);
		fixture_answer(&f, 0, "x");
	}
	client_wait(&c, 100);
	client_close(&c);
	fixture_close(&f);
}

static void answers_for_a_client_that_left_are_dropped(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	say_late(&c, 3);
	fixture_wait(&f, f.held_count == 3);
	client_abort(&c);
	fixture_wait(&f, f.gone == 3);
	/* What was read from the request is still there. */
	assert_string_equal(http_param(f.held[2], "n"), "2");
	assert_string_equal(http_header(f.held[1], "host"), "h");
	assert_string_equal(http_path(f.held[0]), "/late/0");
	assert_string_equal(http_remote(f.held[0]), "127.0.0.1");
	assert_int_equal(fixture_answer(&f, 1, "x"), -EPIPE);
	assert_int_equal(fixture_answer(&f, 1, "x"), -EPIPE);
	assert_int_equal(fixture_answer(&f, 0, "x"), -EPIPE);
	assert_int_equal(f.gone, 3);
	assert_still_serves(&f);
	fixture_close(&f);
}

static void a_client_that_closes_politely_is_noticed(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	say_late(&c, 1);
	fixture_wait(&f, f.held_count == 1);
	client_close(&c);
	fixture_wait(&f, f.gone == 1);
	fixture_answer(&f, 0, "x");
	assert_still_serves(&f);
	fixture_close(&f);
}

/* Answers all that is held from inside the news that the client has gone. */
static void answer_all(void *arg)
{
	struct fixture *f = arg;
	f->gone++;
	while (f->held_count > 0)
		fixture_answer(f, f->held_count - 1, "x");
}

static void handlers_may_answer_while_they_are_told(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	for (int abort = 0; abort < 2; abort++) {
		client_open(&c, &f);
		say_late(&c, 5);
		fixture_wait(&f, f.held_count == 5);
		for (size_t i = 0; i < 5; i++)
			http_on_gone(f.held[i], answer_all, &f);
		if (abort)
			client_abort(&c);
		else
			client_close(&c);
		fixture_wait(&f, f.held_count == 0);
		assert_int_equal(f.gone, abort + 1);
	}
	assert_still_serves(&f);
	fixture_close(&f);
}

static struct http_request *begin_stream(struct fixture *f, struct client *c, const char *request)
{
	client_open(c, f);
	client_say(c, request);
	fixture_wait(f, f->held_count == 1);
	f->held_count = 0;
	assert_int_equal(http_stream_begin(f->held[0], 200, "text/event-stream"), 0);
	return f->held[0];
}

static void a_stream_is_chunked_and_its_pieces_go_out_at_once(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	struct http_request *r = begin_stream(&f, &c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\n");
	http_stream_write(r, "one", 3);
	http_stream_write(r, "", 0);
	http_stream_write(r, "two!", 4);
	uint64_t until = uv_hrtime() + WAIT_MS * (uint64_t)1000000;
	for (client_poll(&c); c.in.len == 0 || !strstr(c.in.data, "4\r\ntwo!\r\n"); client_poll(&c)) {
		assert_true(uv_hrtime() < until);
		fixture_turn(&f, &c);
	}
	assert_non_null(strstr(c.in.data, "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(c.in.data, "\r\n\r\n3\r\none\r\n"));
	/* The next request waits for the end of the stream. */
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	http_stream_end(r);
	client_wait(&c, 2);
	assert_statuses(&c, "200 200");
	client_close(&c);
	fixture_close(&f);
}

static void a_stream_to_http_1_0_ends_with_the_connection(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	struct http_request *r = begin_stream(&f, &c, "GET /late/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	http_stream_write(r, "one", 3);
	http_stream_write(r, "two", 3);
	http_stream_end(r);
	client_wait_end(&c);
	assert_null(strstr(c.in.data, "chunked"));
	assert_non_null(strstr(c.in.data, "Connection: close\r\n"));
	assert_non_null(strstr(c.in.data, "\r\n\r\nonetwo"));
	client_close(&c);
	fixture_close(&f);
}

static void what_stands_behind_a_stream_to_http_1_0_is_not_answered(void **state)
{
	static const char request[] = "GET /late/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	client_say(&c, request);
	client_say(&c, request);
	fixture_wait(&f, f.held_count == 2);
	assert_int_equal(http_stream_begin(f.held[0], 200, "text/plain"), 0);
	http_stream_end(f.held[0]);
	f.held[0] = f.held[1];
	f.held_count = 1;
	client_wait_end(&c);
	assert_int_equal(f.gone, 1);
	assert_int_equal(fixture_answer(&f, 0, "x"), -EPIPE);
	assert_statuses(&c, "200");
	client_close(&c);
	fixture_close(&f);
}

static void a_stream_behind_another_request_waits_for_it(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	say_late(&c, 2);
	fixture_wait(&f, f.held_count == 2);
	struct http_request *r = f.held[1];
	http_stream_begin(r, 200, "text/plain");
	http_stream_write(r, "behind", 6);
	assert_true(http_stream_pending(r) > 6);
	f.held_count = 1;
	fixture_answer(&f, 0, "first");
	http_stream_write(r, "more", 4);
	http_stream_end(r);
	client_wait(&c, 2);
	assert_body(&c, 0, "first");
	assert_body(&c, 1, "6\r\nbehind\r\n4\r\nmore\r\n0\r\n\r\n");
	client_close(&c);
	fixture_close(&f);
}

static void a_stream_that_nobody_reads_is_bounded(void **state)
{
	struct fixture f;
	struct client c;
	static char piece[65536];
	int r = 0;
	(void)state;
	open_default(&f);
	struct http_request *stream = begin_stream(&f, &c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 1000 && r == 0; i++) {
		r = http_stream_write(stream, piece, sizeof(piece));
		fixture_turn(&f, NULL);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_true(http_stream_pending(stream) < (2 << 20));
	http_stream_end(stream);
	client_wait(&c, 1);
	client_close(&c);
	fixture_close(&f);
}

static void count_drained(void *arg)
{
	++*(unsigned *)arg;
}

static void a_stream_is_told_when_its_client_has_taken_all(void **state)
{
	struct fixture f;
	struct client c;
	static char piece[65536];
	unsigned drained = 0;
	(void)state;
	open_default(&f);
	struct http_request *stream = begin_stream(&f, &c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\n");
	while (http_stream_write(stream, piece, sizeof(piece)) == 0)
		fixture_turn(&f, NULL);
	http_on_drained(stream, count_drained, &drained);
	for (int i = 0; i < 20; i++)
		fixture_turn(&f, NULL);
	assert_int_equal(drained, 0);
	while (drained == 0) {
		client_poll(&c);
		fixture_turn(&f, &c);
	}
	assert_int_equal(http_stream_pending(stream), 0);
	assert_int_equal(http_stream_write(stream, "x", 1), 0);
	fixture_turn(&f, &c);
	assert_int_equal(drained, 1);
	/* Also when there was nothing to wait for. */
	http_on_drained(stream, count_drained, &drained);
	fixture_wait(&f, drained == 2);
	http_on_drained(stream, count_drained, &drained);
	http_stream_end(stream);
	client_wait(&c, 1);
	assert_int_equal(drained, 2);
	client_close(&c);
	fixture_close(&f);
}

static void a_stream_is_told_when_its_client_leaves(void **state)
{
	struct fixture f;
	struct client c;
	int r = 0;
	(void)state;
	open_default(&f);
	struct http_request *stream = begin_stream(&f, &c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\n");
	client_close(&c);
	fixture_wait(&f, f.gone == 1);
	/* The reset that answers a write makes it certain. */
	for (int i = 0; i < 1000 && r == 0; i++) {
		r = http_stream_write(stream, "x", 1);
		fixture_turn(&f, NULL);
	}
	assert_int_equal(r, -EPIPE);
	http_stream_end(stream);
	assert_int_equal(f.gone, 1);
	fixture_close(&f);
}

static void drain_answers_what_is_in_flight_and_closes_the_idle(void **state)
{
	struct fixture f;
	struct client idle, busy;
	(void)state;
	open_default(&f);
	client_open(&idle, &f);
	client_say(&idle, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&idle, 1);
	client_open(&busy, &f);
	say_late(&busy, 2);
	fixture_wait(&f, f.held_count == 2);
	gateway_drain(f.gateway);
	client_wait_end(&idle);
	assert_int_equal(gateway_busy(f.gateway), 1);
	fixture_answer(&f, 0, "a");
	fixture_answer(&f, 0, "b");
	client_wait_end(&busy);
	assert_statuses(&busy, "200 200");
	assert_non_null(strstr(busy.in.data, "Connection: close\r\n"));
	assert_int_equal(gateway_busy(f.gateway), 0);
	client_close(&idle);
	client_close(&busy);
	fixture_close(&f);
}

static void close_waits_for_the_handlers(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	say_late(&c, 2);
	fixture_wait(&f, f.held_count == 2);
	fixture_begin_close(&f);
	assert_int_equal(f.gone, 2);
	client_wait_end(&c);
	for (int i = 0; i < 20; i++)
		fixture_turn(&f, NULL);
	assert_false(f.closed);
	assert_string_equal(http_param(f.held[0], "n"), "0");
	assert_int_equal(fixture_answer(&f, 0, "x"), -EPIPE);
	assert_int_equal(fixture_answer(&f, 0, "x"), -EPIPE);
	fixture_wait(&f, f.closed);
	client_close(&c);
	fixture_close(&f);
}

static void close_from_inside(void *arg, struct http_request *r)
{
	fixture_begin_close(arg);
	assert_int_equal(http_respond(r, 200, NULL, 0, "x", 1), -EPIPE);
}

static void the_gateway_may_be_closed_by_a_handler(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	fixture_route(&f, "GET", "/close", close_from_inside);
	client_open(&c, &f);
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\nGET /close HTTP/1.1\r\n" HOST "\r\nGET /ok HTTP/1.1\r\n" HOST
		       "\r\n");
	client_wait_end(&c);
	assert_statuses(&c, "200");
	fixture_wait(&f, f.closed);
	client_close(&c);
	fixture_close(&f);
}

static void a_route_may_be_taken_away_while_requests_are_with_it(void **state)
{
	struct fixture f;
	struct client c;
	struct route *route;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	say_late(&c, 1);
	fixture_wait(&f, f.held_count == 1);
	struct http_request *r = f.held[0];
	/* A route of the same handler, so that it can be taken away here. */
	assert_int_equal(gateway_route(f.gateway, 1, "PUT", "/soon/{x}", close_from_inside, &f, &route), 0);
	client_say(&c, "PUT /soon/1 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nh");
	for (int i = 0; i < 10; i++)
		fixture_turn(&f, NULL);
	gateway_unroute(route);
	client_say(&c, "i");
	assert_string_equal(http_param(r, "n"), "0");
	fixture_answer(&f, 0, "x");
	client_wait(&c, 2);
	assert_statuses(&c, "200 404");
	client_close(&c);
	fixture_close(&f);
}

static void serve_param(void *arg, struct http_request *r)
{
	const char *x = http_param(r, "y");
	(void)arg;
	assert_int_equal(http_respond(r, 200, NULL, 0, x, strlen(x)), 0);
}

/* As a reload does it with a trigger's path. */
static void who_comes_in_the_place_of_a_route_takes_its_requests(void **state)
{
	struct fixture f;
	struct client c;
	struct route *route, *successor;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	assert_int_equal(gateway_route(f.gateway, 1, "PUT", "/soon/{x}", close_from_inside, &f, &route), 0);
	client_say(&c, "PUT /soon/a%20b HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nh");
	for (int i = 0; i < 10; i++)
		fixture_turn(&f, NULL);
	gateway_unroute(route);
	assert_int_equal(gateway_route(f.gateway, 1, "PUT", "/soon/{y}", serve_param, &f, &successor), 0);
	client_say(&c, "i");
	client_wait(&c, 1);
	assert_statuses(&c, "200");
	assert_body(&c, 0, "a b");
	client_close(&c);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_keep_the_order_of_the_requests),
		cmocka_unit_test(at_most_64_requests_of_a_connection_are_with_handlers),
		cmocka_unit_test(answers_for_a_client_that_left_are_dropped),
		cmocka_unit_test(a_client_that_closes_politely_is_noticed),
		cmocka_unit_test(handlers_may_answer_while_they_are_told),
		cmocka_unit_test(a_stream_is_chunked_and_its_pieces_go_out_at_once),
		cmocka_unit_test(a_stream_to_http_1_0_ends_with_the_connection),
		cmocka_unit_test(what_stands_behind_a_stream_to_http_1_0_is_not_answered),
		cmocka_unit_test(a_stream_behind_another_request_waits_for_it),
		cmocka_unit_test(a_stream_that_nobody_reads_is_bounded),
		cmocka_unit_test(a_stream_is_told_when_its_client_has_taken_all),
		cmocka_unit_test(a_stream_is_told_when_its_client_leaves),
		cmocka_unit_test(drain_answers_what_is_in_flight_and_closes_the_idle),
		cmocka_unit_test(close_waits_for_the_handlers),
		cmocka_unit_test(the_gateway_may_be_closed_by_a_handler),
		cmocka_unit_test(a_route_may_be_taken_away_while_requests_are_with_it),
		cmocka_unit_test(who_comes_in_the_place_of_a_route_takes_its_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
