/* WebSocket by a listener: what clients may not do, and the code that each is answered by. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "support_ws_owner.h"
#include "gateway/ws_deflate.h"

/* ---- violations ------------------------------------------------------------------------------------------------ */

struct violation {
	const char *what;
	void (*make)(struct buf *out);
	int code;
};

static void unmasked(struct buf *out)
{
	put_head(out, FIN | TEXT, 2, "hi", 2);
}
static void rsv1(struct buf *out)
{
	put_frame(out, FIN | RSV1 | TEXT, "hi", 2);
}
static void rsv2(struct buf *out)
{
	put_frame(out, FIN | 0x20 | TEXT, "hi", 2);
}
static void rsv3_on_ping(struct buf *out)
{
	put_frame(out, FIN | 0x10 | PING, "", 0);
}
static void opcode_3(struct buf *out)
{
	put_frame(out, FIN | 3, "", 0);
}
static void opcode_11(struct buf *out)
{
	put_frame(out, FIN | 11, "", 0);
}
static void fragmented_ping(struct buf *out)
{
	put_frame(out, PING, "", 0);
}
static void long_ping(struct buf *out)
{
	char payload[126] = "";
	put_frame(out, FIN | PING, payload, sizeof(payload));
}
static void lone_continuation(struct buf *out)
{
	put_frame(out, FIN, "hi", 2);
}
static void text_in_fragments(struct buf *out)
{
	put_frame(out, TEXT, "hi", 2);
	put_frame(out, FIN | TEXT, "hi", 2);
}
static void length_with_top_bit(struct buf *out)
{
	put_head(out, FIN | TEXT, 0xff, "\x80\0\0\0\0\0\0\1mask", 12);
}
static void length_too_wide(struct buf *out)
{
	put_head(out, FIN | TEXT, 0xfe, "\0\5mask", 6);
	buf_str(out, "12345");
}
static void not_utf8(struct buf *out)
{
	put_frame(out, FIN | TEXT, "\xc0\xaf", 2);
}
static void surrogate(struct buf *out)
{
	put_frame(out, FIN | TEXT, "\xed\xa0\x80", 3);
}
static void cut_utf8(struct buf *out)
{
	put_frame(out, TEXT, "gr\xc3", 3);
	put_frame(out, FIN, "", 0);
}
static void close_of_one_byte(struct buf *out)
{
	put_frame(out, FIN | CLOSE, "\3", 1);
}
static void close_not_utf8(struct buf *out)
{
	put_frame(out, FIN | CLOSE, "\3\xe8\xff", 3);
}
static void too_long(struct buf *out)
{
	put_head(out, FIN | BINARY, 0xff, "\0\0\0\0\0\x20\0\0maskx", 13);
}

#define BAD_CLOSE(number)                                                                                              \
	static void close_##number(struct buf *out)                                                                    \
	{                                                                                                              \
		char payload[2];                                                                                       \
		put_frame(out, FIN | CLOSE, payload, close_payload(payload, number, ""));                              \
	}
BAD_CLOSE(0)
BAD_CLOSE(999)
BAD_CLOSE(1004)
BAD_CLOSE(1005)
BAD_CLOSE(1006)
BAD_CLOSE(1015)
BAD_CLOSE(2999)
BAD_CLOSE(5000)
/* And those that are right. */
BAD_CLOSE(1000)
BAD_CLOSE(1014)
BAD_CLOSE(3000)
BAD_CLOSE(4999)

static const struct violation violations[] = {
	{"unmasked", unmasked, 1002},
	{"RSV1", rsv1, 1002},
	{"RSV2", rsv2, 1002},
	{"RSV3", rsv3_on_ping, 1002},
	{"opcode 3", opcode_3, 1002},
	{"opcode 11", opcode_11, 1002},
	{"fragmented ping", fragmented_ping, 1002},
	{"long ping", long_ping, 1002},
	{"continuation of nothing", lone_continuation, 1002},
	{"text among fragments", text_in_fragments, 1002},
	{"length with top bit", length_with_top_bit, 1002},
	{"length wider than needed", length_too_wide, 1002},
	{"no UTF-8", not_utf8, 1007},
	{"surrogate", surrogate, 1007},
	{"UTF-8 that is cut", cut_utf8, 1007},
	{"close of one byte", close_of_one_byte, 1002},
	{"reason no UTF-8", close_not_utf8, 1007},
	{"more than the maximum", too_long, 1009},
	{"0", close_0, 1002},
	{"999", close_999, 1002},
	{"1004", close_1004, 1002},
	{"1005", close_1005, 1002},
	{"1006", close_1006, 1002},
	{"1015", close_1015, 1002},
	{"2999", close_2999, 1002},
	{"5000", close_5000, 1002},
	{"1000", close_1000, 1000},
	{"1014", close_1014, 1014},
	{"3000", close_3000, 3000},
	{"4999", close_4999, 4999},
};

static void violate(const struct violation *v, size_t piece)
{
	struct fixture f;
	struct client c;
	struct buf out;
	open_fixture(&f, NULL);
	buf_init(&out, 1 << 20);
	ws_open(&c, &f, "/ws", "");
	v->make(&out);
	/* What comes behind is not looked at. */
	put_frame(&out, FIN | TEXT, "behind", 6);
	send_script(&c, &out, piece);
	struct server_frame frame = wait_frame(&c, 0);
	if (frame.first != (FIN | CLOSE) || close_code(&frame) != v->code)
		fail_msg("%s: %x, %d", v->what, frame.first, close_code(&frame));
	client_wait_end(&c);
	fixture_wait(&f, peers[0].closed == 1);
	assert_int_equal(peers[0].end.code, v->code);
	assert_int_equal(peers[0].messages, 0);
	buf_release(&out);
	client_close(&c);
	fixture_close(&f);
}

static void violations_are_answered_by_their_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		violate(&violations[i], 0);
		violate(&violations[i], 1);
	}
}

static void compressed_garbage_and_bombs_are_refused(void **state)
{
	static const struct {
		const char *payload;
		size_t len;
		int code;
	} cases[] = {{"\xff\xff\xff\xff\xff", 5, 1007}, {NULL, 0, 1009}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		struct client c;
		struct buf out, bomb;
		struct ws_deflate *d;
		size_t len = 8 << 20;
		char *zeros = calloc(1, len);
		struct websocket_part part = {zeros, len};
		open_fixture(&f, NULL);
		assert_int_equal(ws_deflate_open(&d), 0);
		buf_init(&out, 1 << 20);
		buf_init(&bomb, 1 << 20);
		assert_int_equal(ws_deflate_add(d, 15, &part, 1, &bomb), 0);
		put_frame(&out, FIN | RSV1 | BINARY, cases[i].payload ? cases[i].payload : bomb.data,
			  cases[i].payload ? cases[i].len : bomb.len);
		ws_open(&c, &f, "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
		send_script(&c, &out, 0);
		struct server_frame frame = wait_frame(&c, 0);
		assert_int_equal(close_code(&frame), cases[i].code);
		ws_deflate_free(d);
		free(zeros);
		buf_release(&out);
		buf_release(&bomb);
		client_close(&c);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(violations_are_answered_by_their_code),
		cmocka_unit_test(compressed_garbage_and_bombs_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
