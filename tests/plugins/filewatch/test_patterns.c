/* Patterns of gitignore's syntax. The rows were compared with git's own answers (git check-ignore, 2.39). */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "filewatch/patterns.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NONE PATTERNS_NONE
#define MATCH PATTERNS_MATCH
#define NEGATED PATTERNS_NEGATED

/* Patterns are divided by newlines. */
static struct patterns *list_of(const char *text)
{
	tappet_str list[16];
	size_t count = 0, index;
	char message[PATTERNS_MESSAGE_SIZE];
	struct patterns *p = NULL;
	for (const char *at = text; at; count++) {
		const char *end = strchrnul(at, '\n');
		assert_true(count < COUNT(list));
		list[count] = tappet_strn(at, (size_t)(end - at));
		at = *end ? end + 1 : NULL;
	}
	assert_int_equal(patterns_new(list, count, &p, &index, message), 0);
	return p;
}

static struct patterns *file_of(const char *text, size_t len)
{
	struct patterns *p = NULL;
	/* Not one byte more than it may read. */
	char *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(patterns_parse(copy, len, &p), 0);
	free(copy);
	return p;
}

static enum patterns_verdict verdict_of(const struct patterns *p, const char *path, bool is_dir)
{
	return patterns_match(p, path, strlen(path), is_dir);
}

struct row {
	const char *patterns, *path;
	bool is_dir;
	enum patterns_verdict verdict;
};

