/* Years begin in March, so that the leap day comes last. The way to a date is that of Howard Hinnant's chrono-Compatible
 * Low-Level Date Algorithms, the way from one that of Neri and Schneider, Euclidean affine functions and their application to
 * calendar algorithms (2022): multiplications in place of divisions. */
#include "civil.h"

/* So many cycles of 400 years are added, so that no year is negative. */
#define CYCLES_BEFORE 82
#define DAYS_BEFORE (719468u + (uint32_t)CYCLE_DAYS * CYCLES_BEFORE)

int64_t civil_days(int32_t year, uint32_t month, uint32_t day)
{
	const uint32_t y = (uint32_t)(year + CYCLE_YEARS * CYCLES_BEFORE) - (month <= 2);
	const uint32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	const uint32_t century = y / 100;
	return (int64_t)(y * 365 + y / 4 - century + century / 4 + day_of_year) - DAYS_BEFORE;
}

struct civil civil_of_days(int64_t days)
{
	const uint32_t from_march = (uint32_t)days + DAYS_BEFORE;
	const uint32_t quarters = 4 * from_march + 3;
	const uint32_t century = quarters / CYCLE_DAYS, day_of_century = quarters % CYCLE_DAYS / 4;
	const uint64_t product = UINT64_C(2939745) * (4 * day_of_century + 3);
	const uint32_t day_of_year = (uint32_t)product / 2939745 / 4;
	const uint32_t month_and_day = 2141 * day_of_year + 197913;
	const uint32_t next_year = day_of_year >= 306;
	return (struct civil){
		.year = (int32_t)(100 * century + (uint32_t)(product >> 32) + next_year) - CYCLE_YEARS * CYCLES_BEFORE,
		.month = month_and_day / 65536 - 12 * next_year,
		.day = month_and_day % 65536 / 2141 + 1,
	};
}

uint32_t civil_month_length(int32_t year, uint32_t month)
{
	if (month == 2)
		return civil_is_leap(year) ? 29 : 28;
	return 30 + ((month + (month >> 3)) & 1);
}
