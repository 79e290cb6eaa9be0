#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/tail.h"

static void check(const char *text, const char *expected)
{
	size_t len = strlen(text);
	struct buf out;

	buf_init(&out, 4096);
	/* At once and byte by byte. */
	for (size_t size = len ? len : 1;; size = 1) {
		struct tail t = {0};

		for (size_t at = 0; at < len; at += size)
			tail_put(&t, text + at, size);
		buf_clear(&out);
		tail_write(&t, &out);
		assert_string_equal(buf_cstr(&out), expected);
		if (size == 1)
			break;
	}
	buf_release(&out);
}

static void the_last_five_lines_are_shown(void **state)
{
	(void)state;
	check("", "");
	check("one", "one");
	check("one\ntwo\n", "one | two");
	check("1\n2\n3\n4\n5\n6\n7\n", "3 | 4 | 5 | 6 | 7");
	check("1\n\n\n2\n \n", "1 | 2");
	check("\n\n", "");
}

static void a_progress_bar_counts_line_by_line(void **state)
{
	(void)state;
	check("10%\r20%\r100%\r\ndone\r\n", "10% | 20% | 100% | done");
}

static void control_characters_and_escape_sequences_go(void **state)
{
	(void)state;
	check("\x1b[1;31merror:\x1b[0m\tbad\x07\x01\x7f\n", "error: bad");
	check("\x1b]0;title\x07shown \x1b]8;;http://x\x1b\\link\x1b(B", "shown linkB");
	check("end\x1b[", "end");
	check("end\x1b", "end");
	check("a\xc2\x9b"
	      "b",
	      "ab");
}

static void what_is_no_utf8_is_marked(void **state)
{
	(void)state;
	check("na\xc3\xafve \xff\xc3", "na\xc3\xafve ??");
}

static void a_long_line_is_cut_at_a_character(void **state)
{
	char text[1001], expected[512];

	(void)state;
	memset(text, 'x', 600);
	/* 400 bytes back is the middle of one of these. */
	for (size_t i = 0; i < 399; i += 3)
		memcpy(text + 600 + i, "\xe2\x82\xac", 3);
	text[999] = '!';
	text[1000] = '\0';
	memcpy(expected, "\xe2\x80\xa6", 4);
	memcpy(expected + 3, text + 600, 401);
	check(text, expected);
}

static void of_much_text_the_end_is_kept(void **state)
{
	char text[8001];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 999; i < 7999; i += 1000)
		text[i] = '\n';
	memcpy(text + 7990, "\nthe end\n", 10);
	text[7999] = '\0';
	{
		struct tail t = {0};
		struct buf out;

		buf_init(&out, 4096);
		tail_put(&t, text, 7999);
		tail_write(&t, &out);
		assert_true(out.len <= 410);
		assert_string_equal(out.data + out.len - 13, "xxx | the end");
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_five_lines_are_shown),
		cmocka_unit_test(a_progress_bar_counts_line_by_line),
		cmocka_unit_test(control_characters_and_escape_sequences_go),
		cmocka_unit_test(what_is_no_utf8_is_marked),
		cmocka_unit_test(a_long_line_is_cut_at_a_character),
		cmocka_unit_test(of_much_text_the_end_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
