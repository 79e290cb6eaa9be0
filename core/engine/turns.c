/* Turns for activities whose lane has become wider, since their workflow's limit rose or it has no lanes any more: slice
 * by slice, as long as there are more. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/catalog.h"

#define SLICE 500

struct turns {
	struct store_turns op;
	struct engine *engine;
	char workflow_id[ID_SIZE];
};

static void given(struct store_op *op)
{
	struct turns *t = list_entry(op, struct turns, op.op);
	struct engine *e = t->engine;

	/* What is left undone now, the end of each activity of the lane does later. */
	if (op->status < 0 && op->status != -ECANCELED)
		log_warn("turns could not be given", log_str("workflow", t->workflow_id), log_errno(op->status),
			 LOG_END);
	/* Perhaps they were given all the same. */
	if (op->status == -EINPROGRESS || (op->status == 0 && t->op.ret_turns > 0))
		scheduler_turns(e, t->workflow_id);
	if (op->status < 0 || e->stopping) {
		free(t);
		return;
	}
	if (t->op.ret_more)
		store_submit(e->store, &t->op.op);
	else
		free(t);
}

void turns_give(struct engine *e, const char *workflow_id)
{
	struct turns *t = calloc(1, sizeof(*t));

	if (!t) {
		log_warn("turns could not be given", log_str("workflow", workflow_id), log_errno(-ENOMEM), LOG_END);
		return;
	}
	t->engine = e;
	memcpy(t->workflow_id, workflow_id, ID_SIZE);
	t->op = (struct store_turns){
		.op = {.kind = STORE_TURNS, .done = given},
		.workflow_id = t->workflow_id,
		.limit = SLICE,
	};
	store_submit(e->store, &t->op.op);
}
