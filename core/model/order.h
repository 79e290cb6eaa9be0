/* The order in which steps can run: each behind its needs. Pure. Called by workflow_check.c and run.c. */
#ifndef MODEL_ORDER_H
#define MODEL_ORDER_H

#include <stddef.h>
#include "model/workflow.h"

/* Fills ret_order (room for `count`). -ELOOP when steps wait for each other: cycle(arg, path, len) is called for each such
 * circle (path[i] needs path[i + 1], the last one needs the first) and the order is of no use. `cycle` may be NULL. */
int order_steps(const struct step_def *steps, size_t count, size_t *ret_order,
		void (*cycle)(void *arg, const size_t *path, size_t len), void *arg);

#endif
