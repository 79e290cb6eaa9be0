/* Requests that a strict server has to refuse, and those beside them that it has to take. Each is sent whole and byte
 * by byte, and has to end the same way: what a request means may not depend on the pieces in which it comes. */
#include "support_gateway.h"

#include <stdio.h>
#include <stdlib.h>

#define GET "GET /ok HTTP/1.1\r\n"
#define POST "POST /echo HTTP/1.1\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

struct attempt {
	const char *name;
	const char *bytes;
	size_t len; /* 0: strlen */
	const char *statuses;
	bool stays; /* the connection is kept open: a request behind it is answered */
};

static const struct attempt attempts[] = {
	/* what is right */
	{"plain", GET HOST "\r\n", 0, "200", true},
	{"empty line before the request", "\r\n" GET HOST "\r\n", 0, "200", true},
	{"empty line between requests", GET HOST "\r\n\r\n" GET HOST "\r\n", 0, "200 200", true},
	{"white space around the value", GET "Host: \t h \t \r\n\r\n", 0, "200", true},
	{"empty value", GET HOST "X-Empty:\r\nX-Other: \r\n\r\n", 0, "200", true},
	{"value over 127", GET HOST "X: \xc3\xa9\r\n\r\n", 0, "200", true},
	{"GET with a body", "GET /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi" GET HOST "\r\n", 0, "200 200",
	 true},
	{"GET with a chunked body", "GET /echo HTTP/1.1\r\n" HOST CHUNKED "\r\n2\r\nhi\r\n0\r\n\r\n" GET HOST "\r\n", 0,
	 "200 200", true},
	{"POST without a length has no body", POST HOST "\r\n" GET HOST "\r\n", 0, "200 200", true},
	{"length 0", POST HOST "Content-Length: 0\r\n\r\n" GET HOST "\r\n", 0, "200 200", true},
	{"leading zeros in the length", POST HOST "Content-Length: 0002\r\n\r\nhi" GET HOST "\r\n", 0, "200 200", true},
	{"chunks with extension and trailer",
	 POST HOST CHUNKED "\r\n1;a=b;c=\"d\"\r\nx\r\n0A\r\n0123456789\r\n0\r\nT: v\r\n\r\n", 0, "200", true},
	{"coding in other case", POST HOST "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n", 0, "200", true},
	{"absolute target", "GET http://h/ok HTTP/1.1\r\n" HOST "\r\n", 0, "200", true},
	{"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, "204", true},
	{"encoded path", "GET /%6fk HTTP/1.1\r\n" HOST "\r\n", 0, "200", true},
	{"HTTP/1.0", "GET /ok HTTP/1.0\r\n\r\n", 0, "200", false},
	{"HTTP/1.0 with keep-alive", "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, "200", true},
	{"close is asked for", GET HOST "Connection: close\r\n\r\n" GET HOST "\r\n", 0, "200", false},
	{"an upgrade that is not spoken", GET HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0, "200", true},
	{"unknown path", "GET /no HTTP/1.1\r\n" HOST "\r\n", 0, "404", true},
	{"unknown path with a body", "POST /no HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi", 0, "404", true},
	{"other method", "DELETE /ok HTTP/1.1\r\n" HOST "\r\n", 0, "405", true},

	/* request line */
	{"no version", "GET /ok\r\n\r\n", 0, "400", false},
	{"HTTP/0.9", "GET /ok HTTP/0.9\r\n\r\n", 0, "505", false},
	{"HTTP/1.2", "GET /ok HTTP/1.2\r\n" HOST "\r\n", 0, "505", false},
	{"HTTP/2.0 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, "505", false},
	{"HTTP/9.9", "GET /ok HTTP/9.9\r\n" HOST "\r\n", 0, "505", false},
	{"HTTP/1.10", "GET /ok HTTP/1.10\r\n" HOST "\r\n", 0, "400", false},
	{"HTTP/01.1", "GET /ok HTTP/01.1\r\n" HOST "\r\n", 0, "400", false},
	{"version in small letters", "GET /ok http/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"two spaces", "GET  /ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"space behind the version", "GET /ok HTTP/1.1 \r\n" HOST "\r\n", 0, "400", false},
	{"space in the target", "GET /o k HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"tab instead of space", "GET\t/ok\tHTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"space before the method", " GET /ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"two empty lines first", "\r\n\r\n" GET HOST "\r\n", 0, "400", false},
	{"target over 127", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"control character in the target", "GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"DEL in the target", "GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"fragment", "GET /ok#x HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"encoded NUL", "GET /ok%00 HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"encoded NUL in the query", "GET /ok?a=%00 HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"broken encoding in the path", "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"dot segments", "GET /x/../ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"encoded dot segments", "GET /x/%2e%2E/ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"target without a slash", "GET ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"asterisk with GET", "GET * HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"absolute target of another host", "GET http://other/ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"absolute target without host", "GET http:///ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"another scheme", "GET ftp://h/ok HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 0, "501", false},
	{"TRACE", "TRACE /ok HTTP/1.1\r\n" HOST "\r\n", 0, "501", false},
	{"method of nobody", "FROB /ok HTTP/1.1\r\n" HOST "\r\n", 0, "501", false},
	{"method in small letters", "get /ok HTTP/1.1\r\n" HOST "\r\n", 0, "501", false},
	{"TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, "400", false},
	{"NUL first", "\0\0\0\0", 4, "400", false},

	/* line ends */
	{"bare LF", "GET /ok HTTP/1.1\nHost: h\n\n", 0, "400", false},
	{"bare LF in the fields", GET HOST "A: b\nC: d\r\n\r\n", 0, "400", false},
	{"bare LF as the end", GET HOST "\n", 0, "400", false},
	{"bare CR in a value", GET HOST "A: b\rC: d\r\n\r\n", 0, "400", false},
	{"bare CR in the request line", "GET /ok\r HTTP/1.1\r\n" HOST "\r\n", 0, "400", false},
	{"CR CR LF", GET HOST "\r\r\n\r\n", 0, "400", false},

	/* fields */
	{"space before the colon", GET "Host : h\r\n\r\n", 0, "400", false},
	{"space before the colon of a length", POST HOST "Content-Length : 2\r\n\r\nhi", 0, "400", false},
	{"tab before the colon", GET HOST "A\t: b\r\n\r\n", 0, "400", false},
	{"space inside the name", GET HOST "A B: c\r\n\r\n", 0, "400", false},
	{"folded field", GET HOST "A: b\r\n c\r\n\r\n", 0, "400", false},
	{"first field is folded", GET " " HOST "\r\n", 0, "400", false},
	{"folded coding", POST HOST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"no colon", GET HOST "nonsense\r\n\r\n", 0, "400", false},
	{"no name", GET HOST ": b\r\n\r\n", 0, "400", false},
	{"name over 127", GET HOST "A\xe9: b\r\n\r\n", 0, "400", false},
	{"NUL in a value", GET "Host: h\r\nA: \0b\r\n\r\n", 18 + 9 + 7 + 2, "400", false},
	{"control character in a value", GET HOST "A: \x08\r\n\r\n", 0, "400", false},
	{"no Host", GET "\r\n", 0, "400", false},
	{"two Hosts", GET HOST HOST "\r\n", 0, "400", false},
	{"two Hosts with HTTP/1.0", "GET /ok HTTP/1.0\r\n" HOST HOST "\r\n", 0, "400", false},
	{"empty Host", GET "Host:\r\n\r\n", 0, "400", false},
	{"Host with a path", GET "Host: h/x\r\n\r\n", 0, "400", false},
	{"Host with an at sign", GET "Host: a@h\r\n\r\n", 0, "400", false},
	{"expectation of nobody", POST HOST "Expect: tea\r\nContent-Length: 2\r\n\r\nhi", 0, "417", false},

	/* framing */
	{"length and coding", POST HOST "Content-Length: 5\r\n" CHUNKED "\r\n0\r\n\r\n" GET HOST "\r\n", 0, "400",
	 false},
	{"coding and length", POST HOST CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"two lengths", POST HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", 0, "400", false},
	{"the same length twice", POST HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 0, "400", false},
	{"list of lengths", POST HOST "Content-Length: 2, 2\r\n\r\nhi", 0, "400", false},
	{"negative length", POST HOST "Content-Length: -1\r\n\r\n", 0, "400", false},
	{"signed length", POST HOST "Content-Length: +2\r\n\r\nhi", 0, "400", false},
	{"hexadecimal length", POST HOST "Content-Length: 0x2\r\n\r\nhi", 0, "400", false},
	{"length with a point", POST HOST "Content-Length: 2.0\r\n\r\nhi", 0, "400", false},
	{"length with spaces inside", POST HOST "Content-Length: 1 2\r\n\r\n", 0, "400", false},
	{"empty length", POST HOST "Content-Length:\r\n\r\n", 0, "400", false},
	{"length of 2^64", POST HOST "Content-Length: 18446744073709551616\r\n\r\n", 0, "400", false},
	{"length of 2^64 + 2", POST HOST "Content-Length: 18446744073709551618\r\n\r\nhi", 0, "400", false},
	{"length of many digits", POST HOST "Content-Length: 999999999999999999999999999\r\n\r\n", 0, "400", false},
	{"length of 2^63", POST HOST "Content-Length: 9223372036854775808\r\n\r\n", 0, "413", false},
	{"length over the limit", POST HOST "Content-Length: 4097\r\n\r\n", 0, "413", false},
	{"length over the limit, asking first", POST HOST "Expect: 100-continue\r\nContent-Length: 4097\r\n\r\n", 0,
	 "413", false},
	{"identity, chunked", POST HOST "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"identity", POST HOST "Transfer-Encoding: identity\r\n\r\n", 0, "400", false},
	{"chunked, identity", POST HOST "Transfer-Encoding: chunked, identity\r\n\r\n", 0, "400", false},
	{"chunked twice", POST HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"two codings", POST HOST CHUNKED CHUNKED "\r\n0\r\n\r\n", 0, "400", false},
	{"empty coding", POST HOST "Transfer-Encoding:\r\n\r\n", 0, "400", false},
	{"empty member of the coding", POST HOST "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"coding with a letter too many", POST HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"coding in quotes", POST HOST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 0, "400", false},
	{"vertical tab in the coding",
	 POST HOST "Transfer-Encoding: \x0b"
		   "chunked\r\n\r\n0\r\n\r\n",
	 0, "400", false},
	{"gzip, chunked", POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, "501", false},
	{"coding with HTTP/1.0", "POST /echo HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n", 0, "400", false},
	{"POST of HTTP/1.0 without a length", "POST /echo HTTP/1.0\r\n\r\n", 0, "411", false},

	/* chunks */
	{"chunk without a size", POST HOST CHUNKED "\r\n\r\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"size that is none", POST HOST CHUNKED "\r\nz\r\n", 0, "400", false},
	{"size with 0x", POST HOST CHUNKED "\r\n0x2\r\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"negative size", POST HOST CHUNKED "\r\n-2\r\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"size with a space behind", POST HOST CHUNKED "\r\n2 \r\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"size with a space before", POST HOST CHUNKED "\r\n 2\r\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"size of 2^64", POST HOST CHUNKED "\r\n10000000000000000\r\n", 0, "400", false},
	{"size of 2^64 - 1", POST HOST CHUNKED "\r\nffffffffffffffff\r\n", 0, "413", false},
	{"size over the limit", POST HOST CHUNKED "\r\n1001\r\n", 0, "413", false},
	{"sum over the limit", POST HOST CHUNKED "\r\n2\r\nhi\r\nfff\r\n", 0, "413", false},
	{"bare LF behind the size", POST HOST CHUNKED "\r\n2\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"bare LF in an extension", POST HOST CHUNKED "\r\n2;a\nb\r\nhi\r\n0\r\n\r\n", 0, "400", false},
	{"bare CR behind the size", POST HOST CHUNKED "\r\n2\rXhi\r\n0\r\n\r\n", 0, "400", false},
	{"other bytes behind the data", POST HOST CHUNKED "\r\n2\r\nhiXX0\r\n\r\n", 0, "400", false},
	{"another byte for the CR behind the data", POST HOST CHUNKED "\r\n2\r\nhiX\n0\r\n\r\n", 0, "400", false},
	{"another byte for the LF behind the data", POST HOST CHUNKED "\r\n2\r\nhi\rX0\r\n\r\n", 0, "400", false},
	{"bare LF behind the data", POST HOST CHUNKED "\r\n2\r\nhi\n0\r\n\r\n", 0, "400", false},
	{"data longer than the size", POST HOST CHUNKED "\r\n2\r\nhi!\r\n0\r\n\r\n", 0, "400", false},
	{"folded trailer", POST HOST CHUNKED "\r\n0\r\nA: b\r\n c\r\n\r\n", 0, "400", false},
	{"trailer with space before the colon", POST HOST CHUNKED "\r\n0\r\nA : b\r\n\r\n", 0, "400", false},
	{"trailer with a bare LF", POST HOST CHUNKED "\r\n0\r\nA: b\n\r\n", 0, "400", false},

	/* behind a good one: answered in order, then closed */
	{"good, bad, good", GET HOST "\r\n" GET "\r\n" GET HOST "\r\n", 0, "200 400", false},
	{"a request hidden in a body", POST HOST "Content-Length: 36\r\n\r\nGET /ok HTTP/1.1\r\n" HOST "XX: y\r\n\r\n",
	 0, "200", true},
};

/* Waits until what is expected, or something else, has certainly come. */
static void settle(struct client *c, size_t count)
{
	char statuses[256];
	uint64_t until = uv_hrtime() + WAIT_MS * (uint64_t)1000000;
	for (client_poll(c); !c->ended && !c->reset && uv_hrtime() < until; client_poll(c)) {
		if (count > 0 && client_statuses(c, statuses, sizeof(statuses)) >= count)
			return;
		fixture_turn(c->fixture, c);
	}
}

/* Says what was wrong, so that one run shows all. */
static bool run_attempt(struct fixture *f, const struct attempt *a, size_t piece)
{
	static const char follow_up[] = GET HOST "\r\n";
	struct client c;
	char statuses[256], expected[256];
	size_t len = a->len ? a->len : strlen(a->bytes);
	client_open(&c, f);
	client_send(&c, a->bytes, len, piece);
	snprintf(expected, sizeof(expected), "%s%s", a->statuses, a->stays ? " 200" : "");
	if (a->stays)
		client_send(&c, follow_up, sizeof(follow_up) - 1, piece);
	settle(&c, a->stays ? (strlen(expected) + 1) / 4 : 0);
	client_statuses(&c, statuses, sizeof(statuses));
	bool right = strcmp(statuses, expected) == 0 && !c.reset && c.ended != a->stays;
	if (!right)
		print_error("%s, in pieces of %zu: got \"%s\", expected \"%s\", %s\n", a->name, piece, statuses,
			    expected,
			    c.reset   ? "reset"
			    : c.ended ? "closed"
				      : "open");
	client_close(&c);
	return right;
}

static void every_attempt_ends_as_it_must_in_one_piece_and_in_bytes(void **state)
{
	struct fixture f;
	struct gateway_options options;
	size_t wrong = 0;
	(void)state;
	fixture_options(&f, &options);
	options.body_max = 4096;
	fixture_open(&f, &options);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		wrong += !run_attempt(&f, &attempts[i], SIZE_MAX);
		wrong += !run_attempt(&f, &attempts[i], 1);
		wrong += !run_attempt(&f, &attempts[i], 7);
	}
	assert_int_equal(wrong, 0);
	assert_still_serves(&f);
	fixture_close(&f);
}

/* Sends `unit` until the connection ends; nobody else is disturbed. */
static void send_endless(const char *start, const char *unit, const char *statuses)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	fixture_options(&f, &options);
	options.head_max = 1024;
	options.body_max = 4096;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, start);
	for (int i = 0; i < 100000 && !c.ended && !c.reset; i++)
		client_say(&c, unit);
	client_wait_end(&c);
	assert_statuses(&c, statuses);
	client_close(&c);
	assert_still_serves(&f);
	fixture_close(&f);
}

static void an_endless_target_is_414(void **state)
{
	(void)state;
	send_endless("GET /", "aaaaaaaaaaaaaaaa", "414");
}

static void an_endless_field_is_431(void **state)
{
	(void)state;
	send_endless(GET "A: ", "aaaaaaaaaaaaaaaa", "431");
}

static void endless_fields_are_431(void **state)
{
	(void)state;
	send_endless(GET, "A: b\r\n", "431");
}

static void an_endless_body_is_413(void **state)
{
	(void)state;
	send_endless(POST HOST CHUNKED "\r\n", "2\r\nhi\r\n", "413");
}

static void an_endless_extension_is_400(void **state)
{
	(void)state;
	send_endless(POST HOST CHUNKED "\r\n2;", "aaaaaaaaaaaaaaaa", "400");
}

static void endless_trailers_are_431(void **state)
{
	(void)state;
	send_endless(POST HOST CHUNKED "\r\n0\r\n", "A: b\r\n", "431");
}

static void more_than_100_fields_are_431(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	(void)state;
	fixture_options(&f, &options);
	fixture_open(&f, &options);
	for (int count = 100; count <= 101; count++) {
		client_open(&c, &f);
		client_say(&c, GET HOST);
		for (int i = 1; i < count; i++)
			client_say(&c, "A: b\r\n");
		client_say(&c, "\r\n");
		client_wait(&c, 1);
		assert_statuses(&c, count == 100 ? "200" : "431");
		client_close(&c);
	}
	fixture_close(&f);
}

static void the_answer_413_can_be_read_while_the_body_is_still_being_sent(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct client c;
	static char body[1 << 20];
	(void)state;
	memset(body, 'x', sizeof(body));
	fixture_options(&f, &options);
	options.body_max = 100;
	fixture_open(&f, &options);
	client_open(&c, &f);
	client_say(&c, POST HOST "Content-Length: 1048576\r\n\r\n");
	client_send(&c, body, sizeof(body), 65536);
	client_wait_end(&c);
	assert_statuses(&c, "413");
	assert_false(c.reset);
	client_close(&c);
	fixture_close(&f);
}

static void a_client_may_leave_at_any_byte(void **state)
{
	static const char request[] = "POST /echo HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n" CHUNKED
				      "\r\n5\r\nhello\r\n0\r\n\r\nGET /late/1 HTTP/1.1\r\n" HOST "\r\n";
	struct fixture f;
	struct gateway_options options;
	struct client c;
	(void)state;
	fixture_options(&f, &options);
	fixture_open(&f, &options);
	for (size_t len = 0; len < sizeof(request); len++) {
		for (int abort = 0; abort < 2; abort++) {
			client_open(&c, &f);
			client_send(&c, request, len, SIZE_MAX);
			if (abort)
				client_abort(&c);
			else
				client_close(&c);
			uv_run(&f.loop, UV_RUN_NOWAIT);
		}
	}
	/* Only the last two had sent the second request to its end. */
	fixture_wait(&f, f.held_count == 2 && f.gone == 2);
	assert_still_serves(&f);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_attempt_ends_as_it_must_in_one_piece_and_in_bytes),
		cmocka_unit_test(an_endless_target_is_414),
		cmocka_unit_test(an_endless_field_is_431),
		cmocka_unit_test(endless_fields_are_431),
		cmocka_unit_test(an_endless_body_is_413),
		cmocka_unit_test(an_endless_extension_is_400),
		cmocka_unit_test(endless_trailers_are_431),
		cmocka_unit_test(more_than_100_fields_are_431),
		cmocka_unit_test(the_answer_413_can_be_read_while_the_body_is_still_being_sent),
		cmocka_unit_test(a_client_may_leave_at_any_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
