/* L, W and #: what only the day fields have. */
#include <errno.h>
#include "field.h"

static bool at_item_end(const struct field_reader *r)
{
	return field_peek(r) == ',' || field_peek(r) == '\0';
}

static int end_item(const struct field_reader *r)
{
	return at_item_end(r) ? 1 : field_fail(r, r->at, "',' or the end of the field");
}

/* Behind "L" or "LW": "-3". */
static int read_minus(struct field_reader *r, int *ret)
{
	if (field_peek(r) != '-')
		return 0;
	const char *begin = ++r->at;
	const int value = field_number(r, 2);
	if (value < 0 || value > 30)
		return field_fail(r, begin, "a number from 0 to 30 behind 'L-'");
	*ret = value;
	return 0;
}

/* L, L-3, LW, L-3W, LW-3 */
static int read_last_day(struct field_reader *r)
{
	struct pattern_bits *bits = &r->pattern->bits;
	int minus = 0, error;
	r->at++;
	r->has_last = true;
	r->pattern->special_days = true;
	const bool weekday_first = field_has(r, NEAREST) && field_peek_letter(r, 'W');
	r->at += weekday_first;
	if (!weekday_first || field_has(r, LAST_WEEKDAY_MINUS)) {
		error = read_minus(r, &minus);
		if (error)
			return error;
	}
	if (weekday_first) {
		bits->before_last_weekday |= (uint32_t)1 << minus;
	} else if (field_has(r, NEAREST) && field_peek_letter(r, 'W')) {
		r->at++;
		bits->near_last_days |= (uint32_t)1 << minus;
	} else {
		bits->last_days |= (uint32_t)1 << minus;
	}
	return end_item(r);
}

int field_days_before(struct field_reader *r)
{
	if (!field_peek_letter(r, 'L') || !field_has(r, LAST))
		return 0;
	if (r->index == FIELD_DAY)
		return read_last_day(r);
	if (r->index != FIELD_WEEKDAY || !field_has(r, LAST_SATURDAY))
		return 0;
	r->at++;
	r->has_last = true;
	r->bits |= 1 << 6;
	return end_item(r);
}

static int read_nth(struct field_reader *r, int weekday)
{
	struct pattern_bits *bits = &r->pattern->bits;
	const char *begin = ++r->at;
	r->has_nth = true;
	r->pattern->special_days = true;
	if (field_has(r, NTH_LAST) && field_peek_letter(r, 'L')) {
		r->at++;
		bits->last_weekdays |= (uint8_t)(1 << weekday);
		return end_item(r);
	}
	const int nth = field_number(r, 1);
	if (nth < 1 || nth > 5)
		return field_fail(r, begin, "a number from 1 to 5%s", field_has(r, NTH_LAST) ? " or 'L'" : "");
	bits->nth_weekdays[nth - 1] |= (uint8_t)(1 << weekday);
	return end_item(r);
}

int field_days_after(struct field_reader *r, int value)
{
	struct pattern_bits *bits = &r->pattern->bits;
	if (r->index == FIELD_DAY && field_has(r, NEAREST) && field_peek_letter(r, 'W')) {
		r->at++;
		r->has_nearest = true;
		r->pattern->special_days = true;
		bits->near_days |= (uint32_t)1 << value;
		return end_item(r);
	}
	if (r->index != FIELD_WEEKDAY)
		return 0;
	value %= 7;
	if (field_has(r, LAST) && field_peek_letter(r, 'L')) {
		r->at++;
		r->has_last = true;
		r->pattern->special_days = true;
		bits->last_weekdays |= (uint8_t)(1 << value);
		return end_item(r);
	}
	if (field_has(r, NTH) && field_peek(r) == '#')
		return read_nth(r, value);
	return 0;
}

static bool is_list(const struct field_reader *r, const char *begin)
{
	for (; begin < r->end; begin++)
		if (*begin == ',')
			return true;
	return false;
}

int field_days_check(const struct field_reader *r, const char *begin)
{
	if (!is_list(r, begin))
		return 0;
	if (r->index == FIELD_DAY && r->has_nearest && field_has(r, NEAREST_ALONE))
		return field_fail(r, begin, "no list, as there is a 'W' in it");
	if (r->index == FIELD_WEEKDAY && (r->has_last || r->has_nth) && field_has(r, WEEKDAY_ALONE))
		return field_fail(r, begin, "no list, as there is an 'L' or '#' in it");
	return 0;
}
