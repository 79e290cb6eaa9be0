/* What a schedule is made of; inside of the library only. A million of them are kept in memory: what few of them have is
 * allocated apart. */
#ifndef SCHEDULE_PARTS_H
#define SCHEDULE_PARTS_H

#include "exclude.h"
#include "schedule.h"

struct limits {
	int64_t start_ms, end_ms; /* INT64_MIN, INT64_MAX: none */
	struct exclude *excludes;
	size_t exclude_count;
	int64_t jitter_ms;
	enum jitter_kind jitter_kind;
};

/* A given date and time, and how it was given. */
struct at_time {
	struct schedule_fire fire;
	int32_t ms;
	bool floating; /* without an offset: other rules of the zone move it */
	enum overlap_rule overlap;
};

struct schedule {
	enum schedule_kind kind;
	bool has_anchor; /* SCHEDULE_EVERY */
	struct zone *zone;
	struct limits *limits; /* NULL: none */
	union {
		struct pattern pattern; /* SCHEDULE_CRON */
		struct {
			int64_t every_ms, anchor_ms; /* SCHEDULE_EVERY */
		};
		struct {
			struct at_time *at; /* SCHEDULE_AT: ascending, none twice */
			size_t at_count;
		};
	};
};
_Static_assert(sizeof(struct schedule) <= 144, "a million of them are kept in memory");

#endif
