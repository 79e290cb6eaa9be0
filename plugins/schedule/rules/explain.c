/* Patterns, and what changes of the clock do to them, in plain English. */
#include <stdio.h>
#include <stdlib.h>
#include "civil.h"
#include "schedule.h"
#include "text.h"

/* So many times of the day are said one by one. */
#define TIMES_MAX 6
#define ALL_MINUTES ((UINT64_C(1) << 60) - 1)
#define ALL_HOURS 0xffffffu
#define ALL_MONTHS 0x1ffeu

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"",     "January", "February",  "March",   "April",    "May",     "June",
				     "July", "August",  "September", "October", "November", "December"};
static const char *const nth[] = {"first", "second", "third", "fourth", "fifth"};

static const char *number(uint32_t value, char place[static 16])
{
	snprintf(place, 16, "%u", value);
	return place;
}

static const char *month(uint32_t value, char place[static 16])
{
	(void)place;
	return months[value];
}

/* Of a week that begins on Monday. */
static const char *weekday(uint32_t value, char place[static 16])
{
	(void)place;
	return weekdays[(value + 1) % 7];
}

/* ---- The time of day ---- */

/* n when the set is 0, n, 2n, ... of 60; else 0. */
static uint32_t step_of(uint64_t bits, uint32_t size)
{
	for (uint32_t step = 2; step < size; step++) {
		uint64_t all = 0;
		for (uint32_t value = 0; value < size; value += step)
			all |= UINT64_C(1) << value;
		if (all == bits && size % step == 0)
			return step;
	}
	return 0;
}

static void say_time(struct text *t, uint32_t s, bool seconds)
{
	text_add(t, "%02u:%02u", s / 3600, s / 60 % 60);
	if (seconds)
		text_add(t, ":%02u", s % 60);
}

static void say_times(struct text *t, const struct pattern_bits *b, int count)
{
	int said = 0;
	text_add(t, "at ");
	for (uint64_t h = b->hours; h; h &= h - 1)
		for (uint64_t m = b->minutes; m; m &= m - 1)
			for (uint64_t s = b->seconds; s; s &= s - 1, said++) {
				text_add(t, "%s", said == 0 ? "" : said + 1 == count ? " and " : ", ");
				say_time(t,
					 (uint32_t)(__builtin_ctzll(h) * 3600 + __builtin_ctzll(m) * 60 +
						    __builtin_ctzll(s)),
					 b->seconds != 1);
			}
}

static void say_part(struct text *t, uint64_t bits, const char *name)
{
	const uint32_t step = step_of(bits, 60);
	if (bits == ALL_MINUTES)
		text_add(t, "every %s", name);
	else if (step)
		text_add(t, "every %u %ss", step, name);
	else if ((bits & (bits - 1)) == 0)
		text_add(t, "at %s %d", name, __builtin_ctzll(bits));
	else {
		text_add(t, "at the %ss ", name);
		text_list(t, bits, number);
	}
}

static void say_hours(struct text *t, uint32_t hours)
{
	const uint32_t step = step_of(hours, 24);
	if (hours == ALL_HOURS)
		return;
	if (step)
		text_add(t, " of every %u%s hour", step, step == 2 ? "nd" : step == 3 ? "rd" : "th");
	else if ((hours & (hours - 1)) == 0)
		text_add(t, " of hour %d", __builtin_ctz(hours));
	else {
		text_add(t, " of the hours ");
		text_list(t, hours, number);
	}
}

static void say_time_of_day(struct text *t, const struct pattern_bits *b)
{
	const int count =
		__builtin_popcount(b->hours) * __builtin_popcountll(b->minutes) * __builtin_popcountll(b->seconds);
	if (count <= TIMES_MAX) {
		say_times(t, b, count);
		return;
	}
	if (b->seconds != 1) {
		say_part(t, b->seconds, "second");
		if (b->minutes == ALL_MINUTES) {
			say_hours(t, b->hours);
			return;
		}
		text_add(t, " ");
	}
	if (b->minutes == 1 && b->seconds == 1 && b->hours == ALL_HOURS)
		text_add(t, "every hour");
	else
		say_part(t, b->minutes, "minute");
	say_hours(t, b->hours);
}

