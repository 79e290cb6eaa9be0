/* Calendar arithmetic on local seconds: seconds since 1970-01-01T00:00:00 of a clock that knows no zones. Proleptic
 * Gregorian, for years from -30000 to 30000. Pure functions. */
#ifndef SCHEDULE_CIVIL_H
#define SCHEDULE_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAY_S 86400
/* The calendar with its days of the week repeats after so many days (400 years, 20871 weeks). */
#define CYCLE_DAYS 146097
#define CYCLE_YEARS 400

struct civil {
	int32_t year;
	uint32_t month; /* 1-12 */
	uint32_t day;   /* 1-31 */
};

/* Days since 1970-01-01. */
int64_t civil_days(int32_t year, uint32_t month, uint32_t day);
struct civil civil_of_days(int64_t days);
uint32_t civil_month_length(int32_t year, uint32_t month);

static inline bool civil_is_leap(int32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* 0 is Sunday. */
static inline uint32_t civil_weekday(int64_t days)
{
	/* Whole weeks are added, so that it is not negative. */
	return ((uint32_t)days + 4u + 7u * 2000000u) % 7;
}

static inline int64_t civil_floor_day(int64_t local_s)
{
	return local_s >= 0 ? local_s / DAY_S : -((DAY_S - 1 - local_s) / DAY_S);
}

#endif
