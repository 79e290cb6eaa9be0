#include "days.h"
#include "local.h"

/* A month, and the days in it that are wanted. */
struct month {
	int32_t year;
	uint32_t month;
	int64_t first; /* its first day */
	uint32_t days; /* bit n: the n-th */
};

static uint32_t wanted_days(const struct pattern *p, int32_t year, uint32_t month, int64_t first)
{
	if (!(p->possible_months >> month & 1) || !days_year_wanted(p, year))
		return 0;
	return days_of_month(p, civil_weekday(first), civil_month_length(year, month));
}

/* The next month that may have a wanted day. */
static bool next_month(const struct pattern *p, struct month *m)
{
	const uint32_t later = (uint32_t)p->possible_months >> m->month >> 1;
	if (later) {
		m->month += 1 + (uint32_t)__builtin_ctz(later);
		m->first = civil_days(m->year, m->month, 1);
		return true;
	}
	m->year = days_next_year(p, m->year + 1);
	if (m->year > PATTERN_YEAR_MAX)
		return false;
	m->month = (uint32_t)__builtin_ctz(p->possible_months);
	m->first = civil_days(m->year, m->month, 1);
	return true;
}

/* The first wanted day after `days`. */
static int64_t next_day(const struct pattern *p, struct month *m)
{
	/* After 400 years of the pattern, even such as are far apart, every calendar there is has been seen. */
	for (int tries = 0; tries <= 12 * CYCLE_YEARS && next_month(p, m); tries++) {
		m->days = wanted_days(p, m->year, m->month, m->first);
		if (m->days)
			return m->first + __builtin_ctz(m->days) - 1;
	}
	return LOCAL_NONE;
}

/* ---- The time of day ---- */

static int64_t first_time(const struct pattern_bits *b)
{
	return __builtin_ctz(b->hours) * 3600 + __builtin_ctzll(b->minutes) * 60 + __builtin_ctzll(b->seconds);
}

/* The first wanted second of a day from `second` on, or -1. */
static int64_t next_time(const struct pattern_bits *b, uint32_t second)
{
	const uint32_t hour = second / 3600, minute = second / 60 % 60, rest = second % 60;
	if (b->hours >> hour & 1) {
		const int64_t begin = (int64_t)hour * 3600;
		const uint64_t seconds = b->seconds >> rest;
		if ((b->minutes >> minute & 1) && seconds)
			return (int64_t)second + __builtin_ctzll(seconds);
		const uint64_t minutes = b->minutes >> minute >> 1;
		if (minutes)
			return begin + ((int64_t)minute + 1 + __builtin_ctzll(minutes)) * 60 +
			       __builtin_ctzll(b->seconds);
	}
	const uint32_t hours = b->hours >> hour >> 1;
	if (!hours)
		return -1;
	return ((int64_t)hour + 1 + __builtin_ctz(hours)) * 3600 + __builtin_ctzll(b->minutes) * 60 +
	       __builtin_ctzll(b->seconds);
}

/* How many wanted seconds of a day lie before `second`. */
static int64_t times_before(const struct pattern_bits *b, uint32_t second)
{
	const uint32_t hour = second / 3600, minute = second / 60 % 60, rest = second % 60;
	const int64_t per_minute = __builtin_popcountll(b->seconds);
	const int64_t per_hour = __builtin_popcountll(b->minutes) * per_minute;
	int64_t count = __builtin_popcount(b->hours & ((UINT32_C(1) << hour) - 1)) * per_hour;
	if (b->hours >> hour & 1) {
		count += __builtin_popcountll(b->minutes & ((UINT64_C(1) << minute) - 1)) * per_minute;
		if (b->minutes >> minute & 1)
			count += __builtin_popcountll(b->seconds & ((UINT64_C(1) << rest) - 1));
	}
	return count;
}

/* ---- */

int64_t local_next(const struct pattern *p, int64_t from)
{
	if (!p->possible_months || from > LOCAL_LAST)
		return LOCAL_NONE;
	if (from < LOCAL_FIRST)
		from = LOCAL_FIRST;
	const int64_t day = civil_floor_day(from);
	const struct civil c = civil_of_days(day);
	struct month m = {c.year, c.month, day - c.day + 1, 0};
	m.days = wanted_days(p, m.year, m.month, m.first);
	if (m.days >> c.day & 1) {
		const int64_t time = next_time(&p->bits, (uint32_t)(from - day * DAY_S));
		if (time >= 0)
			return day * DAY_S + time;
	}
	const uint32_t later = m.days >> c.day >> 1;
	int64_t found = later ? day + 1 + __builtin_ctz(later) : next_day(p, &m);
	return found == LOCAL_NONE ? LOCAL_NONE : found * DAY_S + first_time(&p->bits);
}

bool local_day_wanted(const struct pattern *p, int64_t days)
{
	const struct civil c = civil_of_days(days);
	return wanted_days(p, c.year, c.month, days - c.day + 1) >> c.day & 1;
}

/* Wanted days in [from, to). */
static int64_t count_days(const struct pattern *p, int64_t from, int64_t to)
{
	const struct civil c = civil_of_days(from);
	struct month m = {c.year, c.month, from - c.day + 1, 0};
	int64_t count = 0;
	/* The first month without the days before `from`. */
	m.days = wanted_days(p, m.year, m.month, m.first) & (uint32_t) ~((UINT64_C(1) << c.day) - 1);
	for (;;) {
		if (to - m.first < 31)
			m.days &= (uint32_t)((UINT64_C(1) << (to - m.first + 1)) - 1);
		count += __builtin_popcount(m.days);
		if (!next_month(p, &m) || m.first >= to)
			return count;
		m.days = wanted_days(p, m.year, m.month, m.first);
	}
}

int64_t local_count(const struct pattern *p, int64_t from, int64_t to)
{
	if (from < LOCAL_FIRST)
		from = LOCAL_FIRST;
	if (to > LOCAL_LAST + 1)
		to = LOCAL_LAST + 1;
	if (!p->possible_months || from >= to)
		return 0;
	const int64_t first = civil_floor_day(from), last = civil_floor_day(to);
	const int64_t per_day = times_before(&p->bits, DAY_S - 1) + (next_time(&p->bits, DAY_S - 1) == DAY_S - 1);
	int64_t count = first < last ? count_days(p, first, last) * per_day : 0;
	if (local_day_wanted(p, last))
		count += times_before(&p->bits, (uint32_t)(to - last * DAY_S));
	if (local_day_wanted(p, first))
		count -= times_before(&p->bits, (uint32_t)(from - first * DAY_S));
	return count;
}

/* A month begins on one of seven weekdays, and February has two lengths. */
static bool month_is_possible(const struct pattern *p, uint32_t month)
{
	const uint32_t length = civil_month_length(2000, month);
	for (uint32_t weekday = 0; weekday < 7; weekday++)
		if (days_of_month(p, weekday, length) || (month == 2 && days_of_month(p, weekday, 28)))
			return true;
	return false;
}

uint16_t local_possible_months(const struct pattern *p)
{
	uint32_t possible = 0;
	for (uint32_t month = 1; month <= 12; month++)
		if ((p->bits.months >> month & 1) && month_is_possible(p, month))
			possible |= UINT32_C(1) << month;
	return (uint16_t)possible;
}
