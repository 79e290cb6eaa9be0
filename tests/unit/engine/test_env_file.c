#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/buf.h"
#include "engine/env_file.h"

static int note(void *arg, const char *name, const char *value)
{
	return buf_printf(arg, "%s=%s|", name, value);
}

static int parse(const char *text, size_t len, struct buf *out, char *message, size_t size)
{
	char *copy = malloc(len + 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	buf_init(out, 4096);
	message[0] = '\0';
	r = env_file_parse("site.env", copy, len, note, out, message, size);
	free(copy);
	return r;
}

static void check(const char *text, const char *expected)
{
	char message[128];
	struct buf out;

	assert_int_equal(parse(text, strlen(text), &out, message, sizeof(message)), 0);
	assert_string_equal(buf_cstr(&out), expected);
	buf_release(&out);
}

static void check_mistake(const char *text, size_t len, const char *expected)
{
	char message[128];
	struct buf out;

	assert_int_equal(parse(text, len, &out, message, sizeof(message)), -EINVAL);
	assert_string_equal(message, expected);
	buf_release(&out);
}

static void lines_become_variables_in_order(void **state)
{
	(void)state;
	check("A=1\nB=two words\n", "A=1|B=two words|");
	check("A=1\nA=2", "A=1|A=2|");
	check("_x9=\n", "_x9=|");
	check("A=b=c#d;e", "A=b=c#d;e|");
	check("", "");
}

static void comments_and_empty_lines_say_nothing(void **state)
{
	(void)state;
	check("# A=1\n; B=2\n\n  \t\n  # C=3\nD=4\n", "D=4|");
}

static void export_and_white_space_around_are_tolerated(void **state)
{
	(void)state;
	check("export A=1\n\texport  B= 2\n", "A=1|B=2|");
}

static void white_space_around_a_value_goes_and_within_stays(void **state)
{
	(void)state;
	check("  A=  x  y \t\r\nB=1\r\n", "A=x  y|B=1|");
	check("exported=1\nexport=2\n", "exported=1|export=2|");
}

static void quotes_keep_what_is_in_them(void **state)
{
	(void)state;
	check("A=' a\\n\"$b '\n", "A= a\\n\"$b |");
	check("A=\" a\\\"\\\\ \\$b \\` \\n '\"  \n", "A= a\"\\ $b ` \\n '|");
	check("A=''\nB=\"\"\n", "A=|B=|");
	check("A=it's\n", "A=it's|");
}

static void nothing_is_expanded(void **state)
{
	(void)state;
	check("A=$HOME `x` \\t\n", "A=$HOME `x` \\t|");
}

static void a_mistake_names_file_and_line_and_no_value(void **state)
{
	static const char *const texts[] = {"A=1\ns3cret\n",   "A=1\n=s3cret",  "A=1\n9A=s3cret",
					    "A=1\nA-B=s3cret", "A=1\nexport\n", "A=1\nB =s3cret"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_mistake(texts[i], strlen(texts[i]),
			      "site.env:2: expected NAME=VALUE, with a name of letters, digits and _");
	check_mistake("A='s3cret\nB=1'", 14, "site.env:1: expected the quote to be closed at the end of the line");
	check_mistake("A=\"s3cret\\\"", 11, "site.env:1: expected the quote to be closed at the end of the line");
	check_mistake("A='x' y", 7, "site.env:1: expected the quote to be closed at the end of the line");
	check_mistake("A=1\nB=\0x\n", 9, "site.env:2: expected no NUL byte");
	check_mistake("A=\0x", 4, "site.env:1: expected no NUL byte");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_variables_in_order),
		cmocka_unit_test(comments_and_empty_lines_say_nothing),
		cmocka_unit_test(export_and_white_space_around_are_tolerated),
		cmocka_unit_test(white_space_around_a_value_goes_and_within_stays),
		cmocka_unit_test(quotes_keep_what_is_in_them),
		cmocka_unit_test(nothing_is_expanded),
		cmocka_unit_test(a_mistake_names_file_and_line_and_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