static const struct row rows[] = {
	/* Without a slash: the name, in every folder. */
	{"a", "a", false, MATCH},
	{"a", "a", true, MATCH},
	{"a", "x/y/a", false, MATCH},
	{"a", "a/x", false, NONE},
	{"a", "ab", false, NONE},
	{"a", "ba", false, NONE},
	{"a", "A", false, NONE},
	{"*.md", "README.md", false, MATCH},
	{"*.md", "docs/x.md", false, MATCH},
	{"*.md", ".md", false, MATCH},
	{"*.md", "x.md5", false, NONE},
	{"*.md", "x.md/y", false, NONE},
	{"*", ".hidden", false, MATCH},
	{"?hidden", ".hidden", false, MATCH},
	{"[.]hidden", ".hidden", false, MATCH},
	{"a*", "a", false, MATCH},
	{"*a*b*c", "xaxbxxbxc", false, MATCH},
	{"*a*b*c", "xaxcxb", false, NONE},
	{"*ab", "aab", false, MATCH},
	{"*aab*b", "aaab", false, NONE},
	{"*aab*b", "aaabb", false, MATCH},
	{"a?c", "abc", false, MATCH},
	{"a?c", "ac", false, NONE},
	{"?", "\xc3\xa4", false, NONE},
	{"??", "\xc3\xa4", false, MATCH},
	{"?", "\xff", false, MATCH},
	{"a*", "a\nb", false, MATCH},
	{"a?b", "a\nb", false, MATCH},
	{"a", "a\n", false, NONE},
	{"a.c", "abc", false, NONE},
	{"(a|b)+$", "(a|b)+$", false, MATCH},
	{"{a,b}", "a", false, NONE},
	{"#a", "#a", false, MATCH},
	{"a ", "a ", false, MATCH},
	{"a ", "a", false, NONE},
	/* A slash at the begin or in the middle: from the top. */
	{"/a", "a", false, MATCH},
	{"/a", "x/a", false, NONE},
	{"/*.c", "x.c", false, MATCH},
	{"/*.c", "x/y.c", false, NONE},
	{"a/b", "a/b", false, MATCH},
	{"/a/b", "a/b", false, MATCH},
	{"a/b", "x/a/b", false, NONE},
	{"a/b", "a/b/c", false, NONE},
	{"a/*", "a/b", false, MATCH},
	{"a/*", "a/b/c", false, NONE},
	{"a/*", "a", true, NONE},
	{"*/b", "a/b", false, MATCH},
	{"*/b", "b", false, NONE},
	{"*/b", "a/a/b", false, NONE},
	{"a?b", "a/b", false, NONE},
	{"a?b/c", "a/b/c", false, NONE},
	{"a*c/d", "abc/d", false, MATCH},
	{"a*c/d", "a/c/d", false, NONE},
	{"a\\/b", "a/b", false, MATCH},
	/* A slash at the end: folders only. */
	{"a/", "a", true, MATCH},
	{"a/", "a", false, NONE},
	{"a/", "x/a", true, MATCH},
	{"a/", "a/x", false, NONE},
	{"/a/", "x/a", true, NONE},
	{"*/", "x/a", true, MATCH},
	{"*/", "x/a", false, NONE},
	{"a/b/", "a/b", true, MATCH},
	{"a/b/", "a/b", false, NONE},
	/* "**" */
	{"**/a", "a", false, MATCH},
	{"**/a", "x/y/a", false, MATCH},
	{"**/a", "x/ya", false, NONE},
	{"**/a/b", "a/b", false, MATCH},
	{"**/a/b", "x/a/b", false, MATCH},
	{"**/a/b", "xa/b", false, NONE},
	{"**/a/b", "a/b/c", false, NONE},
	{"**/*.c", "x/y.c", false, MATCH},
	{"a/**", "a/b", false, MATCH},
	{"a/**", "a/b/c", false, MATCH},
	{"a/**", "a", true, NONE},
	{"a/**", "x/a/b", false, NONE},
	{"/a/**", "a/b", true, MATCH},
	{"a/**/", "a/b", true, MATCH},
	{"a/**/", "a/b", false, NONE},
	{"a/**/b", "a/b", false, MATCH},
	{"a/**/b", "a/x/y/b", false, MATCH},
	{"a/**/b", "a/xb", false, NONE},
	{"a/**/b", "ab", false, NONE},
	{"a/**/b/**/c", "a/b/x/b/y/c", false, MATCH},
	{"a/**/b/**/c", "a/c/b", false, NONE},
	{"a/**/b/c/**/d", "a/b/b/c/d", false, MATCH},
	{"a/**/b*/c", "a/b/b/bc/c", false, MATCH},
	{"**/a/**/a/b", "a/a/b", false, MATCH},
	{"a/**/b", "a/x\ny/b", false, MATCH},
	{"a/**", "a/\n", false, MATCH},
	{"a/**/*/b", "a/b", false, NONE},
	{"a/**/*/b", "a/x/b", false, MATCH},
	{"a/**/**/b", "a/b", false, MATCH},
	{"a/***/b", "a/x/y/b", false, MATCH},
	{"**", "a/b", false, MATCH},
	{"/**", "a/b", false, MATCH},
	{"**/", "a/b", true, MATCH},
	{"**/", "a/b", false, NONE},
	{"**/**", "a", false, MATCH},
	{"/**/a", "x/a", false, MATCH},
	{"**/a/**", "x/a/y", false, MATCH},
	{"**/a/**", "x/a", true, NONE},
	/* Stars that are not alone are one star. */
	{"a**b", "axxb", false, MATCH},
	{"*a**/b", "xay/b", false, MATCH},
	{"*a**/b", "xa/y/b", false, NONE},
	{"x/**a/b", "x/ya/b", false, MATCH},
	{"x/**a/b", "x/y/a/b", false, NONE},
	/* Sets. */
	{"[ab]c", "bc", false, MATCH},
	{"[ab]c", "cc", false, NONE},
	{"[a-c]", "b", false, MATCH},
	{"[a-c]", "d", false, NONE},
	{"[a-c-e]", "d", false, NONE},
	{"[a-c-e]", "-", false, MATCH},
	{"[a-]", "-", false, MATCH},
	{"[-a]", "-", false, MATCH},
	{"[c-a]", "c", false, MATCH},
	{"[c-a]", "b", false, NONE},
	{"[!a]", "b", false, MATCH},
	{"[!a]", "a", false, NONE},
	{"[^a]", "b", false, MATCH},
	{"[^a]", "a", false, NONE},
	{"[a^]", "^", false, MATCH},
	{"[!a]", "\xff", false, MATCH},
	{"[\x80-\xff]", "\xc3", false, MATCH},
	{"[!a]", "\n", false, MATCH},
	{"x[!a]y", "x/y", false, NONE},
	{"x[!a]y/z", "x/y/z", false, NONE},
	{"x[/]y", "x/y", false, NONE},
	{"x[+-0]y/z", "x/y/z", false, NONE},
	{"x[/b]y", "xby", false, MATCH},
	{"[]]", "]", false, MATCH},
	{"[]a]", "a", false, MATCH},
	{"[!]]", "]", false, NONE},
	{"[\\]]", "]", false, MATCH},
	{"[\\\\]", "\\", false, MATCH},
	{"[a-\\c]", "b", false, MATCH},
	{"a]", "a]", false, MATCH},
	{"[*]", "x", false, NONE},
	{"[?]", "?", false, MATCH},
	{"[[:alpha:]]", "x", false, MATCH},
	{"[[:alpha:]]", "1", false, NONE},
	{"[![:alpha:]]", "1", false, MATCH},
	{"[[:digit:]x]", "x", false, MATCH},
	{"[[:digit:]-z]", "b", false, NONE},
	{"[a[:digit:]-z]", "b", false, NONE},
	{"[[:alpha:]]", "\xe4", false, NONE},
	{"[[:space:]]", "\v", false, NONE},
	{"[[:space:]]", "\n", false, MATCH},
	{"[[:upper:][:digit:]]", "Q", false, MATCH},
	{"[[:xdigit:]]", "g", false, NONE},
	{"[[:punct:]]", "~", false, MATCH},
	{"[[:cntrl:]]", "\x7f", false, MATCH},
	{"[[:x]", ":", false, MATCH},
	{"[[:]", "[", false, MATCH},
	/* Escapes. */
	{"\\*", "*", false, MATCH},
	{"\\*", "a", false, NONE},
	{"\\?", "a", false, NONE},
	{"\\[a]", "[a]", false, MATCH},
	{"\\[a]", "a", false, NONE},
	{"\\a", "a", false, MATCH},
	{"\\\\", "\\", false, MATCH},
	{"\\#a", "#a", false, MATCH},
	{"\\!a", "!a", false, MATCH},
	{"\\!a", "a", false, NONE},
	{"x/\\**/a", "x/y/a", false, NONE},
	{"x/\\**/a", "x/*y/a", false, MATCH},
	/* The last one that matches. */
	{"*.md\n!README.md", "README.md", false, NEGATED},
	{"*.md\n!README.md", "x.md", false, MATCH},
	{"*.md\n!README.md", "x.c", false, NONE},
	{"!README.md\n*.md", "README.md", false, MATCH},
	{"*\n!*/\n!*.c", "a", true, NEGATED},
	{"*\n!*/\n!*.c", "a/b.c", false, NEGATED},
	{"*\n!*/\n!*.c", "a/b.o", false, MATCH},
	{"!a", "a", false, NEGATED},
	{"!a\na/", "a", false, NEGATED},
	{"!/a\na\n!b", "a", false, MATCH},
	{"!!a", "!a", false, NEGATED},
	{"/*\n!/a\n/a/*\n!/a/b", "a/b", true, NEGATED},
	{"/*\n!/a\n/a/*\n!/a/b", "a/c", true, MATCH},
};

