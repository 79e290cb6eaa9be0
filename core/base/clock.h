/* Time. Wall-clock times are int64_t milliseconds since 1970-01-01T00:00:00Z; monotonic times are milliseconds since
 * an arbitrary start and are for measuring and time-outs only. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_ns(void);

#define CLOCK_TEXT_MAX 40
/* RFC 3339 in UTC with milliseconds: 2019-12-04T20:47:27.394Z. Returns `text`. */
char *clock_rfc3339(int64_t wall_ms, char text[static CLOCK_TEXT_MAX]);
/* Reads RFC 3339 with `Z` or an offset, fraction optional. 0 or -EINVAL. */
int clock_parse_rfc3339(const char *text, int64_t *ret_wall_ms);

/* Durations as they stand in the files: 250ms, 10s, 5m, 2h, 30d. 0, -EINVAL or -ERANGE. */
int clock_parse_duration(const char *text, int64_t *ret_ms);

#endif
