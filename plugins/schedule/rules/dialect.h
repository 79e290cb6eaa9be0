/* What the dialects of cron differ in, as a table; inside of the library only. */
#ifndef SCHEDULE_DIALECT_H
#define SCHEDULE_DIALECT_H

#include "pattern.h"

enum feature {
	NAMED_MACROS = 1 << 0,    /* @daily */
	ANY_CASE_MACROS = 1 << 1, /* @Daily */
	REBOOT = 1 << 2,          /* @reboot */
	EVERY = 1 << 3,           /* @every 90s */
	MORE_MACROS = 1 << 4,     /* @every_minute, @every_second */
	ZONE_PREFIX = 1 << 5,     /* CRON_TZ=, TZ= */
	STEP_FROM = 1 << 6,       /* 5/20: from 5 to the end */
	STEP_BARE = 1 << 7,       /* /20 */
	STEP_ANY = 1 << 8,        /* a step may be larger than the field */
	STEP_BELOW_SIZE = 1 << 9, /* a step has to be smaller than what the field holds: no 0/60 */
	QUESTION_DAYS = 1 << 10,  /* ? in the day fields */
	QUESTION_ANYWHERE = 1 << 11,
	QUESTION_ONE = 1 << 12,       /* exactly one of the day fields is ? */
	LAST = 1 << 13,               /* L, L-3, LW and 5L */
	LAST_SATURDAY = 1 << 14,      /* L as day of the week is Saturday */
	LAST_WEEKDAY_MINUS = 1 << 15, /* LW-2 */
	NEAREST = 1 << 17,            /* 15W */
	NEAREST_ALONE = 1 << 18,      /* not in lists */
	NTH = 1 << 19,                /* 5#3 */
	NTH_LAST = 1 << 20,           /* 5#L */
	WEEKDAY_ALONE = 1 << 21,      /* 5#3 and 5L not in lists */
	PLUS = 1 << 22,               /* +MON */
	WRAP = 1 << 23,               /* 22-2 */
	WRAP_WEEKDAYS = 1 << 24,      /* sat-mon */
	SUNDAY_ENDS = 1 << 25,        /* fri-sun, by the name */
	HASHED = 1 << 26,             /* H and ~ */
	QUESTION_STEP = 1 << 27,      /* ?/20 */
};

/* How two restricted day fields go together. */
enum day_join {
	JOIN_AND,
	JOIN_OR,           /* a field that is `*` or `?` is not restricted */
	JOIN_OR_UNIX,      /* nor is one that begins with `*` */
	JOIN_OR_UNIT_STAR, /* nor is one that has a `*` with a step of 1 */
};

enum field_index {
	FIELD_SECOND,
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DAY,
	FIELD_MONTH,
	FIELD_WEEKDAY,
	FIELD_YEAR,
	FIELD_COUNT
};

#define LAYOUTS_MAX 3

struct dialect_rules {
	enum dialect dialect;
	uint32_t features;
	enum day_join join;
	enum dow_rule dow;
	enum gap_rule gap;
	enum overlap_rule overlap;
	int year_min, year_max;
	/* One letter for each field, in order: s m h d M w y. */
	const char *layouts[LAYOUTS_MAX];
};

const struct dialect_rules *dialect_rules(enum dialect dialect);

#endif
