/* What is said of mistakes, and what is hashed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support_schedule.h"

static void a_mistake_names_its_field_its_character_and_what_was_expected(void **state)
{
	(void)state;
	assert_string_equal(refusal("* 25 * * *", NULL),
			    "hour, character 3: expected a number from 0 to 23, found '25'");
	assert_string_equal(refusal("  */5  x * * *", NULL),
			    "hour, character 8: expected a number from 0 to 23, found 'x'");
	assert_string_equal(refusal("* * * foo *", NULL),
			    "month, character 7: expected a number from 1 to 12 or a name such as JAN, found 'foo'");
	assert_string_equal(
		refusal("0 0 12 ? * 8", "quartz"),
		"day of week, character 12: expected a number from 1 to 7 or a name such as MON, found '8'");
	assert_string_equal(refusal("*/ * * * *", NULL),
			    "minute, character 3: expected a step from 1 to 59, found the end of the field");
	assert_string_equal(refusal("0-59\x01 * * * *", NULL),
			    "minute, character 5: expected ',' or the end of the field, found byte 0x01");
	assert_string_equal(refusal("30-10 * * * *", NULL),
			    "minute, character 1: expected a range whose end is not before its "
			    "beginning, found '30'");
	assert_string_equal(refusal("* * * *", NULL), "expected 5, 6 or 7 fields (dialect unix), found 4");
	assert_string_equal(refusal("* * * *", "spring"), "expected 6 fields (dialect spring), found 4");
	assert_string_equal(refusal("0 0 12 1 * 2", "quartz"),
			    "day of month, day of week: expected '?' in exactly one of the two "
			    "(dialect quartz), found it in none");
	assert_string_equal(refusal("@dayly", "spring"),
			    "unknown macro: expected @yearly, @annually, @monthly, @weekly, @daily, "
			    "@midnight, @hourly");
	assert_string_equal(refusal("@every soon", NULL),
			    "character 8: expected a duration such as 90s or 1h30m behind @every");
	assert_string_equal(refusal("TZ=UTC 0 0 * * *", "vixie"), "character 1: the dialect vixie has no TZ=");
	assert_string_equal(refusal("cron(0 0 * * ? *", NULL), "expected ')' at the end of cron(...)");
}

static void a_pattern_has_a_limit(void **state)
{
	char text[PATTERN_TEXT_MAX + 20];
	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "* * * * ", 8);
	text[sizeof(text) - 2] = '*';
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(refusal(text, NULL), "a pattern has at most 1000 characters");
}

static struct pattern parse(const char *expr, const char *id)
{
	struct pattern p;
	struct pattern_error error;
	char zone[ZONE_NAME_MAX];
	const struct pattern_options o = {.id = id};
	if (pattern_parse(expr, &o, &p, zone, &error) < 0)
		fail_msg("\"%s\": %s", expr, error.message);
	return p;
}

static void h_and_tilde_choose_by_the_id_and_stay(void **state)
{
	uint64_t seen = 0;
	(void)state;
	for (int i = 0; i < 200; i++) {
		char id[32];
		snprintf(id, sizeof(id), "trigger-%d", i);
		const struct pattern p = parse("H H(9-16) 10~20 * *", id), again = parse("H H(9-16) 10~20 * *", id);
		assert_memory_equal(&p.bits, &again.bits, sizeof(p.bits));
		assert_int_equal(__builtin_popcountll(p.bits.minutes), 1);
		assert_int_equal(p.bits.hours & ~0x1fe00u, 0);
		assert_int_equal(__builtin_popcount(p.bits.hours), 1);
		assert_int_equal(p.bits.days & ~0x1ffc00u, 0);
		seen |= p.bits.minutes;
	}
	/* 200 ids do not crowd. */
	assert_true(__builtin_popcountll(seen) > 50);
}

static void a_hashed_step_begins_anywhere_within_the_step(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		char id[32];
		snprintf(id, sizeof(id), "%d", i);
		const uint64_t minutes = parse("H/15 * * * *", id).bits.minutes;
		assert_int_equal(__builtin_popcountll(minutes), 4);
		assert_true(__builtin_ctzll(minutes) < 15);
		assert_int_equal(minutes & (minutes >> 15) & 1, minutes & 1);
		const uint32_t days = parse("0 0 H * *", id).bits.days;
		assert_true(days <= 1u << 28);
	}
}

static void bounds_of_h_and_tilde_are_checked(void **state)
{
	static const char *const wrong[] = {"H(5-2) * * * *", "H(5 * * * *",    "H(5-99) * * * *", "9~5 * * * *",
					    "H( * * * *",     "H() * * * *",    "H/0 * * * *",     "5~99 * * * *",
					    "HH * * * *",     "5~10~15 * * * *"};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_true(refusal(wrong[i], NULL)[0] != '\0');
	assert_int_equal(__builtin_popcountll(parse("~ * * * *", "").bits.minutes), 1);
	assert_int_equal(parse("~5 * * * *", "").bits.minutes & ~UINT64_C(0x3f), 0);
	assert_int_equal(parse("55~ * * * *", "").bits.minutes & ((UINT64_C(1) << 55) - 1), 0);
}

static void durations_are_read_in_all_their_units(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} table[] = {{"90s", 90000},    {"1h30m", 5400000},  {"1.5h", 5400000}, {"250ms", 250},
		     {"2d", 172800000}, {"1h0m1s", 3601000}, {"1500us", 1}};
	static const char *const wrong[] = {"", "5", "s", "5x", "1.2.3s", "1h 30m", "-5s", ".s"};
	int64_t ms;
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(duration_parse(table[i].text, &ms), 0);
		assert_int_equal(ms, table[i].ms);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(duration_parse(wrong[i], &ms), -22);
	assert_int_equal(duration_parse("99999999d", &ms), -34);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistake_names_its_field_its_character_and_what_was_expected),
		cmocka_unit_test(a_pattern_has_a_limit),
		cmocka_unit_test(h_and_tilde_choose_by_the_id_and_stay),
		cmocka_unit_test(a_hashed_step_begins_anywhere_within_the_step),
		cmocka_unit_test(bounds_of_h_and_tilde_are_checked),
		cmocka_unit_test(durations_are_read_in_all_their_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
