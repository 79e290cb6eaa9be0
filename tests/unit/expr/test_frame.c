/* Frames, in whatever pieces they come. */
#include "support_expr.h"

#include <errno.h>
#include "expr/frame.h"

static void write_two(struct buf *b)
{
	size_t begin;

	buf_init(b, 10000);
	begin = frame_begin(b, FRAME_RESULT);
	frame_number(b, 7);
	frame_text(b, "hello\0you", 9);
	frame_text(b, "", 0);
	frame_end(b, begin);
	begin = frame_begin(b, FRAME_HELLO);
	frame_end(b, begin);
	assert_int_equal(buf_error(b), 0);
}

static void add(struct frame_reader *r, const char *bytes, size_t len)
{
	char *room;
	size_t most;

	assert_int_equal(frame_reader_room(r, &room, &most), 0);
	assert_true(len <= most);
	memcpy(room, bytes, len);
	frame_reader_added(r, len);
}

static void expect_first(struct frame *f)
{
	const char *text;
	size_t len;

	assert_int_equal(frame_take_number(f), FRAME_RESULT);
	assert_int_equal(frame_take_number(f), 7);
	text = frame_take_text(f, &len);
	assert_int_equal(len, 9);
	assert_memory_equal(text, "hello\0you", 9);
	assert_false(frame_is_done(f));
	(void)frame_take_text(f, &len);
	assert_int_equal(len, 0);
	assert_true(frame_is_done(f));
}

static void frames_come_whole_in_pieces_of_any_size(void **state)
{
	struct frame_reader r;
	struct frame f;
	struct buf b;

	(void)state;
	write_two(&b);
	for (size_t piece = 1; piece <= b.len; piece++) {
		size_t frames = 0;

		frame_reader_init(&r, 100);
		for (size_t at = 0; at < b.len; at += piece) {
			add(&r, b.data + at, piece < b.len - at ? piece : b.len - at);
			while (frame_reader_next(&r, &f) == 1) {
				if (frames++ == 0)
					expect_first(&f);
				else
					assert_int_equal(frame_take_number(&f), FRAME_HELLO);
			}
		}
		assert_int_equal(frames, 2);
		assert_int_equal(frame_reader_next(&r, &f), 0);
		frame_reader_release(&r);
	}
	buf_release(&b);
}

static void a_frame_may_be_as_long_as_the_maximum_and_no_longer(void **state)
{
	struct frame_reader r;
	struct frame f;
	struct buf b;
	size_t len;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		buf_init(&b, 1000);
		const size_t begin = frame_begin(&b, FRAME_RUN);
		frame_text(&b, "0123456789x", 10 + extra);
		frame_end(&b, begin);
		frame_reader_init(&r, 18);
		add(&r, b.data, b.len);
		assert_int_equal(frame_reader_next(&r, &f), extra ? -EPROTO : 1);
		if (!extra) {
			(void)frame_take_number(&f);
			(void)frame_take_text(&f, &len);
			assert_int_equal(len, 10);
		}
		frame_reader_release(&r);
		buf_release(&b);
	}
}

static void an_empty_frame_is_refused(void **state)
{
	struct frame_reader r;
	struct frame f;

	(void)state;
	frame_reader_init(&r, 100);
	add(&r, "\0\0\0\0", 4);
	assert_int_equal(frame_reader_next(&r, &f), -EPROTO);
	frame_reader_release(&r);
}

static void taking_more_than_there_is_makes_a_frame_bad(void **state)
{
	static const char short_text[] = {9, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0, 'x'};
	struct frame_reader r;
	struct frame f;
	size_t len = 5;

	(void)state;
	frame_reader_init(&r, 100);
	add(&r, short_text, sizeof(short_text));
	assert_int_equal(frame_reader_next(&r, &f), 1);
	assert_int_equal(frame_take_number(&f), 1);
	assert_string_equal(frame_take_text(&f, &len), "");
	assert_int_equal(len, 0);
	assert_true(f.bad);
	assert_int_equal(frame_take_number(&f), 0);
	assert_false(frame_is_done(&f));
	frame_reader_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_whole_in_pieces_of_any_size),
		cmocka_unit_test(a_frame_may_be_as_long_as_the_maximum_and_no_longer),
		cmocka_unit_test(an_empty_frame_is_refused),
		cmocka_unit_test(taking_more_than_there_is_makes_a_frame_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
