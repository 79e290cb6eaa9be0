/* Answers of `tappet schedule` as JSON, one by one or as a stream of lines. */
#ifndef CLI_SCHEDULE_ANSWER_H
#define CLI_SCHEDULE_ANSWER_H

#include "base/buf.h"
#include "schedule/rules/schedule.h"

#define SCHEDULE_COUNT_MAX 10000

struct schedule_question {
	struct schedule_options options;
	const char *from; /* NULL: now */
	int64_t count;
};

/* The schedule, and where to begin. 0, -EINVAL with *ret_error filled, -ENOMEM. */
int schedule_ask(const struct schedule_question *q, struct zones *zones, struct schedule **ret, int64_t *ret_from_ms,
		 struct pattern_error *ret_error);

/* {"valid":true,"next":[...]}, or false and {"valid":false,"error":"..."}, without an end of line. */
bool schedule_answer(const struct schedule_question *q, struct zones *zones, struct buf *out);

/* Answers every line of `fd` with a line on stdout; what a line does not say, `q` does. Answers are written before it waits
 * for further lines. Returns how the process ends. */
int schedule_answer_lines(const struct schedule_question *q, struct zones *zones, int fd);

#endif
