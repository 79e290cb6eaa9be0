/* When a pattern fires in a zone: the rules for changes of the clock.
 *
 *              gap (up to 3 h)                       overlap
 *   fixed      once, at the first instant after it   on the first pass
 *   wild       nothing extra                         on both passes
 *
 * struct pattern's `gap` and `overlap` say which. What stands in a longer gap is skipped. Every look-up is bounded: it goes
 * from change to change of the clock only where the pattern wants something near it. */
#ifndef SCHEDULE_NEXT_H
#define SCHEDULE_NEXT_H

#include "pattern.h"
#include "zone.h"

#define GAP_MAX_S (3 * 3600)

enum {
	FIRE_SHIFTED = 1,     /* local_s does not exist: it is the first instant after the gap */
	FIRE_FIRST_PASS = 2,  /* local_s comes once more */
	FIRE_SECOND_PASS = 4, /* local_s has been before */
};

struct fire {
	int64_t at_s;     /* seconds since 1970 UTC */
	int64_t local_s;  /* what the pattern asked for */
	int32_t offset_s; /* the zone's at that instant */
	uint32_t flags;
};

/* The first instant after `after_s`; never `after_s` itself. 0 or -ENOENT: it does not fire any more. `zone` NULL is UTC.
 * Only for PATTERN_CRON. */
int cron_next(const struct pattern *p, struct zone *zone, int64_t after_s, struct fire *ret);

/* How many instants there are after `after_s` and up to `until_s`. */
int64_t cron_count(const struct pattern *p, struct zone *zone, int64_t after_s, int64_t until_s);

/* The last instant up to `until_s` that is after `after_s`. 0 or -ENOENT. */
int cron_last(const struct pattern *p, struct zone *zone, int64_t after_s, int64_t until_s, struct fire *ret);

/* A change of the clock that makes a pattern do something else than on other days. */
enum change_kind {
	CHANGE_SHIFTED, /* local_s is in a gap and runs after it */
	CHANGE_SKIPPED, /* local_s is in a gap and does not run */
	CHANGE_ONCE,    /* local_s comes twice and runs on one of the passes */
	CHANGE_TWICE,   /* local_s comes twice and runs on both */
};
struct clock_change {
	enum change_kind kind;
	int64_t at_s;         /* when the clock is changed */
	int64_t local_s;      /* the first local time of the pattern that it touches */
	int64_t last_local_s; /* and the last one */
	int32_t offset_before_s, offset_after_s;
};
/* The first such change in (after_s, until_s]. 0 or -ENOENT. */
int cron_next_change(const struct pattern *p, struct zone *zone, int64_t after_s, int64_t until_s,
		     struct clock_change *ret);

#endif
