/* The grammar of fields: lists of values, ranges and steps. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "field.h"

const struct field fields[FIELD_COUNT] = {
	[FIELD_SECOND] = {"second", 0, 59},
	[FIELD_MINUTE] = {"minute", 0, 59},
	[FIELD_HOUR] = {"hour", 0, 23},
	[FIELD_DAY] = {"day of month", 1, 31},
	[FIELD_MONTH] = {"month", 1, 12},
	[FIELD_WEEKDAY] = {"day of week", 0, 6},
	[FIELD_YEAR] = {"year", 1, PATTERN_YEAR_MAX},
};

static const char month_names[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
static const char weekday_names[] = "SUNMONTUEWEDTHUFRISAT";

#define YEAR_OF_STEPS 1970

/* ---- Messages ---- */

#define WORD_SHOWN 16

/* A number or name as a whole, anything else as one character. */
static int word_length(const char *at, const char *end)
{
	int len = 0;
	while (at + len < end && len < WORD_SHOWN && isalnum((unsigned char)at[len]))
		len++;
	return len > 0 ? len : 1;
}

int field_fail(const struct field_reader *r, const char *at, const char *expected, ...)
{
	char what[120], found[24];
	va_list args;
	va_start(args, expected);
	vsnprintf(what, sizeof(what), expected, args);
	va_end(args);
	if (at >= r->end)
		snprintf(found, sizeof(found), "the end of the field");
	else if (isprint((unsigned char)*at))
		snprintf(found, sizeof(found), "'%.*s'", word_length(at, r->end), at);
	else
		snprintf(found, sizeof(found), "byte 0x%02x", (unsigned char)*at);
	snprintf(r->error->message, sizeof(r->error->message), "%s, character %zu: expected %s, found %s",
		 fields[r->index].name, (size_t)(at - r->text) + 1, what, found);
	return -EINVAL;
}

static int lowest(const struct field_reader *r)
{
	if (r->index == FIELD_WEEKDAY)
		return r->dow == DOW_1_7 ? 1 : 0;
	return r->index == FIELD_YEAR ? r->rules->year_min : fields[r->index].min;
}

static int highest(const struct field_reader *r)
{
	if (r->index == FIELD_WEEKDAY)
		return r->dow == DOW_0_6 ? 6 : 7;
	return r->index == FIELD_YEAR ? r->rules->year_max : fields[r->index].max;
}

static int fail_value(const struct field_reader *r, const char *at)
{
	const char *name = "";
	if (r->index == FIELD_MONTH)
		name = " or a name such as JAN";
	if (r->index == FIELD_WEEKDAY)
		name = " or a name such as MON";
	return field_fail(r, at, "a number from %d to %d%s", lowest(r), highest(r), name);
}

/* ---- Values ---- */

int field_number(struct field_reader *r, int digits_max)
{
	int value = 0, digits = 0;
	while (isdigit((unsigned char)field_peek(r)) && digits++ < digits_max)
		value = value * 10 + (*r->at++ - '0');
	return digits >= 1 && digits <= digits_max ? value : -1;
}

static int read_name(struct field_reader *r, const char *names)
{
	if (r->end - r->at < 3)
		return -1;
	for (int i = 0; names[i]; i += 3)
		if (strncasecmp(names + i, r->at, 3) == 0) {
			r->at += 3;
			return i / 3;
		}
	return -1;
}

/* Days of the week come out with Sunday as 0, or as 7 where the text says 7. */
static int read_value(struct field_reader *r, int *ret, bool *ret_named)
{
	const char *begin = r->at;
	int value = -1;
	*ret_named = false;
	if (isalpha((unsigned char)field_peek(r))) {
		if (r->index == FIELD_MONTH)
			value = read_name(r, month_names);
		else if (r->index == FIELD_WEEKDAY)
			value = read_name(r, weekday_names);
		if (value < 0)
			return fail_value(r, begin);
		*ret_named = true;
		*ret = r->index == FIELD_MONTH ? value + 1 : value;
		return 0;
	}
	value = field_number(r, 5);
	if (value < lowest(r) || value > highest(r))
		return fail_value(r, begin);
	*ret = r->index == FIELD_WEEKDAY && r->dow == DOW_1_7 ? value - 1 : value;
	return 0;
}

/* ---- Ranges ---- */

struct range {
	int from, to, step;
};

static int size_of(const struct field_reader *r)
{
	return fields[r->index].max - fields[r->index].min + 1;
}

