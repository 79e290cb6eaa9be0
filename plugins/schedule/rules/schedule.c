#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include "local.h"
#include "parts.h"

/* How many instants in a row may be excluded before the search is given up. */
#define EXCLUDED_MAX 10000

static const struct limits *limits_of(const struct schedule *s)
{
	static const struct limits none = {.start_ms = INT64_MIN, .end_ms = INT64_MAX};
	return s->limits ? s->limits : &none;
}

void schedule_free(struct schedule *s)
{
	if (!s)
		return;
	if (s->limits)
		free(s->limits->excludes);
	if (s->kind == SCHEDULE_AT)
		free(s->at);
	free(s->limits);
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
	return s->kind == SCHEDULE_EVERY ? s->every_ms : 0;
}

struct zone *schedule_zone(const struct schedule *s)
{
	return s->zone;
}

void schedule_set_anchor(struct schedule *s, int64_t anchor_ms)
{
	if (s->kind != SCHEDULE_EVERY)
		return;
	s->anchor_ms = anchor_ms;
	s->has_anchor = true;
}

int64_t schedule_anchor(const struct schedule *s)
{
	return s->kind == SCHEDULE_EVERY && s->has_anchor ? s->anchor_ms : INT64_MIN;
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
		if (s->at[middle].fire.at_ms <= after_ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->at_count)
		return -ENOENT;
	*ret = s->at[low].fire;
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
	const struct limits *l = limits_of(s);
	for (size_t i = 0; i < l->exclude_count; i++) {
		int64_t end;
		if (!exclude_covers(&l->excludes[i], local, &end))
			continue;
		covered = true;
		until = end > until ? end : until;
	}
	int64_t gap;
	*ret_until_ms = until > local + 1 ? zone_instant(s->zone, until, &gap) * 1000 - 1 : fire->at_ms;
	return covered;
}

static int search(const struct schedule *s, int64_t after_ms, int *tries, struct schedule_fire *ret)
{
	const struct limits *l = limits_of(s);
	struct schedule_fire fire;
	if (after_ms > LOCAL_LAST * 1000)
		return -ENOENT;
	if (after_ms < LOCAL_FIRST * 1000)
		after_ms = LOCAL_FIRST * 1000;
	if (l->start_ms != INT64_MIN && after_ms < l->start_ms)
		after_ms = l->start_ms - 1;
	for (; *tries > 0; (*tries)--) {
		const int r = next_any(s, after_ms, &fire);
		if (r < 0)
			return r;
		if (fire.at_ms > l->end_ms)
			return -ENOENT;
		if (!is_excluded(s, &fire, &after_ms)) {
			*ret = fire;
			return 0;
		}
	}
	ret->at_ms = after_ms;
	return -ELOOP;
}

/* Each looks at all exclusions. */
static int tries_of(const struct schedule *s)
{
	return EXCLUDED_MAX / (1 + (int)limits_of(s)->exclude_count / 4);
}

int schedule_next(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret)
{
	int tries = tries_of(s);
	return search(s, after_ms, &tries, ret);
}

/* ---- Counting ---- */

static int64_t count_each(const struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max,
			  struct schedule_fire *ret_last)
{
	struct schedule_fire fire;
	int64_t count = 0;
	int tries = 2 * tries_of(s);
	while (count < max && search(s, after_ms, &tries, &fire) == 0 && fire.at_ms <= until_ms) {
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
	const struct limits *l = limits_of(s);
	if (l->start_ms != INT64_MIN && after_ms < l->start_ms)
		after_ms = l->start_ms - 1;
	if (until_ms > l->end_ms)
		until_ms = l->end_ms;
	if (after_ms >= until_ms)
		return 0;
	if (l->exclude_count > 0 || s->kind == SCHEDULE_AT)
		return count_each(s, after_ms, until_ms, max, ret_last);
	if (s->kind == SCHEDULE_CRON)
		return count_cron(s, after_ms, until_ms, ret_last);
	return s->kind == SCHEDULE_EVERY ? count_every(s, after_ms, until_ms, ret_last) : 0;
}

int64_t schedule_jitter_max(const struct schedule *s)
{
	return limits_of(s)->jitter_ms;
}

int64_t schedule_jitter(const struct schedule *s, const char *id, int64_t at_ms)
{
	const struct limits *l = limits_of(s);
	uint64_t number = 0;
	if (l->jitter_ms <= 0)
		return 0;
	/* Without randomness from the kernel a hash of the instant has to do. */
	if (l->jitter_kind == JITTER_STABLE)
		number = stable_hash(id, 0);
	else if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = stable_hash(id, (uint64_t)at_ms);
	return (int64_t)(number % (uint64_t)l->jitter_ms);
}
