/* Schedules in tests: a pattern in, instants as text out. */
#ifndef SUPPORT_SCHEDULE_H
#define SUPPORT_SCHEDULE_H

#include "schedule/rules/schedule.h"

/* What is NULL or 0 is the default. */
struct question {
	const char *expr;
	const char *dialect;
	const char *zone;
	const char *from;
	const char *next; /* "2026-01-01T00:00:00+00:00 2026-..."; "" is never; NULL is a pattern that is refused */
	const char *day, *dow, *gap, *overlap, *id;
};

struct pattern_options question_rules(const struct question *q);
/* Asks for one more than `next` has when it says that there are no more by a "." at its end. */
void check_question(struct zones *zones, const struct question *q);
void check_questions(const struct question *questions, size_t count);
/* The message with which a pattern is refused. Static. */
const char *refusal(const char *expr, const char *dialect);

int64_t utc_of(const char *text);
/* Fails the test when it cannot be compiled. */
struct schedule *compile(struct zones *zones, const struct schedule_options *options);

/* A folder of tzdata (TZDIR) of a test's own: a zone, the version, and a file taken away. */
void zone_copy(const char *from, const char *folder, const char *name);
void tzdata_version(const char *folder, const char *version);
void tzdata_remove(const char *folder, const char *name);

#define CHECK_QUESTIONS(table) check_questions(table, sizeof(table) / sizeof((table)[0]))

#endif