static void the_last_pattern_that_matches_a_path_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct patterns *p = list_of(rows[i].patterns);
		const enum patterns_verdict verdict = verdict_of(p, rows[i].path, rows[i].is_dir);
		if (verdict != rows[i].verdict)
			print_error("'%s' and '%s'\n", rows[i].patterns, rows[i].path);
		assert_int_equal(verdict, rows[i].verdict);
		patterns_free(p);
	}
}

/* What `git` answers goes beyond what its manual says here: "Other consecutive asterisks are considered regular asterisks". */
static void stars_behind_letters_are_one_star_as_the_manual_says(void **state)
{
	struct patterns *p = list_of("foo**/bar");
	(void)state;
	assert_int_equal(verdict_of(p, "foox/bar", false), MATCH);
	assert_int_equal(verdict_of(p, "foo/bar", false), MATCH);
	assert_int_equal(verdict_of(p, "foo/x/bar", false), NONE);
	assert_int_equal(verdict_of(p, "foobar", false), NONE);
	patterns_free(p);
}

static void what_is_no_pattern_is_refused_with_its_place_and_the_reason(void **state)
{
	static const struct {
		const char *pattern, *reason;
	} cases[] = {
		{"", "is empty"},
		{"!", "names nothing"},
		{"/", "names nothing"},
		{"!/", "names nothing"},
		{"//", "names nothing"},
		{"//a", "between two slashes"},
		{"a//b", "between two slashes"},
		{"a/\\/b", "between two slashes"},
		{"a//", "between two slashes"},
		{"**//", "between two slashes"},
		{"[abc", "'[' without"},
		{"a[", "'[' without"},
		{"[]", "'[' without"},
		{"[!]", "'[' without"},
		{"[a\\]", "'[' without"},
		{"[a\\", "'[' without"},
		{"[a-\\", "'[' without"},
		{"[a/", "'[' without"},
		{"[[:alpha:]", "'[' without"},
		{"[[:alpha", "'[' without"},
		{"[[:letter:]]", "unknown class"},
		{"[[::]]", "unknown class"},
		{"[[:ALPHA:]]", "unknown class"},
		{"a\\", "backslash at its end"},
		{"\\", "backslash at its end"},
		{"a\\/", "backslash at its end"},
		{"*\\\\\\", "backslash at its end"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const tappet_str list[] = {tappet_cstr("ok"), tappet_cstr(cases[i].pattern), tappet_cstr("[")};
		char message[PATTERNS_MESSAGE_SIZE] = "";
		struct patterns *p = NULL;
		size_t index = 99;
		assert_int_equal(patterns_new(list, 3, &p, &index, message), -EINVAL);
		assert_int_equal(index, 1);
		assert_null(p);
		if (!strstr(message, cases[i].reason))
			print_error("'%s': %s\n", cases[i].pattern, message);
		assert_non_null(strstr(message, cases[i].reason));
		assert_true(strlen(message) < PATTERNS_MESSAGE_SIZE - 1);
	}
	char message[PATTERNS_MESSAGE_SIZE];
	const tappet_str nul = tappet_strn("a\0b", 3), nothing = {NULL, 0};
	struct patterns *p = NULL;
	size_t index;
	assert_int_equal(patterns_new(&nul, 1, &p, &index, message), -EINVAL);
	assert_int_equal(patterns_new(&nothing, 1, &p, &index, message), -EINVAL);
}

static void a_list_has_limits(void **state)
{
	static char longest[PATTERN_LEN_MAX + 1];
	static tappet_str list[PATTERNS_MAX + 1];
	char message[PATTERNS_MESSAGE_SIZE];
	struct patterns *p = NULL;
	size_t index = 0;
	(void)state;
	memset(longest, 'a', sizeof(longest));
	list[0] = tappet_strn(longest, PATTERN_LEN_MAX);
	assert_int_equal(patterns_new(list, 1, &p, &index, message), 0);
	assert_int_equal(patterns_match(p, longest, PATTERN_LEN_MAX, false), MATCH);
	patterns_free(p);
	list[0].len++;
	assert_int_equal(patterns_new(list, 1, &p, &index, message), -EINVAL);
	for (size_t i = 0; i < COUNT(list); i++)
		list[i] = tappet_cstr("a");
	assert_int_equal(patterns_new(list, PATTERNS_MAX, &p, &index, message), 0);
	patterns_free(p);
	assert_int_equal(patterns_new(list, PATTERNS_MAX + 1, &p, &index, message), -EINVAL);
	assert_int_equal(index, PATTERNS_MAX);
}

static void no_patterns_match_nothing(void **state)
{
	char message[PATTERNS_MESSAGE_SIZE];
	struct patterns *list = NULL, *file = file_of("", 0);
	size_t index;
	(void)state;
	assert_int_equal(patterns_new(NULL, 0, &list, &index, message), 0);
	assert_int_equal(verdict_of(list, "a", true), NONE);
	assert_int_equal(verdict_of(file, "a", true), NONE);
	assert_false(patterns_may_match_below(list, "", 0));
	patterns_free(list);
	patterns_free(file);
	patterns_free(NULL);
}

struct file_row {
	const char *text, *path;
	enum patterns_verdict verdict;
};

static const struct file_row file_rows[] = {
	{"a", "a", MATCH},
	{"a\n", "a", MATCH},
	{"a\nb", "b", MATCH},
	{"a\r\nb\r\n", "a", MATCH},
	{"a\r\nb\r\n", "b", MATCH},
	{"a\r", "a\r", NONE},
	{"a\r\r\n", "a\r", MATCH},
	{"\xef\xbb\xbf"
	 "a\n",
	 "a", MATCH},
	{"b\n\xef\xbb\xbf"
	 "a\n",
	 "a", NONE},
	{"\xef\xbb\xbf#a\n", "#a", NONE},
	{"#a\n", "#a", NONE},
	{" #a\n", " #a", MATCH},
	{"\\#a\n", "#a", MATCH},
	{"a #b\n", "a #b", MATCH},
	{"\\!a\n", "!a", MATCH},
	{"*\n!a\n", "a", NEGATED},
	{"a  \n", "a", MATCH},
	{"a  \n", "a  ", NONE},
	{"a\\ \n", "a ", MATCH},
	{"a\\  \n", "a ", MATCH},
	{"a\\  \n", "a  ", NONE},
	{"a\\\\ \n", "a\\", MATCH},
	{"a\\ b \n", "a b", MATCH},
	{" a\n", " a", MATCH},
	{" a\n", "a", NONE},
	{"a\t\n", "a", NONE},
	{"a\t\n", "a\t", MATCH},
	{"a \r\n", "a", MATCH},
	{"\n\n  \n\r\n \na\n", "a", MATCH},
	{"\n\n  \n\r\n \na\n", " ", NONE},
	{"[b\n!\n/\nx\\\na//b\n[[:b:]]\na\n", "a", MATCH},
	{"[b\n!\n/\nx\\\na//b\n[[:b:]]\na\n", "[b", NONE},
	{"a\n!b//c\n![a\n", "a", MATCH},
	{"a \\", "a ", NONE},
};

static void the_lines_of_a_file_are_read_as_git_reads_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(file_rows); i++) {
		struct patterns *p = file_of(file_rows[i].text, strlen(file_rows[i].text));
		const enum patterns_verdict verdict = verdict_of(p, file_rows[i].path, false);
		if (verdict != file_rows[i].verdict)
			print_error("'%s' and '%s'\n", file_rows[i].text, file_rows[i].path);
		assert_int_equal(verdict, file_rows[i].verdict);
		patterns_free(p);
	}
	struct patterns *p = file_of("a\0b\nc", 5);
	assert_int_equal(verdict_of(p, "a", false), MATCH);
	assert_int_equal(verdict_of(p, "c", false), MATCH);
	patterns_free(p);
}