/* ---- Days ---- */

static void say_and(struct text *t, int *said)
{
	text_add(t, "%s", (*said)++ ? ", " : "");
}

/* How "L", "L-1" and "L-n" of a kind are called. */
struct counted {
	const char *none, *one, *before, *behind;
};

static void say_counted(struct text *t, uint32_t bits, int *said, const struct counted *names)
{
	for (; bits; bits &= bits - 1) {
		const int n = __builtin_ctz(bits);
		say_and(t, said);
		if (n == 0 && names->none)
			text_add(t, "%s", names->none);
		else if (n == 1 && names->one)
			text_add(t, "%s", names->one);
		else
			text_add(t, "%s%d%s", names->before, n, names->behind);
	}
}

static void say_days(struct text *t, const struct pattern_bits *b)
{
	static const struct counted last = {"the last day", "the day before the last", "the day ",
					    " days before the last"};
	static const struct counted near = {NULL, NULL, "the weekday nearest to day ", ""};
	static const struct counted near_last = {"the weekday nearest to the last day",
						 "the weekday nearest to the day before the last",
						 "the weekday nearest to the day ", " days before the last"};
	static const struct counted before = {"the last weekday", "the day before the last weekday", "the day ",
					      " days before the last weekday"};
	int said = 0;
	if (b->days) {
		say_and(t, &said);
		text_add(t, "day%s ", (b->days & (b->days - 1)) ? "s" : "");
		text_list(t, b->days, number);
	}
	say_counted(t, b->last_days, &said, &last);
	say_counted(t, b->near_days, &said, &near);
	say_counted(t, b->near_last_days, &said, &near_last);
	say_counted(t, b->before_last_weekday, &said, &before);
	text_add(t, " of the month");
}

static uint64_t from_monday(uint8_t bits)
{
	return ((uint64_t)bits >> 1 | (uint64_t)bits << 6) & 0x7f;
}

static void say_weekdays(struct text *t, const struct pattern_bits *b)
{
	int said = 0;
	if (b->weekdays) {
		say_and(t, &said);
		text_list(t, from_monday(b->weekdays), weekday);
	}
	for (int day = 0; day < 7; day++) {
		for (int n = 0; n < 5; n++)
			if (b->nth_weekdays[n] >> day & 1) {
				say_and(t, &said);
				text_add(t, "the %s %s of the month", nth[n], weekdays[day]);
			}
		if (b->last_weekdays >> day & 1) {
			say_and(t, &said);
			text_add(t, "the last %s of the month", weekdays[day]);
		}
	}
}

static void say_dates(struct text *t, const struct pattern *p)
{
	const bool all_days = p->bits.days == 0xfffffffe, all_weekdays = p->bits.weekdays == 0x7f;
	if (p->either_day && (all_days || all_weekdays))
		return;
	if (!all_days) {
		text_add(t, " on ");
		say_days(t, &p->bits);
	}
	if (!all_weekdays && !all_days)
		text_add(t, p->either_day ? ", or" : ", if it is also");
	if (!all_weekdays) {
		text_add(t, all_days || p->either_day ? " on " : " ");
		say_weekdays(t, &p->bits);
	}
}

static void say_years(struct text *t, const struct pattern_bits *b)
{
	bool any = false;
	for (int32_t year = PATTERN_YEAR_BASE, last; year < PATTERN_YEAR_BASE + PATTERN_YEAR_BITS; year = last + 1) {
		const int32_t bit = year - PATTERN_YEAR_BASE;
		last = year;
		if (!(b->years[bit / 64] >> (bit % 64) & 1))
			continue;
		while (last + 1 < PATTERN_YEAR_BASE + PATTERN_YEAR_BITS &&
		       (b->years[(last + 1 - PATTERN_YEAR_BASE) / 64] >> ((last + 1 - PATTERN_YEAR_BASE) % 64) & 1))
			last++;
		text_add(t, "%s%d", any ? ", " : " in ", year);
		if (last > year)
			text_add(t, " to %d", last);
		any = true;
	}
	if (b->far_from)
		text_add(t, "%s%u to %u", any ? ", " : " in ", b->far_from, b->far_to);
	if (b->far_from && b->far_step > 1)
		text_add(t, " every %u years", b->far_step);
}

