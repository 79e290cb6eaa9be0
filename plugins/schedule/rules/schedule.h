/* Schedules: what fires when. The heart of the schedule plugin, and what `tappet schedule next` and `explain` are made
 * of; neither of the two includes any other header of this folder.
 *
 * A schedule is one of three kinds: a cron pattern, an interval (`every`), or given dates and times (`at`). All have a
 * time zone, may begin and end, may leave instants out (`exclude`), and may be spread (`jitter`).
 * It does not wait for anything, keeps no state, and asks no clock: every question comes with the time that it is about.
 * Times are milliseconds since 1970-01-01T00:00:00Z. Ownership: a schedule belongs to whoever compiled it and points to
 * zones of the set it was compiled with. Not thread-safe per set of zones. */
#ifndef SCHEDULE_SCHEDULE_H
#define SCHEDULE_SCHEDULE_H

#include "instant.h"
#include "next.h"
#include "pattern.h"
#include "zone.h"

#define SCHEDULE_AT_MAX 1000
#define SCHEDULE_EXCLUDE_MAX 100

enum schedule_kind { SCHEDULE_CRON, SCHEDULE_EVERY, SCHEDULE_AT, SCHEDULE_REBOOT };
enum jitter_kind { JITTER_STABLE, JITTER_RANDOM };

/* Exactly one of cron, every and at. What is NULL or 0 is not there. */
struct schedule_options {
	const char *cron;
	const char *every;     /* a duration, at least 1s */
	const char *const *at; /* local or with an offset */
	size_t at_count;
	struct pattern_options pattern;
	const char *timezone;       /* "UTC" by default; a pattern's CRON_TZ= goes before it */
	const char *start, *end;    /* as `at`; both included */
	const char *anchor;         /* of `every`: it fires then, and at all whole intervals from then on */
	const char *const *exclude; /* cron patterns, dates, or ranges of dates: 2026-12-24/2027-01-02 */
	size_t exclude_count;
	const char *jitter; /* a duration: up to so much later, less than the time between two instants */
	enum jitter_kind jitter_kind;
};

struct schedule;

struct schedule_fire {
	int64_t at_ms; /* without jitter */
	int64_t local_s;
	int32_t offset_s;
	uint32_t flags; /* FIRE_* */
};

/* 0, -EINVAL with *ret_error filled, -ENOMEM. */
int schedule_compile(const struct schedule_options *options, struct zones *zones, struct schedule **ret,
		     struct pattern_error *ret_error);
void schedule_free(struct schedule *s);

enum schedule_kind schedule_kind(const struct schedule *s);
const struct pattern *schedule_pattern(const struct schedule *s); /* SCHEDULE_CRON; else NULL */
int64_t schedule_interval(const struct schedule *s);              /* SCHEDULE_EVERY, in milliseconds; else 0 */
struct zone *schedule_zone(const struct schedule *s);
/* An interval without an anchor counts from here. */
void schedule_set_anchor(struct schedule *s, int64_t anchor_ms);
/* Where an interval counts from; INT64_MIN: it has no anchor, or is none. */
int64_t schedule_anchor(const struct schedule *s);

/* After zones_refresh: dates and times that were given without an offset are computed anew. */
void schedule_refresh(struct schedule *s);

/* The first instant after `after_ms`. 0; -ENOENT: there is none any more; -ELOOP: those that there are have all been
 * excluded, as far as it was looked: until ret->at_ms. SCHEDULE_REBOOT has no instants. */
int schedule_next(const struct schedule *s, int64_t after_ms, struct schedule_fire *ret);
/* How many there are after `after_ms` and up to `until_ms`, and the last of them: for what was missed. At most `max` are
 * counted where something is excluded, or fewer where much is; *ret_last is untouched when it is 0. */
int64_t schedule_count(const struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max,
		       struct schedule_fire *ret_last);
/* Its jitter in milliseconds, or 0. */
int64_t schedule_jitter_max(const struct schedule *s);
/* How much later than its instant the fire of a trigger comes. */
int64_t schedule_jitter(const struct schedule *s, const char *id, int64_t at_ms);

/* ---- For people ---- */

#define EXPLAIN_MAX 2048
/* "at 09:00 on Monday to Friday, Europe/Amsterdam". Returns `text`. */
char *schedule_explain(const struct schedule *s, char text[static EXPLAIN_MAX]);
/* What a fire or a change of the clock has to be said about, or "". Returns `text`. */
char *fire_explain(const struct schedule_fire *fire, char text[static EXPLAIN_MAX]);
char *change_explain(const struct clock_change *change, char text[static EXPLAIN_MAX]);

#endif
