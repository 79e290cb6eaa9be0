#include "days.h"

/* The seven bits of a week, laid over the days of a month. */
static uint32_t weeks(uint32_t weekdays, uint32_t first_weekday)
{
	const uint32_t turned = (weekdays >> first_weekday | weekdays << (7 - first_weekday)) & 0x7f;
	return (uint32_t)((turned * UINT64_C(0x10204081)) << 1);
}

/* From day `from` to day `to`. */
static uint32_t span(uint32_t from, uint32_t to)
{
	return (uint32_t)((UINT64_C(2) << to) - (UINT64_C(1) << from));
}

/* The weekday (Monday to Friday) that is nearest to a day, without leaving the month. */
static uint32_t nearest(uint32_t day, uint32_t first_weekday, uint32_t length)
{
	const uint32_t weekday = (first_weekday + day - 1) % 7;
	if (weekday == 6)
		return day > 1 ? day - 1 : day + 2;
	if (weekday == 0)
		return day < length ? day + 1 : day - 2;
	return day;
}

static uint32_t special_days(const struct pattern_bits *b, uint32_t first_weekday, uint32_t length)
{
	uint32_t found = 0, left;
	const uint32_t last_weekday = nearest(length, first_weekday, length);
	for (left = b->last_days; left; left &= left - 1) {
		const uint32_t minus = (uint32_t)__builtin_ctz(left);
		if (minus < length)
			found |= UINT32_C(1) << (length - minus);
	}
	for (left = b->near_days & span(1, length); left; left &= left - 1)
		found |= UINT32_C(1) << nearest((uint32_t)__builtin_ctz(left), first_weekday, length);
	for (left = b->near_last_days; left; left &= left - 1) {
		const uint32_t minus = (uint32_t)__builtin_ctz(left);
		if (minus < length)
			found |= UINT32_C(1) << nearest(length - minus, first_weekday, length);
	}
	for (left = b->before_last_weekday; left; left &= left - 1) {
		const uint32_t minus = (uint32_t)__builtin_ctz(left);
		if (minus < last_weekday)
			found |= UINT32_C(1) << (last_weekday - minus);
	}
	return found;
}

static uint32_t special_weekdays(const struct pattern_bits *b, uint32_t first_weekday, uint32_t length)
{
	uint32_t found = 0;
	if (b->last_weekdays)
		found |= weeks(b->last_weekdays, first_weekday) & span(length - 6, length);
	for (uint32_t n = 0; n < 5; n++)
		if (b->nth_weekdays[n])
			found |= weeks(b->nth_weekdays[n], first_weekday) & span(7 * n + 1, n < 4 ? 7 * n + 7 : 31);
	return found;
}

uint32_t days_of_month(const struct pattern *p, uint32_t first_weekday, uint32_t length)
{
	uint32_t by_day = p->bits.days, by_weekday = weeks(p->bits.weekdays, first_weekday);
	if (p->special_days) {
		by_day |= special_days(&p->bits, first_weekday, length);
		by_weekday |= special_weekdays(&p->bits, first_weekday, length);
	}
	return (p->either_day ? by_day | by_weekday : by_day & by_weekday) & span(1, length);
}

/* ---- Years ---- */

bool days_year_wanted(const struct pattern *p, int32_t year)
{
	const struct pattern_bits *b = &p->bits;
	if (p->any_year)
		return true;
	const int32_t bit = year - PATTERN_YEAR_BASE;
	if (bit < 0)
		return false;
	if (bit < PATTERN_YEAR_BITS)
		return b->years[bit / 64] >> (bit % 64) & 1;
	return b->far_from && year >= b->far_from && year <= b->far_to && (year - b->far_from) % b->far_step == 0;
}

int32_t days_next_year(const struct pattern *p, int32_t year)
{
	const struct pattern_bits *b = &p->bits;
	if (p->any_year)
		return year;
	int32_t bit = year > PATTERN_YEAR_BASE ? year - PATTERN_YEAR_BASE : 0;
	for (; bit < PATTERN_YEAR_BITS; bit = (bit / 64 + 1) * 64) {
		const uint64_t left = b->years[bit / 64] >> (bit % 64);
		if (left)
			return PATTERN_YEAR_BASE + bit + __builtin_ctzll(left);
	}
	if (!b->far_from || year > b->far_to)
		return INT32_MAX;
	if (year <= b->far_from)
		return b->far_from;
	const int32_t steps = (year - b->far_from + b->far_step - 1) / b->far_step;
	const int32_t found = b->far_from + steps * b->far_step;
	return found <= b->far_to ? found : INT32_MAX;
}
