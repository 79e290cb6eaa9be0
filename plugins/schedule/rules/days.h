/* Which days of a month a pattern wants; inside of the library only. */
#ifndef SCHEDULE_DAYS_H
#define SCHEDULE_DAYS_H

#include "pattern.h"

/* Bit n: the n-th. `first_weekday` is the weekday of the first. The month itself is not looked at. */
uint32_t days_of_month(const struct pattern *p, uint32_t first_weekday, uint32_t length);

/* Whether the year is one of the pattern's, and the first such year from `year` on (INT32_MAX: none). */
bool days_year_wanted(const struct pattern *p, int32_t year);
int32_t days_next_year(const struct pattern *p, int32_t year);

#endif
