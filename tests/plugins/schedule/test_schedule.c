/* Intervals, dates and times, what is excluded, and jitter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support_schedule.h"

static int set_up(void **state)
{
	struct zones *zones;
	if (zones_new(&zones) < 0)
		return -1;
	*state = zones;
	return 0;
}

static int tear_down(void **state)
{
	zones_free(*state);
	return 0;
}

static int64_t ms_of(const char *text)
{
	struct moment m;
	assert_int_equal(moment_parse(text, &m), 0);
	return (m.local_s - m.offset_s) * 1000 + m.ms;
}

static void expect_next(const struct schedule *s, const char *after, const char *expected)
{
	struct schedule_fire fire;
	char text[INSTANT_TEXT_MAX] = "";
	if (schedule_next(s, ms_of(after), &fire) == 0)
		instant_format(fire.at_ms / 1000, fire.offset_s, text);
	assert_string_equal(text, expected);
}

static void expect_refusal(struct zones *zones, const struct schedule_options *o, const char *expected)
{
	struct schedule *s;
	struct pattern_error error = {""};
	assert_int_equal(schedule_compile(o, zones, &s, &error), -22);
	if (!strstr(error.message, expected))
		fail_msg("\"%s\" does not say \"%s\"", error.message, expected);
}

static void an_interval_counts_from_its_anchor(void **state)
{
	struct schedule *s =
		compile(*state, &(struct schedule_options){.every = "90s", .anchor = "2026-01-01T00:00:30Z"});
	expect_next(s, "2025-12-01T00:00:00Z", "2026-01-01T00:00:30+00:00");
	expect_next(s, "2026-01-01T00:00:29.999Z", "2026-01-01T00:00:30+00:00");
	expect_next(s, "2026-01-01T00:00:30Z", "2026-01-01T00:02:00+00:00");
	expect_next(s, "2026-01-01T00:02:00.001Z", "2026-01-01T00:03:30+00:00");
	schedule_free(s);
	/* Without one it begins with whoever asks, as long as nobody sets it. */
	s = compile(*state, &(struct schedule_options){.cron = "@every 1h", .timezone = "Asia/Kathmandu"});
	expect_next(s, "2026-01-01T00:00:05Z", "2026-01-01T06:45:05+05:45");
	schedule_set_anchor(s, ms_of("2026-01-01T00:00:00Z"));
	expect_next(s, "2026-01-01T00:00:05Z", "2026-01-01T06:45:00+05:45");
	schedule_free(s);
}

static void an_interval_goes_on_over_changes_of_the_clock(void **state)
{
	struct schedule *s = compile(*state, &(struct schedule_options){.every = "1h",
									.timezone = "Europe/Amsterdam",
									.anchor = "2026-03-29T00:30:00"});
	expect_next(s, "2026-03-29T00:30:00Z", "2026-03-29T03:30:00+02:00");
	schedule_free(s);
}

static void dates_are_local_or_have_an_offset(void **state)
{
	static const char *const at[] = {"2027-01-01T09:00:00", "2026-06-01 12:00",    "2026-06-01T10:00:00Z",
					 "2026-12-24",          "2026-03-29T02:30:00", "2026-10-25T02:30"};
	struct schedule *s =
		compile(*state, &(struct schedule_options){.at = at, .at_count = 6, .timezone = "Europe/Amsterdam"});
	struct schedule_fire fire;
	assert_int_equal(schedule_kind(s), SCHEDULE_AT);
	expect_next(s, "2026-01-01T00:00:00Z", "2026-03-29T03:00:00+02:00");
	assert_int_equal(schedule_next(s, ms_of("2026-01-01T00:00:00Z"), &fire), 0);
	assert_int_equal(fire.flags, FIRE_SHIFTED);
	/* Twice the same instant, in two spellings, is one. */
	expect_next(s, "2026-03-29T03:00:00+02:00", "2026-06-01T12:00:00+02:00");
	expect_next(s, "2026-06-01T12:00:00+02:00", "2026-10-25T02:30:00+02:00");
	expect_next(s, "2026-10-25T02:30:00+02:00", "2026-12-24T00:00:00+01:00");
	expect_next(s, "2026-12-24T00:00:00+01:00", "2027-01-01T09:00:00+01:00");
	expect_next(s, "2027-01-01T09:00:00+01:00", "");
	schedule_free(s);
	static const char *const gap[] = {"2026-03-29T02:30:00"}, *const overlap[] = {"2026-10-25T02:30"};
	struct schedule_options o = {.at = gap, .at_count = 1, .timezone = "Europe/Amsterdam", .pattern.gap = GAP_SKIP};
	expect_refusal(*state, &o, "there is no such time in Europe/Amsterdam");
	o = (struct schedule_options){
		.at = overlap, .at_count = 1, .timezone = "Europe/Amsterdam", .pattern.overlap = OVERLAP_LAST};
	s = compile(*state, &o);
	expect_next(s, "2026-01-01T00:00:00Z", "2026-10-25T02:30:00+01:00");
	schedule_free(s);
}

