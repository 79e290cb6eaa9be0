/* The last step of a read: its callback, on the loop thread. */
#include "store/internal.h"

#include <errno.h>

static void deliver_activity(struct store_request *q)
{
	q->activity.steps = q->rows.data;
	q->activity.step_count = q->rows.count;
	q->cb.activity(q->arg, q->status, q->status == 0 ? &q->activity : NULL);
}

void request_deliver(struct store_request *q)
{
	const void *rows = q->status == 0 ? q->rows.data : NULL;
	size_t count = q->status == 0 ? q->rows.count : 0;

	switch (q->kind) {
	case REQUEST_ACTIVITY:
		deliver_activity(q);
		break;
	case REQUEST_ACTIVITIES:
	case REQUEST_RUNNABLE:
	case REQUEST_INTERRUPTED:
		q->cb.activities(q->arg, q->status, rows, count);
		break;
	case REQUEST_WORKFLOWS:
		q->cb.workflows(q->arg, q->status, rows, count);
		break;
	case REQUEST_REVISION:
		q->cb.revision(q->arg, q->status, q->workflow_id, q->revision, q->canonical, q->canonical_len);
		break;
	case REQUEST_TOKENS:
		q->cb.tokens(q->arg, q->status, rows, count);
		break;
	case REQUEST_LOGS:
		q->cb.logs(q->arg, q->status, rows, count);
		break;
	case REQUEST_EVENTS:
		q->cb.events(q->arg, q->status, rows, count, q->oldest);
		break;
	case REQUEST_KV:
	case REQUEST_KV_PAGE:
		q->cb.kv(q->arg, q->status, rows, count);
		break;
	case REQUEST_KV_SCOPES:
		q->cb.kv_each(q->arg, q->status, q->scopes, rows, count);
		break;
	case REQUEST_REFUSALS:
		q->cb.refusals(q->arg, q->status, rows, count);
		break;
	case REQUEST_ACCOUNTS:
		q->cb.accounts(q->arg, q->status, rows, count);
		break;
	case REQUEST_SWITCHES:
		q->cb.switches(q->arg, q->status, rows, count);
		break;
	case REQUEST_RUNNABLE_WORKFLOWS:
		q->cb.ids(q->arg, q->status, (const char(*)[ID_SIZE])rows, count);
		break;
	case REQUEST_REVISIONS:
		q->cb.revisions(q->arg, q->status, rows, count);
		break;
	case REQUEST_PROGRAMS:
		q->cb.programs(q->arg, q->status, (const uint8_t(*)[STORE_HASH_SIZE])rows, count);
		break;
	case REQUEST_ACTIONS:
		q->cb.actions(q->arg, q->status, rows, count);
		break;
	}
}