static int read_step(struct field_reader *r, struct range *range)
{
	range->step = 1;
	if (field_peek(r) != '/')
		return 0;
	const char *begin = ++r->at;
	const int step = field_number(r, 5);
	int most = size_of(r);
	if (field_has(r, STEP_BELOW_SIZE))
		most = r->index == FIELD_DAY || r->index == FIELD_WEEKDAY || r->index == FIELD_MONTH ? most : most - 1;
	if (field_has(r, STEP_ANY) || r->index == FIELD_YEAR)
		most = 99999;
	if (step < 1 || step > most)
		return field_fail(r, begin, "a step from 1 to %d", most);
	range->step = step;
	return 0;
}

static void add_year(struct pattern_bits *bits, int year)
{
	const int bit = year - PATTERN_YEAR_BASE;
	if (bit >= 0 && bit < PATTERN_YEAR_BITS)
		bits->years[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static int add_years(struct field_reader *r, const char *begin, const struct range *range)
{
	struct pattern_bits *bits = &r->pattern->bits;
	const int beyond = PATTERN_YEAR_BASE + PATTERN_YEAR_BITS;
	int year = range->from;
	for (; year <= range->to && year < beyond; year += range->step)
		add_year(bits, year);
	if (year > range->to)
		return 0;
	if (bits->far_from)
		return field_fail(r, begin, "at most one year or range beyond %d", beyond - 1);
	bits->far_from = (uint16_t)year;
	bits->far_to = (uint16_t)range->to;
	bits->far_step = (uint16_t)(range->step > PATTERN_YEAR_MAX ? PATTERN_YEAR_MAX : range->step);
	return 0;
}

/* `to` may lie behind the field's end: such a range goes on at its beginning. */
static int add_range(struct field_reader *r, const char *begin, const struct range *range)
{
	if (r->index == FIELD_YEAR)
		return add_years(r, begin, range);
	const int min = fields[r->index].min, size = size_of(r);
	for (int value = range->from; value <= range->to; value += range->step)
		r->bits |= (uint64_t)1 << ((value - min) % size + min);
	return 0;
}

static int close_range(struct field_reader *r, const char *begin, struct range *range, bool named)
{
	const bool weekday = r->index == FIELD_WEEKDAY;
	if (weekday && range->from == 7)
		range->from = range->to == 7 ? 7 : 0;
	if (range->to >= range->from)
		return 0;
	const bool sunday = weekday && named && range->to == 0 && field_has(r, SUNDAY_ENDS);
	const bool wraps =
		(field_has(r, WRAP) && r->index != FIELD_YEAR) || (weekday && field_has(r, WRAP_WEEKDAYS)) || sunday;
	if (!wraps)
		return field_fail(r, begin, "a range whose end is not before its beginning");
	range->to += size_of(r);
	return 0;
}

/* Behind the first value of an item. */
static int read_range(struct field_reader *r, const char *begin, int value)
{
	struct range range = {.from = value, .to = value};
	bool named = false;
	int error = 0;
	if (field_peek(r) == '-') {
		r->at++;
		error = read_value(r, &range.to, &named);
		if (!error)
			error = close_range(r, begin, &range, named);
	} else if (field_peek(r) == '/') {
		if (!field_has(r, STEP_FROM))
			return field_fail(r, r->at, "',' or '-' (a step needs '*' or a range before it)");
		range.to = r->index == FIELD_YEAR ? highest(r) : fields[r->index].max;
		if (r->index == FIELD_WEEKDAY && r->dow == DOW_0_7)
			range.to = 7;
	}
	if (!error)
		error = read_step(r, &range);
	return error ? error : add_range(r, begin, &range);
}

static int read_star(struct field_reader *r, const char *begin)
{
	struct range range = {.from = fields[r->index].min, .to = fields[r->index].max};
	/* Years have no first one; steps count from where Quartz and OCPS have it. */
	if (r->index == FIELD_YEAR)
		range = (struct range){.from = YEAR_OF_STEPS, .to = highest(r)};
	const bool question = *begin == '?';
	if (*begin != '/')
		r->at++;
	if (question && field_peek(r) == '/' && !field_has(r, QUESTION_STEP))
		return field_fail(r, r->at, "nothing behind '?'");
	const int error = read_step(r, &range);
	if (error)
		return error;
	r->is_question |= question;
	r->has_unit_star |= range.step == 1;
	return add_range(r, begin, &range);
}

/* ---- H and ~ ---- */

/* A value, or every step-th of them, of a range; which, the id decides. */
static int add_hashed(struct field_reader *r, const char *begin, struct range range)
{
	const int count = range.to - range.from + 1;
	const bool stepped = field_peek(r) == '/';
	const int error = read_step(r, &range);
	if (error)
		return error;
	const uint64_t hash = stable_hash(r->id, (uint64_t)r->index + 1);
	const int choices = stepped && range.step < count ? range.step : count;
	range.from += (int)(hash % (uint64_t)choices);
	if (!stepped)
		range.to = range.from;
	return add_range(r, begin, &range);
}

static int read_bounds(struct field_reader *r, struct range *range, char between, char behind)
{
	bool named;
	const char *begin = r->at;
	if (field_peek(r) != between) {
		const int error = read_value(r, &range->from, &named);
		if (error)
			return error;
	}
	if (field_peek(r) != between)
		return field_fail(r, r->at, "'%c'", between);
	r->at++;
	if (behind || isalnum((unsigned char)field_peek(r))) {
		const int error = read_value(r, &range->to, &named);
		if (error)
			return error;
	}
	if (range->to < range->from)
		return field_fail(r, begin, "a range whose end is not before its beginning");
	if (behind && field_peek(r) != behind)
		return field_fail(r, r->at, "'%c'", behind);
	r->at += behind != '\0';
	return 0;
}

static struct range hashed_range(const struct field_reader *r)
{
	const struct field *f = &fields[r->index];
	/* Every month has a 28th. */
	return (struct range){.from = f->min, .to = r->index == FIELD_DAY ? 28 : f->max};
}

static int read_hashed(struct field_reader *r, const char *begin)
{
	struct range range = hashed_range(r);
	int error = 0;
	if (r->index == FIELD_YEAR)
		return fail_value(r, begin);
	r->at++;
	if (field_peek(r) == '(') {
		r->at++;
		error = read_bounds(r, &range, '-', ')');
	}
	return error ? error : add_hashed(r, begin, range);
}

static int read_tilde(struct field_reader *r, const char *begin)
{
	struct range range = hashed_range(r);
	r->at = begin;
	if (r->index == FIELD_YEAR)
		return fail_value(r, begin);
	range.to = fields[r->index].max;
	const int error = read_bounds(r, &range, '~', '\0');
	return error ? error : add_hashed(r, begin, range);
}

/* ---- Items ---- */

static bool is_question_here(const struct field_reader *r)
{
	return field_has(r, QUESTION_ANYWHERE) ||
	       (field_has(r, QUESTION_DAYS) && (r->index == FIELD_DAY || r->index == FIELD_WEEKDAY));
}

static int read_item(struct field_reader *r)
{
	const char *begin = r->at;
	const char first = field_peek(r);
	bool named;
	int value = 0;
	if (first == '*' || (first == '?' && is_question_here(r)) || (first == '/' && field_has(r, STEP_BARE)))
		return read_star(r, begin);
	if (first == 'H' && field_has(r, HASHED))
		return read_hashed(r, begin);
	if (first == '~' && field_has(r, HASHED))
		return read_tilde(r, begin);
	int found = field_days_before(r);
	if (found != 0)
		return found < 0 ? found : 0;
	const int error = read_value(r, &value, &named);
	if (error)
		return error;
	if (field_peek(r) == '~' && field_has(r, HASHED))
		return read_tilde(r, begin);
	found = field_days_after(r, value);
	if (found != 0)
		return found < 0 ? found : 0;
	return read_range(r, begin, value);
}

static void store(struct field_reader *r)
{
	struct pattern *p = r->pattern;
	struct pattern_bits *b = &p->bits;
	switch (r->index) {
	case FIELD_SECOND:
		b->seconds = r->bits;
		break;
	case FIELD_MINUTE:
		b->minutes = r->bits;
		break;
	case FIELD_HOUR:
		b->hours = (uint32_t)r->bits;
		break;
	case FIELD_DAY:
		b->days = (uint32_t)r->bits;
		p->any_day = r->is_star;
		break;
	case FIELD_MONTH:
		b->months = (uint16_t)r->bits;
		break;
	case FIELD_WEEKDAY:
		b->weekdays = (uint8_t)r->bits;
		p->any_weekday = r->is_star;
		break;
	case FIELD_YEAR:
		p->any_year = r->is_star;
		break;
	case FIELD_COUNT:
		break;
	}
}

int field_read(struct field_reader *r)
{
	const char *begin = r->at;
	if (field_peek(r) == '+' && r->index == FIELD_WEEKDAY && field_has(r, PLUS)) {
		r->has_plus = true;
		r->at++;
	}
	r->begins_with_star = field_peek(r) == '*' || field_peek(r) == '?';
	r->is_star = r->begins_with_star && r->at + 1 == r->end;
	for (;;) {
		const int error = read_item(r);
		if (error)
			return error;
		if (r->at == r->end)
			break;
		if (*r->at != ',')
			return field_fail(r, r->at, "',' or the end of the field");
		r->at++;
	}
	const int error = field_days_check(r, begin);
	if (error)
		return error;
	store(r);
	return 0;
}
