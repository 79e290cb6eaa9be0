/* From options to a schedule. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "parts.h"

static int fail(struct pattern_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct pattern_error *error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return -EINVAL;
}

/* An instant of the schedule's zone. In a gap and in an overlap as for patterns that are fixed. */
static int resolve(const struct schedule *s, const struct moment *m, const struct pattern_options *rules,
		   struct schedule_fire *ret)
{
	struct zone_interval i;
	int64_t gap, at_s = m->local_s - m->offset_s;
	struct schedule_fire fire = {.local_s = m->local_s, .offset_s = m->offset_s};
	if (!m->has_offset) {
		at_s = zone_instant(s->zone, m->local_s, &gap);
		if (gap && (rules->gap == GAP_SKIP || gap > GAP_MAX_S))
			return -ENOENT;
		zone_at(s->zone, at_s, &i);
		const int32_t overlap = i.offset - i.offset_after;
		/* Whether the clock shows it once more after the interval. */
		if (!gap && overlap > 0 && at_s >= i.end - overlap) {
			fire.flags = FIRE_FIRST_PASS;
			if (rules->overlap == OVERLAP_LAST) {
				fire.flags = FIRE_SECOND_PASS;
				at_s += overlap;
				zone_at(s->zone, at_s, &i);
			}
		}
		fire.offset_s = i.offset;
		fire.flags |= gap ? FIRE_SHIFTED : 0;
	}
	fire.at_ms = at_s * 1000 + (fire.flags & FIRE_SHIFTED ? 0 : m->ms);
	*ret = fire;
	return 0;
}

static int compare_times(const void *left, const void *right)
{
	const struct at_time *a = left, *b = right;
	return (a->fire.at_ms > b->fire.at_ms) - (a->fire.at_ms < b->fire.at_ms);
}

void schedule_refresh(struct schedule *s)
{
	for (size_t i = 0; s->kind == SCHEDULE_AT && i < s->at_count; i++) {
		struct at_time *at = &s->at[i];
		const struct moment m = {.local_s = at->fire.local_s, .ms = at->ms, .has_time = true};
		const struct pattern_options rules = {.gap = GAP_RUN_AFTER, .overlap = at->overlap};
		if (at->floating)
			(void)resolve(s, &m, &rules, &at->fire);
	}
	if (s->kind == SCHEDULE_AT)
		qsort(s->at, s->at_count, sizeof(*s->at), compare_times);
}

static int compile_moment(const struct schedule *s, const char *what, const char *text,
			  const struct pattern_options *rules, struct schedule_fire *ret, struct pattern_error *error)
{
	struct moment m;
	if (moment_parse(text, &m) < 0)
		return fail(error, "%s \"%.60s\": expected a date and time such as 2026-12-31T09:00:00 or %s", what,
			    text, "2026-12-31T09:00:00+01:00");
	const int r = resolve(s, &m, rules, ret);
	if (r < 0)
		return fail(error, "%s \"%.60s\": there is no such time in %s, the clock passes over it", what, text,
			    zone_name(s->zone));
	return 0;
}

static int compile_at(struct schedule *s, const struct schedule_options *o, struct pattern_error *error)
{
	if (o->at_count > SCHEDULE_AT_MAX)
		return fail(error, "at: at most %d dates and times", SCHEDULE_AT_MAX);
	s->kind = SCHEDULE_AT;
	s->at = calloc(o->at_count, sizeof(*s->at));
	if (!s->at)
		return -ENOMEM;
	for (size_t i = 0; i < o->at_count; i++) {
		struct moment m;
		const int r = compile_moment(s, "at", o->at[i], &o->pattern, &s->at[i].fire, error);
		if (r < 0)
			return r;
		(void)moment_parse(o->at[i], &m);
		s->at[i].ms = m.ms;
		s->at[i].floating = !m.has_offset;
		s->at[i].overlap = o->pattern.overlap;
	}
	qsort(s->at, o->at_count, sizeof(*s->at), compare_times);
	for (size_t i = 0; i < o->at_count; i++)
		if (i == 0 || s->at[i].fire.at_ms != s->at[s->at_count - 1].fire.at_ms)
			s->at[s->at_count++] = s->at[i];
	return 0;
}

static int compile_duration(const char *what, const char *text, int64_t least_ms, int64_t *ret,
			    struct pattern_error *error)
{
	int64_t ms;
	if (duration_parse(text, &ms) < 0)
		return fail(error, "%s \"%.60s\": expected a duration such as 90s or 1h30m", what, text);
	if (ms < least_ms)
		return fail(error, "%s \"%.60s\": expected at least %lldms", what, text, (long long)least_ms);
	*ret = ms;
	return 0;
}

