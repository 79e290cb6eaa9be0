#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "exclude.h"
#include "instant.h"
#include "local.h"

static bool looks_like_date(const char *text)
{
	for (int i = 0; i < 4; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return text[4] == '-';
}

static int parse_day(const char *text, size_t len, int64_t *ret)
{
	char day[16];
	struct moment m;
	if (len >= sizeof(day))
		return -EINVAL;
	memcpy(day, text, len);
	day[len] = '\0';
	if (moment_parse(day, &m) < 0 || m.has_time)
		return -EINVAL;
	*ret = m.local_s / DAY_S;
	return 0;
}

static int parse_days(const char *text, struct exclude *ret, struct pattern_error *ret_error)
{
	const char *slash = strchr(text, '/');
	const size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int r = parse_day(text, len, &ret->from_day);
	ret->to_day = ret->from_day;
	if (r == 0 && slash)
		r = parse_day(slash + 1, strlen(slash + 1), &ret->to_day);
	if (r == 0 && ret->to_day >= ret->from_day)
		return 0;
	snprintf(ret_error->message, sizeof(ret_error->message),
		 "exclude \"%.60s\": expected a date such as 2026-12-25, a range 2026-12-24/2027-01-02, or a pattern",
		 text);
	return -EINVAL;
}

int exclude_parse(const char *text, const struct pattern_options *options, struct exclude *ret,
		  struct pattern_error *ret_error)
{
	char zone[ZONE_NAME_MAX];
	struct pattern_error inner;
	struct exclude e = {0};
	if (looks_like_date(text)) {
		const int r = parse_days(text, &e, ret_error);
		if (r == 0)
			*ret = e;
		return r;
	}
	e.is_pattern = true;
	int r = pattern_parse(text, options, &e.pattern, zone, &inner);
	if (r == 0 && (zone[0] || e.pattern.kind != PATTERN_CRON)) {
		r = -EINVAL;
		snprintf(inner.message, sizeof(inner.message), "expected a pattern of fields, in the schedule's zone");
	}
	if (r == 0)
		*ret = e;
	else
		snprintf(ret_error->message, sizeof(ret_error->message), "exclude \"%.40s\": %.180s", text,
			 inner.message);
	return r;
}

#define WHOLE_MINUTE ((UINT64_C(1) << 60) - 1)

/* How far what covers `local_s` reaches for sure: whole days, hours or minutes. */
static int64_t reach(const struct exclude *e, int64_t local_s)
{
	const struct pattern_bits *b = &e->pattern.bits;
	const int64_t day = civil_floor_day(local_s), second = local_s - day * DAY_S;
	if (e->pattern.has_seconds && b->seconds != WHOLE_MINUTE)
		return local_s + 1;
	if (b->minutes != WHOLE_MINUTE)
		return local_s - second % 60 + 60;
	return b->hours == 0xffffff ? (day + 1) * DAY_S : local_s - second % 3600 + 3600;
}

bool exclude_covers(const struct exclude *e, int64_t local_s, int64_t *ret_until)
{
	const int64_t day = civil_floor_day(local_s);
	if (!e->is_pattern) {
		*ret_until = (e->to_day + 1) * DAY_S;
		return day >= e->from_day && day <= e->to_day;
	}
	/* A pattern without seconds means whole minutes here. */
	const int64_t from = e->pattern.has_seconds ? local_s : local_s - (local_s - day * DAY_S) % 60;
	*ret_until = reach(e, local_s);
	return local_next(&e->pattern, from) == from;
}
