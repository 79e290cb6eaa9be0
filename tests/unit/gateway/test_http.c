/* What HTTP/1.1 asks of a server that behaves, and what handlers are shown of a request. */
#include "support_gateway.h"

#include <stdio.h>
#include <stdlib.h>

static void open_default(struct fixture *f)
{
	struct gateway_options options;
	fixture_options(f, &options);
	fixture_open(f, &options);
}

static bool holds(const struct client *c, const char *text)
{
	return c->in.len > 0 && strstr(buf_cstr(&c->in), text) != NULL;
}

/* One exchange on a connection of its own; the bytes of the answer stay in `c`. */
static void exchange(struct fixture *f, struct client *c, const char *request)
{
	client_open(c, f);
	client_say(c, request);
	client_wait(c, 1);
}

static void a_connection_carries_many_requests(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	for (size_t i = 1; i <= 200; i++) {
		client_say(&c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
		client_wait(&c, i);
	}
	assert_int_equal(f.calls, 200);
	assert_false(holds(&c, "Connection:"));
	client_close(&c);
	fixture_close(&f);
}

static void http_1_0_keeps_the_connection_only_when_asked(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	exchange(&f, &c, "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(holds(&c, "Connection: keep-alive\r\n"));
	client_say(&c, "GET /ok HTTP/1.0\r\n\r\n");
	client_wait_end(&c);
	assert_true(holds(&c, "Connection: close\r\n"));
	assert_statuses(&c, "200 200");
	client_close(&c);
	fixture_close(&f);
}

static void head_has_the_length_but_no_body(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	client_say(&c, "HEAD /big HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	client_wait_end(&c);
	assert_true(holds(&c, "HTTP/1.1 200 OK\r\n"));
	assert_true(holds(&c, "Content-Length: 4194304\r\n"));
	assert_memory_equal(c.in.data + c.in.len - 4, "\r\n\r\n", 4);
	assert_true(c.in.len < 300);
	client_close(&c);
	client_open(&c, &f);
	client_say(&c, "HEAD /none HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	client_wait_end(&c);
	assert_true(holds(&c, "HTTP/1.1 404 Not Found\r\n"));
	assert_memory_equal(c.in.data + c.in.len - 4, "\r\n\r\n", 4);
	client_close(&c);
	fixture_close(&f);
}

static void a_thousand_pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture f;
	struct client c;
	struct buf out;
	(void)state;
	open_default(&f);
	buf_init(&out, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_printf(&out, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n%04d", i);
	client_open(&c, &f);
	client_send(&c, out.data, out.len, SIZE_MAX);
	fixture_wait(&f, f.calls == 1000);
	client_wait(&c, 1000);
	const char *at = c.in.data;
	for (int i = 0; i < 1000; i++) {
		char number[16];
		snprintf(number, sizeof(number), "\r\n\r\n%04d", i);
		at = strstr(at, number);
		assert_non_null(at);
	}
	client_close(&c);
	buf_release(&out);
	fixture_close(&f);
}

static void requests_before_a_half_close_are_all_answered(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	for (int i = 0; i < 100; i++)
		client_say(&c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\n");
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\nGET /ok HTTP/1.1\r\nHos");
	client_finish(&c);
	for (int i = 0; i < 100; i++) {
		fixture_wait(&f, f.held_count > 0);
		fixture_answer(&f, 0, "x");
	}
	client_wait_end(&c);
	char statuses[2000];
	assert_int_equal(client_statuses(&c, statuses, sizeof(statuses)), 101);
	assert_false(c.reset);
	client_close(&c);
	fixture_close(&f);
}

static void a_body_that_the_client_does_not_finish_ends_the_connection(void **state)
{
	static const char *const requests[] = {"POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhi",
					       "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhi"};
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	for (int i = 0; i < 2; i++) {
		client_open(&c, &f);
		client_say(&c, requests[i]);
		client_finish(&c);
		client_wait_end(&c);
		assert_int_equal(c.in.len, 0);
		client_close(&c);
	}
	assert_int_equal(f.calls, 0);
	fixture_close(&f);
}

static void chunked_bodies_arrive_whole(void **state)
{
	struct fixture f;
	struct client c;
	size_t len;
	(void)state;
	open_default(&f);
	exchange(&f, &c,
		 "PUT /echo HTTP/1.1\r\n" HOST
		 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\nT: v\r\n\r\n");
	const char *body = client_body(&c, 0, &len);
	assert_int_equal(len, 11);
	assert_memory_equal(body, "hello world", 11);
	client_close(&c);
	fixture_close(&f);
}

static void a_body_as_large_as_the_limit_is_taken_in_any_pieces(void **state)
{
	struct fixture f;
	struct client c;
	size_t len;
	static char body[100000];
	struct gateway_options options;
	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)('a' + i % 26);
	fixture_options(&f, &options);
	options.body_max = sizeof(body);
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\n");
	client_send(&c, body, sizeof(body), 777);
	client_wait(&c, 1);
	assert_memory_equal(client_body(&c, 0, &len), body, sizeof(body));
	client_close(&c);
	fixture_close(&f);
}

static void a_client_that_asks_first_is_told_to_go_on(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	exchange(&f, &c, "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
	assert_statuses(&c, "100");
	client_say(&c, "hi");
	client_wait(&c, 2);
	assert_statuses(&c, "100 200");
	client_close(&c);
	fixture_close(&f);
}

static void a_client_that_asks_but_does_not_wait_is_not_told(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	/* The body stands right behind the head; 100 may be left out then, and HTTP/1.0 does not know it. */
	client_say(&c, "POST /late/1 HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
		       "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
		       "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
	fixture_wait(&f, f.held_count == 1);
	fixture_answer(&f, 0, "x");
	client_wait_end(&c);
	assert_statuses(&c, "200 200 200");
	client_close(&c);
	fixture_close(&f);
}

static void a_client_that_asks_for_a_path_that_is_not_there_need_not_send(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	client_say(&c, "POST /none HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	client_wait_end(&c);
	assert_statuses(&c, "404");
	client_close(&c);
	fixture_close(&f);
}

static void go_on_is_said_behind_the_answers_before_it(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	client_say(&c, "GET /late/1 HTTP/1.1\r\n" HOST "\r\nPOST /echo HTTP/1.1\r\n" HOST
		       "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	fixture_wait(&f, f.held_count == 1);
	client_poll(&c);
	assert_int_equal(c.in.len, 0);
	fixture_answer(&f, 0, "x");
	client_wait(&c, 2);
	assert_statuses(&c, "200 100");
	client_say(&c, "hi");
	client_wait(&c, 3);
	assert_statuses(&c, "200 100 200");
	client_close(&c);
	fixture_close(&f);
}

static void allow_lists_what_the_path_takes(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	exchange(&f, &c, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n");
	assert_true(holds(&c, "HTTP/1.1 405 Method Not Allowed\r\n"));
	assert_true(holds(&c, "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n"));
	client_close(&c);
	exchange(&f, &c, "OPTIONS /echo HTTP/1.1\r\n" HOST "\r\n");
	assert_true(holds(&c, "HTTP/1.1 204 No Content\r\n"));
	assert_true(holds(&c, "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n"));
	assert_false(holds(&c, "Content-Length"));
	client_close(&c);
	fixture_close(&f);
}

static void show(void *arg, struct http_request *r)
{
	struct buf out;
	const char *name, *value;
	(void)arg;
	buf_init(&out, 65536);
	buf_printf(&out, "%s|%s|%s|", http_method(r), http_path(r), http_query(r));
	const char *query = http_query_value(r, "a b");
	buf_printf(&out, "%s|", query ? query : "(none)");
	query = http_query_value(r, "empty");
	buf_printf(&out, "%s|", query ? query : "(none)");
	buf_printf(&out, "%s|", http_query_value(r, "nobody") ? "some" : "(none)");
	buf_printf(&out, "%s|%s|", http_param(r, "one"), http_param(r, "rest"));
	buf_printf(&out, "%s|", http_param(r, "none") ? "some" : "(none)");
	buf_printf(&out, "%s|%s|", http_header(r, "x-TWICE"), http_header(r, "X-None") ? "some" : "(none)");
	for (size_t i = 0; http_header_at(r, i, &name, &value); i++)
		buf_printf(&out, "%s=%s,", name, value);
	buf_printf(&out, "|%s|%d|%d", http_remote(r), http_is_control(r), http_is_loopback(r));
	http_respond(r, 200, NULL, 0, out.data, out.len);
	buf_release(&out);
}

static void a_handler_sees_the_request_decoded(void **state)
{
	struct fixture f;
	struct client c;
	size_t len;
	(void)state;
	open_default(&f);
	fixture_route(&f, "PATCH", "/show/{one}/{rest...}", show);
	exchange(&f, &c,
		 "PATCH http://h/show/a%2Fb%20c/x//%c3%A9?a+b=1%262&empty&a%20b=second&p=100% HTTP/1.1\r\n" HOST
		 "X-Twice: first\r\nx-twice:  second \r\nX-Empty:\r\n\r\n");
	static const char expected[] =
		"PATCH|/show/a%2Fb%20c/x//%c3%A9|a+b=1%262&empty&a%20b=second&p=100%|1&2||(none)|a/b "
		"c|x//\xc3\xa9|(none)|"
		"first|(none)|Host=h,X-Twice=first,x-twice=second,X-Empty=,|127.0.0.1|0|1";
	const char *body = client_body(&c, 0, &len);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(body, expected, len);
	client_close(&c);
	fixture_close(&f);
}

static void answer_with_bad_header(void *arg, struct http_request *r)
{
	struct http_header_field field = {.name = "Location", .value = "/x\r\nSet-Cookie: a=b", .value_len = 20};
	(void)arg;
	assert_true(http_respond(r, 200, &field, 1, NULL, 0) < 0);
}

static void a_line_end_in_a_header_of_an_answer_does_not_get_out(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	fixture_route(&f, "GET", "/bad", answer_with_bad_header);
	exchange(&f, &c, "GET /bad HTTP/1.1\r\n" HOST "\r\n");
	assert_statuses(&c, "500");
	assert_false(holds(&c, "Set-Cookie"));
	client_close(&c);
	fixture_close(&f);
}

static void answer_problem(void *arg, struct http_request *r)
{
	(void)arg;
	http_problem(r, 429, "rate", "Too \"many\".", 7);
}

static void a_problem_is_json_and_says_when_to_come_back(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	fixture_route(&f, "GET", "/problem", answer_problem);
	exchange(&f, &c, "GET /problem HTTP/1.1\r\n" HOST "\r\n");
	assert_true(holds(&c, "HTTP/1.1 429 Too Many Requests\r\n"));
	assert_true(holds(&c, "Content-Type: application/problem+json\r\n"));
	assert_true(holds(&c, "Retry-After: 7\r\n"));
	assert_true(holds(&c, "\r\n\r\n{\"type\":\"tappet:rate\",\"title\":\"Too Many Requests\",\"status\":429,"
			      "\"detail\":\"Too \\\"many\\\".\"}"));
	client_close(&c);
	fixture_close(&f);
}

static void answer_own_framing(void *arg, struct http_request *r)
{
	struct http_header_field fields[] = {{.name = "content-length", .value = "99", .value_len = 2},
					     {.name = "Transfer-Encoding", .value = "chunked", .value_len = 7},
					     {.name = "X-Mine", .value = "yes!", .value_len = 3}};
	(void)arg;
	http_respond(r, 201, fields, 3, "abc", 3);
}

static void handlers_cannot_frame_the_answer_themselves(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	fixture_route(&f, "GET", "/own", answer_own_framing);
	exchange(&f, &c, "GET /own HTTP/1.1\r\n" HOST "\r\n");
	assert_true(holds(&c, "Content-Length: 3\r\n"));
	assert_false(holds(&c, "99"));
	assert_false(holds(&c, "chunked"));
	assert_true(holds(&c, "X-Mine: yes\r\n"));
	client_close(&c);
	fixture_close(&f);
}

static void requests_are_counted_by_class(void **state)
{
	struct fixture f;
	struct client c;
	(void)state;
	open_default(&f);
	client_open(&c, &f);
	client_say(&c,
		   "GET /ok HTTP/1.1\r\n" HOST "\r\nGET /ok HTTP/1.1\r\n" HOST "\r\nGET /no HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, 3);
	const char *name = "tappet_http_requests_total";
	assert_true(metric_value(metrics_counter(f.metrics, name, "", "code=\"2xx\"")) == 2.0);
	assert_true(metric_value(metrics_counter(f.metrics, name, "", "code=\"4xx\"")) == 1.0);
	assert_true(metric_value(metrics_gauge(f.metrics, "tappet_http_connections", "", NULL)) == 1.0);
	client_close(&c);
	fixture_wait(&f, metric_value(metrics_gauge(f.metrics, "tappet_http_connections", "", NULL)) == 0.0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_carries_many_requests),
		cmocka_unit_test(http_1_0_keeps_the_connection_only_when_asked),
		cmocka_unit_test(head_has_the_length_but_no_body),
		cmocka_unit_test(a_thousand_pipelined_requests_are_answered_in_order),
		cmocka_unit_test(requests_before_a_half_close_are_all_answered),
		cmocka_unit_test(a_body_that_the_client_does_not_finish_ends_the_connection),
		cmocka_unit_test(chunked_bodies_arrive_whole),
		cmocka_unit_test(a_body_as_large_as_the_limit_is_taken_in_any_pieces),
		cmocka_unit_test(a_client_that_asks_first_is_told_to_go_on),
		cmocka_unit_test(a_client_that_asks_but_does_not_wait_is_not_told),
		cmocka_unit_test(a_client_that_asks_for_a_path_that_is_not_there_need_not_send),
		cmocka_unit_test(go_on_is_said_behind_the_answers_before_it),
		cmocka_unit_test(allow_lists_what_the_path_takes),
		cmocka_unit_test(a_handler_sees_the_request_decoded),
		cmocka_unit_test(a_line_end_in_a_header_of_an_answer_does_not_get_out),
		cmocka_unit_test(a_problem_is_json_and_says_when_to_come_back),
		cmocka_unit_test(handlers_cannot_frame_the_answer_themselves),
		cmocka_unit_test(requests_are_counted_by_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
