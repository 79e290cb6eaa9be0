/* Accounts and refusals: what a plugin says became of what started nothing. */
#include "internal.h"

#define ACCOUNT_SIZE_1_0 offsetof(tappet_account, subject)

struct account {
	testkit_account seen; /* first: testkit_account_at */
	struct task task;
	tappet_done_cb cb;
	void *arg;
	const tappet_checkpoint *checkpoints;
	size_t checkpoint_count;
	uint64_t bytes;
};

static void run(struct task *task)
{
	struct account *a = list_entry(task, struct account, task);
	tappet_trigger *t = a->seen.trigger;
	checkpoints_commit(t, a->checkpoints, a->checkpoint_count);
	credit_give(t, a->bytes);
	callback_begin(t->handle.kit);
	a->cb(a->arg, TAPPET_OK);
	callback_end(t->handle.kit, "the callback of account");
	trigger_pending_done(t);
}

static int32_t check(const tappet_trigger *t, const tappet_account *a)
{
	if (a->first_ms > a->last_ms || a->count < 1 || a->outcome < TAPPET_ACCOUNT_MISSED ||
	    a->outcome > TAPPET_ACCOUNT_DROPPED || !subject_allowed(t, a->subject))
		return TAPPET_EINVAL;
	return TAPPET_OK;
}

int32_t table_account(tappet_trigger *trigger, const tappet_account *given, tappet_done_cb cb, void *arg)
{
	testkit *kit = trigger ? trigger->handle.kit : NULL;
	tappet_account copy = {0};
	uint64_t bytes = 0;
	int32_t error = call_begin(kit, "account");
	if (error)
		return error == TAPPET_EBUSY ? credit_busy(kit) : error;
	if (!trigger_usable(trigger) || !trigger->live || kit->phase != STARTED)
		return TAPPET_ESTATE;
	if (!given || !cb || given->struct_size < ACCOUNT_SIZE_1_0) {
		rule_broken(kit, RULE_EMIT_2, "account");
		return TAPPET_EINVAL;
	}
	memcpy(&copy, given, given->struct_size < sizeof(copy) ? given->struct_size : sizeof(copy));
	error = check(trigger, &copy);
	if (error || !checkpoints_valid(copy.checkpoints, copy.checkpoint_count, copy.checkpoint_size, &error, &bytes))
		return error;
	if (!credit_allows(trigger, bytes))
		return credit_refused(trigger);
	struct account *a = kit_alloc(sizeof(*a));
	records_add(&kit->accounts, a);
	a->seen = (testkit_account){.trigger = trigger,
				    .first_ms = copy.first_ms,
				    .last_ms = copy.last_ms,
				    .count = copy.count,
				    .outcome = copy.outcome,
				    .subject = kit_keep(kit, copy.subject).ptr};
	a->checkpoints = checkpoints_copy(kit, copy.checkpoints, copy.checkpoint_count, copy.checkpoint_size);
	a->checkpoint_count = copy.checkpoint_count;
	a->task.run = run;
	a->cb = cb;
	a->arg = arg;
	a->bytes = bytes;
	trigger->pending++;
	credit_take(trigger, bytes);
	task_add(kit, &a->task);
	return TAPPET_OK;
}

void refusal_add(testkit *kit, tappet_trigger *trigger, const char *workflow_id, int32_t reason, tappet_str detail)
{
	if (!call_allowed(kit, "refuse_workflow"))
		return;
	testkit_refusal *r = kit_alloc(sizeof(*r));
	r->trigger = trigger;
	r->workflow_id = kit_keep(kit, tappet_cstr(workflow_id)).ptr;
	r->reason = reason;
	r->detail = kit_keep(kit, detail).ptr;
	records_add(&kit->refusals, r);
}

void table_refuse(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail)
{
	if (!call_allowed(self, "refuse") || (trigger && !trigger_usable(trigger)))
		return;
	refusal_add(self, trigger, trigger ? trigger->workflow_id : "", reason, detail);
}

/* ---- For the test ---- */

size_t testkit_account_count(const testkit *kit)
{
	return kit->accounts.count;
}

const testkit_account *testkit_account_at(const testkit *kit, size_t index)
{
	return index < kit->accounts.count ? kit->accounts.items[index] : NULL;
}

size_t testkit_refusal_count(const testkit *kit)
{
	return kit->refusals.count;
}

const testkit_refusal *testkit_refusal_last(const testkit *kit)
{
	return kit->refusals.count ? kit->refusals.items[kit->refusals.count - 1] : NULL;
}
