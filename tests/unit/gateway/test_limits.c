/* Time-outs, and limits on connections and on what waits for a client. The times are small, and nothing waits for a
 * fixed time: a test waits until the gateway has acted. */
#include "support_gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "gateway/internal.h"

static double timeouts(struct fixture *f)
{
	return metric_value(metrics_counter(f->metrics, "tappet_http_timeouts_total", "", NULL));
}

static double connections(struct fixture *f)
{
	return metric_value(metrics_gauge(f->metrics, "tappet_http_connections", "", NULL));
}

static void a_slow_head_is_408(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	(void)state;
	fixture_options(&f, &options);
	options.head_timeout_ms = 60;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, "GET /ok HTTP/1.1\r\n");
	/* Sending on does not help: the time is for the whole head. */
	while (!c.ended && !c.reset) {
		client_say(&c, "A: b\r\n");
		fixture_turn(&f, &c);
	}
	assert_statuses(&c, "408");
	assert_true(timeouts(&f) == 1.0);
	client_close(&c);
	assert_still_serves(&f);
	fixture_close(&f);
}

static void a_slow_body_is_408(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	(void)state;
	fixture_options(&f, &options);
	options.body_timeout_ms = 60;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhi");
	client_wait_end(&c);
	assert_statuses(&c, "408");
	client_close(&c);
	assert_still_serves(&f);
	fixture_close(&f);
}

static void a_body_that_was_begun_without_waiting_may_be_late_too(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	(void)state;
	fixture_options(&f, &options);
	options.body_timeout_ms = 60;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
		       "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhi");
	fixture_wait(&f, f.held_count == 1);
	fixture_answer(&f, 0, "x");
	client_wait_end(&c);
	assert_statuses(&c, "200 408");
	client_close(&c);
	fixture_close(&f);
}