static void a_schedule_begins_and_ends(void **state)
{
	struct schedule *s = compile(*state, &(struct schedule_options){
						     .cron = "0 9 * * *",
						     .timezone = "Europe/Amsterdam",
						     .start = "2026-06-01T09:00:00",
						     .end = "2026-06-02T09:00:00",
					     });
	expect_next(s, "2026-01-01T00:00:00Z", "2026-06-01T09:00:00+02:00");
	expect_next(s, "2026-06-01T09:00:00+02:00", "2026-06-02T09:00:00+02:00");
	expect_next(s, "2026-06-02T09:00:00+02:00", "");
	schedule_free(s);
}

static void what_is_excluded_is_left_out(void **state)
{
	static const char *const excludes[] = {"2026-01-02", "2026-01-05/2026-01-07", "* * * * 6,7", "0 12 8 1 *"};
	struct schedule *s = compile(*state, &(struct schedule_options){.cron = "0 9,12 * * *",
									.exclude = excludes,
									.exclude_count = 4,
									.timezone = "America/New_York"});
	expect_next(s, "2026-01-01T12:00:00-05:00", "2026-01-08T09:00:00-05:00");
	expect_next(s, "2026-01-08T09:00:00-05:00", "2026-01-09T09:00:00-05:00");
	schedule_free(s);
	/* A pattern without seconds excludes whole minutes; a day of seconds is passed over at once. */
	static const char *const seconds[] = {"0 0 * * *", "2026-01-02"};
	s = compile(*state, &(struct schedule_options){.cron = "* * * * * *", .exclude = seconds, .exclude_count = 2});
	expect_next(s, "2026-01-01T23:59:59Z", "2026-01-03T00:01:00+00:00");
	schedule_free(s);
}

static void a_schedule_whose_every_instant_is_excluded_is_given_up(void **state)
{
	static const char *const all[] = {"* * * * *"};
	struct schedule_fire fire;
	struct schedule *s =
		compile(*state, &(struct schedule_options){.cron = "0 9 * * *", .exclude = all, .exclude_count = 1});
	assert_int_equal(schedule_next(s, 0, &fire), -40);
	schedule_free(s);
}

static void missed_instants_are_counted(void **state)
{
	struct schedule_fire last;
	static const char *const excluded[] = {"2026-01-03"};
	struct schedule_options o = {.cron = "0 9 * * *"};
	struct schedule *s = compile(*state, &o);
	const int64_t from = ms_of("2026-01-01T09:00:00Z"), to = ms_of("2026-01-05T09:00:00Z");
	assert_int_equal(schedule_count(s, from, to, 100, &last), 4);
	assert_int_equal(last.at_ms, to);
	assert_int_equal(schedule_count(s, from, to - 1, 100, &last), 3);
	assert_int_equal(schedule_count(s, to, from, 100, &last), 0);
	schedule_free(s);
	o.exclude = excluded;
	o.exclude_count = 1;
	s = compile(*state, &o);
	assert_int_equal(schedule_count(s, from, to, 100, &last), 3);
	assert_int_equal(schedule_count(s, from, to, 2, &last), 2);
	schedule_free(s);
	s = compile(*state, &(struct schedule_options){.every = "1h", .anchor = "2026-01-01T00:00:00Z"});
	assert_int_equal(schedule_count(s, from, to, 100, &last), 96);
	assert_int_equal(last.at_ms, to);
	schedule_free(s);
}

static void stable_jitter_is_the_same_every_time_and_stays_below_its_bound(void **state)
{
	struct schedule *s = compile(*state, &(struct schedule_options){.cron = "@daily", .jitter = "10s"});
	int64_t least = INT64_MAX, most = 0;
	for (int i = 0; i < 1000; i++) {
		char id[32];
		snprintf(id, sizeof(id), "id-%d", i);
		const int64_t jitter = schedule_jitter(s, id, i);
		assert_int_equal(schedule_jitter(s, id, i + 1), jitter);
		assert_true(jitter >= 0 && jitter < 10000);
		least = jitter < least ? jitter : least;
		most = jitter > most ? jitter : most;
	}
	assert_true(least < 500 && most > 9500);
	schedule_free(s);
	s = compile(*state,
		    &(struct schedule_options){.cron = "@daily", .jitter = "10s", .jitter_kind = JITTER_RANDOM});
	int same = 0;
	for (int i = 0; i < 100; i++)
		same += schedule_jitter(s, "a", 0) == schedule_jitter(s, "a", 0);
	assert_true(same < 10);
	schedule_free(s);
}