/* Options are compiled to machine code, files are not: both have to say the same. */
static void a_file_says_what_a_list_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const size_t len = strlen(rows[i].patterns);
		if (rows[i].patterns[0] == '#' || rows[i].patterns[len - 1] == ' ')
			continue;
		struct patterns *p = file_of(rows[i].patterns, len);
		assert_int_equal(verdict_of(p, rows[i].path, rows[i].is_dir), rows[i].verdict);
		patterns_free(p);
	}
}

static void a_file_has_limits_but_is_read(void **state)
{
	const size_t len = 2 * (PATTERNS_MAX + 1), line = PATTERN_LEN_MAX + 1;
	char *text = malloc(len + line + 3);
	(void)state;
	assert_non_null(text);
	memset(text, 'a', line);
	memcpy(text + line, "\nb", 2);
	struct patterns *p = file_of(text, line + 2);
	assert_int_equal(patterns_match(p, text, line, false), NONE);
	assert_int_equal(verdict_of(p, "b", false), MATCH);
	patterns_free(p);
	for (size_t i = 0; i < len; i += 2)
		memcpy(text + i, i == len - 4 ? "y\n" : i == len - 2 ? "z\n" : "x\n", 2);
	p = file_of(text, len);
	assert_int_equal(verdict_of(p, "y", false), MATCH);
	assert_int_equal(verdict_of(p, "z", false), NONE);
	patterns_free(p);
	free(text);
}

