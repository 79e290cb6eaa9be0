#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "civil.h"
#include "instant.h"

/* ---- Reading ---- */

static bool read_digits(const char **at, int count, int least, int most, int *ret)
{
	int value = 0;
	for (int i = 0; i < count; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return value >= least && value <= most;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool read_date(const char **at, int64_t *ret_days)
{
	int year, month, day;
	if (!read_digits(at, 4, 1, 9999, &year) || !take(at, '-') || !read_digits(at, 2, 1, 12, &month) ||
	    !take(at, '-') || !read_digits(at, 2, 1, 31, &day))
		return false;
	*ret_days = civil_days(year, (uint32_t)month, (uint32_t)day);
	return (uint32_t)day <= civil_month_length(year, (uint32_t)month);
}

/* Digits beyond milliseconds are cut off. */
static bool read_fraction(const char **at, int32_t *ret_ms)
{
	int32_t place = 100;
	*ret_ms = 0;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++, place /= 10)
		*ret_ms += (**at - '0') * place;
	return true;
}

static bool read_time(const char **at, struct moment *m)
{
	int hour, minute, second = 0;
	if (!read_digits(at, 2, 0, 23, &hour) || !take(at, ':') || !read_digits(at, 2, 0, 59, &minute))
		return false;
	if (take(at, ':') && !read_digits(at, 2, 0, 59, &second))
		return false;
	if (take(at, '.') && !read_fraction(at, &m->ms))
		return false;
	m->local_s += hour * 3600 + minute * 60 + second;
	return true;
}

static bool read_offset(const char **at, struct moment *m)
{
	int hours, minutes = 0;
	const bool west = **at == '-';
	if (take(at, 'Z') || take(at, 'z')) {
		m->has_offset = true;
		return true;
	}
	if (!take(at, '+') && !take(at, '-'))
		return true;
	if (!read_digits(at, 2, 0, 23, &hours))
		return false;
	take(at, ':');
	if (**at && !read_digits(at, 2, 0, 59, &minutes))
		return false;
	m->has_offset = true;
	m->offset_s = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

int moment_parse(const char *text, struct moment *ret)
{
	struct moment m = {0};
	int64_t days;
	if (!read_date(&text, &days))
		return -EINVAL;
	m.local_s = days * DAY_S;
	m.has_time = take(&text, 'T') || take(&text, 't') || take(&text, ' ');
	if (m.has_time && (!read_time(&text, &m) || !read_offset(&text, &m)))
		return -EINVAL;
	if (*text)
		return -EINVAL;
	*ret = m;
	return 0;
}

/* ---- Writing ---- */

static char *put(char *at, uint32_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + digits;
}

static char *put_date(char *at, int64_t days)
{
	const struct civil c = civil_of_days(days);
	at = put(at, (uint32_t)c.year, 4);
	*at++ = '-';
	at = put(at, c.month, 2);
	*at++ = '-';
	return put(at, c.day, 2);
}

static char *put_time(char *at, uint32_t second, bool seconds)
{
	at = put(at, second / 3600, 2);
	*at++ = ':';
	at = put(at, second / 60 % 60, 2);
	if (!seconds)
		return at;
	*at++ = ':';
	return put(at, second % 60, 2);
}

char *instant_format(int64_t at_s, int32_t offset_s, char text[static INSTANT_TEXT_MAX])
{
	const int64_t local = at_s + offset_s, days = civil_floor_day(local);
	const uint32_t offset = (uint32_t)abs(offset_s);
	char *at = put_date(text, days);
	*at++ = 'T';
	at = put_time(at, (uint32_t)(local - days * DAY_S), true);
	*at++ = offset_s < 0 ? '-' : '+';
	at = put_time(at, offset, offset % 60 != 0);
	*at = '\0';
	return text;
}

char *local_format(int64_t local_s, char text[static INSTANT_TEXT_MAX])
{
	const int64_t days = civil_floor_day(local_s);
	const uint32_t second = (uint32_t)(local_s - days * DAY_S);
	char *at = put_date(text, days);
	*at++ = ' ';
	*put_time(at, second, second % 60 != 0) = '\0';
	return text;
}