static void mistakes_in_options_are_told(void **state)
{
	static const char *const at[] = {"tomorrow"}, *const day[] = {"2026-02-30"}, *const exclude[] = {"2026-13-01"},
				 *const back[] = {"2026-02-01/2026-01-01"}, *const macro[] = {"@every 5s"};
	struct zones *zones = *state;
	expect_refusal(zones, &(struct schedule_options){0}, "one of cron, every and at");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .every = "5s"}, "one of cron, every and at");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .anchor = "2026-01-01"},
		       "only intervals have one");
	expect_refusal(zones, &(struct schedule_options){.every = "500ms"}, "at least 1000ms");
	expect_refusal(zones, &(struct schedule_options){.every = "x"}, "every \"x\": expected a duration");
	expect_refusal(zones, &(struct schedule_options){.at = at, .at_count = 1}, "at \"tomorrow\": expected a date");
	expect_refusal(zones, &(struct schedule_options){.at = day, .at_count = 1}, "at \"2026-02-30\"");
	expect_refusal(zones, &(struct schedule_options){.at = at, .at_count = 1001}, "at most 1000");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .timezone = "X"}, "time zone \"X\"");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .start = "2027-01-01", .end = "2026-01-01"},
		       "not before the start");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .jitter = "soon"}, "jitter \"soon\"");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .exclude = exclude, .exclude_count = 1},
		       "exclude \"2026-13-01\"");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .exclude = back, .exclude_count = 1},
		       "exclude");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .exclude = macro, .exclude_count = 1},
		       "a pattern of fields");
	expect_refusal(zones, &(struct schedule_options){.cron = "@daily", .exclude = at, .exclude_count = 101},
		       "at most 100");
}

/* ---- In words ---- */

static const struct {
	const char *cron, *dialect, *text;
} explained[] = {
	{"0 9 * * 1-5", NULL, "at 09:00 on Monday to Friday, UTC"},
	{"0 9,17 * * *", NULL, "at 09:00 and 17:00 every day, UTC"},
	{"30 0 9 * * *", NULL, "at 09:00:30 every day, UTC"},
	{"* * * * *", NULL, "every minute, UTC"},
	{"* * * * * *", NULL, "every second, UTC"},
	{"*/15 * * * *", NULL, "every 15 minutes, UTC"},
	{"*/15 8-17 * * 1-5", NULL, "every 15 minutes of the hours 8 to 17 on Monday to Friday, UTC"},
	{"0 * * * *", NULL, "every hour, UTC"},
	{"0 */2 * * *", NULL, "at minute 0 of every 2nd hour, UTC"},
	{"5,10 * * * *", NULL, "at the minutes 5 and 10, UTC"},
	{"*/10 * 9 * * *", NULL, "every 10 seconds of hour 9, UTC"},
	{"0 0 1,15 * 5", NULL, "at 00:00 on days 1 and 15 of the month, or on Friday, UTC"},
	{"0 0 13 * +5", NULL, "at 00:00 on day 13 of the month, if it is also Friday, UTC"},
	{"0 0 L,L-1,15W,LW * *", NULL,
	 "at 00:00 on the last day, the day before the last, the weekday nearest to day 15, the last weekday of the "
	 "month, UTC"},
	{"0 0 * * 1#2,5L", NULL, "at 00:00 on the second Monday of the month, the last Friday of the month, UTC"},
	{"0 0 * jan-mar,dec sat,sun", NULL, "at 00:00 on Saturday and Sunday in January to March and December, UTC"},
	{"0 0 12 ? * 2 2026-2028,2030", "quartz", "at 12:00 on Monday in 2026 to 2028, 2030, UTC"},
	{"0 0 30 2 *", NULL, "at 00:00 on day 30 of the month in February, which is never: there is no such day, UTC"},
	{"@reboot", NULL, "whenever the daemon starts"},
	{"@every 90s", NULL, "every 90s"},
	{"CRON_TZ=Asia/Tokyo @daily", NULL, "at 00:00 every day, Asia/Tokyo"},
};

static void patterns_are_said_in_words(void **state)
{
	char text[EXPLAIN_MAX];
	for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
		const struct question q = {.dialect = explained[i].dialect};
		struct schedule *s = compile(
			*state, &(struct schedule_options){.cron = explained[i].cron, .pattern = question_rules(&q)});
		assert_string_equal(schedule_explain(s, text), explained[i].text);
		schedule_free(s);
	}
	static const char *const at[] = {"2026-12-31T09:00:00"};
	struct schedule *s = compile(*state, &(struct schedule_options){.at = at, .at_count = 1});
	assert_string_equal(schedule_explain(s, text), "at 2026-12-31T09:00:00+00:00, UTC");
	schedule_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interval_counts_from_its_anchor),
		cmocka_unit_test(an_interval_goes_on_over_changes_of_the_clock),
		cmocka_unit_test(dates_are_local_or_have_an_offset),
		cmocka_unit_test(a_schedule_begins_and_ends),
		cmocka_unit_test(what_is_excluded_is_left_out),
		cmocka_unit_test(a_schedule_whose_every_instant_is_excluded_is_given_up),
		cmocka_unit_test(missed_instants_are_counted),
		cmocka_unit_test(stable_jitter_is_the_same_every_time_and_stays_below_its_bound),
		cmocka_unit_test(mistakes_in_options_are_told),
		cmocka_unit_test(patterns_are_said_in_words),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
