/* Time zones of tzdata, by GLib's GTimeZone. The only file that knows it is zone.c.
 *
 * GTimeZone looks a time up by going through all its intervals (250 ns at the end of the list) and does not tell where an
 * interval ends; so each zone keeps a table of its changes, made once. Only the names of files of tzdata are taken: GLib
 * would read "UTC+3" as the POSIX rule that means three hours west.
 * A zone belongs to its set and stays valid until the set is freed. Not thread-safe, and a look-up is a write: the zone
 * remembers where it looked last. */
#ifndef SCHEDULE_ZONE_H
#define SCHEDULE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONES_MAX 2000

struct zone;
struct zones;

/* A stretch of time with one offset. */
struct zone_interval {
	int64_t begin, end; /* seconds since 1970 UTC; INT64_MIN and INT64_MAX where there is no change */
	int32_t offset;     /* seconds east of UTC */
	int32_t offset_before, offset_after; /* the neighbours' */
};

/* 0 or -ENOMEM. */
int zones_new(struct zones **ret);
void zones_free(struct zones *set);
/* -ENOENT when tzdata has no such zone, -ENOBUFS after ZONES_MAX of them, -ENOMEM, -EIO. */
int zones_get(struct zones *set, const char *name, struct zone **ret);
/* "2025b"; "unknown" where tzdata does not say. */
const char *zones_version(const struct zones *set);
/* Looks whether tzdata has changed on disk; if so, every zone is made anew, and what was computed with one has to be
 * computed again. A zone that is gone keeps its old rules. 1: changed; 0: not; -ENOMEM. */
int zones_refresh(struct zones *set);

const char *zone_name(const struct zone *zone);
void zone_at(struct zone *zone, int64_t utc_s, struct zone_interval *ret);
/* The instant of a local time; of the first one when there are two. In a gap: the first instant after it, and
 * *ret_gap_s is its length; else 0. */
int64_t zone_instant(struct zone *zone, int64_t local_s, int64_t *ret_gap_s);

#endif
