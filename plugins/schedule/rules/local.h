/* A pattern on a clock without zones; inside of the library only. Never goes second by second or minute by minute: at
 * most a step for each month that the pattern names, and at most 400 years of them. */
#ifndef SCHEDULE_LOCAL_H
#define SCHEDULE_LOCAL_H

#include "civil.h"
#include "pattern.h"

#define LOCAL_NONE INT64_MAX
/* The years 1 to 9999; what lies outside of them is never wanted. */
#define LOCAL_FIRST (-INT64_C(62135596800))
#define LOCAL_LAST INT64_C(253402300799)

/* The first second from `from` on, itself included, that the pattern wants; LOCAL_NONE. */
int64_t local_next(const struct pattern *p, int64_t from);
/* How many seconds in [from, to) it wants. */
int64_t local_count(const struct pattern *p, int64_t from, int64_t to);
/* Whether a second of a day is one that the pattern wants, whatever the day. */
bool local_day_wanted(const struct pattern *p, int64_t days);
/* The months of the pattern in which there can be a day that it wants. */
uint16_t local_possible_months(const struct pattern *p);

#endif