static void a_body_that_goes_on_is_not_late(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	uint64_t start;
	(void)state;
	fixture_options(&f, &options);
	options.body_timeout_ms = 400;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	/* Twice as long as the time between two pieces may be. */
	for (start = uv_hrtime(); uv_hrtime() - start < 800000000u; fixture_turn(&f, NULL))
		client_say(&c, "1\r\nx\r\n");
	client_say(&c, "0\r\n\r\n");
	client_wait(&c, 1);
	assert_statuses(&c, "200");
	client_close(&c);
	fixture_close(&f);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client fresh, used, waiting;
	(void)state;
	fixture_options(&f, &options);
	options.idle_timeout_ms = 60;
	fixture_open(&f, &options);
	client_open(&fresh, &f);
	client_open(&waiting, &f);
	client_say(&waiting, "GET /late/1 HTTP/1.1\r\n" HOST "\r\n");
	client_open(&used, &f);
	client_say(&used, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait_end(&fresh);
	assert_int_equal(fresh.in.len, 0);
	client_wait_end(&used);
	assert_statuses(&used, "200");
	assert_false(used.reset);
	/* A connection with a request in flight is not idle. */
	client_poll(&waiting);
	assert_false(waiting.ended);
	fixture_answer(&f, 0, "x");
	client_wait(&waiting, 1);
	client_close(&fresh);
	client_close(&used);
	client_close(&waiting);
	fixture_close(&f);
}

static void a_client_that_does_not_read_is_cut(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	int small = 4096;
	(void)state;
	fixture_options(&f, &options);
	options.write_timeout_ms = 100;
	fixture_open(&f, &options);
	client_open(&c, &f);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	static const char request[] = "GET /big HTTP/1.1\r\n" HOST "\r\n";
	for (int i = 0; i < 10; i++)
		assert_true(send(c.fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0);
	fixture_wait(&f, timeouts(&f) == 1.0);
	/* Not all ten answers of 4 MiB were made for it. */
	assert_true(f.calls < 10);
	client_close(&c);
	assert_still_serves(&f);
	fixture_close(&f);
}

static void a_client_that_reads_slowly_gets_everything(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	size_t len;
	(void)state;
	fixture_options(&f, &options);
	options.write_timeout_ms = 2000;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /big HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, 2);
	client_body(&c, 1, &len);
	assert_int_equal(len, 4 << 20);
	client_close(&c);
	fixture_close(&f);
}

static double refused(struct fixture *f)
{
	return metric_value(metrics_counter(f->metrics, "tappet_http_connections_refused_total", "", NULL));
}

static void too_many(struct gateway_options *options, struct fixture *f)
{
	struct client in[3], out;
	fixture_open(f, options);
	for (int i = 0; i < 3; i++) {
		client_open(&in[i], f);
		client_say(&in[i], "GET /ok HTTP/1.1\r\n" HOST "\r\n");
		client_wait(&in[i], 1);
	}
	client_open(&out, f);
	client_say(&out, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait_end(&out);
	assert_statuses(&out, "503");
	assert_false(out.reset);
	assert_true(refused(f) == 1.0);
	client_close(&out);
	/* When one leaves, there is room again. */
	client_close(&in[0]);
	fixture_wait(f, connections(f) == 2.0);
	assert_still_serves(f);
	client_close(&in[1]);
	client_close(&in[2]);
	fixture_close(f);
}

static void connections_over_the_limit_are_503(void **state)
{
	struct fixture f;
	struct gateway_options options;
	(void)state;
	fixture_options(&f, &options);
	options.connections_max = 3;
	too_many(&options, &f);
}

static void connections_of_one_address_over_the_limit_are_503(void **state)
{
	struct fixture f;
	struct gateway_options options;
	(void)state;
	fixture_options(&f, &options);
	options.connections_per_address_max = 3;
	options.count_loopback = true;
	too_many(&options, &f);
}

static void the_control_socket_has_room_beyond_the_limit(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client in, out, control;
	char path[] = "/tmp/tappet-limits-XXXXXX", socket_path[64];
	(void)state;
	fixture_options(&f, &options);
	options.connections_max = 1;
	fixture_open(&f, &options);
	assert_non_null(mkdtemp(path));
	snprintf(socket_path, sizeof(socket_path), "%s/c", path);
	struct listener_options listener = {
		.address = socket_path, .is_unix = true, .mode = 0600, .surfaces = 1, .control = true};
	assert_int_equal(gateway_listen(f.gateway, &listener, NULL), 0);
	client_open(&in, &f);
	client_say(&in, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&in, 1);
	client_open(&out, &f);
	client_wait_end(&out);
	assert_statuses(&out, "503");
	assert_non_null(strstr(buf_cstr(&out.in), "\r\nRetry-After: 1\r\n"));
	client_open_unix(&control, &f, socket_path);
	client_say(&control, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&control, 1);
	assert_statuses(&control, "200");
	client_close(&in);
	client_close(&out);
	client_close(&control);
	fixture_close(&f);
	assert_int_equal(rmdir(path), 0);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

#define CLIENTS 8
#define PIECE ((size_t)100000)

static double memory(struct fixture *f)
{
	return metric_value(metrics_gauge(f->metrics, "tappet_http_memory_bytes", "", NULL));
}

static void open_full(struct fixture *f)
{
	struct gateway_options options;
	fixture_options(f, &options);
	options.memory_max = 3 * PIECE;
	fixture_open(f, &options);
}

/* Says that more will come than ever does. */
static void begin_large_body(struct client *c, struct fixture *f)
{
	static const char head[] = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 200000\r\n\r\n";
	char *piece = calloc(1, PIECE);
	assert_non_null(piece);
	client_open(c, f);
	client_say(c, head);
	client_send(c, piece, PIECE, PIECE);
	free(piece);
}

static size_t count_refused(struct client *clients)
{
	size_t count = 0;
	for (size_t i = 0; i < CLIENTS; i++) {
		char statuses[64];
		client_poll(&clients[i]);
		client_statuses(&clients[i], statuses, sizeof(statuses));
		count += strcmp(statuses, "503") == 0;
	}
	return count;
}

static void bodies_that_do_not_end_leave_room_for_small_ones(void **state)
{
	struct fixture f;
	struct client slow[CLIENTS], small;
	(void)state;
	open_full(&f);
	for (size_t i = 0; i < CLIENTS; i++)
		begin_large_body(&slow[i], &f);
	/* Three pieces are taken, or four, as each comes in parts. */
	fixture_wait(&f, count_refused(slow) >= CLIENTS - 4);
	assert_true(memory(&f) < 4 * PIECE + CLIENTS * 65536);
	client_open(&small, &f);
	client_say(&small, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
	client_wait(&small, 1);
	assert_statuses(&small, "200");
	client_close(&small);
	for (size_t i = 0; i < CLIENTS; i++)
		client_close(&slow[i]);
	fixture_wait(&f, connections(&f) == 0.0);
	assert_true(memory(&f) == 0.0);
	fixture_close(&f);
}

static void answer_medium(void *arg, struct http_request *r)
{
	static const char text[40000] = "x";
	struct fixture *f = arg;
	f->calls++;
	http_respond(r, 200, NULL, 0, text, sizeof(text));
}

static void unread_answers_are_few_when_memory_is_used_up(void **state)
{
	static const char request[] = "GET /medium HTTP/1.1\r\n" HOST "\r\n";
	struct fixture f;
	struct gateway_options options;
	struct client c, other;
	unsigned calls = 0, quiet = 0;
	(void)state;
	fixture_options(&f, &options);
	options.memory_max = 1;
	fixture_open(&f, &options);
	fixture_route(&f, "GET", "/medium", answer_medium);
	client_open(&other, &f);
	client_say(&other, "GET /");
	fixture_wait(&f, memory(&f) > 0);
	client_open(&c, &f);
	/* More than the sockets on both sides keep. */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(send(c.fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	while (quiet++ < 50 || memory(&f) < 60000) {
		fixture_turn(&f, NULL);
		quiet = calls == f.calls ? quiet : 0;
		calls = f.calls;
	}
	assert_true(f.calls < 1000);
	/* One beyond the bound, and the room that buffers have. */
	assert_true(memory(&f) < 2 * (65536 + 40000));
	client_close(&other);
	client_close(&c);
	fixture_close(&f);
}

/* ---- those who ask much ---------------------------------------------------------------------------------------- */

/* All requests at once, without waiting for an answer; they are fewer bytes than one read takes. */
static void ask_much(struct client *c, const char *request, size_t count)
{
	struct buf all;
	buf_init(&all, READ_SIZE);
	for (size_t i = 0; i < count; i++)
		buf_str(&all, request);
	assert_int_equal(buf_error(&all), 0);
	assert_int_equal(send(c->fd, all.data, all.len, MSG_NOSIGNAL), all.len);
	buf_release(&all);
}

static void open_both(struct fixture *f, struct client *greedy, struct client *other)
{
	struct gateway_options options;
	fixture_options(f, &options);
	fixture_open(f, &options);
	client_open(greedy, f);
	client_open(other, f);
	fixture_wait(f, connections(f) == 2.0);
}

static size_t answers(struct client *c)
{
	char statuses[READ_SIZE];
	client_poll(c);
	return client_statuses(c, statuses, sizeof(statuses));
}

static void a_client_that_asks_much_lets_others_in_between(void **state)
{
	struct fixture f;
	struct client greedy, other;
	(void)state;
	open_both(&f, &greedy, &other);
	ask_much(&greedy, "GET /ok HTTP/1.1\r\n" HOST "\r\n", 2000);
	client_say(&other, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&other, 1);
	assert_true(f.calls <= 1 + 3 * REQUESTS_PER_TURN);
	fixture_wait(&f, f.calls == 2001);
	client_wait(&greedy, 2000);
	client_close(&greedy);
	client_close(&other);
	fixture_close(&f);
}

/* One connection's requests take a whole turn. */
static void answer_slowly(void *arg, struct http_request *r)
{
	struct fixture *f = arg;
	uint64_t until = uv_hrtime() + (uint64_t)TURN_MS * 1000000 / REQUESTS_PER_TURN;
	while (uv_hrtime() < until)
		;
	f->calls++;
	http_respond(r, 200, NULL, 0, NULL, 0);
}

#define GREEDY 32

static void many_that_ask_much_let_others_in_between_and_share_alike(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client greedy[GREEDY], other;
	(void)state;
	fixture_options(&f, &options);
	fixture_open(&f, &options);
	fixture_route(&f, "GET", "/slow", answer_slowly);
	client_open(&other, &f);
	for (size_t i = 0; i < GREEDY; i++)
		client_open(&greedy[i], &f);
	fixture_wait(&f, connections(&f) == GREEDY + 1.0);
	for (size_t i = 0; i < GREEDY; i++)
		ask_much(&greedy[i], "GET /slow HTTP/1.1\r\n" HOST "\r\n", 100);
	fixture_wait(&f, f.calls > 0);
	assert_true(f.calls < REQUESTS_PER_TURN + GREEDY);
	/* Everybody has had a second turn by then, some a third. */
	unsigned before = f.calls + GREEDY * REQUESTS_PER_TURN * 3 / 2;
	fixture_wait(&f, f.calls >= before);
	for (size_t i = 0; i < GREEDY; i++)
		assert_true(answers(&greedy[i]) >= 2);
	before = f.calls;
	client_say(&other, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&other, 1);
	assert_true(f.calls - before <= 1 + 3 * REQUESTS_PER_TURN);
	for (size_t i = 0; i < GREEDY; i++)
		client_close(&greedy[i]);
	client_close(&other);
	fixture_close(&f);
}

static void a_client_that_leaves_with_much_unasked_leaves_nothing_behind(void **state)
{
	struct fixture f;
	struct client greedy, other;
	(void)state;
	open_both(&f, &greedy, &other);
	ask_much(&greedy, "GET /ok HTTP/1.1\r\n" HOST "\r\n", 2000);
	fixture_wait(&f, f.calls > 0);
	client_abort(&greedy);
	fixture_wait(&f, connections(&f) == 1.0);
	assert_true(memory(&f) == 0.0);
	client_close(&other);
	fixture_close(&f);
}

static void limits_that_make_no_sense_are_refused(void **state)
{
	struct fixture f;
	struct gateway_options options, bad;
	struct gateway *g;
	(void)state;
	fixture_options(&f, &options);
	bad = options;
	bad.head_max = 10;
	assert_true(gateway_open(&bad, &g) < 0);
	bad = options;
	bad.idle_timeout_ms = 0;
	assert_true(gateway_open(&bad, &g) < 0);
	bad = options;
	bad.loop = NULL;
	assert_true(gateway_open(&bad, &g) < 0);
	fixture_open(&f, &options);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_head_is_408),
		cmocka_unit_test(a_slow_body_is_408),
		cmocka_unit_test(a_body_that_was_begun_without_waiting_may_be_late_too),
		cmocka_unit_test(a_body_that_goes_on_is_not_late),
		cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
		cmocka_unit_test(a_client_that_does_not_read_is_cut),
		cmocka_unit_test(a_client_that_reads_slowly_gets_everything),
		cmocka_unit_test(connections_over_the_limit_are_503),
		cmocka_unit_test(connections_of_one_address_over_the_limit_are_503),
		cmocka_unit_test(the_control_socket_has_room_beyond_the_limit),
		cmocka_unit_test(bodies_that_do_not_end_leave_room_for_small_ones),
		cmocka_unit_test(unread_answers_are_few_when_memory_is_used_up),
		cmocka_unit_test(a_client_that_asks_much_lets_others_in_between),
		cmocka_unit_test(many_that_ask_much_let_others_in_between_and_share_alike),
		cmocka_unit_test(a_client_that_leaves_with_much_unasked_leaves_nothing_behind),
		cmocka_unit_test(limits_that_make_no_sense_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
