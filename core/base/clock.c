#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>

static int64_t read_ns(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ms(void)
{
	return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

char *clock_rfc3339(int64_t wall_ms, char text[static CLOCK_TEXT_MAX])
{
	int64_t seconds = wall_ms / 1000;
	int64_t ms = wall_ms % 1000;
	if (ms < 0) {
		ms += 1000;
		seconds--;
	}
	time_t when = (time_t)seconds;
	struct tm tm;
	gmtime_r(&when, &tm);
	size_t len = strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, CLOCK_TEXT_MAX - len, ".%03dZ", (int)ms);
	return text;
}

static int parse_fraction(const char **at, int64_t *ret_ms)
{
	const char *p = *at;
	int64_t ms = 0;
	if (*p == '.') {
		int64_t unit = 100;
		if (!isdigit((unsigned char)*++p))
			return -EINVAL;
		for (; isdigit((unsigned char)*p); p++, unit /= 10)
			ms += (*p - '0') * unit;
	}
	*at = p;
	*ret_ms = ms;
	return 0;
}

static int parse_offset(const char *p, int64_t *ret_ms)
{
	if ((*p == 'Z' || *p == 'z') && p[1] == '\0') {
		*ret_ms = 0;
		return 0;
	}
	unsigned hours, minutes;
	int used = 0;
	if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 || used != 5 ||
	    p[6] != '\0' || hours > 23 || minutes > 59)
		return -EINVAL;
	int64_t ms = (int64_t)(hours * 60 + minutes) * 60000;
	*ret_ms = *p == '-' ? -ms : ms;
	return 0;
}

int clock_parse_rfc3339(const char *text, int64_t *ret_wall_ms)
{
	struct tm tm = {0};
	const char *p = strptime(text, "%Y-%m-%d", &tm);
	if (!p || (*p != 'T' && *p != 't' && *p != ' '))
		return -EINVAL;
	p = strptime(p + 1, "%H:%M:%S", &tm);
	int64_t ms, offset_ms;
	if (!p || parse_fraction(&p, &ms) < 0 || parse_offset(p, &offset_ms) < 0)
		return -EINVAL;
	time_t seconds = timegm(&tm);
	*ret_wall_ms = (int64_t)seconds * 1000 + ms - offset_ms;
	return 0;
}

int clock_parse_duration(const char *text, int64_t *ret_ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	char *end;
	errno = 0;
	long long amount = strtoll(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		if (amount > INT64_MAX / 4 / units[i].ms)
			return -ERANGE;
		*ret_ms = amount * units[i].ms;
		return 0;
	}
	return -EINVAL;
}
