#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "engine/mask.h"

static void seal(struct mask *m, const char *const *values)
{
	mask_init(m);
	for (size_t i = 0; values[i]; i++)
		assert_int_equal(mask_add(m, values[i], strlen(values[i])), 0);
	assert_int_equal(mask_seal(m), 0);
}

static void append(void *arg, const char *text, size_t len)
{
	assert_true(len > 0);
	assert_int_equal(buf_append(arg, text, len), 0);
}

/* As one text, and as a stream in pieces of each size. */
static void check(const char *const *values, const char *text, const char *expected)
{
	size_t len = strlen(text);
	struct mask_stream s;
	struct mask m;
	struct buf out;

	seal(&m, values);
	buf_init(&out, 4096);
	assert_int_equal(mask_text(&m, text, len, &out), 0);
	assert_string_equal(buf_cstr(&out), expected);
	for (size_t size = 1; size <= len; size++) {
		buf_clear(&out);
		assert_int_equal(mask_stream_open(&s, &m, append, &out), 0);
		for (size_t at = 0; at < len; at += size)
			mask_stream_put(&s, text + at, size < len - at ? size : len - at);
		mask_stream_end(&s);
		assert_string_equal(buf_cstr(&out), expected);
		mask_stream_close(&s);
	}
	buf_release(&out);
	mask_wipe(&m);
}

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_value_becomes_asterisks_wherever_it_stands(void **state)
{
	(void)state;
	check(VALUES("s3cret"), "s3cret", "***");
	check(VALUES("s3cret"), "a s3cret b s3cret", "a *** b ***");
	check(VALUES("s3cret"), "s3cre", "s3cre");
	check(VALUES("s3cret"), "s3cs3cret3cret", "s3c***3cret");
	check(VALUES("s3cret"), "nothing here", "nothing here");
}

static void of_values_that_overlap_nothing_is_left(void **state)
{
	(void)state;
	check(VALUES("abcdef", "defghi"), "-abcdefghi-", "-***-");
	check(VALUES("abcdef", "cdef"), "abcdef cdef abcde", "*** *** abcde");
	check(VALUES("aaaa"), "aaaaaaa b", "*** b");
	check(VALUES("abcd", "efgh"), "abcdefgh", "***");
}

static void a_value_that_begins_another_is_found_alone_and_within_it(void **state)
{
	(void)state;
	check(VALUES("pass", "password1"), "pass password password1 passwor", "*** ***word *** ***wor");
	check(VALUES("longer-than-that", "than"), "longer-than-tha", "longer-***-tha");
	check(VALUES("xabcdy", "abcd", "bcdyz"), "xabcdyz xabcdz", "*** x***z");
}

static void values_shorter_than_four_bytes_stay(void **state)
{
	(void)state;
	check(VALUES("yes", "1", "four"), "yes 1 four", "yes 1 ***");
}

static void each_line_of_a_value_counts(void **state)
{
	(void)state;
	check(VALUES("first line\r\nsecond line\n\nabc\n"), "<second line> <first line>", "<***> <***>");
	check(VALUES("first\nsec\nthird"), "first\nsec\nthird sec", "*** sec");
}

static void bytes_of_any_value_are_bytes(void **state)
{
	struct mask m;
	struct buf out;

	(void)state;
	mask_init(&m);
	assert_int_equal(mask_add(&m, "\xff\x00\x80z", 4), 0);
	assert_int_equal(mask_seal(&m), 0);
	buf_init(&out, 64);
	assert_int_equal(mask_text(&m, "\x00\xff\x00\x80zy", 6, &out), 0);
	assert_int_equal(out.len, 5);
	assert_memory_equal(out.data, "\x00***y", 5);
	buf_release(&out);
	mask_wipe(&m);
}

