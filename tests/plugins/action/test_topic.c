/* Topics, patterns, and the tree that finds the patterns of a topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "action/topic.h"

static void what_is_a_topic_and_what_is_none(void **state)
{
	static const char *const topics[] = {"a", "orders.eu.created", "A-b_9.0"};
	static const char *const others[] = {"", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "\xc3\xa4", "a/b"};
	char longest[TOPIC_MAX + 2];
	(void)state;
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		assert_null(topic_problem(tappet_cstr(topics[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_non_null(topic_problem(tappet_cstr(others[i])));
	assert_non_null(topic_problem(tappet_strn("a\0b", 3)));
	memset(longest, 'a', sizeof(longest));
	assert_null(topic_problem(tappet_strn(longest, TOPIC_MAX)));
	assert_non_null(topic_problem(tappet_strn(longest, TOPIC_MAX + 1)));
}

static void wildcards_stand_alone_and_the_rest_at_the_end(void **state)
{
	static const char *const patterns[] = {"*", ">", "a.*.b", "a.>", "*.*.>"};
	static const char *const others[] = {"a*", "a.>.b", ">.a", "a.**", ">>", "a.*b"};
	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		assert_null(pattern_problem(tappet_cstr(patterns[i])));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_non_null(pattern_problem(tappet_cstr(others[i])));
}

static void which_patterns_match(void **state)
{
	static const struct {
		const char *pattern, *topic;
		bool matches;
	} cases[] = {
		{"a.b", "a.b", true},  {"a.b", "a", false},     {"a.b", "a.b.c", false},  {"a.*", "a.b", true},
		{"a.*", "a", false},   {"a.*", "a.b.c", false}, {"a.>", "a.b.c", true},   {"a.>", "a", false},
		{">", "a", true},      {"*", "a.b", false},     {"*.b.>", "a.b.c", true}, {"*.b.>", "a.b", false},
		{"a.b", "A.b", false}, {"aa", "a", false},      {"*.*", "a.b", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(pattern_matches(tappet_cstr(cases[i].pattern), tappet_cstr(cases[i].topic)),
				 cases[i].matches);
}

/* ---- The tree against one look after the other ---- */

struct pattern {
	struct match_entry entry;
	char text[TOPIC_MAX + 1];
	unsigned found;
};

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* Of few words, so that much is alike. */
static void draw_words(char *text, bool wild)
{
	static const char *const words[] = {"a", "b", "c", "aa", "*", ">"};
	const uint32_t count = 1 + draw(5);
	size_t len = 0;
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t kinds = !wild ? 4 : i + 1 == count ? 6 : 5;
		len += (size_t)sprintf(text + len, "%s%s", i ? "." : "", words[draw(kinds)]);
	}
}

static void found(void *arg, void *owner)
{
	struct pattern *p = owner;
	p->found++;
	(*(size_t *)arg)++;
}

static void compare(struct matcher *m, struct pattern *patterns, size_t count)
{
	char topic[TOPIC_MAX + 1];
	size_t total = 0;
	draw_words(topic, false);
	matcher_find(m, tappet_cstr(topic), found, &total);
	for (size_t i = 0; i < count; i++) {
		const bool matches =
			patterns[i].entry.node && pattern_matches(tappet_cstr(patterns[i].text), tappet_cstr(topic));
		assert_int_equal(patterns[i].found, matches);
		total -= patterns[i].found;
		patterns[i].found = 0;
	}
	assert_int_equal(total, 0);
}

static void the_tree_finds_what_a_look_at_each_finds_while_patterns_come_and_go(void **state)
{
	static struct pattern patterns[400];
	const size_t count = sizeof(patterns) / sizeof(patterns[0]);
	struct matcher *m = matcher_new();
	(void)state;
	assert_non_null(m);
	for (int round = 0; round < 20000; round++) {
		struct pattern *p = &patterns[draw((uint32_t)count)];
		if (p->entry.node) {
			matcher_remove(m, &p->entry);
		} else {
			draw_words(p->text, true);
			p->entry.owner = p;
			assert_int_equal(matcher_add(m, tappet_cstr(p->text), &p->entry), 0);
		}
		if (round % 4 == 0)
			compare(m, patterns, count);
	}
	for (size_t i = 0; i < count; i++)
		matcher_remove(m, &patterns[i].entry);
	compare(m, patterns, count);
	matcher_free(m);
}

/* ---- Many ---- */

#define MANY 100000

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The bound is far from what it takes, and still a thousand times less than a look at each pattern. */
static void a_topic_is_matched_in_microseconds_among_100000_patterns(void **state)
{
	struct pattern *patterns = calloc(MANY, sizeof(*patterns));
	struct matcher *m = matcher_new();
	size_t hits = 0;
	(void)state;
	assert_true(patterns && m);
	for (unsigned i = 0; i < MANY; i++) {
		static const char *const shapes[] = {"shop%u.orders.created", "shop%u.*.created", "shop%u.>",
						     "*.orders.nr%u"};
		sprintf(patterns[i].text, shapes[i % 4], i / 4);
		patterns[i].entry.owner = &patterns[i];
		assert_int_equal(matcher_add(m, tappet_cstr(patterns[i].text), &patterns[i].entry), 0);
	}
	const double begin = seconds();
	for (unsigned i = 0; i < 10000; i++) {
		char topic[64];
		sprintf(topic, "shop%u.orders.created", i * 2);
		matcher_find(m, tappet_cstr(topic), found, &hits);
	}
	const double each_us = (seconds() - begin) / 10000 * 1e6;
	print_message("%.2f us a topic\n", each_us);
	assert_int_equal(hits, 3 * 10000);
	assert_true(each_us < 100);
	for (unsigned i = 0; i < MANY; i++)
		matcher_remove(m, &patterns[i].entry);
	matcher_free(m);
	free(patterns);
}

static void a_topic_of_the_most_words_is_found(void **state)
{
	char topic[TOPIC_MAX + 1], stars[TOPIC_MAX + 1];
	struct pattern exact = {{0}, "", 0}, wild = {{0}, "", 0};
	struct matcher *m = matcher_new();
	size_t hits = 0;
	(void)state;
	for (size_t i = 0; i < TOPIC_MAX; i++) {
		topic[i] = i % 2 ? '.' : 'a';
		stars[i] = i % 2 ? '.' : '*';
	}
	topic[TOPIC_MAX] = stars[TOPIC_MAX] = '\0';
	assert_null(topic_problem(tappet_cstr(topic)));
	exact.entry.owner = &exact;
	wild.entry.owner = &wild;
	assert_int_equal(matcher_add(m, tappet_cstr(topic), &exact.entry), 0);
	assert_int_equal(matcher_add(m, tappet_cstr(stars), &wild.entry), 0);
	matcher_find(m, tappet_cstr(topic), found, &hits);
	assert_int_equal(hits, 2);
	matcher_remove(m, &exact.entry);
	matcher_remove(m, &wild.entry);
	matcher_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_topic_and_what_is_none),
		cmocka_unit_test(wildcards_stand_alone_and_the_rest_at_the_end),
		cmocka_unit_test(which_patterns_match),
		cmocka_unit_test(the_tree_finds_what_a_look_at_each_finds_while_patterns_come_and_go),
		cmocka_unit_test(a_topic_is_matched_in_microseconds_among_100000_patterns),
		cmocka_unit_test(a_topic_of_the_most_words_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
