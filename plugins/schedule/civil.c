/* The algorithms are Howard Hinnant's, chrono-Compatible Low-Level Date Algorithms: years begin in March, so that the
 * leap day comes last. */
#include "civil.h"

int64_t civil_days(int32_t year, uint32_t month, uint32_t day)
{
	const int64_t y = (int64_t)year - (month <= 2);
	const int64_t era = (y >= 0 ? y : y - (CYCLE_YEARS - 1)) / CYCLE_YEARS;
	const uint32_t year_of_era = (uint32_t)(y - era * CYCLE_YEARS);
	const uint32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	const uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * CYCLE_DAYS + (int64_t)day_of_era - 719468;
}

struct civil civil_of_days(int64_t days)
{
	days += 719468;
	const int64_t era = (days >= 0 ? days : days - (CYCLE_DAYS - 1)) / CYCLE_DAYS;
	const uint32_t day_of_era = (uint32_t)(days - era * CYCLE_DAYS);
	const uint32_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (CYCLE_DAYS - 1)) / 365;
	const uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	const uint32_t shifted = (5 * day_of_year + 2) / 153;
	struct civil c;
	c.day = day_of_year - (153 * shifted + 2) / 5 + 1;
	c.month = shifted < 10 ? shifted + 3 : shifted - 9;
	c.year = (int32_t)(year_of_era + era * CYCLE_YEARS) + (c.month <= 2);
	return c;
}

uint32_t civil_month_length(int32_t year, uint32_t month)
{
	if (month == 2)
		return civil_is_leap(year) ? 29 : 28;
	return 30 + ((month + (month >> 3)) & 1);
}