/* So that a log is to be seen while it is written. */
static void only_what_may_begin_a_value_is_held_back(void **state)
{
	struct mask_stream s;
	struct mask m;
	struct buf out;

	(void)state;
	seal(&m, VALUES("s3cret"));
	buf_init(&out, 64);
	assert_int_equal(mask_stream_open(&s, &m, append, &out), 0);
	mask_stream_put(&s, "hello s3", 8);
	assert_string_equal(buf_cstr(&out), "hello ");
	mask_stream_put(&s, "x", 1);
	assert_string_equal(buf_cstr(&out), "hello s3x");
	mask_stream_put(&s, " s3cre", 6);
	mask_stream_end(&s);
	/* It ended within a value: what follows belongs to something else. */
	mask_stream_put(&s, "t", 1);
	mask_stream_end(&s);
	assert_string_equal(buf_cstr(&out), "hello s3x s3cret");
	mask_stream_close(&s);
	buf_release(&out);
	mask_wipe(&m);
}

static void after_an_end_a_stream_begins_anew(void **state)
{
	struct mask_stream s;
	struct mask m;
	struct buf out;

	(void)state;
	seal(&m, VALUES("s3cret"));
	buf_init(&out, 64);
	assert_int_equal(mask_stream_open(&s, &m, append, &out), 0);
	for (int i = 0; i < 2; i++) {
		mask_stream_put(&s, "s3cret", 6);
		mask_stream_end(&s);
	}
	mask_stream_put(&s, "plain", 5);
	mask_stream_end(&s);
	assert_string_equal(buf_cstr(&out), "******plain");
	mask_stream_close(&s);
	buf_release(&out);
	mask_wipe(&m);
}

static void without_values_everything_passes(void **state)
{
	struct mask_stream s;
	struct mask m;
	struct buf out;

	(void)state;
	mask_init(&m);
	assert_int_equal(mask_seal(&m), 0);
	assert_true(mask_empty(&m));
	buf_init(&out, 64);
	assert_int_equal(mask_stream_open(&s, &m, append, &out), 0);
	mask_stream_put(&s, "text", 4);
	assert_string_equal(buf_cstr(&out), "text");
	mask_stream_end(&s);
	mask_stream_close(&s);
	buf_release(&out);
	mask_wipe(&m);
}

static void more_than_the_bound_is_refused(void **state)
{
	char *value = malloc(MASK_BYTES_MAX + 1);
	struct mask m;

	(void)state;
	assert_non_null(value);
	memset(value, 'x', MASK_BYTES_MAX + 1);
	mask_init(&m);
	assert_int_equal(mask_add(&m, value, MASK_BYTES_MAX + 1), -E2BIG);
	mask_wipe(&m);
	mask_init(&m);
	assert_int_equal(mask_add(&m, value, MASK_BYTES_MAX), 0);
	mask_wipe(&m);
	free(value);
}

/* A long value of one repeated byte in a long text of it: each byte must cost the same. */
static void the_worst_text_for_the_worst_value_is_masked_in_time(void **state)
{
	const size_t value_len = 65536, text_len = (size_t)4 * 1024 * 1024;
	char *text = malloc(text_len);
	struct mask m;
	struct buf out;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', text_len);
	mask_init(&m);
	assert_int_equal(mask_add(&m, text, value_len), 0);
	assert_int_equal(mask_seal(&m), 0);
	text[text_len - value_len] = 'b';
	buf_init(&out, text_len);
	assert_int_equal(mask_text(&m, text, text_len, &out), 0);
	assert_int_equal(out.len, 3 + value_len);
	assert_memory_equal(out.data, "***baaa", 7);
	buf_release(&out);
	mask_wipe(&m);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_becomes_asterisks_wherever_it_stands),
		cmocka_unit_test(of_values_that_overlap_nothing_is_left),
		cmocka_unit_test(a_value_that_begins_another_is_found_alone_and_within_it),
		cmocka_unit_test(values_shorter_than_four_bytes_stay),
		cmocka_unit_test(each_line_of_a_value_counts),
		cmocka_unit_test(bytes_of_any_value_are_bytes),
		cmocka_unit_test(only_what_may_begin_a_value_is_held_back),
		cmocka_unit_test(after_an_end_a_stream_begins_anew),
		cmocka_unit_test(without_values_everything_passes),
		cmocka_unit_test(more_than_the_bound_is_refused),
		cmocka_unit_test(the_worst_text_for_the_worst_value_is_masked_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
