#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "exclude.h"
#include "local.h"
#include "schedule.h"

/* How many instants in a row may be excluded before the search is given up. */
#define EXCLUDED_MAX 10000

struct schedule {
	enum schedule_kind kind;
	struct zone *zone;
	struct pattern pattern; /* SCHEDULE_CRON */
	int64_t every_ms;       /* SCHEDULE_EVERY */
	int64_t anchor_ms;
	bool has_anchor;
	int64_t start_ms, end_ms; /* INT64_MIN, INT64_MAX: none */
	struct schedule_fire *at; /* SCHEDULE_AT: ascending, none twice */
	size_t at_count;
	struct exclude *excludes;
	size_t exclude_count;
	int64_t jitter_ms;
	enum jitter_kind jitter_kind;
};

static int fail(struct pattern_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct pattern_error *error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- Compiling ---- */

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

static int compare_fires(const void *left, const void *right)
{
	const struct schedule_fire *a = left, *b = right;
	return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
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
		const int r = compile_moment(s, "at", o->at[i], &o->pattern, &s->at[i], error);
		if (r < 0)
			return r;
	}
	qsort(s->at, o->at_count, sizeof(*s->at), compare_fires);
	for (size_t i = 0; i < o->at_count; i++)
		if (i == 0 || s->at[i].at_ms != s->at[s->at_count - 1].at_ms)
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
	int r = pattern_parse(o->cron, &o->pattern, &s->pattern, zone, error);
	if (r == 0 && zone[0])
		r = find_zone(s, zones, zone, error);
	if (r < 0)
		return r;
	if (s->pattern.kind == PATTERN_EVERY)
		s->every_ms = s->pattern.every_s * 1000;
	s->kind = s->pattern.kind == PATTERN_EVERY    ? SCHEDULE_EVERY
		  : s->pattern.kind == PATTERN_REBOOT ? SCHEDULE_REBOOT
						      : SCHEDULE_CRON;
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

static int compile_excludes(struct schedule *s, const struct schedule_options *o, struct pattern_error *error)
{
	const struct pattern_options plain = {.dialect = o->pattern.dialect, .id = o->pattern.id};
	if (o->exclude_count > SCHEDULE_EXCLUDE_MAX)
		return fail(error, "exclude: at most %d patterns and dates", SCHEDULE_EXCLUDE_MAX);
	if (o->exclude_count == 0)
		return 0;
	s->excludes = calloc(o->exclude_count, sizeof(*s->excludes));
	if (!s->excludes)
		return -ENOMEM;
	for (; s->exclude_count < o->exclude_count; s->exclude_count++) {
		const size_t i = s->exclude_count;
		const int r = exclude_parse(o->exclude[i], &plain, &s->excludes[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compile_limits(struct schedule *s, const struct schedule_options *o, struct pattern_error *error)
{
	const struct {
		const char *what, *text;
		int64_t *place;
	} moments[] = {
		{"start", o->start, &s->start_ms}, {"end", o->end, &s->end_ms}, {"anchor", o->anchor, &s->anchor_ms}};
	static const struct pattern_options fixed = {.gap = GAP_RUN_AFTER, .overlap = OVERLAP_FIRST};
	struct schedule_fire fire;
	int r = 0;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		if (!moments[i].text)
			continue;
		r = compile_moment(s, moments[i].what, moments[i].text, &fixed, &fire, error);
		if (r < 0)
			return r;
		*moments[i].place = fire.at_ms;
	}
	s->has_anchor = o->anchor != NULL;
	if (s->start_ms > s->end_ms)
		return fail(error, "start, end: expected an end that is not before the start");
	s->jitter_kind = o->jitter_kind;
	return o->jitter ? compile_duration("jitter", o->jitter, 0, &s->jitter_ms, error) : 0;
}

int schedule_compile(const struct schedule_options *options, struct zones *zones, struct schedule **ret,
		     struct pattern_error *ret_error)
{
	struct schedule *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->start_ms = INT64_MIN;
	s->end_ms = INT64_MAX;
	int r = find_zone(s, zones, options->timezone ? options->timezone : "UTC", ret_error);
	if (r == 0)
		r = compile_kind(s, options, zones, ret_error);
	if (r == 0)
		r = compile_excludes(s, options, ret_error);
	if (r == 0)
		r = compile_limits(s, options, ret_error);
	if (r < 0)
		schedule_free(s);
	else
		*ret = s;
	return r;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	free(s->at);
	free(s->excludes);
	free(s);
}

enum schedule_kind schedule_kind(const struct schedule *s)
{
	return s->kind;
}

const struct pattern *schedule_pattern(const struct schedule *s)
{
	return s->kind == SCHEDULE_CRON ? &s->pattern : NULL;
}

int64_t schedule_interval(const struct schedule *s)
{
	return s->every_ms;
}

struct zone *schedule_zone(const struct schedule *s)
{
	return s->zone;
}

void schedule_set_anchor(struct schedule *s, int64_t anchor_ms)
{
	s->anchor_ms = anchor_ms;
	s->has_anchor = true;
}

/* ---- The next instant ---- */

static int64_t floor_s(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

static int next_cron(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret)
{
	struct fire fire;
	const int r = cron_next(&s->pattern, s->zone, floor_s(after_ms), &fire);
	if (r == 0)
		*ret = (struct schedule_fire){fire.at_s * 1000, fire.local_s, fire.offset_s, fire.flags};
	return r;
}

static void locate(const struct schedule *s, int64_t at_ms, struct schedule_fire *ret)
{
	struct zone_interval i;
	zone_at(s->zone, floor_s(at_ms), &i);
	*ret = (struct schedule_fire){at_ms, floor_s(at_ms) + i.offset, i.offset, 0};
}

static int next_every(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret)
{
	int64_t at_ms = s->anchor_ms;
	if (!s->has_anchor)
		at_ms = after_ms + s->every_ms;
	else if (after_ms >= at_ms)
		at_ms += ((after_ms - at_ms) / s->every_ms + 1) * s->every_ms;
	locate(s, at_ms, ret);
	return 0;
}

static int next_at(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret)
{
	size_t low = 0, high = s->at_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (s->at[middle].at_ms <= after_ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->at_count)
		return -ENOENT;
	*ret = s->at[low];
	return 0;
}

static int next_any(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret)
{
	switch (s->kind) {
	case SCHEDULE_CRON:
		return next_cron(s, after_ms, ret);
	case SCHEDULE_EVERY:
		return next_every(s, after_ms, ret);
	case SCHEDULE_AT:
		return next_at(s, after_ms, ret);
	case SCHEDULE_REBOOT:
		return -ENOENT;
	}
	return -ENOENT;
}

/* Whether something excludes the instant; *ret_until_ms is where to look on. */
static bool is_excluded(const struct schedule *s, const struct schedule_fire *fire, int64_t *ret_until_ms)
{
	const int64_t local = floor_s(fire->at_ms) + fire->offset_s;
	int64_t until = local;
	bool covered = false;
	for (size_t i = 0; i < s->exclude_count; i++) {
		int64_t end;
		if (!exclude_covers(&s->excludes[i], local, &end))
			continue;
		covered = true;
		until = end > until ? end : until;
	}
	int64_t gap;
	*ret_until_ms = until > local + 1 ? zone_instant(s->zone, until, &gap) * 1000 - 1 : fire->at_ms;
	return covered;
}

int schedule_next(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret)
{
	struct schedule_fire fire;
	if (after_ms > LOCAL_LAST * 1000)
		return -ENOENT;
	if (after_ms < LOCAL_FIRST * 1000)
		after_ms = LOCAL_FIRST * 1000;
	if (s->start_ms != INT64_MIN && after_ms < s->start_ms)
		after_ms = s->start_ms - 1;
	for (int tries = 0; tries < EXCLUDED_MAX; tries++) {
		const int r = next_any(s, after_ms, &fire);
		if (r < 0)
			return r;
		if (fire.at_ms > s->end_ms)
			return -ENOENT;
		if (!is_excluded(s, &fire, &after_ms)) {
			*ret = fire;
			return 0;
		}
	}
	return -ELOOP;
}

/* ---- Counting ---- */

static int64_t count_each(const struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max,
			  struct schedule_fire *ret_last)
{
	struct schedule_fire fire;
	int64_t count = 0;
	while (count < max && schedule_next(s, after_ms, &fire) == 0 && fire.at_ms <= until_ms) {
		count++;
		after_ms = fire.at_ms;
		*ret_last = fire;
	}
	return count;
}

static int64_t count_cron(const struct schedule *s, int64_t after_ms, int64_t until_ms, struct schedule_fire *ret_last)
{
	struct fire last;
	const int64_t after = floor_s(after_ms), until = floor_s(until_ms);
	if (cron_last(&s->pattern, s->zone, after, until, &last) < 0)
		return 0;
	*ret_last = (struct schedule_fire){last.at_s * 1000, last.local_s, last.offset_s, last.flags};
	return cron_count(&s->pattern, s->zone, after, until);
}

static int64_t count_every(const struct schedule *s, int64_t after_ms, int64_t until_ms, struct schedule_fire *ret_last)
{
	struct schedule_fire first;
	if (next_every(s, after_ms, &first) < 0 || first.at_ms > until_ms)
		return 0;
	const int64_t more = (until_ms - first.at_ms) / s->every_ms;
	locate(s, first.at_ms + more * s->every_ms, ret_last);
	return more + 1;
}

int64_t schedule_count(const struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max,
		       struct schedule_fire *ret_last)
{
	if (s->start_ms != INT64_MIN && after_ms < s->start_ms)
		after_ms = s->start_ms - 1;
	if (until_ms > s->end_ms)
		until_ms = s->end_ms;
	if (after_ms >= until_ms)
		return 0;
	if (s->exclude_count > 0 || s->kind == SCHEDULE_AT)
		return count_each(s, after_ms, until_ms, max, ret_last);
	if (s->kind == SCHEDULE_CRON)
		return count_cron(s, after_ms, until_ms, ret_last);
	return s->kind == SCHEDULE_EVERY ? count_every(s, after_ms, until_ms, ret_last) : 0;
}

int64_t schedule_jitter(const struct schedule *s, const char *id, int64_t at_ms)
{
	uint64_t number = 0;
	if (s->jitter_ms <= 0)
		return 0;
	/* Without randomness from the kernel a hash of the instant has to do. */
	if (s->jitter_kind == JITTER_STABLE)
		number = stable_hash(id, 0);
	else if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = stable_hash(id, (uint64_t)at_ms);
	return (int64_t)(number % (uint64_t)s->jitter_ms);
}