static void folders_in_which_nothing_can_match_need_not_be_entered(void **state)
{
	static const struct {
		const char *patterns, *dir;
		bool may;
	} cases[] = {
		{"*.c", "x/y", true},
		{"**/*.c", "x/y", true},
		{"/a", "", true},
		{"/a", "a", false},
		{"/a", "b", false},
		{"a/b", "", true},
		{"a/b", "a", true},
		{"a/b", "a/b", false},
		{"a/b", "ab", false},
		{"a/b", "b", false},
		{"a/bc/d", "a/b", false},
		{"a/bc/d", "a/bc", true},
		{"a/*/c", "a/x", true},
		{"a/*/c", "b/x", false},
		{"a/*/c", "a/x/c", false},
		{"a*b/[cd]?/e", "axb/cx", true},
		{"a*b/[cd]?/e", "axb/x", false},
		{"a*b/[cd]?/e", "ax", false},
		{"a/**", "a", true},
		{"a/**", "a/x/y", true},
		{"a/**", "b", false},
		{"a/**/b/c", "a", true},
		{"a/**/b/c", "a/x/y", true},
		{"a/**/b/c", "x/a", false},
		{"**/a/b", "x", true},
		{"a/b/", "a", true},
		{"a/b/", "a/b", false},
		{"a/b\nc/d", "c", true},
		{"a/b\n!*", "a", true},
		{"a/b\n!b\n!c/d", "c", false},
		{"!*.c", "", false},
		{"a\nb/c", "x", true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct patterns *p = list_of(cases[i].patterns);
		const bool may = patterns_may_match_below(p, cases[i].dir, strlen(cases[i].dir));
		if (may != cases[i].may)
			print_error("'%s' and '%s'\n", cases[i].patterns, cases[i].dir);
		assert_int_equal(may, cases[i].may);
		patterns_free(p);
	}
	char longest[5000];
	struct patterns *p = list_of("a/b");
	memset(longest, 'x', sizeof(longest));
	assert_false(patterns_may_match_below(p, longest, 4096));
	assert_true(patterns_may_match_below(p, longest, sizeof(longest)));
	patterns_free(p);
}

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Components of few, so that much matches. Returns the length. */
static size_t draw_path(char text[static 64], const char *const *parts, uint32_t count)
{
	const uint32_t depth = 1 + draw(5);
	size_t len = 0;
	for (uint32_t i = 0; i < depth; i++)
		len += (size_t)snprintf(text + len, 64 - len, "%s%s", i ? "/" : "", parts[draw(count)]);
	return len;
}

static void no_folder_on_the_way_to_a_match_is_left_out(void **state)
{
	static const char *const globs[] = {"a", "b", "*", "**", "a*", "*b", "?", "[ab]"};
	static const char *const names[] = {"a", "b", "ab", "ba"};
	size_t matched = 0;
	(void)state;
	for (int i = 0; i < 2000; i++) {
		char glob[64] = "/", path[64];
		draw_path(glob + 1 - draw(2), globs, COUNT(globs));
		struct patterns *p = list_of(glob);
		for (int k = 0; k < 20; k++) {
			const size_t len = draw_path(path, names, COUNT(names));
			if (patterns_match(p, path, len, false) != PATTERNS_MATCH)
				continue;
			matched++;
			assert_true(patterns_may_match_below(p, "", 0));
			for (size_t end = 0; end < len; end++)
				assert_true(path[end] != '/' || patterns_may_match_below(p, path, end));
		}
		patterns_free(p);
	}
	assert_true(matched > 1000);
}

/* ---- Time ---- */

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* `begin`, then as often as there is room `unit`, then `end`. */
static void repeat(char *text, size_t size, const char *begin, const char *unit, const char *end)
{
	size_t len = (size_t)snprintf(text, size, "%s", begin);
	while (len + strlen(unit) + strlen(end) < size)
		len += (size_t)snprintf(text + len, size - len, "%s", unit);
	snprintf(text + len, size - len, "%s", end);
}

static void no_pattern_takes_long(void **state)
{
	static const char *const cases[][6] = {
		{"/", "*a", "b", "b", "a", "a"},           {"", "**/a/", "b", "b/", "a/", "a"},
		{"", "**/*a*a/", "b", "b/", "aaaa/", "a"}, {"**/", "*a/", "b", "b/", "a/", "a"},
		{"/", "*?", "b", "b", "a", "a"},           {"**/*", "a", "b/c", "b/c/", "a", "/a"},
		{"a/", "**/", "*/b", "a/b/", "a/", "a"},
	};
	static char pattern[PATTERN_LEN_MAX + 1], path[4096];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		repeat(pattern, sizeof(pattern) / (1 + i % 2), cases[i][0], cases[i][1], cases[i][2]);
		repeat(path, sizeof(path), cases[i][3], cases[i][4], cases[i][5]);
		struct patterns *list = list_of(pattern), *file = file_of(pattern, strlen(pattern));
		const double begin = seconds();
		assert_int_equal(verdict_of(list, path, false), NONE);
		assert_int_equal(verdict_of(file, path, false), NONE);
		patterns_may_match_below(list, path, strlen(path));
		assert_true(seconds() - begin < 2);
		patterns_free(list);
		patterns_free(file);
	}
}

