/* How a process ended, and what is said about it. */
#ifndef ENGINE_ENDED_H
#define ENGINE_ENDED_H

#include <signal.h>
#include "engine/internal.h"
#include "engine/tail.h"

struct ended {
	enum process_end why;
	bool lost; /* nobody knows how it ended */
	siginfo_t info;
	int64_t timeout_ms;
	const struct limits_def *limits;
};

bool ended_well(const struct ended *e);
struct failure ended_failure(const struct ended *e);
/* "exited with code 2: make: *** No rule to make target 'site'.": the last lines of stderr, or of stdout where that is
 * empty. */
void ended_describe(const struct ended *e, const struct tail *out, const struct tail *err, struct buf *message);

#endif
