#include <errno.h>
#include "local.h"
#include "next.h"

/* Of steps from change to change of the clock. A pattern that asks for nothing but gaps ("30 2 8-14 3 +SUN" in New York)
 * would go on for ever. */
#define STEPS_MAX 256

static const struct zone_interval utc = {.begin = INT64_MIN, .end = INT64_MAX};

static void interval_at(struct zone *zone, int64_t utc_s, struct zone_interval *ret)
{
	if (zone)
		zone_at(zone, utc_s, ret);
	else
		*ret = utc;
}

static bool is_overlap_at_begin(const struct zone_interval *i)
{
	return i->offset < i->offset_before;
}

static bool is_overlap_at_end(const struct zone_interval *i)
{
	return i->offset_after < i->offset;
}

/* The local times of the interval in which the pattern fires are those in [from, to). */
static int64_t local_from(const struct pattern *p, const struct zone_interval *i, int64_t from_s)
{
	const int64_t from = from_s + i->offset;
	if (p->overlap == OVERLAP_FIRST && is_overlap_at_begin(i) && from < i->begin + i->offset_before)
		return i->begin + i->offset_before;
	return from;
}

static int64_t local_to(const struct pattern *p, const struct zone_interval *i)
{
	if (i->end == INT64_MAX)
		return INT64_MAX;
	return i->end + (p->overlap == OVERLAP_LAST && is_overlap_at_end(i) ? i->offset_after : i->offset);
}

/* Whether something that stands in the gap before the interval runs at its beginning. */
static bool is_shifted_to(const struct pattern *p, const struct zone_interval *i, int64_t *ret_local)
{
	const int32_t gap = i->offset - i->offset_before;
	if (gap <= 0 || gap > GAP_MAX_S || p->gap != GAP_RUN_AFTER || i->begin == INT64_MIN)
		return false;
	*ret_local = local_next(p, i->begin + i->offset_before);
	return *ret_local < i->begin + i->offset;
}

static uint32_t passes(const struct zone_interval *i, int64_t local)
{
	if (is_overlap_at_end(i) && local >= i->end + i->offset_after)
		return FIRE_FIRST_PASS;
	if (is_overlap_at_begin(i) && local < i->begin + i->offset_before)
		return FIRE_SECOND_PASS;
	return 0;
}

/* Where to go on when the interval has nothing more before `local`, the pattern's next time as the clock shows it. */
static int64_t next_start(const struct zone_interval *i, int64_t from, int64_t local)
{
	const int64_t near = local - 2 * (int64_t)DAY_S;
	/* The next interval may show local times again that lie before `from`: then nothing may be passed over. */
	const bool again = is_overlap_at_end(i) && from > i->end + i->offset_after;
	return local != LOCAL_NONE && !again && near > i->end ? near : i->end;
}

/* Where nothing is wanted before, nor overflows. */
static int64_t first_start(int64_t after_s)
{
	if (after_s < LOCAL_FIRST - DAY_S)
		return LOCAL_FIRST - DAY_S;
	return after_s > LOCAL_LAST + DAY_S ? LOCAL_LAST + DAY_S : after_s + 1;
}

int cron_next(const struct pattern *p, struct zone *zone, int64_t after_s, struct fire *ret)
{
	struct zone_interval i;
	int64_t start = first_start(after_s), local;
	for (int step = 0; step < STEPS_MAX; step++) {
		interval_at(zone, start, &i);
		if (start == i.begin && is_shifted_to(p, &i, &local)) {
			*ret = (struct fire){start, local, i.offset, FIRE_SHIFTED};
			return 0;
		}
		const int64_t from = local_from(p, &i, start);
		local = local_next(p, from);
		if (local < local_to(p, &i)) {
			*ret = (struct fire){local - i.offset, local, i.offset, passes(&i, local)};
			return 0;
		}
		if (i.end == INT64_MAX || (local == LOCAL_NONE && !is_overlap_at_end(&i)))
			return -ENOENT;
		start = next_start(&i, from, local);
	}
	return -ENOENT;
}

/* ---- Counting ---- */

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Instants in [start, end) of an interval that holds both. */
static int64_t count_interval(const struct pattern *p, const struct zone_interval *i, int64_t start, int64_t end)
{
	int64_t shifted, count = 0;
	const int64_t from = local_from(p, i, start);
	const int64_t to = min(end + i->offset, local_to(p, i));
	if (from < to)
		count = local_count(p, from, to);
	/* Together with a regular one it is one instant. */
	if (start == i->begin && is_shifted_to(p, i, &shifted) &&
	    local_next(p, i->begin + i->offset) != i->begin + i->offset)
		count++;
	return count;
}

int64_t cron_count(const struct pattern *p, struct zone *zone, int64_t after_s, int64_t until_s)
{
	struct zone_interval i;
	int64_t count = 0;
	until_s = min(until_s, LOCAL_LAST + DAY_S);
	for (int64_t start = first_start(after_s); start <= until_s; start = i.end) {
		interval_at(zone, start, &i);
		count += count_interval(p, &i, start, min(i.end, until_s + 1));
		if (i.end == INT64_MAX)
			break;
	}
	return count;
}

int cron_last(const struct pattern *p, struct zone *zone, int64_t after_s, int64_t until_s, struct fire *ret)
{
	struct fire fire;
	int64_t low = after_s, high = until_s; /* there is an instant in (low, until_s] */
	if (after_s >= until_s || cron_next(p, zone, low, &fire) < 0 || fire.at_s > until_s)
		return -ENOENT;
	while (high - low > 1) {
		const int64_t middle = low + (high - low) / 2;
		struct fire later;
		if (cron_next(p, zone, middle, &later) == 0 && later.at_s <= until_s) {
			low = middle;
			fire = later;
		} else {
			high = middle;
		}
	}
	*ret = fire;
	return 0;
}

/* ---- Changes of the clock ---- */

static bool wanted_in(const struct pattern *p, int64_t from, int64_t to, struct clock_change *c)
{
	c->local_s = local_next(p, from);
	if (c->local_s >= to)
		return false;
	/* The last one, by halving what is left. */
	int64_t low = c->local_s, high = to;
	while (high - low > 1) {
		const int64_t middle = low + (high - low) / 2;
		if (local_next(p, middle) < to)
			low = middle;
		else
			high = middle;
	}
	c->last_local_s = low;
	return true;
}

static bool is_touched(const struct pattern *p, const struct zone_interval *i, struct clock_change *ret)
{
	const int64_t before = i->end + i->offset, after = i->end + i->offset_after;
	struct clock_change c = {
		.at_s = i->end,
		.offset_before_s = i->offset,
		.offset_after_s = i->offset_after,
	};
	if (!wanted_in(p, min(before, after), before > after ? before : after, &c))
		return false;
	if (after < before)
		c.kind = p->overlap == OVERLAP_BOTH ? CHANGE_TWICE : CHANGE_ONCE;
	else
		c.kind = p->gap == GAP_RUN_AFTER && after - before <= GAP_MAX_S ? CHANGE_SHIFTED : CHANGE_SKIPPED;
	*ret = c;
	return true;
}

int cron_next_change(const struct pattern *p, struct zone *zone, int64_t after_s, int64_t until_s,
		     struct clock_change *ret)
{
	struct zone_interval i;
	interval_at(zone, after_s, &i);
	for (int step = 0; step < STEPS_MAX && i.end <= until_s && i.end != INT64_MAX; step++) {
		if (is_touched(p, &i, ret))
			return 0;
		interval_at(zone, i.end, &i);
	}
	return -ENOENT;
}