static void long_patterns_match_long_paths(void **state)
{
	static const char *const cases[][6] = {
		{"", "**/a/", "a", "", "a/", "a"},    {"/", "*a", "*", "", "a", "a"},
		{"/", "[!b]", "", "", "a", "a"},      {"", "**/?/", "a", "", "a/", "a"},
		{"a/", "**/*a/", "b", "", "a/", "b"},
	};
	static char pattern[PATTERN_LEN_MAX / 2], path[4096];
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		repeat(pattern, sizeof(pattern), cases[i][0], cases[i][1], cases[i][2]);
		repeat(path, i == 2 ? 512 : sizeof(path), cases[i][3], cases[i][4], cases[i][5]);
		if (i == 2)
			path[strlen(pattern) / 4] = '\0';
		struct patterns *list = list_of(pattern), *file = file_of(pattern, strlen(pattern));
		assert_int_equal(verdict_of(list, path, false), MATCH);
		assert_int_equal(verdict_of(file, path, false), MATCH);
		patterns_free(list);
		patterns_free(file);
	}
}

/* ---- Threads ---- */

static void *match_all(void *arg)
{
	const struct patterns *p = arg;
	size_t wrong = 0;
	for (int i = 0; i < 2000; i++) {
		wrong += verdict_of(p, "src/lib/x.c", false) != NEGATED;
		wrong += verdict_of(p, "src/lib/x.o", false) != MATCH;
		wrong += verdict_of(p, "src", true) != NONE;
		wrong += !patterns_may_match_below(p, "src", 3);
	}
	return wrong ? arg : NULL;
}

static void threads_match_at_the_same_time(void **state)
{
	struct patterns *p = list_of("src/**\n!**/*.c");
	pthread_t threads[4];
	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, match_all, p), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *wrong;
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	patterns_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_pattern_that_matches_a_path_decides),
		cmocka_unit_test(stars_behind_letters_are_one_star_as_the_manual_says),
		cmocka_unit_test(what_is_no_pattern_is_refused_with_its_place_and_the_reason),
		cmocka_unit_test(a_list_has_limits),
		cmocka_unit_test(no_patterns_match_nothing),
		cmocka_unit_test(the_lines_of_a_file_are_read_as_git_reads_them),
		cmocka_unit_test(a_file_says_what_a_list_says),
		cmocka_unit_test(a_file_has_limits_but_is_read),
		cmocka_unit_test(folders_in_which_nothing_can_match_need_not_be_entered),
		cmocka_unit_test(no_folder_on_the_way_to_a_match_is_left_out),
		cmocka_unit_test(no_pattern_takes_long),
		cmocka_unit_test(long_patterns_match_long_paths),
		cmocka_unit_test(threads_match_at_the_same_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
