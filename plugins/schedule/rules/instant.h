/* Dates and times as text: ISO 8601 with an offset, or local. */
#ifndef SCHEDULE_INSTANT_H
#define SCHEDULE_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSTANT_TEXT_MAX 40

struct moment {
	int64_t local_s;  /* what the text says, without its offset */
	int32_t offset_s; /* where there is one */
	int32_t ms;       /* 0-999 */
	bool has_offset;
	bool has_time; /* else it is a date */
};

/* 2026-03-29T09:00:00.250+02:00, with ' ' for 'T' too; seconds, fraction and offset may be left out, and so may the time as
 * a whole. 0 or -EINVAL; 24:00 and the 60th second are none. */
int moment_parse(const char *text, struct moment *ret);

/* 2026-03-29T09:00:00+02:00. Returns `text`. */
char *instant_format(int64_t at_s, int32_t offset_s, char text[static INSTANT_TEXT_MAX]);
/* 2026-03-29 02:30, with seconds where there are any. Returns `text`. */
char *local_format(int64_t local_s, char text[static INSTANT_TEXT_MAX]);

#endif
