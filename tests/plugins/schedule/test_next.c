/* Changes of the clock, and counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "schedule/rules/local.h"
#include "support_schedule.h"

#define AMS "Europe/Amsterdam"
#define GAP_AMS .zone = AMS, .from = "2026-03-28T12:00:00Z"
#define OVERLAP_AMS .zone = AMS, .from = "2026-10-24T22:30:00Z"

/* The rules of docs/schedules.md, one by one. */
static const struct question clock_questions[] = {
	/* A gap: what is fixed runs once after it, and together with what runs there anyway. */
	{.expr = "30 2 * * *", GAP_AMS, .next = "2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00"},
	{.expr = "0,30 2 * * *", GAP_AMS, .next = "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
	{.expr = "0 2,3 * * *", GAP_AMS, .next = "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
	{.expr = "15 2,3 * * *",
	 GAP_AMS,
	 .next = "2026-03-29T03:00:00+02:00 2026-03-29T03:15:00+02:00 2026-03-30T02:15:00+02:00"},
	{.expr = "30 2 * * *", GAP_AMS, .gap = "skip", .next = "2026-03-30T02:30:00+02:00"},
	/* What is wild gets nothing extra, unless it is asked for. */
	{.expr = "*/30 2 * * *", GAP_AMS, .next = "2026-03-30T02:00:00+02:00"},
	{.expr = "*/30 2 * * *",
	 GAP_AMS,
	 .gap = "run_after",
	 .next = "2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00"},
	/* An overlap. */
	{.expr = "30 2 * * *", OVERLAP_AMS, .next = "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
	{.expr = "30 2 * * *",
	 OVERLAP_AMS,
	 .overlap = "last",
	 .next = "2026-10-25T02:30:00+01:00 2026-10-26T02:30:00+01:00"},
	{.expr = "30 2 * * *",
	 OVERLAP_AMS,
	 .overlap = "both",
	 .next = "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00"},
	{.expr = "30 * * * *",
	 OVERLAP_AMS,
	 .next = "2026-10-25T01:30:00+02:00 2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00"},
	{.expr = "30 * * * *",
	 OVERLAP_AMS,
	 .overlap = "first",
	 .next = "2026-10-25T01:30:00+02:00 2026-10-25T02:30:00+02:00 "
		 "2026-10-25T03:30:00+01:00"},
	{.expr = "30 2 * * *", .zone = AMS, .from = "2026-10-25T00:30:00Z", .next = "2026-10-26T02:30:00+01:00"},
	{.expr = "30 2 * * *", .zone = AMS, .from = "2026-10-25T00:45:00Z", .next = "2026-10-26T02:30:00+01:00"},
	/* What other dialects do. */
	{.expr = "0 30 2 * * ?", .dialect = "quartz", GAP_AMS, .next = "2026-03-30T02:30:00+02:00"},
	{.expr = "0 30 2 * * ?", .dialect = "quartz", OVERLAP_AMS, .next = "2026-10-25T02:30:00+01:00"},
	{.expr = "0 30 2 * * *", .dialect = "spring", GAP_AMS, .next = "2026-03-30T02:30:00+02:00"},
	{.expr = "0 30 2 * * *",
	 .dialect = "spring",
	 OVERLAP_AMS,
	 .next = "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00"},
	{.expr = "30 2 * * *", .dialect = "robfig", GAP_AMS, .next = "2026-03-30T02:30:00+02:00"},
	{.expr = "30 2 * * *",
	 .dialect = "robfig",
	 OVERLAP_AMS,
	 .next = "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+01:00"},
	{.expr = "30 2 * * *", .dialect = "ocps", GAP_AMS, .next = "2026-03-30T02:30:00+02:00"},
	{.expr = "30 2 * * *",
	 .dialect = "ocps",
	 OVERLAP_AMS,
	 .next = "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
	{.expr = "cron(30 2 * * ? *)", GAP_AMS, .next = "2026-03-30T02:30:00+02:00"},
	{.expr = "cron(30 2 * * ? *)", OVERLAP_AMS, .next = "2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00"},
	{.expr = "30 2 * * *", .dialect = "vixie", GAP_AMS, .next = "2026-03-29T03:00:00+02:00"},
	{.expr = "@daily",
	 .dialect = "spring",
	 .zone = "Africa/Cairo",
	 .from = "2024-04-25T12:00:00Z",
	 .next = "2024-04-27T00:00:00+03:00"},
	/* Half an hour, two hours, and at midnight. */
	{.expr = "15 2 * * *",
	 .zone = "Australia/Lord_Howe",
	 .from = "2026-10-03T00:00:00Z",
	 .next = "2026-10-04T02:30:00+11:00"},
	{.expr = "30 2 * * *",
	 .zone = "Antarctica/Troll",
	 .from = "2027-03-27T12:00:00Z",
	 .next = "2027-03-28T03:00:00+02:00"},
	{.expr = "0 0 * * *",
	 .zone = "Africa/Cairo",
	 .from = "2024-04-25T12:00:00Z",
	 .next = "2024-04-26T01:00:00+03:00"},
	/* A day that is not there is not made up for. */
	{.expr = "0 9 * * *",
	 .zone = "Pacific/Apia",
	 .from = "2011-12-29T19:00:00Z",
	 .next = "2011-12-31T09:00:00+14:00"},
	{.expr = "0 9 30 12 *",
	 .zone = "Pacific/Apia",
	 .from = "2011-12-01T00:00:00Z",
	 .next = "2012-12-30T09:00:00+14:00"},
	/* Far away, where the rules go on for ever. */
	{.expr = "30 2 29 2 *", .zone = AMS, .from = "2098-01-01T00:00:00Z", .next = "2104-02-29T02:30:00+01:00"},
	{.expr = "0 12 1 1,7 *",
	 .zone = "Europe/Dublin",
	 .from = "2060-01-01T00:00:00Z",
	 .next = "2060-01-01T12:00:00+00:00 2060-07-01T12:00:00+01:00"},
	{.expr = "0 0 12 1 7 * 9000", .dialect = "unix", .zone = AMS, .next = "9000-07-01T12:00:00+02:00 ."},
	{.expr = "0 0 12 1 1 * 9000", .dialect = "unix", .zone = AMS, .next = "9000-01-01T12:00:00+01:00 ."},
	/* Always in the gap: it ends nevertheless. */
	{.expr = "30 2 8-14 3 +sun", .zone = "America/New_York", .gap = "skip", .next = "."},
	{.expr = "30 2 8-14 3 +sun",
	 .zone = "America/New_York",
	 .next = "2026-03-08T03:00:00-04:00 2027-03-14T03:00:00-04:00"},
};

static void changes_of_the_clock_follow_the_rules(void **state)
{
	(void)state;
	CHECK_QUESTIONS(clock_questions);
}

/* ---- Counting ---- */

static const char *const patterns[] = {"* * * * *",    "30 2 * * *",       "*/7 1-3 * * *", "0 0 1 * *", "15 2,3 * * 0",
				       "0 30 2 L * *", "20,40 15 2 * * *", "0 0 31W * *",   "0 3 29 2 *"};
static const char *const zone_names[] = {
	"UTC", AMS, "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago", "Africa/Casablanca"};
static const char *const gaps[] = {NULL, "skip", "run_after"};
static const char *const overlaps[] = {NULL, "first", "last", "both"};

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void check_count(const struct pattern *p, struct zone *zone, int64_t after, int64_t until)
{
	struct fire fire = {0}, last = {0};
	int64_t count = 0, from = after;
	while (cron_next(p, zone, from, &fire) == 0 && fire.at_s <= until) {
		assert_true(fire.at_s > from);
		from = fire.at_s;
		count++;
	}
	assert_int_equal(cron_count(p, zone, after, until), count);
	const int r = cron_last(p, zone, after, until, &last);
	assert_int_equal(r == 0, count > 0);
	if (r == 0)
		assert_int_equal(last.at_s, from);
}

static void as_many_are_counted_as_there_are(void **state)
{
	struct zones *zones;
	uint64_t random = 88172645463325252u;
	(void)state;
	assert_int_equal(zones_new(&zones), 0);
	for (size_t i = 0; i < 3000; i++) {
		struct zone *zone;
		struct pattern p;
		struct pattern_error error;
		char name[ZONE_NAME_MAX];
		const struct question q = {.gap = gaps[i % 3], .overlap = overlaps[i / 3 % 4]};
		const struct pattern_options o = question_rules(&q);
		const size_t which = random_next(&random) % (sizeof(patterns) / sizeof(patterns[0]));
		const size_t where = random_next(&random) % (sizeof(zone_names) / sizeof(zone_names[0]));
		assert_int_equal(pattern_parse(patterns[which], &o, &p, name, &error), 0);
		assert_int_equal(zones_get(zones, zone_names[where], &zone), 0);
		/* 2010 to 2030, and up to a week, or for what is rare up to 10 years. */
		const int64_t length = (int64_t)(random_next(&random) % (which == 0  ? 7
									 : which < 3 ? 100
										     : 3650)) *
				       DAY_S;
		const int64_t after = 1262304000 + (int64_t)(random_next(&random) % 631152000);
		check_count(&p, zone, after, after + length + (int64_t)(random_next(&random) % DAY_S));
	}
	zones_free(zones);
}

static void what_a_change_of_the_clock_touches_is_found(void **state)
{
	struct zones *zones;
	struct clock_change c;
	(void)state;
	assert_int_equal(zones_new(&zones), 0);
	struct schedule_options o = {.cron = "10,50 1-3 * * *", .timezone = AMS};
	struct schedule *s = compile(zones, &o);
	const int64_t from = utc_of("2026-01-01T00:00:00Z"), to = utc_of("2027-01-01T00:00:00Z");
	assert_int_equal(cron_next_change(schedule_pattern(s), schedule_zone(s), from, to, &c), 0);
	assert_int_equal(c.kind, CHANGE_SHIFTED);
	assert_int_equal(c.at_s, utc_of("2026-03-29T01:00:00Z"));
	assert_int_equal(c.local_s, utc_of("2026-03-29T02:10:00Z"));
	assert_int_equal(c.last_local_s, utc_of("2026-03-29T02:50:00Z"));
	assert_int_equal(cron_next_change(schedule_pattern(s), schedule_zone(s), c.at_s, to, &c), 0);
	assert_int_equal(c.kind, CHANGE_ONCE);
	assert_int_equal(cron_next_change(schedule_pattern(s), schedule_zone(s), c.at_s, to, &c), -2);
	schedule_free(s);
	o.cron = "0 9 * * *";
	s = compile(zones, &o);
	assert_int_equal(cron_next_change(schedule_pattern(s), schedule_zone(s), from, to, &c), -2);
	schedule_free(s);
	zones_free(zones);
}

static void the_ends_of_time_are_no_trouble(void **state)
{
	struct zones *zones;
	struct fire fire;
	(void)state;
	assert_int_equal(zones_new(&zones), 0);
	struct schedule *s = compile(zones, &(struct schedule_options){.cron = "* * * * *", .timezone = AMS});
	struct schedule_fire found;
	assert_int_equal(cron_next(schedule_pattern(s), schedule_zone(s), INT64_MAX, &fire), -2);
	assert_int_equal(cron_next(schedule_pattern(s), schedule_zone(s), INT64_MIN, &fire), 0);
	assert_int_equal(fire.local_s, utc_of("0001-01-01T00:00:00Z"));
	assert_int_equal(schedule_next(s, INT64_MAX, &found), -2);
	assert_int_equal(schedule_next(s, INT64_MIN, &found), 0);
	/* Every minute of 9999 years; the clock of Amsterdam was set by seconds until 1937. */
	const int64_t minutes = (utc_of("9999-12-31T23:59:59Z") - utc_of("0001-01-01T00:00:00Z")) / 60;
	const int64_t count = cron_count(schedule_pattern(s), schedule_zone(s), INT64_MIN, INT64_MAX);
	assert_true(count > minutes - 3000 && count < minutes + 3000);
	schedule_free(s);
	zones_free(zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_of_the_clock_follow_the_rules),
		cmocka_unit_test(as_many_are_counted_as_there_are),
		cmocka_unit_test(what_a_change_of_the_clock_touches_is_found),
		cmocka_unit_test(the_ends_of_time_are_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
