/* A cron pattern: text in one of several dialects, compiled into bitmaps.
 *
 * Reading says for every mistake which field it is in, which character, and what was expected. What was compiled is a
 * value without pointers: it may be copied, and needs no release. It knows no zone; next.h brings the two together. */
#ifndef SCHEDULE_PATTERN_H
#define SCHEDULE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_TEXT_MAX 1000
#define ZONE_NAME_MAX 64
/* The years of the bitmap; beyond it there is room for one range. */
#define PATTERN_YEAR_BASE 1900
#define PATTERN_YEAR_BITS 256
#define PATTERN_YEAR_MAX 9999

enum dialect {
	DIALECT_AUTO,
	DIALECT_UNIX,
	DIALECT_VIXIE,
	DIALECT_OCPS,
	DIALECT_QUARTZ,
	DIALECT_SPRING,
	DIALECT_ROBFIG,
	DIALECT_AWS,
	DIALECT_COUNT,
};
/* In each of these 0 is what the dialect says. */
enum day_rule { DAY_DEFAULT, DAY_OR, DAY_AND };
enum dow_rule { DOW_DEFAULT, DOW_0_7, DOW_0_6, DOW_1_7 };
enum gap_rule { GAP_DEFAULT, GAP_RUN_AFTER, GAP_SKIP };
enum overlap_rule { OVERLAP_DEFAULT, OVERLAP_FIRST, OVERLAP_LAST, OVERLAP_BOTH };

struct pattern_options {
	enum dialect dialect;
	enum day_rule day;
	enum dow_rule dow;
	enum gap_rule gap;
	enum overlap_rule overlap;
	const char *id; /* what `H` and `~` are hashed from; NULL is "" */
};

enum pattern_kind { PATTERN_CRON, PATTERN_EVERY, PATTERN_REBOOT };

/* Bit n stands for the value n unless it says otherwise. */
struct pattern_bits {
	uint64_t seconds, minutes;
	uint64_t years[PATTERN_YEAR_BITS / 64]; /* bit n: PATTERN_YEAR_BASE + n */
	uint16_t far_from, far_to, far_step;    /* years beyond the bitmap; far_from 0: none */
	uint16_t months;
	uint32_t hours;
	uint32_t days;
	uint32_t last_days;           /* L-n */
	uint32_t near_days;           /* nW */
	uint32_t near_last_days;      /* L-nW; LW is n = 0 */
	uint32_t before_last_weekday; /* LW-n */
	uint8_t weekdays;             /* 0 is Sunday */
	uint8_t last_weekdays;        /* 5L */
	uint8_t nth_weekdays[5];      /* [n - 1] is day#n */
};
_Static_assert(sizeof(struct pattern_bits) <= 100, "a million of them are kept in memory");

struct pattern {
	struct pattern_bits bits;
	uint8_t kind;    /* enum pattern_kind */
	uint8_t dialect; /* enum dialect, never DIALECT_AUTO */
	uint8_t gap;     /* enum gap_rule, never the default */
	uint8_t overlap; /* enum overlap_rule, never the default */
	bool has_seconds;
	bool any_year;
	bool any_day, any_weekday; /* the field is `*` or `?` */
	bool either_day;           /* one of the two day fields is enough */
	bool special_days;         /* any of L, W or # */
	bool wild;                 /* the minute or hour field begins with `*` */
	uint16_t possible_months;  /* those of `months` that have such a day in any year; 0: it never fires */
	int64_t every_s;           /* PATTERN_EVERY */
};

struct pattern_error {
	char message[240];
};

/* *ret_zone is what CRON_TZ= or TZ= names, else "". 0 or -EINVAL with *ret_error filled. */
int pattern_parse(const char *text, const struct pattern_options *options, struct pattern *ret,
		  char ret_zone[static ZONE_NAME_MAX], struct pattern_error *ret_error);

/* The words of the options: 0 or -EINVAL. *_expected are for messages. */
int dialect_of_word(const char *word, enum dialect *ret);
int day_of_word(const char *word, enum day_rule *ret);
int dow_of_word(const char *word, enum dow_rule *ret);
int gap_of_word(const char *word, enum gap_rule *ret);
int overlap_of_word(const char *word, enum overlap_rule *ret);
const char *dialect_word(enum dialect dialect);

/* A duration such as 90s, 1h30m or 1.5h. 0, -EINVAL or -ERANGE (more than 100 years). */
int duration_parse(const char *text, int64_t *ret_ms);

/* Spreads ids evenly; the same for the same on every machine. */
uint64_t stable_hash(const char *id, uint64_t salt);

#endif