static void say_pattern(struct text *t, const struct pattern *p)
{
	const bool days = p->bits.days == 0xfffffffe && p->bits.weekdays == 0x7f;
	say_time_of_day(t, &p->bits);
	if (days && p->bits.months == ALL_MONTHS && p->any_year && !p->wild)
		text_add(t, " every day");
	say_dates(t, p);
	if (p->bits.months != ALL_MONTHS) {
		text_add(t, " in ");
		text_list(t, p->bits.months, month);
	}
	if (!p->any_year)
		say_years(t, &p->bits);
	if (!p->possible_months)
		text_add(t, ", which is never: there is no such day");
}

/* ---- */

/* In the largest unit that leaves no rest. */
static void say_interval(struct text *t, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;
	while (ms % units[i].ms != 0)
		i++;
	text_add(t, "every %lld%s", (long long)(ms / units[i].ms), units[i].unit);
}

char *schedule_explain(const struct schedule *s, char text[static EXPLAIN_MAX])
{
	struct text t;
	struct schedule_fire fire;
	char instant[INSTANT_TEXT_MAX];
	int64_t after_ms = INT64_MIN / 2;
	text_init(&t, text, EXPLAIN_MAX);
	switch (schedule_kind(s)) {
	case SCHEDULE_CRON:
		say_pattern(&t, schedule_pattern(s));
		break;
	case SCHEDULE_EVERY:
		say_interval(&t, schedule_interval(s));
		return text;
	case SCHEDULE_AT:
		for (int count = 0; count < TIMES_MAX && schedule_next(s, after_ms, &fire) == 0; count++) {
			instant_format(fire.at_ms / 1000, fire.offset_s, instant);
			text_add(&t, "%s%s", count ? ", " : "at ", instant);
			after_ms = fire.at_ms;
		}
		break;
	case SCHEDULE_REBOOT:
		text_add(&t, "whenever the daemon starts");
		return text;
	}
	text_add(&t, ", %s", zone_name(schedule_zone(s)));
	return text;
}

char *fire_explain(const struct schedule_fire *fire, char text[static EXPLAIN_MAX])
{
	struct text t;
	char local[INSTANT_TEXT_MAX];
	text_init(&t, text, EXPLAIN_MAX);
	local_format(fire->local_s, local);
	if (fire->flags & FIRE_SHIFTED)
		text_add(&t, "shifted: the clock passes over %s", local);
	if (fire->flags & FIRE_FIRST_PASS)
		text_add(&t, "%s comes twice: the first time", local);
	if (fire->flags & FIRE_SECOND_PASS)
		text_add(&t, "%s comes twice: the second time", local);
	return text;
}

static void say_span(struct text *t, const struct clock_change *c)
{
	char first[INSTANT_TEXT_MAX], last[INSTANT_TEXT_MAX];
	text_add(t, "%s", local_format(c->local_s, first));
	if (c->last_local_s != c->local_s)
		text_add(t, " to %s",
			 local_format(c->last_local_s, last) + (c->last_local_s - c->local_s < DAY_S ? 11 : 0));
}

char *change_explain(const struct clock_change *c, char text[static EXPLAIN_MAX])
{
	struct text t;
	char at[INSTANT_TEXT_MAX];
	const int32_t shift = c->offset_after_s - c->offset_before_s;
	text_init(&t, text, EXPLAIN_MAX);
	instant_format(c->at_s, c->offset_after_s, at);
	say_span(&t, c);
	switch (c->kind) {
	case CHANGE_SHIFTED:
		text_add(&t, " is passed over by the clock: shifted to %s", at);
		break;
	case CHANGE_SKIPPED:
		text_add(&t, " is passed over by the clock: skipped");
		break;
	case CHANGE_ONCE:
		text_add(&t, " comes twice, as the clock is set back to %.16s: fires once", at);
		break;
	case CHANGE_TWICE:
		text_add(&t, " comes twice, as the clock is set back to %.16s: fires both times", at);
		break;
	}
	if (abs(shift) != 3600)
		text_add(&t, " (the clock is changed by %d min)", abs(shift) / 60);
	return text;
}