static int find_zone(struct schedule *s, struct zones *zones, const char *name, struct pattern_error *error)
{
	const int r = zones_get(zones, name, &s->zone);
	if (r == -ENOENT)
		return fail(error, "time zone \"%.60s\": expected a name that tzdata %s has, such as Europe/Amsterdam",
			    name, zones_version(zones));
	if (r < 0 && r != -ENOMEM)
		return fail(error, "time zone \"%.60s\" cannot be read: %s", name, strerror(-r));
	return r;
}

static int compile_cron(struct schedule *s, const struct schedule_options *o, struct zones *zones,
			struct pattern_error *error)
{
	char zone[ZONE_NAME_MAX];
	struct pattern pattern;
	int r = pattern_parse(o->cron, &o->pattern, &pattern, zone, error);
	if (r == 0 && zone[0])
		r = find_zone(s, zones, zone, error);
	if (r < 0)
		return r;
	switch ((enum pattern_kind)pattern.kind) {
	case PATTERN_CRON:
		s->kind = SCHEDULE_CRON;
		s->pattern = pattern;
		break;
	case PATTERN_EVERY:
		s->kind = SCHEDULE_EVERY;
		s->every_ms = pattern.every_s * 1000;
		break;
	case PATTERN_REBOOT:
		s->kind = SCHEDULE_REBOOT;
		break;
	}
	return 0;
}

static int compile_kind(struct schedule *s, const struct schedule_options *o, struct zones *zones,
			struct pattern_error *error)
{
	if ((o->cron != NULL) + (o->every != NULL) + (o->at_count > 0) != 1)
		return fail(error, "expected one of cron, every and at");
	if (o->cron)
		return compile_cron(s, o, zones, error);
	if (o->at_count > 0)
		return compile_at(s, o, error);
	s->kind = SCHEDULE_EVERY;
	return compile_duration("every", o->every, 1000, &s->every_ms, error);
}

/* ---- Limits ---- */

static int compile_excludes(struct limits *l, const struct schedule_options *o, struct pattern_error *error)
{
	const struct pattern_options plain = {.dialect = o->pattern.dialect, .id = o->pattern.id};
	if (o->exclude_count > SCHEDULE_EXCLUDE_MAX)
		return fail(error, "exclude: at most %d patterns and dates", SCHEDULE_EXCLUDE_MAX);
	if (o->exclude_count == 0)
		return 0;
	l->excludes = calloc(o->exclude_count, sizeof(*l->excludes));
	if (!l->excludes)
		return -ENOMEM;
	for (; l->exclude_count < o->exclude_count; l->exclude_count++) {
		const size_t i = l->exclude_count;
		const int r = exclude_parse(o->exclude[i], &plain, &l->excludes[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compile_moment_if(const struct schedule *s, const char *what, const char *text, int64_t *ret_ms,
			     struct pattern_error *error)
{
	static const struct pattern_options fixed = {.gap = GAP_RUN_AFTER, .overlap = OVERLAP_FIRST};
	struct schedule_fire fire;
	if (!text)
		return 0;
	const int r = compile_moment(s, what, text, &fixed, &fire, error);
	if (r == 0)
		*ret_ms = fire.at_ms;
	return r;
}

static int compile_limits(struct schedule *s, const struct schedule_options *o, struct pattern_error *error)
{
	struct limits *l;
	if (!o->start && !o->end && o->exclude_count == 0 && !o->jitter)
		return 0;
	l = s->limits = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct limits){.start_ms = INT64_MIN, .end_ms = INT64_MAX, .jitter_kind = o->jitter_kind};
	int r = compile_moment_if(s, "start", o->start, &l->start_ms, error);
	if (r == 0)
		r = compile_moment_if(s, "end", o->end, &l->end_ms, error);
	if (r == 0 && l->start_ms > l->end_ms)
		r = fail(error, "start, end: expected an end that is not before the start");
	if (r == 0)
		r = compile_excludes(l, o, error);
	return r == 0 && o->jitter ? compile_duration("jitter", o->jitter, 0, &l->jitter_ms, error) : r;
}

static int compile_anchor(struct schedule *s, const struct schedule_options *o, struct pattern_error *error)
{
	if (!o->anchor)
		return 0;
	if (s->kind != SCHEDULE_EVERY)
		return fail(error, "anchor: only intervals have one");
	s->has_anchor = true;
	return compile_moment_if(s, "anchor", o->anchor, &s->anchor_ms, error);
}

int schedule_compile(const struct schedule_options *options, struct zones *zones, struct schedule **ret,
		     struct pattern_error *ret_error)
{
	struct schedule *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = find_zone(s, zones, options->timezone ? options->timezone : "UTC", ret_error);
	if (r == 0)
		r = compile_kind(s, options, zones, ret_error);
	if (r == 0)
		r = compile_anchor(s, options, ret_error);
	if (r == 0)
		r = compile_limits(s, options, ret_error);
	if (r < 0)
		schedule_free(s);
	else
		*ret = s;
	return r;
}
