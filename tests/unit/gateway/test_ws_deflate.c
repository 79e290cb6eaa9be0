/* permessage-deflate: what is agreed to, and messages there and back. */
#include "support_gateway.h"

#include <errno.h>
#include <stdlib.h>
#include "gateway/websocket.h"
#include "gateway/ws_deflate.h"

#define ANSWER "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

static void offers_are_agreed_to_when_they_can_be_served(void **state)
{
	static const struct {
		const char *offers, *answer;
		int bits;
	} cases[] = {
		{"permessage-deflate", ANSWER, 15},
		{"permessage-deflate; client_max_window_bits", ANSWER, 15},
		{"permessage-deflate; client_max_window_bits=10", ANSWER, 15},
		{" permessage-deflate ;server_max_window_bits=10 ", ANSWER "; server_max_window_bits=10", 10},
		{"permessage-deflate; server_max_window_bits=\"9\"", ANSWER "; server_max_window_bits=9", 9},
		{"permessage-deflate; server_max_window_bits=8, permessage-deflate", ANSWER, 15},
		{"x-webkit-deflate-frame, permessage-deflate; client_no_context_takeover", ANSWER, 15},
		{"foo; a=b; c, permessage-deflate", ANSWER, 15},
		{"permessage-deflate; server_max_window_bits=8", NULL, 0},
		{"permessage-deflate; server_max_window_bits", NULL, 0},
		{"permessage-deflate; server_max_window_bits=16", NULL, 0},
		{"permessage-deflate; server_max_window_bits=010", NULL, 0},
		{"permessage-deflate; server_no_context_takeover=1", NULL, 0},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", NULL, 0},
		{"permessage-deflate; unknown", NULL, 0},
		{"permessage-deflate; client_max_window_bits=7", NULL, 0},
		{"permessage-deflates", NULL, 0},
		{"permessage-deflate server_no_context_takeover", NULL, 0},
		{"", NULL, 0},
		{",,;;", NULL, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char answer[WS_DEFLATE_ANSWER_SIZE] = "";
		int bits = 0;
		bool agreed = ws_deflate_agree(cases[i].offers, &bits, answer, sizeof(answer));
		if (agreed != (cases[i].answer != NULL))
			fail_msg("%s", cases[i].offers);
		assert_string_equal(answer, cases[i].answer ? cases[i].answer : "");
		assert_int_equal(bits, cases[i].bits);
	}
}

static void there_and_back(struct ws_deflate *d, int bits, const char *text, size_t len)
{
	struct buf small, plain;
	struct websocket_part parts[3] = {{text, len / 3}, {text, 0}, {text + len / 3, len - len / 3}};
	buf_init(&small, len + 65536);
	buf_init(&plain, len + 65536);
	assert_int_equal(ws_deflate_add(d, bits, parts, 3, &small), 0);
	assert_int_equal(ws_inflate(d, buf_cstr(&small), small.len, len, &plain), 0);
	assert_int_equal(plain.len, len);
	assert_memory_equal(buf_cstr(&plain), text, len);
	buf_release(&small);
	buf_release(&plain);
}

static void messages_come_back_as_they_were(void **state)
{
	struct ws_deflate *d;
	size_t len = 300000;
	char *text = malloc(len);
	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(i % 7 == 0 ? rand() : "the same again "[i % 15]);
	assert_int_equal(ws_deflate_open(&d), 0);
	for (int bits = WS_WINDOW_BITS_LEAST; bits <= WS_WINDOW_BITS; bits++) {
		there_and_back(d, bits, text, 0);
		there_and_back(d, bits, text, 1);
		there_and_back(d, bits, text, 1000);
		there_and_back(d, bits, text, 65536);
		there_and_back(d, bits, text, len);
	}
	ws_deflate_free(d);
	free(text);
}

static void a_bomb_ends_at_the_limit(void **state)
{
	struct ws_deflate *d;
	struct buf small, plain;
	size_t len = 4 << 20;
	char *zeros = calloc(1, len);
	struct websocket_part part = {zeros, len};
	(void)state;
	assert_int_equal(ws_deflate_open(&d), 0);
	buf_init(&small, 1 << 20);
	buf_init(&plain, 200000);
	assert_int_equal(ws_deflate_add(d, 15, &part, 1, &small), 0);
	assert_int_equal(ws_inflate(d, small.data, small.len, 100000, &plain), -E2BIG);
	assert_true(plain.cap <= 200001);
	buf_release(&small);
	buf_release(&plain);
	ws_deflate_free(d);
	free(zeros);
}

static void garbage_is_told_from_data(void **state)
{
	struct ws_deflate *d;
	struct buf plain;
	(void)state;
	assert_int_equal(ws_deflate_open(&d), 0);
	buf_init(&plain, 1 << 20);
	assert_int_equal(ws_inflate(d, "\xff\xff\xff\xff", 4, 1000, &plain), -EBADMSG);
	/* The next message is none the worse for it. */
	there_and_back(d, 15, "hello hello hello hello", 23);
	/* RFC 7692 section 7.2.3.4: a block that says that it is the last. */
	buf_clear(&plain);
	assert_int_equal(ws_inflate(d, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, 1000, &plain), 0);
	assert_string_equal(buf_cstr(&plain), "Hello");
	buf_release(&plain);
	ws_deflate_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_are_agreed_to_when_they_can_be_served),
		cmocka_unit_test(messages_come_back_as_they_were),
		cmocka_unit_test(a_bomb_ends_at_the_limit),
		cmocka_unit_test(garbage_is_told_from_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
