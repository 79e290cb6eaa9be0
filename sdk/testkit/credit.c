/* Credit, as the daemon counts it: how much of the plugin may be under way at once, in emissions and bytes, with a share
 * for each trigger: up to half of what the others leave, and always one emission. `pause` at the high mark, `resume` at
 * half of it, and also for a trigger that was told EBUSY for its own share once it is down to half of that. */
#include "internal.h"

static uint64_t share(uint64_t limit, uint64_t all, uint64_t own)
{
	uint64_t others = all - own;
	uint64_t half = limit > others ? (limit - others) / 2 : 0;
	return half ? half : 1;
}

static uint64_t room(uint64_t limit, uint64_t all, uint64_t own)
{
	uint64_t mine = share(limit, all, own);
	if (all >= limit || own >= mine)
		return 0;
	return mine - own < limit - all ? mine - own : limit - all;
}

static bool is_high(const testkit *kit)
{
	return kit->emissions_now >= kit->credit_emissions || kit->bytes_now >= kit->credit_bytes;
}

static bool is_low(const testkit *kit)
{
	return kit->emissions_now <= kit->credit_emissions / 2 && kit->bytes_now <= kit->credit_bytes / 2;
}

static bool resume_is_due(const testkit *kit)
{
	return ((kit->paused || kit->told_busy) && is_low(kit)) || (kit->retry && !kit->paused);
}

static void credit_check(testkit *kit)
{
	if (list_empty(&kit->credit_task.node) && ((is_high(kit) && !kit->paused) || resume_is_due(kit)))
		task_add(kit, &kit->credit_task);
}

void credit_run(struct task *task)
{
	testkit *kit = list_entry(task, testkit, credit_task);
	if (kit->phase != STARTED)
		return;
	if (!kit->paused && is_high(kit)) {
		kit->paused = true;
		if (kit->desc.pause) {
			callback_begin(kit);
			kit->desc.pause(kit->state);
			callback_end(kit, "pause");
		}
		return;
	}
	if (!resume_is_due(kit))
		return;
	kit->paused = kit->told_busy = kit->retry = false;
	if (kit->desc.resume) {
		callback_begin(kit);
		kit->desc.resume(kit->state);
		callback_end(kit, "resume");
	}
}

bool credit_allows(const tappet_trigger *t, uint64_t bytes)
{
	const testkit *kit = t->handle.kit;
	if (room(kit->credit_emissions, kit->emissions_now, t->emissions_now) == 0)
		return false;
	/* The first one goes through whatever its size, or a large one could wait for ever. */
	if (t->emissions_now == 0)
		return kit->bytes_now < kit->credit_bytes;
	return bytes <= room(kit->credit_bytes, kit->bytes_now, t->bytes_now);
}

void credit_take(tappet_trigger *t, uint64_t bytes)
{
	testkit *kit = t->handle.kit;
	t->emissions_now++;
	t->bytes_now += bytes;
	kit->emissions_now++;
	kit->bytes_now += bytes;
	credit_check(kit);
}

void credit_give(tappet_trigger *t, uint64_t bytes)
{
	testkit *kit = t->handle.kit;
	t->emissions_now--;
	t->bytes_now -= bytes;
	kit->emissions_now--;
	kit->bytes_now -= bytes;
	if (t->busy && t->emissions_now <= share(kit->credit_emissions, kit->emissions_now, t->emissions_now) / 2 &&
	    t->bytes_now <= share(kit->credit_bytes, kit->bytes_now, t->bytes_now) / 2) {
		t->busy = false;
		kit->retry = true;
	}
	credit_check(kit);
}

int32_t credit_busy(testkit *kit)
{
	kit->told_busy = true;
	credit_check(kit);
	return TAPPET_EBUSY;
}

int32_t credit_refused(tappet_trigger *t)
{
	if (t->emissions_now == 0)
		return credit_busy(t->handle.kit);
	t->busy = true;
	return TAPPET_EBUSY;
}

void table_credit(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes)
{
	testkit *kit = trigger ? trigger->handle.kit : NULL;
	uint64_t emissions = 0, bytes = 0;
	if (kit && call_allowed(kit, "credit") && trigger_usable(trigger) && trigger->live && kit->phase == STARTED) {
		emissions = room(kit->credit_emissions, kit->emissions_now, trigger->emissions_now);
		bytes = room(kit->credit_bytes, kit->bytes_now, trigger->bytes_now);
	}
	if (ret_emissions)
		*ret_emissions = emissions;
	if (ret_bytes)
		*ret_bytes = bytes;
}

/* ---- For the test ---- */

void testkit_credit(testkit *kit, uint64_t emissions, uint64_t bytes)
{
	kit->credit_emissions = emissions;
	kit->credit_bytes = bytes;
	credit_check(kit);
}

int testkit_is_paused(const testkit *kit)
{
	return kit->paused;
}
