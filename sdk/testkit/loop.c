/* What the loop of the daemon is elsewhere: tasks in their order, timers on a virtual clock. Nothing runs by itself. */
#include "internal.h"

/* More than any test needs: a plugin that goes on for ever is told so. */
#define TURNS_MAX 1000000

struct tappet_timer {
	struct handle handle;
	struct list node; /* in kit->timers */
	int64_t due_ms, repeat_ms;
	bool own;        /* the testkit's */
	uint64_t number; /* of two that are due at one instant the older one fires first */
	void (*cb)(void *arg);
	void *arg;
};

void task_add(testkit *kit, struct task *task)
{
	list_append(&kit->tasks, &task->node);
}

static struct tappet_timer *timer_new(testkit *kit, int64_t delay_ms, void (*cb)(void *arg), void *arg)
{
	struct tappet_timer *t = handle_new(kit, "timer", sizeof(*t));
	t->due_ms = kit->mono_ms + delay_ms;
	t->number = kit->timer_number++;
	t->cb = cb;
	t->arg = arg;
	list_append(&kit->timers, &t->node);
	return t;
}

int32_t table_timer_start(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg), void *arg,
			  tappet_timer **ret)
{
	if (!self || !cb || delay_ms < 0 || repeat_ms < 0 || (!ret && repeat_ms > 0))
		return TAPPET_EINVAL;
	int32_t error = call_begin(self, "timer_start");
	if (error)
		return error;
	struct tappet_timer *t = timer_new(self, delay_ms, cb, arg);
	t->repeat_ms = repeat_ms;
	if (ret)
		*ret = t;
	return TAPPET_OK;
}

static void end(struct tappet_timer *t)
{
	handle_end(&t->handle);
	list_remove(&t->node);
}

void table_timer_stop(tappet_timer *timer)
{
	if (timer && call_allowed(timer->handle.kit, "timer_stop") && handle_usable(&timer->handle))
		end(timer);
}

tappet_timer *own_timer(testkit *kit, int64_t delay_ms, void (*cb)(void *arg), void *arg)
{
	struct tappet_timer *t = timer_new(kit, delay_ms, cb, arg);
	t->own = true;
	return t;
}

void own_timer_stop(tappet_timer *timer)
{
	if (timer)
		end(timer);
}

/* `all`: also the testkit's own. */
static struct tappet_timer *next(const testkit *kit, bool all)
{
	struct tappet_timer *first = NULL;
	list_each (node, &kit->timers) {
		struct tappet_timer *t = list_entry(node, struct tappet_timer, node);
		if (t->own && !all)
			continue;
		if (!first || t->due_ms < first->due_ms || (t->due_ms == first->due_ms && t->number < first->number))
			first = t;
	}
	return first;
}

static void fire(struct tappet_timer *t)
{
	/* Behind the others of this instant, should it be due again at once. */
	t->due_ms += t->repeat_ms;
	t->number = t->handle.kit->timer_number++;
	callback_begin(t->handle.kit);
	t->cb(t->arg);
	callback_end(t->handle.kit, "a timer");
	/* One that fires once is there until its callback has returned. */
	if (t->repeat_ms == 0 && !t->handle.ended)
		end(t);
}

bool timers_release(testkit *kit)
{
	size_t count = 0;
	list_each_safe (node, &kit->timers) {
		struct tappet_timer *t = list_entry(node, struct tappet_timer, node);
		count += !t->own;
		end(t);
	}
	if (count)
		rule_broken(kit, RULE_TIME_1, "%zu timers", count);
	return count == 0;
}

/* ---- For the test ---- */

static bool run_one(testkit *kit)
{
	posts_take(kit);
	struct list *node = list_first(&kit->tasks);
	if (node) {
		list_remove(node);
		struct task *task = list_entry(node, struct task, node);
		task->run(task);
		return true;
	}
	struct tappet_timer *t = next(kit, true);
	if (!t || t->due_ms > kit->mono_ms)
		return false;
	fire(t);
	return true;
}

static void run_tasks(testkit *kit)
{
	for (size_t turns = 0; run_one(kit); turns++)
		if (turns == TURNS_MAX) {
			rule_broken(kit, RULE_WORK_2, "%d callbacks without an end", TURNS_MAX);
			return;
		}
}

void testkit_run(testkit *kit)
{
	run_tasks(kit);
	if (watches_poll(kit, 0))
		run_tasks(kit);
}

static void check_deadline(testkit *kit)
{
	if (kit->phase != STOPPING || kit->mono_ms < kit->deadline_ms)
		return;
	rule_broken(kit, RULE_LIFE_2, "it has not");
	kit->phase = STOPPED;
}

void testkit_advance(testkit *kit, int64_t ms)
{
	const int64_t until = kit->mono_ms + ms;
	if (ms < 0)
		misuse("testkit_advance by %lld ms; only the wall clock goes back (testkit_wall_set)", (long long)ms);
	testkit_run(kit);
	for (;;) {
		const struct tappet_timer *t = next(kit, true);
		const int64_t to = t && t->due_ms < until ? t->due_ms : until;
		kit->wall_ms += to - kit->mono_ms;
		kit->mono_ms = to;
		testkit_run(kit);
		check_deadline(kit);
		if (to == until)
			return;
	}
}

void testkit_wall_set(testkit *kit, int64_t wall_ms)
{
	kit->wall_ms = wall_ms;
	if (kit->phase == STARTED && kit->desc.clock_set) {
		callback_begin(kit);
		kit->desc.clock_set(kit->state);
		callback_end(kit, "clock_set");
	}
	testkit_run(kit);
}

int64_t testkit_wall_ms(const testkit *kit)
{
	return kit->wall_ms;
}

int64_t testkit_mono_ms(const testkit *kit)
{
	return kit->mono_ms;
}

size_t testkit_timer_count(const testkit *kit)
{
	size_t count = 0;
	list_each (node, &kit->timers)
		count += !list_entry(node, struct tappet_timer, node)->own;
	return count;
}

int64_t testkit_timer_next(const testkit *kit)
{
	const struct tappet_timer *t = next(kit, false);
	return t ? t->due_ms - kit->mono_ms : -1;
}
