/* What an emission would become, without a store and without running anything: which triggers want it, with what key,
 * parameters and lane, and every step's final arguments. For `tappet test`. Loop thread. */
#ifndef ENGINE_PREVIEW_H
#define ENGINE_PREVIEW_H

#include <stddef.h>
#include "expr/expr.h"
#include "model/workflow.h"

struct preview_options {
	struct expr *expr;
	struct workflow *workflow;
	const char *
		trigger_id; /* this trigger only; "manual": a run by hand; NULL: all triggers, by hand when there are none */
	const char *payload, *params, *cause; /* JSON; NULL: none */
};

/* `done` is called once, now or later: 0 with a JSON object {"workflow", "triggers": [...], "steps": [...], "trigger"}, where
 * `steps` are those of the first trigger that wants it (absent when none does); or negative. -ENOENT at once, without `done`:
 * there is no such trigger; -EINVAL: payload or parameters are no JSON; -ENOMEM. */
typedef void (*preview_done)(void *arg, int status, const char *json, size_t len);
int preview(const struct preview_options *options, preview_done done, void *arg);

#endif
